"""What a client sends in mid-stream: in order, within limits, and answered when it is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from omote_filters.registry import Registry
from omote_filters.words import Consent, Violation
from omote_server.errors import InvalidRequest, OutOfOrder
from omote_server.frames.job import Directives, Job
from omote_server.messages import (
    ChainApplied,
    ChainRefused,
    ConsentApplied,
    Delivery,
    EventRefused,
    Finish,
    Frame,
    FrameRefused,
    HostEvent,
    Limits,
    Malformed,
    Open,
    Request,
    SetChain,
    SetConsent,
    Summary,
)
from omote_server.stream.admission import check_chain
from omote_server.stream.events import EventBox
from omote_server.stream.mailbox import Mailbox
from omote_server.stream.outbox import Outbox

_MOST_TIME_US = 2**53


@dataclass(slots=True)
class Desk:
    """What reading and working share: where things lie, and what holds for the next frame."""

    limits: Limits
    delivery: Delivery
    directives: Directives
    mailbox: Mailbox[Job] = field(init=False)
    outbox: Outbox = field(init=False)
    events: EventBox = field(default_factory=EventBox)
    summary: Summary = field(default_factory=Summary)

    def __post_init__(self) -> None:
        self.mailbox = Mailbox(self.delivery)
        self.outbox = Outbox(self.delivery)


class Reading:
    """Takes one message after the other, until `finish` or the end.

    Attributes:
        finished: whether the client said so itself.
    """

    def __init__(self, desk: Desk, registry: Registry, restrict: Callable[[Consent], None]) -> None:
        """`restrict` binds the frame that is in work, too."""
        self._desk = desk
        self._registry = registry
        self._restrict = restrict
        self._last_sequence = -1
        self._last_time_us: int | None = None
        self.finished = False

    async def run(self, requests: AsyncIterator[Request], heard: Callable[[], None]) -> None:
        """Read to the end; `heard` is told of every message.

        Raises:
            OutOfOrder: a second `open` came.
            InvalidRequest: what came is no message at all.
        """
        try:
            async for request in requests:
                heard()
                await self._take(request)
                if self.finished:
                    return
        finally:
            self._desk.mailbox.close()

    async def _take(self, request: Request) -> None:
        match request:
            case Finish():
                self.finished = True
            case Frame():
                await self._take_frame(request)
            case SetChain():
                await self._desk.outbox.put(await self._set_chain(request))
            case SetConsent():
                await self._desk.outbox.put(self._set_consent(request))
            case HostEvent():
                await self._take_event(request)
            case Malformed():
                await self._refuse(request)
            case Open():
                raise OutOfOrder("`open` came twice; it is only the first message of a stream")

    async def _take_frame(self, frame: Frame) -> None:
        self._desk.summary.received += 1
        violations = self._frame_violations(frame)
        if violations:
            await self._refuse_frame(frame.sequence, violations)
            return
        self._last_sequence = frame.sequence
        self._last_time_us = frame.capture_time_us
        await self._desk.mailbox.put(Job(frame, self._desk.directives))

    def _frame_violations(self, frame: Frame) -> tuple[Violation, ...]:
        found = []
        if frame.sequence <= self._last_sequence:
            text = f"must grow: {frame.sequence} came after {self._last_sequence}"
            found.append(Violation("frame.sequence", text))
        if self._last_time_us is not None and frame.capture_time_us <= self._last_time_us:
            text = f"must grow: {frame.capture_time_us} came after {self._last_time_us}"
            found.append(Violation("frame.capture_time_us", text))
        if abs(frame.capture_time_us) > _MOST_TIME_US:
            text = f"must lie within ±{_MOST_TIME_US} microseconds (285 years)"
            found.append(Violation("frame.capture_time_us", text))
        size, most = len(frame.picture.data), self._desk.limits.max_message_bytes
        if size > most:
            text = f"has {size} bytes; this stream takes at most {most} (limits.max_message_bytes)"
            found.append(Violation("frame.picture.data", text))
        return tuple(found)

    async def _set_chain(self, request: SetChain) -> ChainApplied | ChainRefused:
        desk = self._desk
        try:
            longest = desk.limits.max_chain_length
            await check_chain(request.chain, self._registry, longest, "set_chain.chain")
        except InvalidRequest as error:
            return ChainRefused(error.violations)
        revision = desk.directives.revision + 1
        desk.directives = replace(desk.directives, chain=request.chain, revision=revision)
        return ChainApplied(revision)

    def _set_consent(self, request: SetConsent) -> ConsentApplied:
        self._restrict(request.consent)
        self._desk.directives = replace(self._desk.directives, consent=request.consent)
        return ConsentApplied(request.consent)

    async def _take_event(self, event: HostEvent) -> None:
        if text := self._desk.events.put(event):
            await self._desk.outbox.put(EventRefused((Violation("event", text),)))

    async def _refuse(self, request: Malformed) -> None:
        if request.broken:
            raise InvalidRequest(request.violations)
        if request.sequence is None:
            await self._desk.outbox.put(EventRefused(request.violations))
            return
        self._desk.summary.received += 1
        await self._refuse_frame(request.sequence, request.violations)

    async def _refuse_frame(self, sequence: int, violations: tuple[Violation, ...]) -> None:
        self._desk.summary.refused += 1
        await self._desk.outbox.put(FrameRefused(sequence, violations))
