"""Where responses wait for the client: bounded, and closed without waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A bounded buffer between several writers, who wait for a place, and one reader.

    Closing never waits: a session must be able to end while its client reads nothing.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = asyncio.Condition()
        self._wake = asyncio.Event()

    async def put(self, item: T) -> None:
        """Leave an item, waiting for a place; dropped once the outbox is closed."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._items) < self._places or self._closed)
            if not self._closed:
                self._items.append(item)
                self._wake.set()

    async def get(self) -> T | None:
        """The oldest item, or None once the outbox is closed and empty."""
        while not self._items:
            if self._closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        item = self._items.popleft()
        async with self._changed:
            self._changed.notify_all()
        return item

    def close(self) -> None:
        """No more items will come; what is here can still be taken."""
        self._closed = True
        self._wake.set()
