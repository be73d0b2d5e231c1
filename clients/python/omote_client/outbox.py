"""What goes to the server: what waits for the wire, and what waits for its answer."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from omote.v1 import stream_pb2
from omote_client.pictures import FrameLike
from omote_client.words import Delivery

FINISH = stream_pb2.StreamFramesRequest(finish=stream_pb2.Finish())

# What a server keeps of events between two frames; it would refuse the rest. More than a lively
# game has in a few seconds, they would tell of moments whose frames are gone.
EVENTS = 64
EVENT_BYTES = 256 * 1024
# Of 64 kB at most each. A server that answers none of so many will answer no more of them.
_CHANGES = 64


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
class SentEvent(Outgoing):
    """An event of the host app."""


@dataclass(slots=True, eq=False)
class Ask(Outgoing):
    """A request that the next notice about `kind` answers: "chain", "consent" or "finish".

    Several callers may wait for one answer, so each awaits it by `shared`.
    """

    kind: str
    value: Any = None
    answer: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def shared(self) -> Any:
        """The answer; a caller who is cancelled does not take it from the others."""
        return await asyncio.shield(self.answer)

    def settle(self, outcome: Any) -> None:
        """Answers with a value, or with an exception to be raised."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
            self.answer.exception()  # seen: nobody may be waiting any more
        else:
            self.answer.set_result(outcome)


class Goodbye(Outgoing):
    """Finishes a session, not the stream."""


