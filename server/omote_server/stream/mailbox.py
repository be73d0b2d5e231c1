"""Where frames wait for their turn: one place, a named policy, and a count of what it drops."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from omote_server.messages import Delivery

T = TypeVar("T")

_PLACES = {Delivery.NEWEST: 1, Delivery.EVERY: 2}


class Mailbox(Generic[T]):
    """A bounded buffer between one writer and one reader.

    With NEWEST a full mailbox drops its oldest item for the new one; with EVERY the writer
    waits.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._items: deque[T] = deque()
        self._changed = asyncio.Condition()
        self._closed = False
        self.dropped = 0

    async def put(self, item: T) -> None:
        """Leave an item, dropping an older one or waiting for a place."""
        async with self._changed:
            if self._delivery is Delivery.EVERY:
                await self._changed.wait_for(lambda: not self._full)
            elif self._full:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()

    async def filled(self) -> bool:
        """Wait for an item, which stays; False once the mailbox is closed and empty."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._items) or self._closed)
            return bool(self._items)

    async def take(self) -> T | None:
        """The oldest item, or None once the mailbox is closed and empty."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._items) or self._closed)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    async def close(self) -> None:
        """No more items will come; what is here can still be taken."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def _full(self) -> bool:
        return len(self._items) >= _PLACES[self._delivery]
