"""Many files through a chain, by worker processes: a file that fails stops no other."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from types import FrameType

from omote_filters.registry import Registry
from omote_filters.words import ChainEntry, Consent
from omote_models.estimators import EstimatorError
from omote_models.face import Declared
from omote_server.frames.job import Toolbox
from omote_server.frames.warmup import load_tools
from omote_server.media.files import Draft, MediaError
from omote_server.media.report import MediaReport
from omote_server.serving.egress import seal_egress
from omote_server.workshop.account import Account
from omote_server.workshop.filing import Errand, OnFrame, check, filter_file
from omote_server.workshop.offline import Offline

_OFTEN = 0.2
"""Seconds between two words of how far a file is."""
_LAST_WORDS = 30.0
"""Seconds that a worker has to tidy up when it is told to stop; a busy machine takes some."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is done to every file.

    Attributes:
        chain: the filters.
        consent: of the people in the files.
        declared: what is known of the largest face.
        faces: how many are looked for.
        estimator: of age and gender.
        packs: folders of packs.
        compare: put the original beside the result.
    """

    chain: tuple[ChainEntry, ...]
    consent: Consent
    declared: Declared = Declared()
    faces: int = 4
    estimator: str = "light"
    packs: tuple[Path, ...] = ()
    compare: bool = False

    def tools(self) -> Toolbox:
        """Models and filters, loaded.

        Raises:
            EstimatorError: the estimator cannot be used.
        """
        return load_tools(Registry(packs=self.packs), estimator=self.estimator)

    def carry_out(
        self, tools: Toolbox, errand: Errand, on_frame: OnFrame = lambda *_: None
    ) -> Outcome:
        """Filter one file. Its chain is its own: no filter remembers the file before.

        Raises:
            MediaError: it cannot be read or written.
        """
        with Offline(tools, self.chain, self.consent, self.declared, self.faces) as offline:
            report = filter_file(offline, errand, self.compare, on_frame)
        return Outcome(errand, account=offline.account, report=report)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        errand: which.
        account: of the filters; None where nothing was made.
        report: of frames and streams; None where nothing was made.
        problem: why nothing was made; empty where all is well.
    """

    errand: Errand
    account: Account | None = None
    report: MediaReport | None = None
    problem: str = ""


OnShare = Callable[[Errand, float], object]
"""Called with how much of a file is done, 0 to 1."""


def run_batch(
    errands: Sequence[Errand], order: Order, jobs: int, on_share: OnShare = lambda *_: None
) -> Generator[Outcome]:
    """Filter files, so many at a time, each process with models of its own.

    Processes and not threads: a decoder or a driver that a damaged file takes down takes only
    its own process along. It costs the seconds in which each process loads its models.

    Args:
        errands: what is to be done.
        order: what is done to each.
        jobs: how many processes.
        on_share: told how far a file is; from another thread.

    Yields:
        What became of each, in the order in which they end.
    """
    waiting: queue.SimpleQueue[Errand] = queue.SimpleQueue()
    for errand in errands:
        waiting.put(errand)
    ended: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    stop = Event()
    crew = [_Foreman(order, waiting, ended, stop, on_share) for _ in range(min(jobs, len(errands)))]
    for foreman in crew:
        foreman.start()
    try:
        for _ in errands:
            outcome = ended.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        stop.set()
        for foreman in crew:
            foreman.dismiss()
        for foreman in crew:
            foreman.join()


class _Foreman(Thread):
    """Hands errands to a worker process, one after the other, and has a new one where it dies."""

    def __init__(
        self,
        order: Order,
        waiting: queue.SimpleQueue[Errand],
        ended: queue.SimpleQueue[Outcome | BaseException],
        stop: Event,
        on_share: OnShare,
    ) -> None:
        super().__init__(daemon=True)
        self._order, self._waiting, self._ended = order, waiting, ended
        self._stop_wanted, self._on_share = stop, on_share
        self._worker: _Worker | None = None

    def run(self) -> None:
        try:
            while not self._stop_wanted.is_set():
                self._ended.put(self._done(self._waiting.get_nowait()))
        except queue.Empty:
            return
        except BaseException as error:
            self._ended.put(error)
        finally:
            self.dismiss()

    def _done(self, errand: Errand) -> Outcome:
        if self._worker is None:
            self._worker = _Worker(self._order)
        try:
            return self._worker.carry_out(errand, self._on_share)
        except (EOFError, OSError):
            status = self._worker.end()
            self._worker = None
            return Outcome(errand, problem=_death(status))

    def dismiss(self) -> None:
        """End the worker, if there is one; from any thread."""
        if self._worker is not None:
            self._worker.end()


def _death(status: int | None) -> str:
    how = f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"
    return f"the process that worked on it ended {how}: the file may be damaged"


class _Worker:
    """A process that filters files."""

    def __init__(self, order: Order) -> None:
        self._errand: Errand | None = None
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, order), daemon=True)
        self._process.start()
        # Ours must not keep it open: its end is how we hear of a death.
        theirs.close()

    def carry_out(self, errand: Errand, on_share: OnShare) -> Outcome:
        """Wait for what becomes of a file.

        Raises:
            EOFError, OSError: the process is no more.
        """
        self._errand = errand
        self._pipe.send(errand)
        while not isinstance(said := self._pipe.recv(), Outcome):
            on_share(errand, said)
        self._errand = None
        return said

    def end(self) -> int | None:
        """Stop it, wherever it is; its exit status."""
        self._process.terminate()
        self._process.join(_LAST_WORDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if self._errand is not None:
            # However it ended, no half of a file stays behind.
            Draft.sweep(self._errand.target, self._process.pid)
        return self._process.exitcode


def _work(pipe: Connection, order: Order) -> None:
    """What a worker process does until nobody asks any more."""
    # A terminal's Ctrl-C goes to everybody; who started this process ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    seal_egress()
    tools = cache(order.tools)
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            pipe.send(_outcome(pipe, order, tools, pipe.recv()))


def _leave(number: int, _: FrameType | None) -> None:
    """Leave as by an error, so that no draft stays; who tires of waiting kills."""
    # It may come twice: to all of a group, and from who started this process.
    signal.signal(number, signal.SIG_IGN)
    # Like Ctrl-C: a filter that raises, or exits, is only left out.
    raise KeyboardInterrupt


def _outcome(
    pipe: Connection, order: Order, tools: Callable[[], Toolbox], errand: Errand
) -> Outcome:
    said = time.monotonic()

    def on_frame(done: int, promised: int | None) -> None:
        nonlocal said
        if time.monotonic() - said > _OFTEN and promised:
            said = time.monotonic()
            pipe.send(min(1.0, done / promised))

    try:
        check(errand)
        return order.carry_out(tools(), errand, on_frame)
    except BrokenPipeError:
        raise
    except (MediaError, ModuleNotFoundError, EstimatorError) as error:
        return Outcome(errand, problem=str(error))
    except MemoryError:
        return Outcome(errand, problem="it takes more memory than there is")
    except Exception as error:
        return Outcome(errand, problem=f"it failed: {type(error).__name__}: {error}")