class Outbox:
    """Requests in order: first those that were written and wait for an answer, then the rest.

    Everything in it is bounded, also while no session takes anything:

    - Frames by `room`. With `Delivery.EVERY` that many may be between `admit` and `release`.
      With `Delivery.NEWEST` one may wait for the wire, and of those that wait for an answer the
      oldest is forgotten.
    - Events by `EVENTS` that wait. With `Delivery.EVERY` `admit_event` waits for room; with
      `Delivery.NEWEST` the oldest gives way, also to `EVENT_BYTES`, and is counted.
    - Changes (`Ask`s) by the frames between them: the last wins, see `ask`. At most `_CHANGES`
      are written and unanswered, then nothing more is written.
    """

    def __init__(self, delivery: Delivery, room: int) -> None:
        self._every = delivery == Delivery.EVERY
        self._room = room
        self._places = asyncio.Semaphore(room if self._every else 1)
        self._event_places = asyncio.Semaphore(EVENTS)
        self._waiting: deque[Outgoing] = deque()
        self._unanswered: dict[object, Outgoing] = {}
        self._leaving = False
        self._filled = asyncio.Event()
        self.events_dropped = 0

    async def admit(self) -> None:
        """Waits until one more frame may be put."""
        await self._places.acquire()

    def release(self) -> None:
        """Lets one more frame in."""
        self._places.release()

    async def admit_event(self) -> None:
        """Waits until one more event may be put, where none may be dropped."""
        if self._every:
            await self._event_places.acquire()

    def release_event(self) -> None:
        """Lets one more event in."""
        if self._every:
            self._event_places.release()

    def put(self, item: SentFrame | SentEvent) -> None:
        """Adds a request behind all others."""
        self._waiting.append(item)
        if isinstance(item, SentEvent):
            self._drop_old_events()
        self._filled.set()

    def ask(self, kind: str, request: stream_pb2.StreamFramesRequest, value: Any = None) -> Ask:
        """Adds a change, or puts it in the place of one of its kind that would change nothing.

        That is one that waits for the wire with no frame behind it: changes are in force from
        the next frame on. One with a frame behind it stays, since that frame must not be seen
        under another consent or chain than the one it was taken under.
        """
        behind = takewhile(lambda item: not isinstance(item, SentFrame), reversed(self._waiting))
        for item in behind:
            if isinstance(item, Ask) and item.kind == kind:
                item.request, item.value = request, value
                return item
        ask = Ask(request, kind, value)
        self._waiting.append(ask)
        self._filled.set()
        return ask

    def leave(self) -> None:
        """Has a goodbye written before all that waits for the wire."""
        self._leaving = True
        self._filled.set()

    async def take(self) -> Outgoing:
        """The next request for the wire; it now waits for its answer."""
        while (item := self._next()) is None:
            self._filled.clear()
            await self._filled.wait()
        if isinstance(item, Ask):
            self._unanswered[item] = item
        if isinstance(item, SentFrame):
            self._unanswered[item.sequence] = item
            self._forget_oldest()
        return item

    def written(self, item: Outgoing, *, again: bool = False) -> None:
        """The wire has taken a request; or has not, and an event must go `again`."""
        if isinstance(item, SentFrame) and not self._every:
            self.release()
        if isinstance(item, SentEvent) and again:
            self._waiting.appendleft(item)
            self._drop_old_events()
        elif isinstance(item, SentEvent):
            self.release_event()

    def answer_frame(self, sequence: int) -> SentFrame | None:
        """The frame of that sequence, which waits no more. None if it is not known."""
        found = self._unanswered.pop(sequence, None)
        return found if isinstance(found, SentFrame) else None

    def drop_before(self, sequence: int) -> None:
        """A later frame has its result, and results come in order: these get none any more."""
        for key in [k for k in self._unanswered if isinstance(k, int) and k < sequence]:
            del self._unanswered[key]
            if self._every:
                self.release()

    def answer_ask(self, kind: str) -> Ask | None:
        """The oldest written request of that kind, which waits no more."""
        for item in self._unanswered.values():
            if isinstance(item, Ask) and item.kind == kind:
                del self._unanswered[item]
                self._filled.set()  # there may be room for another change
                return item
        return None

    def rewind(self) -> int:
        """The session is lost: what it left unanswered goes first in the next one.

        Returns how many frames are lost with it, which `Delivery.EVERY` never loses.
        """
        again = [i for i in self._unanswered.values() if self._every or isinstance(i, Ask)]
        lost = len(self._unanswered) - len(again)
        self._waiting.extendleft(reversed(again))
        self._unanswered.clear()
        self._leaving = False
        return lost

    def leading(self) -> list[Ask]:
        """The changes that wait with no frame before them: a new session opens with these."""
        ahead = takewhile(lambda item: not isinstance(item, SentFrame), self._waiting)
        return [item for item in ahead if isinstance(item, Ask) and item.kind != "finish"]

    def remove(self, ask: Ask) -> None:
        """Takes back a change that waits."""
        self._waiting.remove(ask)

    def only_finish(self) -> bool:
        """Whether nothing is left but to finish."""
        left = [*self._unanswered.values(), *self._waiting]
        return bool(left) and all(isinstance(i, Ask) and i.kind == "finish" for i in left)

    def asks(self) -> list[Ask]:
        """All that somebody waits for."""
        return [i for i in (*self._unanswered.values(), *self._waiting) if isinstance(i, Ask)]

    def _next(self) -> Outgoing | None:
        if self._leaving:
            self._leaving = False
            return Goodbye(FINISH)
        if not self._waiting:
            return None
        asked = sum(isinstance(item, Ask) for item in self._unanswered.values())
        if isinstance(self._waiting[0], Ask) and asked >= _CHANGES:
            return None
        return self._waiting.popleft()

    def _drop_old_events(self) -> None:
        if self._every:
            return  # each has waited for its place
        events = [item for item in self._waiting if isinstance(item, SentEvent)]
        size = sum(event.request.ByteSize() for event in events)
        for number, event in enumerate(events, start=1):
            if len(events) - number < EVENTS and size <= EVENT_BYTES:
                return
            self._waiting.remove(event)
            self.events_dropped += 1
            size -= event.request.ByteSize()

    def _forget_oldest(self) -> None:
        frames = [key for key in self._unanswered if isinstance(key, int)]
        if not self._every and len(frames) > self._room:
            del self._unanswered[frames[0]]
