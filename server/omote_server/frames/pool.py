"""Worker threads, and whose turn it is."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

_log = logging.getLogger(__name__)

_GLANCE_S = 0.25
"""How often the watchdog looks: a part of any sensible limit."""


@dataclass(slots=True)
class Account:
    """How much time somebody has used, on the pool's clock. Only the pool may change it."""

    used: float = 0.0


class Turn(Protocol):
    """Something that waits for a worker."""

    account: Account

    def run(self) -> None:
        """Do it, on a worker's thread; it must not raise."""

    def give_up(self) -> None:
        """It did not end in time: answer whoever waits for it, from another thread."""


@dataclass(slots=True, eq=False)
class _Worker:
    """A thread and what it does. `turn` and `since` change under the pool's lock."""

    turn: Turn | None = None
    since: float = 0.0
    lost: bool = False
    thread: threading.Thread | None = None


@dataclass(order=True, slots=True)
class _Waiting:
    start: float
    number: int
    turn: Turn = field(compare=False)


class Pool:
    """Runs turns on threads; who has used least time goes first.

    This is start-time fair queueing (Goyal, Vin and Cheng, 1996): a turn's start is the later of
    its account's end and the pool's clock, which is the start of the turn that was served last.
    So nobody saves up turns while away, and nobody who sends more gets more.

    The queue is bounded by its users: each has at most one turn waiting.
    """

    def __init__(
        self, workers: int, hang_s: float, on_hang: Callable[[int], None] = lambda _: None
    ) -> None:
        """Start threads.

        Args:
            workers: how many turns run at once, at least one.
            hang_s: a turn that takes longer has hung; its thread is given up and replaced.
            on_hang: told how many threads were given up so far, on the watchdog's thread.
        """
        self._hang_s = hang_s
        self._on_hang = on_hang
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._numbers = count()
        self._clock = 0.0
        self._closed = threading.Event()
        self.hung = 0
        self._workers = [self._hire() for _ in range(max(1, workers))]
        # Daemons, so that a plugin that never comes back cannot keep the process alive.
        threading.Thread(target=self._watch, name="omote-watchdog", daemon=True).start()

    def submit(self, turn: Turn) -> None:
        """Let a turn wait for a worker.

        Raises:
            RuntimeError: the pool is closed.
        """
        with self._changed:
            if self._closed.is_set():
                raise RuntimeError("the pool is closed")
            start = max(turn.account.used, self._clock)
            self._waiting.append(_Waiting(start, next(self._numbers), turn))
            self._changed.notify()

    def withdraw(self, turn: Turn) -> None:
        """Nobody waits for it any more; one that runs already runs on."""
        with self._changed:
            self._waiting = [waiting for waiting in self._waiting if waiting.turn is not turn]

    def close(self, seconds: float) -> bool:
        """Let what waits still run, then stop; False if something still runs by then."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for worker in list(self._workers):
            if worker.thread is not None:
                worker.thread.join(max(0.0, end - time.monotonic()))
        alive = any(w.thread is not None and w.thread.is_alive() for w in self._workers)
        return not alive and self.hung == 0

    def _hire(self) -> _Worker:
        worker = _Worker()
        worker.thread = threading.Thread(
            target=self._serve, args=(worker,), name="omote-worker", daemon=True
        )
        worker.thread.start()
        return worker

    def _serve(self, worker: _Worker) -> None:
        while (turn := self._next(worker)) is not None:
            turn.run()
            if not self._done(worker, turn):
                return

    def _next(self, worker: _Worker) -> Turn | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed.is_set())
            if not self._waiting:
                return None
            # A handful of sessions wait at once: the least is found faster than a heap is kept.
            chosen = min(self._waiting)
            self._waiting.remove(chosen)
            self._clock = max(self._clock, chosen.start)
            chosen.turn.account.used = chosen.start
            worker.turn, worker.since = chosen.turn, time.monotonic()
            return chosen.turn

    def _done(self, worker: _Worker, turn: Turn) -> bool:
        """Charge a turn that has ended; whether the worker goes on."""
        with self._changed:
            turn.account.used += time.monotonic() - worker.since
            worker.turn = None
            return not worker.lost

    def _watch(self) -> None:
        while not self._closed.wait(min(_GLANCE_S, self._hang_s / 4)):
            for turn in self._given_up():
                _log.error("a filter hangs: its session is ended and its thread left behind")
                turn.give_up()
                self._on_hang(self.hung)

    def _given_up(self) -> list[Turn]:
        """Replace the workers whose turn did not end in time; those turns."""
        with self._changed:
            late = time.monotonic() - self._hang_s
            stuck = [w for w in self._workers if w.turn is not None and w.since < late]
            for worker in stuck:
                worker.lost = True
                self._workers[self._workers.index(worker)] = self._hire()
            self.hung += len(stuck)
            return [worker.turn for worker in stuck if worker.turn is not None]
