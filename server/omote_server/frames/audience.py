"""How many people of which age band and gender were seen in a while: counts, k-anonymous.

Off unless an operator asks for it, and only of people who agreed to demographics. A face counts
once in a window and stream; nothing ties one stream's faces to another's, and no count is told
before its window has ended, nor one that is small.
"""

from __future__ import annotations

import csv
import datetime
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from omote_models.face import AgeBand, Face, Gender

_log = logging.getLogger(__name__)

UNKNOWN = "unknown"
LEAST_CELL = 5
BANDS = (*(band.value for band in AgeBand), UNKNOWN)
GENDERS = (*(gender.value for gender in Gender), UNKNOWN)
_MOST_WINDOWS = 256
"""Windows that wait for a file that cannot be written: a few hundred bytes each."""
_MOST_TRACKS = 10_000
"""Faces remembered of one stream in one window; further ones are not counted."""

Cell = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Window:
    """What may be told of a window that has ended.

    Attributes:
        start, end: in UTC.
        tracks: by age band and gender; a cell that is too small is missing.
    """

    start: datetime.datetime
    end: datetime.datetime
    tracks: dict[Cell, int]


@dataclass(frozen=True, slots=True)
class AudienceOptions:
    """How it is counted.

    Attributes:
        window_s: seconds; windows begin at whole multiples of it.
        least: smaller cells are not told.
        rounding: counts are rounded down to a multiple of this.
        file: a CSV to which every window is added, or None.

    Raises:
        ValueError: a cell could be so small that it tells of somebody.
    """

    window_s: int = 3600
    least: int = 10
    rounding: int = 5
    file: Path | None = None

    def __post_init__(self) -> None:
        if self.least < LEAST_CELL:
            raise ValueError(f"cells of fewer than {LEAST_CELL} people must not be told")
        if self.rounding < 1 or self.window_s < 60:
            raise ValueError("round to 1 or more, in windows of 60 seconds or more")


@dataclass(slots=True, eq=False)
class Tally:
    """The faces of one stream in the current window, and what is known of each by now."""

    audience: Audience
    window: int = 0
    cells: dict[str, Cell] = field(default_factory=dict)

    def see(self, faces: Iterable[Face]) -> None:
        """The faces of a frame of somebody who agreed to demographics."""
        self.audience._see(self, faces)

    def close(self) -> None:
        """The stream has ended: its faces stay as numbers."""
        self.audience._close(self)


class Audience:
    """Counts for a whole server. Any thread may use it."""

    def __init__(
        self, options: AudienceOptions, now: Callable[[], datetime.datetime] | None = None
    ) -> None:
        self._options = options
        self._now = now or (lambda: datetime.datetime.now(datetime.UTC))
        self._lock = Lock()
        self._open: list[Tally] = []
        self._window = self._number()
        self._ended: Counter[Cell] = Counter()
        self._last: Window | None = None
        self._book = Book(options.file) if options.file is not None else None

    def stream(self) -> Tally:
        """A place for one stream's faces; close it when the stream ends."""
        with self._lock:
            tally = Tally(self, self._window)
            self._open.append(tally)
            return tally

    def close(self) -> None:
        """Wait until every window that has ended is in the file."""
        if self._book is not None:
            self._book.close()

    @property
    def last(self) -> Window | None:
        """The last window that has ended, if any has."""
        with self._lock:
            self._turn()
            return self._last

    def _see(self, tally: Tally, faces: Iterable[Face]) -> None:
        with self._lock:
            self._turn()
            for face in faces:
                known = face.track_id in tally.cells
                if known or len(tally.cells) < _MOST_TRACKS:
                    tally.cells[face.track_id] = _cell(face)

    def _close(self, tally: Tally) -> None:
        with self._lock:
            self._turn()
            if tally in self._open:
                self._open.remove(tally)
                self._ended.update(tally.cells.values())
                tally.cells.clear()

    def _number(self) -> int:
        return int(self._now().timestamp()) // self._options.window_s

    def _turn(self) -> None:
        """End the window when its time is over."""
        number = self._number()
        if number == self._window:
            return
        counted = self._ended
        for tally in self._open:
            counted.update(tally.cells.values())
            tally.cells.clear()
        step = self._options.window_s
        start, end = (
            datetime.datetime.fromtimestamp(n * step, datetime.UTC)
            for n in (self._window, self._window + 1)
        )
        self._last = Window(start, end, self._told(counted))
        self._ended, self._window = Counter(), number
        if self._book is not None:
            self._book.add(self._last)

    def _told(self, counted: Counter[Cell]) -> dict[Cell, int]:
        least, rounding = self._options.least, self._options.rounding
        told = {cell: n // rounding * rounding for cell, n in counted.items() if n >= least}
        return {cell: n for cell, n in sorted(told.items()) if n > 0}


def _cell(face: Face) -> Cell:
    band, gender = face.attributes.age_band.value, face.attributes.gender.value
    return band.value if band else UNKNOWN, gender.value if gender else UNKNOWN


class Book:
    """The CSV that every window is added to, on a thread of its own.

    Windows end while some stream's frame is counted; neither that stream nor those that wait for
    the lock shall wait for a disk, or suffer from one that is full. A window that cannot be
    written waits for the next one, and the operator is told; the oldest go first.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._waiting: deque[Window] = deque(maxlen=_MOST_WINDOWS)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="omote-audience")

    def add(self, window: Window) -> None:
        """Have a window written, some time soon."""
        self._waiting.append(window)
        with suppress(RuntimeError):  # closed: the server has stopped
            self._writer.submit(self._write)

    def close(self) -> None:
        """Wait until what has ended is written."""
        self._writer.shutdown()

    def _write(self) -> None:
        try:
            while self._waiting:
                _append(self._file, self._waiting[0])
                self._waiting.popleft()
        except OSError as error:
            _log.warning("the audience file %s cannot be written: %s", self._file, error.strerror)


def _append(file: Path, window: Window) -> None:
    begin = not file.is_file()
    with file.open("a", newline="", encoding="utf-8") as sink:
        rows = csv.writer(sink)
        if begin:
            rows.writerow(("window_start", "window_end", "age_band", "gender", "tracks"))
        for (band, gender), count in window.tracks.items():
            rows.writerow((window.start.isoformat(), window.end.isoformat(), band, gender, count))
