"""Where pipelines run. Work leaves the event loop here, once, and comes back once."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from omote_filters.words import Consent
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.frames.pipeline import Pipeline
from omote_server.messages import Result


class Seat(Protocol):
    """One session's pipeline, wherever it runs."""

    @property
    def tracks_seen(self) -> int:
        """Distinct tracks so far."""

    async def prepare(self, directives: Directives) -> None:
        """Load what the first frame will need."""

    async def run(self, job: Job) -> Result:
        """Process one frame; one at a time.

        Raises:
            InvalidRequest: the picture cannot be decoded.
        """

    def restrict(self, consent: Consent) -> None:
        """From now on no frame is processed under more consent than this, queued ones too."""

    def close(self) -> None:
        """Give the pipeline back, after the frame that may still be in it."""


class Engine(Protocol):
    """Gives seats to sessions."""

    def seat(self, options: PipelineOptions) -> Seat:
        """A new pipeline; made when it is prepared or its first frame comes."""

    def close(self, seconds: float) -> bool:
        """Wait for what is running, then stop; False if something still runs by then."""


class ThreadEngine:
    """Runs pipelines on threads of this process.

    The networks, OpenCV and the codecs release the GIL, so that threads use all cores. Each
    session has at most one frame in work, which makes the queue fair.
    """

    def __init__(self, tools: Toolbox, workers: int) -> None:
        """Start `workers` threads, at least one."""
        self._tools = tools
        self._pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="omote-worker")

    def seat(self, options: PipelineOptions) -> Seat:
        """A new pipeline; made when its first frame comes."""
        return _ThreadSeat(self._pool, self._tools, options)

    def close(self, seconds: float) -> bool:
        """Wait for what is running, then stop; False if something still runs by then."""
        waiting = threading.Thread(target=self._pool.shutdown, daemon=True)
        waiting.start()
        waiting.join(seconds)
        return not waiting.is_alive()


class _ThreadSeat:
    def __init__(self, pool: ThreadPoolExecutor, tools: Toolbox, options: PipelineOptions) -> None:
        self._pool = pool
        self._tools = tools
        self._options = options
        self._pipeline: Pipeline | None = None
        # Held while a frame is in work: a session that was cancelled cannot wait for it, and
        # its pipeline must not be closed under it.
        self._busy = threading.Lock()
        self._closed = False
        self._most = Consent(face_effects=True, demographics=True)

    @property
    def tracks_seen(self) -> int:
        return self._pipeline.tracks_seen if self._pipeline else 0

    async def prepare(self, directives: Directives) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._prepare, directives)

    async def run(self, job: Job) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, job)

    def restrict(self, consent: Consent) -> None:
        self._most = consent

    def close(self) -> None:
        try:
            self._pool.submit(self._close)
        except RuntimeError:  # the engine is closed already
            self._close()

    def _prepare(self, directives: Directives) -> None:
        with self._busy:
            self._get().prepare(directives)

    def _get(self) -> Pipeline:
        if self._closed:
            raise RuntimeError("this seat was given back")
        if self._pipeline is None:
            self._pipeline = Pipeline(self._tools, self._options)
        return self._pipeline

    def _run(self, job: Job) -> Result:
        began = time.perf_counter()
        with self._busy:
            # Read here, on the worker: a withdrawal also binds a frame that waited for it.
            consent = job.directives.consent & self._most
            job = replace(job, directives=replace(job.directives, consent=consent))
            result = self._get().run(job)
        result.timings.queue = (began - job.arrived) * 1000
        return result

    def _close(self) -> None:
        with self._busy:
            self._closed = True
            if self._pipeline is not None:
                self._pipeline.close()
                self._pipeline = None
