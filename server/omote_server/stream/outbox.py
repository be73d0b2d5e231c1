"""Where responses wait for the client: bounded in bytes, and closed without waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from omote_filters.speech import size
from omote_filters.words import Event
from omote_server.messages import Delivery, Response, Result

_MOST_BYTES = 64 * 1024
"""Of everything but results: some dozens of refusals. Who sends more mistakes than that without
reading what was said about them waits, and so is not read any more."""
_NOTICE_BYTES = 2 * 1024
"""What one of them is counted as: about a dozen violations."""

_MOST_EVENT_BYTES = 64 * 1024
"""Of what filters said in results that nobody read: the newest go along with the next one. Who
reads once a minute must not find an hour's worth, nor may it all be written down at once."""
_EVENT_BYTES = 64
"""What each of them is counted as, beside what it says."""


class Outbox:
    """A bounded buffer between several writers and one reader, all on the event loop.

    One result waits. With NEWEST a newer one takes its place and says what it replaced: who reads
    slowly sees what is now, not what was. With EVERY its writer waits, so that at most one more
    is in work. A notice keeps its place in the order.

    Closing never waits: a session must be able to end while its client reads nothing.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._items: deque[Response] = deque()
        self._closed = False
        self._room = asyncio.Event()
        self._wake = asyncio.Event()

    async def put(self, item: Response) -> None:
        """Leave an item, waiting for a place; dropped once the outbox is closed."""
        while not self._closed and self._full_for(item):
            self._room.clear()
            await self._room.wait()
        self.add(item)

    def add(self, item: Response) -> None:
        """Leave an item at once: for what is small and said once a session."""
        if not self._closed:
            self._items.append(item)
            self._wake.set()

    def replace(self, result: Result) -> bool:
        """Leave a result in the place of the one that waits, if one does; whether one did.

        What the older one had to tell beside its picture goes along with the newer, within a
        bound.
        """
        older = None if self._closed else self._result
        if older is not None:
            self._items.remove(older)
            result.dropped_before += older.dropped_before + 1
            result.events = [*_newest(older.events), *result.events]
        self.add(result)
        return older is not None

    async def get(self) -> Response | None:
        """The oldest item, or None once the outbox is closed and empty."""
        while not self._items:
            if self._closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        item = self._items.popleft()
        self._room.set()
        return item

    def close(self) -> None:
        """No more items will come; what is here can still be taken."""
        self._closed = True
        self._wake.set()
        self._room.set()

    @property
    def _result(self) -> Result | None:
        return next((item for item in self._items if isinstance(item, Result)), None)

    def _full_for(self, item: Response) -> bool:
        if isinstance(item, Result):
            return self._result is not None
        notices = sum(not isinstance(each, Result) for each in self._items)
        return (notices + 1) * _NOTICE_BYTES > _MOST_BYTES


def _newest(events: Sequence[Event]) -> Sequence[Event]:
    room = _MOST_EVENT_BYTES
    for place in reversed(range(len(events))):
        room -= _EVENT_BYTES + size(events[place])
        if room < 0:
            return events[place + 1 :]
    return events
