"""Where pipelines run. Work leaves the event loop here, once, and comes back once."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from omote_filters.faults import place
from omote_filters.words import Consent
from omote_server.errors import Stuck
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.frames.pipeline import Pipeline
from omote_server.frames.pool import Account, Pool
from omote_server.messages import Result

_log = logging.getLogger(__name__)

T = TypeVar("T")
Take = Callable[[], Job | None]
"""Gives a session's newest frame, on the worker's thread, when its turn has come."""
Pack = Callable[[Result], Sequence[bytes]]
"""Writes down what is large of a result, on the worker's thread."""

HANG_S = 30.0
"""A frame that takes longer never comes back; the slowest honest ones (a 36-megapixel still with
a chain of sixteen, on a busy machine) take a few seconds."""
_HELPERS = 2
"""Threads that open and close pipelines, so that no frame waits for a model to load."""


class Seat(Protocol):
    """One session's pipeline, wherever it runs."""

    @property
    def tracks_seen(self) -> int:
        """Distinct tracks so far."""

    async def prepare(self, directives: Directives) -> None:
        """Load what the first frame will need."""

    async def work(self, take: Take) -> Result | None:
        """Wait for this session's turn, take its newest frame and process it; one at a time.

        None where there was no frame to take any more.

        Raises:
            InvalidRequest: the picture cannot be decoded.
            Stuck: the frame never came back.
        """

    def restrict(self, consent: Consent) -> None:
        """From now on no frame is processed under more consent than this, queued ones too."""

    def close(self) -> None:
        """Give the pipeline back, after the frame that may still be in it; it never waits."""


class Engine(Protocol):
    """Gives seats to sessions."""

    def seat(self, options: PipelineOptions, pack: Pack | None = None) -> Seat:
        """A new pipeline; made when it is prepared or its first frame comes."""

    def close(self, seconds: float) -> bool:
        """Wait for what is running, then stop; False if something still runs by then."""


class ThreadEngine:
    """Runs pipelines on threads of this process.

    The networks, OpenCV and the codecs release the GIL, so that threads use all cores. What waits
    for a thread is a seat, not a frame: until its turn comes, a newer frame displaces an older.
    """

    def __init__(
        self,
        tools: Toolbox,
        workers: int,
        *,
        hang_s: float = HANG_S,
        on_hang: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Start threads.

        Args:
            tools: what all pipelines share.
            workers: how many frames are in work at once, at least one.
            hang_s: what takes longer, a frame or the start of a filter, never comes back.
            on_hang: told how many threads were given up so far, on a watchdog's thread.
        """
        self._tools = tools

        def hung(_: int) -> None:
            on_hang(self._pool.hung + self._helpers.hung)

        self._pool = Pool(workers, hang_s, hung)
        # Watched as well: filters are started, tried out and stopped there, and may hang in each.
        self._helpers = Pool(_HELPERS, hang_s, hung)

    def seat(self, options: PipelineOptions, pack: Pack | None = None) -> Seat:
        """A new pipeline; made when it is prepared or its first frame comes."""
        return _ThreadSeat(self._pool, self._helpers, lambda: Pipeline(self._tools, options), pack)

    def close(self, seconds: float) -> bool:
        """Wait for what is running, then stop; False if something still runs by then."""
        began = time.monotonic()
        stopped = self._pool.close(seconds)
        return self._helpers.close(max(0.1, seconds - (time.monotonic() - began))) and stopped


class _ThreadSeat:
    """A pipeline that one thread at a time is inside of.

    Closing never waits for that thread: it marks, and whoever leaves last closes the pipeline.
    """

    def __init__(
        self,
        pool: Pool,
        helpers: Pool,
        make: Callable[[], Pipeline],
        pack: Pack | None,
    ) -> None:
        self._pool = pool
        self._helpers = helpers
        self._make = make
        self._pack = pack
        self._account = Account()
        # Whoever is inside owns it; nobody else touches it before they have left.
        self._pipeline: Pipeline | None = None
        self._lock = threading.Lock()  # guards the two below; held for moments
        self._inside = False
        self._closed = False
        self._most = Consent(face_effects=True, demographics=True)

    @property
    def tracks_seen(self) -> int:
        return self._pipeline.tracks_seen if self._pipeline else 0

    async def prepare(self, directives: Directives) -> None:
        await _done(self._helpers, Account(), lambda: self._prepare(directives))

    async def work(self, take: Take) -> Result | None:
        return await _done(self._pool, self._account, lambda: self.perform(take))

    def restrict(self, consent: Consent) -> None:
        self._most = consent

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._inside:
                return
        self._dispose()

    def perform(self, take: Take) -> Result | None:
        """A whole turn, on a worker's thread."""
        self._enter()
        try:
            pipeline = self._get()
            job = take()
            if job is None:
                return None
            job.timings.queue = (time.perf_counter() - job.arrived) * 1000
            # Read here, on the worker: a withdrawal also binds a frame that waited for it.
            job.consent = job.consent & self._most
            result = pipeline.run(job)
            if self._pack is not None:
                result.pack(self._pack)
            return result
        finally:
            self._leave()

    def _prepare(self, directives: Directives) -> None:
        self._enter()
        try:
            self._get().prepare(directives)
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("this seat was given back")
            self._inside = True

    def _get(self) -> Pipeline:
        if self._pipeline is None:
            self._pipeline = self._make()
        return self._pipeline

    def _leave(self) -> None:
        with self._lock:
            self._inside = False
            if not self._closed:
                return
        self._dispose()

    def _dispose(self) -> None:
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return
        try:
            self._helpers.submit(_Farewell(pipeline.close))
        except RuntimeError:  # the engine is closed already
            pipeline.close()


async def _done(pool: Pool, account: Account, work: Callable[[], T]) -> T:
    """What comes of work that waits for one of a pool's threads.

    Raises:
        Stuck: it never came back.
    """
    turn = _Turn(work, account)
    pool.submit(turn)
    try:
        return await turn.answer
    finally:
        pool.withdraw(turn)


class _Farewell:
    """A pipeline's end, for which nobody waits."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self.account = Account()

    def run(self) -> None:
        try:
            self._close()
        except BaseException as error:  # a plugin's `stop` may raise anything
            _log.warning("a pipeline was not closed well: %s", place(error))

    def give_up(self) -> None:
        pass


class _Turn(Generic[T]):
    """Some work's wait for a thread, and its answer's way back to the event loop."""

    def __init__(self, work: Callable[[], T], account: Account) -> None:
        self._work = work
        self.account = account
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        try:
            result = self._work()
        except BaseException as error:
            # Not even a KeyboardInterrupt that a plugin raises may end a worker, or the server.
            failure = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
            self._tell(lambda: self.answer.set_exception(failure))
        else:
            self._tell(lambda: self.answer.set_result(result))

    def give_up(self) -> None:
        text = "a filter of this chain hangs and never came back; the call is closed"
        self._tell(lambda: self.answer.set_exception(Stuck(text)))

    def _tell(self, settle: Callable[[], None]) -> None:
        def settled() -> None:
            if not self.answer.done():
                settle()

        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(settled)
