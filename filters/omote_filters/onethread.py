"""One thread that works for many: for what belongs to a single thread, as OpenGL does."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Full, Queue
from typing import Generic, TypeVar

Result = TypeVar("Result")

_PLACES = 256
"""Jobs that may wait. Every caller waits for its own: only a thread that hangs fills them."""
_STOP_S = 5.0


class Stuck(RuntimeError):
    """The thread did not come to a job in time, or the process ends."""


class OneThread:
    """A thread that starts with its first job and does one after another.

    It is a daemon, so that a driver that hangs keeps no process alive, and it is stopped in order
    when the interpreter ends.
    """

    def __init__(
        self, name: str, at_end: Callable[[], object] = lambda: None, patience: float = 30.0
    ) -> None:
        """Nothing starts yet.

        Args:
            name: of the thread.
            at_end: done in the thread when it stops.
            patience: seconds that a caller waits for its job before it gives it up.
        """
        self._name, self._at_end, self._patience = name, at_end, patience
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._over = False
        self._jobs: Queue[Callable[[], None] | None] = Queue()

    def run(self, work: Callable[[], Result]) -> Result:
        """Do some work in the thread, wait for it, and give back what it gives.

        Raises:
            Stuck: it was not done in time; where it has not begun it never will.
            Exception: whatever the work raises.
        """
        job = _Job(work)
        self._hand_over(job)
        try:
            return job.wait(self._patience)
        except TimeoutError:
            if job.given_up():
                raise Stuck(f"{self._name} did not end it in {self._patience:g} s") from None
            # Done after all, or the TimeoutError is the work's own.
            return job.wait(0)
        finally:
            _elsewhere.seconds += job.seconds

    def close(self) -> None:
        """Let it do what waits, and stop it. A later job starts another."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            atexit.unregister(self._end)
            try:
                self._jobs.put_nowait(None)
            except Full:
                return
        thread.join(_STOP_S)

    def _end(self) -> None:
        # No thread may start any more: the interpreter is about to go.
        self._over = True
        self.close()

    def _hand_over(self, job: _Job[Result]) -> None:
        # Under the lock, so that no job goes to a thread that has been told to stop.
        with self._lock:
            if self._over:
                raise Stuck(f"{self._name} has ended with its process")
            if self._thread is None:
                self._jobs = Queue(_PLACES)
                self._thread = threading.Thread(
                    target=self._work, args=(self._jobs,), name=self._name, daemon=True
                )
                self._thread.start()
                atexit.register(self._end)
            try:
                self._jobs.put_nowait(job.do)
            except Full:
                raise Stuck(f"{self._name} hangs: {_PLACES} jobs wait for it") from None

    def _work(self, jobs: Queue[Callable[[], None] | None]) -> None:
        while (job := jobs.get()) is not None:
            job()
            # A picture must not live on until the next job comes.
            del job
        self._at_end()


class _Job(Generic[Result]):
    """Some work, and who waits for it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._done: Future[Result] = Future()
        self.seconds = 0.0
        """CPU time that it took."""

    def do(self) -> None:
        if not self._done.set_running_or_notify_cancel():
            return
        began = time.thread_time()
        try:
            result = self._work()
        # Whatever it is, it is the caller's, and the thread lives on.
        except BaseException as error:
            self.seconds = time.thread_time() - began
            self._done.set_exception(error)
        else:
            self.seconds = time.thread_time() - began
            self._done.set_result(result)

    def wait(self, seconds: float) -> Result:
        return self._done.result(seconds)

    def given_up(self) -> bool:
        """Whether it is not done; it is not begun any more then."""
        self._done.cancel()
        return self._done.cancelled() or self._done.running()


class _Elsewhere(threading.local):
    seconds = 0.0


_elsewhere = _Elsewhere()


def cpu_elsewhere() -> float:
    """CPU seconds that such threads have spent so far on behalf of the calling thread.

    With `time.thread_time()` it is what a filter has used, wherever it was drawn. The time that a
    caller waited counts nowhere, nor what a driver spends in threads of its own: Mesa's software
    renderer fills pixels there.
    """
    return _elsewhere.seconds
