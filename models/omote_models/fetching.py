"""How long a carrier may take, and how another program is run that fetches for it."""

from __future__ import annotations

import math
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

Report = Callable[[int, int], None]
"""Called with the bytes that have come and the bytes that will."""

ANSWER_VARIABLE, WHOLE_VARIABLE = "OMOTE_PULL_ANSWER_SECONDS", "OMOTE_PULL_SECONDS"
_LAST_LINES = 1.0
"""Seconds that an ended program's last lines may take to be read."""


class CarrierError(Exception):
    """The carrier did not deliver. The text is one short reason."""


class NoAnswer(CarrierError):
    """Nothing at all came from the other side: whoever stands there will not answer next time."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one carrier may take for one file, in seconds.

    Attributes:
        answer: until the other side shows that it is there, and, where it tells of its progress,
            between two signs of it. A dead proxy takes connections, and says nothing.
        whole: from beginning to end.
    """

    answer: float = 60.0
    whole: float = 900.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What a user set: OMOTE_PULL_ANSWER_SECONDS and OMOTE_PULL_SECONDS.

        Raises:
            ValueError: one of them is no number of seconds. The text says which.
        """
        wanted = {"answer": ANSWER_VARIABLE, "whole": WHOLE_VARIABLE}
        given = {field: name for field, name in wanted.items() if environment.get(name)}
        return cls(**{field: _seconds(name, environment[name]) for field, name in given.items()})

    def limit(self, report: Report) -> Report:
        """A report that raises CarrierError once the whole time is over; it begins now."""
        end = time.monotonic() + self.whole

        def within(done: int, size: int) -> None:
            if time.monotonic() > end:
                raise self.over()
            report(done, size)

        return within

    def over(self) -> CarrierError:
        """What to raise when the whole time is over."""
        return CarrierError(f"it was not done after {self.whole:g} s ({WHOLE_VARIABLE})")

    def unanswered(self) -> NoAnswer:
        """What to raise when nobody answered."""
        return NoAnswer(
            f"nothing came for {self.answer:g} s ({ANSWER_VARIABLE}); is a proxy in the way?"
        )


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name} is {text!r}, and must be a number of seconds, such as 60")
    return seconds


def run(
    command: Sequence[str],
    folder: Path,
    patience: Patience,
    hear: Callable[[str], bool],
    *,
    steady: bool,
) -> int:
    """Run a program to its end. However this ends, the program and its children have ended, too.

    Args:
        command: the program and its arguments.
        folder: where it works.
        patience: how long it may take.
        hear: takes each line that it prints; whether that shows that the other side answers.
        steady: whether such lines keep coming, or only the first can be waited for.

    Returns:
        Its exit status.

    Raises:
        NoAnswer: the other side did not answer.
        CarrierError: it took too long.
        OSError: it cannot be started.
    """
    end = time.monotonic() + patience.whole
    due = time.monotonic() + patience.answer
    with _started(command, folder) as (process, lines):
        while True:
            try:
                line = lines.get(timeout=max(0.0, min(due, end) - time.monotonic()))
            except queue.Empty:
                raise (patience.over() if due >= end else patience.unanswered()) from None
            if line is None:
                return process.wait()
            if hear(line):
                due = time.monotonic() + patience.answer if steady else math.inf


@contextmanager
def _started(
    command: Sequence[str], folder: Path
) -> Iterator[tuple[subprocess.Popen[str], queue.SimpleQueue[str | None]]]:
    """A program in a session of its own, and its lines; None comes after the last."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    # Started on another thread: a signal raises on the main one, and half-way through a start it
    # would leave behind a program that nobody knows of.
    with ThreadPoolExecutor(1) as starter:
        starting = starter.submit(_start, command, folder)
        reader: threading.Thread | None = None
        try:
            process = starting.result()
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
            reader.start()
            yield process, lines
        finally:
            if starting.exception() is None:
                _end(starting.result(), reader)


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # Its children are ended with it; a terminal's Ctrl-C reaches it through us.
        start_new_session=True,
    )


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with suppress(ValueError, OSError):
        for line in stream:
            lines.put(line.strip())
    lines.put(None)


def _end(process: subprocess.Popen[str], reader: threading.Thread | None) -> None:
    if process.poll() is None:
        _kill(process)
    process.wait()
    # Nobody may close a pipe that somebody reads.
    if reader is not None:
        reader.join(_LAST_LINES)
    if process.stdout is not None and (reader is None or not reader.is_alive()):
        process.stdout.close()


def _kill(process: subprocess.Popen[str]) -> None:
    if hasattr(os, "killpg"):
        # The session has its leader's number for as long as anybody is in it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
