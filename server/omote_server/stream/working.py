"""Frames to results: at the rate that is allowed, the newest when its turn comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from omote_filters.words import Degradation
from omote_server.errors import InvalidRequest
from omote_server.frames.engine import Seat
from omote_server.frames.job import Job
from omote_server.messages import Delivery, FilterDisabled, FrameRefused, HostEvent, Result
from omote_server.stream.rate import TokenBucket
from omote_server.stream.reading import Desk


class Working:
    """Brings one frame after the other to its seat, and what comes back to the outbox."""

    def __init__(self, desk: Desk, seat: Seat, busy: Callable[[bool], None]) -> None:
        """`busy` is told when a frame goes into work, and when it is back."""
        self._desk = desk
        self._seat = seat
        self._busy = busy
        self._rate = TokenBucket(desk.limits.max_frames_per_second)
        # What a worker took, read on the event loop once the worker has answered.
        self._job: Job | None = None
        self._events: Sequence[HostEvent] = ()
        # Frames dropped since the last result that the outbox got.
        self._dropped = 0

    async def run(self) -> None:
        """Work until the mailbox is closed and empty; the outbox is for the session to close."""
        try:
            while await self._desk.mailbox.filled():
                # While it waits for its turn, a frame may still be displaced by a newer one.
                delay = self._rate.take(time.monotonic())
                if delay > 0:
                    await self._desk.mailbox.settled(delay)
                await self._work(limited=delay > 0)
        finally:
            self._count(self._desk.mailbox.take()[1])

    def _take(self) -> Job | None:
        """The newest frame and what goes with it; on a worker's thread."""
        job, dropped = self._desk.mailbox.take()
        if job is not None:
            self._events = self._desk.events.take()
            job.events = [event.event for event in self._events]
            job.dropped_before = dropped
        self._job = job
        return job

    async def _work(self, *, limited: bool) -> None:
        self._job = None
        self._busy(True)
        try:
            result = await self._seat.work(self._take)
        except InvalidRequest as error:
            await self._refuse(error)
            return
        finally:
            self._busy(False)
            self._desk.mailbox.taken()
        job = self._job
        if result is None or job is None:
            return
        self._count(job.dropped_before)
        if job.consent & self._desk.directives.consent != job.consent:
            # Consent was withdrawn meanwhile: what was made under it does not leave. Its events
            # were heard by the filters, and are not told twice.
            self._count(1)
            return
        await self._deliver(result, job, limited=limited)

    async def _refuse(self, error: InvalidRequest) -> None:
        """The picture could not be read; no filter has seen the events that went with it."""
        if self._job is None:
            raise error
        self._count(self._job.dropped_before)
        self._desk.events.put_back(self._events)
        self._desk.summary.refused += 1
        violations = error.under("frame").violations
        await self._desk.outbox.put(FrameRefused(self._job.frame.sequence, violations))

    async def _deliver(self, result: Result, job: Job, *, limited: bool) -> None:
        result.dropped_before, self._dropped = self._dropped, 0
        if limited and result.dropped_before:
            result.degraded = [*result.degraded, Degradation.RATE_LIMITED]
        for bypass in result.disabled:
            await self._desk.outbox.put(FilterDisabled(bypass))
        result.timings.total = (time.perf_counter() - job.arrived) * 1000
        if self._desk.delivery is Delivery.EVERY:
            await self._desk.outbox.put(result)
        elif self._desk.outbox.replace(result):
            self._desk.summary.dropped += 1

    def _count(self, dropped: int) -> None:
        self._desk.summary.dropped += dropped
        self._dropped += dropped
