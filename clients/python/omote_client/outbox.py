"""What goes to the server: what waits for the wire, and what waits for its answer."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from omote.v1 import stream_pb2
from omote_client.pictures import FrameLike
from omote_client.words import Delivery

FINISH = stream_pb2.StreamFramesRequest(finish=stream_pb2.Finish())


@dataclass(slots=True, eq=False)
class Outgoing:
    """A request that nothing answers."""

    request: stream_pb2.StreamFramesRequest


@dataclass(slots=True, eq=False)
class SentFrame(Outgoing):
    """A frame; a result or a refusal of the same sequence answers it. `sent_at` in seconds."""

    sequence: int
    frame: FrameLike
    sent_at: float


@dataclass(slots=True, eq=False)
class Ask(Outgoing):
    """A request that the next notice about `kind` answers: "chain", "consent" or "finish"."""

    kind: str
    value: Any = None
    answer: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Goodbye(Outgoing):
    """Finishes a session, not the stream."""


class Outbox:
    """Requests in order: first those that were written and wait for an answer, then the rest.

    It is bounded by `room`. With `Delivery.EVERY` that many frames may be between `admit` and
    `release`. With `Delivery.NEWEST` one frame may wait for the wire, and of the frames that
    wait for an answer the oldest is forgotten.
    """

    def __init__(self, delivery: Delivery, room: int) -> None:
        self._every = delivery == Delivery.EVERY
        self._room = room
        self._places = asyncio.Semaphore(room if self._every else 1)
        self._waiting: deque[Outgoing] = deque()
        self._unanswered: dict[object, Outgoing] = {}
        self._filled = asyncio.Event()

    async def admit(self) -> None:
        """Waits until one more frame may be put."""
        await self._places.acquire()

    def release(self) -> None:
        """Lets one more frame in."""
        self._places.release()

    def put(self, item: Outgoing) -> None:
        """Adds a request behind all others; a goodbye before all that wait for the wire."""
        if isinstance(item, Goodbye):
            self._waiting.appendleft(item)
        else:
            self._waiting.append(item)
        self._filled.set()

    async def take(self) -> Outgoing:
        """The next request for the wire; it now waits for its answer."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        item = self._waiting.popleft()
        if isinstance(item, Ask):
            self._unanswered[item] = item
        if isinstance(item, SentFrame):
            self._unanswered[item.sequence] = item
            self._forget_oldest()
        return item

    def written(self, item: Outgoing) -> None:
        """The wire has taken a request."""
        if isinstance(item, SentFrame) and not self._every:
            self.release()

    def answer_frame(self, sequence: int) -> SentFrame | None:
        """The frame of that sequence, which waits no more. None if it is not known."""
        found = self._unanswered.pop(sequence, None)
        return found if isinstance(found, SentFrame) else None

    def drop_before(self, sequence: int) -> None:
        """A later frame has its result: without `Delivery.EVERY` these get none any more."""
        older = [k for k in self._unanswered if isinstance(k, int) and k < sequence]
        for key in () if self._every else older:
            del self._unanswered[key]

    def answer_ask(self, kind: str) -> Ask | None:
        """The oldest written request of that kind, which waits no more."""
        for item in self._unanswered.values():
            if isinstance(item, Ask) and item.kind == kind:
                del self._unanswered[item]
                return item
        return None

    def rewind(self) -> int:
        """The session is lost: what it left unanswered goes first in the next one.

        Returns how many frames are lost with it, which `Delivery.EVERY` never loses.
        """
        again = [i for i in self._unanswered.values() if self._every or isinstance(i, Ask)]
        lost = len(self._unanswered) - len(again)
        rest = (item for item in self._waiting if not isinstance(item, Goodbye))
        self._waiting = deque((*again, *rest))
        self._unanswered.clear()
        return lost

    def only_finish(self) -> bool:
        """Whether nothing is left but to finish."""
        left = [*self._unanswered.values(), *self._waiting]
        return bool(left) and all(isinstance(i, Ask) and i.kind == "finish" for i in left)

    def asks(self) -> list[Ask]:
        """All that somebody waits for."""
        return [i for i in (*self._unanswered.values(), *self._waiting) if isinstance(i, Ask)]

    def _forget_oldest(self) -> None:
        frames = [key for key in self._unanswered if isinstance(key, int)]
        if not self._every and len(frames) > self._room:
            del self._unanswered[frames[0]]
