"""Where frames wait for their turn: one place, a named policy, and a count of what it drops."""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Lock
from typing import Generic, TypeVar

from omote_server.messages import Delivery

T = TypeVar("T")

# Live, one frame waits: what is older than the newest is of no use. Offline, two: one to be
# taken the moment that a worker is free, one that the transport hands over meanwhile. A frame
# has at most `limits.max_message_bytes`, so these are bounds in bytes, too.
_PLACES = {Delivery.NEWEST: 1, Delivery.EVERY: 2}


class Mailbox(Generic[T]):
    """A bounded buffer between one writer on the event loop and one reader.

    With NEWEST a full mailbox drops its oldest item for the new one; with EVERY the writer
    waits. What is taken may be taken on any thread: a worker takes the newest frame when its
    turn comes, and not when it began to wait for it.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._lock = Lock()  # guards the two below; held for moments
        self._items: deque[T] = deque()
        self._dropped = 0
        self._closed = asyncio.Event()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, item: T) -> None:
        """Leave an item, dropping an older one or waiting for a place; nothing once closed."""
        while self._delivery is Delivery.EVERY and self._full:
            self._room.clear()
            await self._room.wait()
        if self._closed.is_set():
            return
        with self._lock:
            while self._full:
                self._items.popleft()
                self._dropped += 1
            self._items.append(item)
        self._filled.set()

    async def filled(self) -> bool:
        """Wait for an item, which stays; False once the mailbox is closed and empty."""
        while not self._items and not self._closed.is_set():
            self._filled.clear()
            await self._filled.wait()
        return bool(self._items)

    async def settled(self, seconds: float) -> None:
        """Wait so long, but not past the end: then nothing newer will come."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return

    def take(self) -> tuple[T | None, int]:
        """The oldest item, if there is one, and how many were dropped since the last time.

        May be called on any thread; `taken` must follow on the event loop.
        """
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            return (self._items.popleft() if self._items else None), dropped

    def taken(self) -> None:
        """Let the writer know that there is room again."""
        self._room.set()

    def close(self) -> None:
        """No more items will come; what is here can still be taken."""
        self._closed.set()
        self._filled.set()
        self._room.set()

    @property
    def _full(self) -> bool:
        return len(self._items) >= _PLACES[self._delivery] and not self._closed.is_set()
