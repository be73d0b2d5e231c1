"""One stream, from `open` to `finish`: an iterator of requests in, an iterator of responses out.

Nothing here knows gRPC: the service, the WebSocket bridge and a cluster replica are thin shells
around `SessionHost.run`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace

from omote_filters.registry import Registry
from omote_filters.words import ChainEntry, Degradation, Event, Violation
from omote_server.errors import Busy, InvalidRequest, Leaving, OutOfOrder, TooSlow
from omote_server.frames.engine import Engine
from omote_server.frames.job import Directives, Job, PipelineOptions
from omote_server.messages import (
    ChainApplied,
    ChainRefused,
    ConsentApplied,
    EventRefused,
    FilterDisabled,
    Finish,
    Frame,
    FrameRefused,
    GoingAway,
    Limits,
    Malformed,
    Open,
    Ready,
    Request,
    Response,
    Result,
    SetChain,
    SetConsent,
    Summary,
)
from omote_server.stream.admission import check_chain
from omote_server.stream.mailbox import Mailbox
from omote_server.stream.outbox import Outbox
from omote_server.stream.rate import TokenBucket

_log = logging.getLogger(__name__)

_OPEN_TIMEOUT_S = 10.0
_RETRY_S = 2.0
_MOST_EVENTS = 64
_MOST_TIME_US = 2**53
_OUTBOX_PLACES = 8
_LINGER_S = 5.0


class SessionHost:
    """Admits sessions, knows which are open, and tells them when the server goes away."""

    def __init__(self, engine: Engine, registry: Registry, limits: Limits) -> None:
        self.engine = engine
        self.registry = registry
        self.limits = limits
        self._sessions: set[_Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._calls = 0
        self.leaving: float | None = None

    @property
    def active(self) -> int:
        """How many sessions are open, still pictures in work included."""
        return len(self._sessions) + self._calls

    async def run(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Response]:
        """Serve one stream.

        Raises:
            InvalidRequest: the first message is malformed.
            OutOfOrder: the first message is not `open`, or a second `open` comes.
            Busy: the server is full.
            Leaving: the server shuts down.
            TooSlow: no message came in time.
        """
        self._admit()
        session = _Session(self, requests)
        self._sessions.add(session)
        self._empty.clear()
        try:
            await session.open()
            async with aclosing(session.responses()) as responses:
                async for response in responses:
                    yield response
        finally:
            await session.close()
            self._sessions.discard(session)
            self._tell_empty()

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Count a call that is no stream against the session limit while it runs.

        Raises:
            Busy: the server is full.
            Leaving: the server shuts down.
        """
        self._admit()
        self._calls += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._calls -= 1
            self._tell_empty()

    async def go_away(self, grace_seconds: float) -> None:
        """Tell every session to finish, take no new ones, and wait up to the grace for them."""
        self.leaving = grace_seconds
        await asyncio.gather(*(s.notify(GoingAway(grace_seconds)) for s in self._sessions))
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._empty.wait()

    def _tell_empty(self) -> None:
        if self.active == 0:
            self._empty.set()

    def _admit(self) -> None:
        if self.leaving is not None:
            raise Leaving("the server is shutting down; open a new stream elsewhere or later")
        if self.active >= self.limits.max_sessions:
            raise Busy(
                f"the server serves {self.limits.max_sessions} sessions, its limit; try again "
                "later",
                _RETRY_S,
            )


