"""The life of one stream, from `open` to `finish`.

Nothing here knows gRPC: the service, the WebSocket bridge and a cluster replica are thin shells
around `SessionHost.run`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from dataclasses import replace

from omote_filters.registry import Registry
from omote_server.errors import TooSlow
from omote_server.frames.engine import Engine, Pack
from omote_server.frames.job import Directives, PipelineOptions
from omote_server.messages import GoingAway, Limits, Open, Ready, Request, Response, Result
from omote_server.stream.admission import check_chain
from omote_server.stream.pulse import Pulse
from omote_server.stream.reading import Desk, Reading
from omote_server.stream.working import Working

_log = logging.getLogger(__name__)

_LINGER_S = 5.0
"""How long a session that has failed waits for its client to take what is on its way."""
_SLOWEST = 0.1
"""Frames a second: who wants fewer sends fewer."""


class Session:
    """One stream. Whoever makes it calls `close`, which never waits."""

    def __init__(
        self,
        engine: Engine,
        registry: Registry,
        ours: Limits,
        opening: Open,
        pack: Pack | None,
        patience: asyncio.Timeout | None,
    ) -> None:
        """Take a seat. `patience` gets its moment when the client may read no more."""
        self.id = secrets.token_hex(8)
        limits = _negotiated(ours, opening.wanted)
        self._desk = Desk(limits, opening.delivery, Directives(opening.chain, 1, opening.consent))
        self._seat = engine.seat(
            PipelineOptions(
                opening.output,
                opening.declared,
                limits.max_faces,
                ours.max_faces,
                limits.max_pixels,
                live=True,
                rotation=opening.rotation,
                mirrored=opening.mirrored,
            ),
            pack,
        )
        self._registry = registry
        self._pulse = Pulse(limits.idle_timeout_seconds, time.monotonic())
        self._reading = Reading(self._desk, registry, self._seat.restrict)
        self._working = Working(self._desk, self._seat, self._busy)
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None
        self._patience = patience
        _log.info("session %s open, client %r", self.id, opening.client)

    async def prepare(self) -> None:
        """Load what the first frame will need.

        Raises:
            InvalidRequest, Lacking: the chain cannot be switched on.
        """
        chain, longest = self._desk.directives.chain, self._desk.limits.max_chain_length
        await check_chain(chain, self._registry, longest, "open.chain")
        await self._seat.prepare(self._desk.directives)

    async def responses(self, requests: AsyncIterator[Request]) -> AsyncGenerator[Response]:
        """Everything the client is told, until the stream is over.

        Raises:
            OutOfOrder, InvalidRequest: see `Reading.run`.
            TooSlow: nothing came, or nothing was read, for the idle limit.
            Stuck: a filter hangs.
        """
        self._start(self._reading.run(requests, self._heard))
        self._start(self._watch())
        working = self._start(self._working.run())
        # After `_ended`, which knows why: who finds the outbox closed must not take a failure
        # for the end.
        working.add_done_callback(lambda _: self._desk.outbox.close())
        yield Ready(self.id, self._desk.limits, self._desk.directives.revision)
        while (response := await self._desk.outbox.get()) is not None:
            if isinstance(response, Result):
                self._desk.summary.returned += 1
            self._pulse.saying(time.monotonic())
            yield response
            self._pulse.said(time.monotonic())
        if self._failure is not None:
            raise self._failure
        if self._reading.finished:
            self._desk.summary.tracks = self._seat.tracks_seen
            yield self._desk.summary

    def notify(self, notice: GoingAway) -> None:
        """Say something between two results."""
        self._desk.outbox.add(notice)

    def close(self) -> None:
        """Stop everything; the pipeline goes back when its last frame is through."""
        for task in self._tasks:
            task.cancel()
        self._seat.close()
        _log.info("session %s closed", self.id)

    def _start(self, part: Coroutine[object, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(part)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """One part has ended: after a failure no frame is taken, and what waits is still told."""
        if task.cancelled() or (failure := task.exception()) is None:
            return
        if self._failure is None:
            self._failure = failure
        self._desk.mailbox.close()
        # The client may not even read: then who writes waits inside the transport for ever.
        if self._patience is not None and self._patience.when() is None:
            self._patience.reschedule(asyncio.get_running_loop().time() + _LINGER_S)

    async def _watch(self) -> None:
        while True:
            rest = self._pulse.rest(time.monotonic())
            if rest <= 0:
                raise TooSlow(self._pulse.why)
            await asyncio.sleep(rest)

    def _heard(self) -> None:
        self._pulse.heard(time.monotonic())

    def _busy(self, on: bool) -> None:
        self._pulse.working(time.monotonic(), on)


def _negotiated(ours: Limits, wanted: Limits | None) -> Limits:
    """The smaller of each limit; zero means ours."""
    if wanted is None:
        return ours
    names = (
        *("max_message_bytes", "max_pixels", "max_frames_per_second", "max_chain_length"),
        *("max_faces", "idle_timeout_seconds"),
    )
    smaller = {n: min(getattr(ours, n), getattr(wanted, n) or getattr(ours, n)) for n in names}
    rate = max(smaller["max_frames_per_second"], min(_SLOWEST, ours.max_frames_per_second))
    return replace(ours, **{**smaller, "max_frames_per_second": rate})