class _Session:
    def __init__(self, host: SessionHost, requests: AsyncIterator[Request]) -> None:
        self.id = secrets.token_hex(8)
        self._host = host
        self._requests = requests
        self._outbox: Outbox[Response] = Outbox(_OUTBOX_PLACES)
        self._tasks: list[asyncio.Task[None]] = []
        self._events: deque[Event] = deque()
        self._finished = False
        self._last_sequence = -1
        self._last_time_us: int | None = None
        self._summary = Summary()
        self._dropped_since = 0
        self._opened = False
        self._ready = False
        self._expulsion: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Take the first message and prepare everything that depends on it."""
        first = await self._next(_OPEN_TIMEOUT_S, "no `open` message came within {} seconds")
        if isinstance(first, Malformed):
            raise InvalidRequest(first.violations)
        if not isinstance(first, Open):
            raise OutOfOrder("the first message of a stream must be `open`")
        self._limits = _negotiated(self._host.limits, first.wanted)
        self._check_chain(first.chain, "open.chain")
        self._directives = Directives(first.chain, 1, first.consent)
        self._mailbox: Mailbox[Job] = Mailbox(first.delivery)
        self._rate = TokenBucket(self._limits.max_frames_per_second)
        self._seat = self._host.engine.seat(
            PipelineOptions(
                first.output,
                first.declared,
                self._limits.max_faces,
                self._host.limits.max_faces,
                self._limits.max_pixels,
            )
        )
        self._opened = True
        _log.info("session %s open, client %r", self.id, first.client)
        await self._seat.prepare(self._directives)

    async def responses(self) -> AsyncGenerator[Response]:
        """Everything the client is told, until the stream is over."""
        reader = asyncio.create_task(self._read())
        worker = asyncio.create_task(self._work())
        self._tasks += [reader, worker]
        self._expel_when_dead(reader)
        yield Ready(self.id, self._limits, self._directives.revision)
        self._ready = True
        if self._host.leaving is not None:
            yield GoingAway(self._host.leaving)
        while (response := await self._outbox.get()) is not None:
            if isinstance(response, Result):
                self._summary.returned += 1
            elif isinstance(response, FrameRefused):
                self._summary.refused += 1
            yield response
        await worker
        await reader
        if self._finished:
            self._summary.tracks = self._seat.tracks_seen
            yield self._summary

    def _expel_when_dead(self, reader: asyncio.Task[None]) -> None:
        """End the call if the reader fails while the client does not even read.

        Then `responses` waits inside the transport for a write that never ends.
        """
        serving = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def failed(task: asyncio.Task[None]) -> None:
            if serving is not None and not task.cancelled() and task.exception() is not None:
                self._expulsion = loop.call_later(_LINGER_S, serving.cancel)

        reader.add_done_callback(failed)

    async def notify(self, notice: GoingAway) -> None:
        """Say something between two results, without waiting for a slow client."""
        if self._ready:
            self._tasks.append(asyncio.create_task(self._outbox.put(notice)))

    async def close(self) -> None:
        """Stop everything; the pipeline goes back when its last frame is through."""
        if self._expulsion is not None:
            self._expulsion.cancel()
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            if self._opened:
                self._seat.close()
                _log.info("session %s closed", self.id)

    # From the client.

    async def _read(self) -> None:
        try:
            while await self._take():
                pass
        finally:
            await self._mailbox.close()

    async def _take(self) -> bool:
        """Take one message; whether more may come."""
        request = await self._next(
            self._limits.idle_timeout_seconds, "no message came for {} seconds"
        )
        match request:
            case None:
                return False
            case Finish():
                self._finished = True
                return False
            case Frame():
                await self._take_frame(request)
            case SetChain():
                await self._outbox.put(self._set_chain(request))
            case SetConsent():
                await self._outbox.put(self._set_consent(request))
            case Event():
                await self._take_event(request)
            case Malformed():
                await self._refuse(request)
            case Open():
                raise OutOfOrder("`open` came twice; it is only the first message of a stream")
        return True

    async def _next(self, timeout: float, text: str) -> Request | None:
        try:
            async with asyncio.timeout(timeout):
                return await anext(self._requests, None)
        except TimeoutError:
            raise TooSlow(text.format(f"{timeout:g}") + "; the stream is closed") from None

    async def _take_frame(self, frame: Frame) -> None:
        self._summary.received += 1
        violations = self._frame_violations(frame)
        if violations:
            await self._outbox.put(FrameRefused(frame.sequence, violations))
            return
        self._last_sequence = frame.sequence
        self._last_time_us = frame.capture_time_us
        await self._mailbox.put(Job(frame, self._directives))

    def _frame_violations(self, frame: Frame) -> tuple[Violation, ...]:
        found = []
        if frame.sequence <= self._last_sequence:
            found.append(
                Violation(
                    "frame.sequence",
                    f"must grow: {frame.sequence} came after {self._last_sequence}",
                )
            )
        if self._last_time_us is not None and frame.capture_time_us <= self._last_time_us:
            found.append(
                Violation(
                    "frame.capture_time_us",
                    f"must grow: {frame.capture_time_us} came after {self._last_time_us}",
                )
            )
        if abs(frame.capture_time_us) > _MOST_TIME_US:
            text = f"must lie within ±{_MOST_TIME_US} microseconds (285 years)"
            found.append(Violation("frame.capture_time_us", text))
        if len(frame.picture.data) > self._limits.max_message_bytes:
            found.append(
                Violation(
                    "frame.picture.data",
                    f"has {len(frame.picture.data)} bytes; this stream takes at most "
                    f"{self._limits.max_message_bytes} (limits.max_message_bytes)",
                )
            )
        return tuple(found)

    def _set_chain(self, request: SetChain) -> ChainApplied | ChainRefused:
        try:
            self._check_chain(request.chain, "set_chain.chain")
        except InvalidRequest as error:
            return ChainRefused(error.violations)
        revision = self._directives.revision + 1
        self._directives = replace(self._directives, chain=request.chain, revision=revision)
        return ChainApplied(revision)

    def _set_consent(self, request: SetConsent) -> ConsentApplied:
        self._seat.restrict(request.consent)
        self._directives = replace(self._directives, consent=request.consent)
        return ConsentApplied(request.consent)

    async def _take_event(self, event: Event) -> None:
        if len(self._events) >= _MOST_EVENTS:
            text = f"{_MOST_EVENTS} events wait for a frame; send a frame first"
            await self._outbox.put(EventRefused((Violation("event", text),)))
            return
        self._events.append(event)

    async def _refuse(self, request: Malformed) -> None:
        if request.sequence is None:
            await self._outbox.put(EventRefused(request.violations))
            return
        self._summary.received += 1
        await self._outbox.put(FrameRefused(request.sequence, request.violations))

    def _check_chain(self, chain: Sequence[ChainEntry], path: str) -> None:
        check_chain(chain, self._host.registry, self._limits.max_chain_length, path)

    # To the client.

    async def _work(self) -> None:
        try:
            while await self._mailbox.filled():
                # While it waits for its turn, a frame may still be displaced by a newer one.
                delay = self._rate.take(time.monotonic())
                await asyncio.sleep(delay)
                job = await self._mailbox.take()
                if job is not None:
                    await self._process(job, limited=delay > 0)
        finally:
            self._count_dropped()
            self._outbox.close()

    def _count_dropped(self) -> None:
        dropped, self._mailbox.dropped = self._mailbox.dropped, 0
        self._summary.dropped += dropped
        self._dropped_since += dropped

    async def _process(self, job: Job, *, limited: bool) -> None:
        job = replace(job, events=tuple(self._events))
        self._count_dropped()
        allowed = self._directives.consent
        try:
            result = await self._seat.run(job)
        except InvalidRequest as error:
            violations = error.under("frame").violations
            await self._outbox.put(FrameRefused(job.frame.sequence, violations))
            return
        if allowed & self._directives.consent != allowed:
            # Consent was withdrawn meanwhile: what was made under it does not leave.
            self._mailbox.dropped += 1
            return
        for _ in job.events:
            self._events.popleft()
        result.dropped_before, self._dropped_since = self._dropped_since, 0
        if limited and result.dropped_before:
            result.degraded = [*result.degraded, Degradation.RATE_LIMITED]
        for bypass in result.disabled:
            await self._outbox.put(FilterDisabled(bypass))
        result.timings.total = (time.perf_counter() - job.arrived) * 1000
        await self._outbox.put(result)


def _negotiated(ours: Limits, wanted: Limits | None) -> Limits:
    """The smaller of each limit; zero means ours."""
    if wanted is None:
        return ours
    names = (
        *("max_message_bytes", "max_pixels", "max_frames_per_second", "max_chain_length"),
        *("max_faces", "idle_timeout_seconds"),
    )
    smaller = {n: min(getattr(ours, n), getattr(wanted, n) or getattr(ours, n)) for n in names}
    return replace(ours, **smaller)
