"""A sane clock between a file and what is made of it: from 0 on, and always forwards."""

from __future__ import annotations

import math
from dataclasses import dataclass

LONGEST_GAP = 10.0
"""Seconds. Pictures that are further apart are a jump of the file's clock."""
_SAME = 0.1
"""Seconds by which a sound may be moved without anybody's hearing it."""
_NEAR = 2.0
"""Seconds that sound and pictures of the same moment may lie apart in a file."""
_OVERLAP = 0.25
"""Seconds that a stream may step back without having jumped."""
_KNOWN_EPOCHS = 4


@dataclass(slots=True)
class _Epoch:
    """A stretch of the file between two jumps; `offset` makes its times ours."""

    offset: float
    latest: float


class Clock:
    """The times of pictures, from those of a file; in seconds.

    The start is taken off. A jump, back or forward by more than ten seconds, continues with the
    last step; what sounds beside the pictures moves by the same offset. Every other distance
    stays as it is, so that a variable frame rate is kept.

    Attributes:
        jumps: how many there were.
    """

    def __init__(self, step: float, start: float | None = None) -> None:
        """Start at 0.

        Args:
            step: from one picture to the next, until two have shown it.
            start: the file's time that becomes 0; None takes that of the first picture.
        """
        self._step = step
        self._start = start
        self._epochs: list[_Epoch] = []
        self._now = 0.0
        self._timeless = False
        self._heard = -math.inf
        self.jumps = 0

    def picture(self, time: float | None) -> float:
        """Our time of the next picture, by the file's; None where the file gives it none."""
        if not self._epochs:
            return self._first(time)
        epoch = self._epochs[-1]
        if time is None:
            epoch.latest += self._step
            self._now += self._step
            return self._now
        if self._timeless:
            # Only counted so far: the file's own times begin here.
            self._timeless = False
            self._begin(time)
        elif self._jumps_to(time, epoch):
            self.jumps += 1
            self._begin(time)
        else:
            self._step = time - epoch.latest
            epoch.latest = time
            self._now = time + epoch.offset
        return self._now

    def _first(self, time: float | None) -> float:
        self._timeless = time is None
        first = 0.0 if time is None else time
        lead = 0.0 if self._start is None or time is None else time - self._start
        # What claims to begin long before its first picture does not know when it began.
        self._now = lead if 0 <= lead <= LONGEST_GAP else 0.0
        self._epochs.append(_Epoch(self._now - first, first))
        return self._now

    def _jumps_to(self, time: float, epoch: _Epoch) -> bool:
        if time <= epoch.latest:
            return True
        # A still that sound runs beside is a long picture, not a jump.
        return time - epoch.latest > LONGEST_GAP and self._heard < time - _NEAR

    def _begin(self, time: float) -> None:
        self._now += self._step
        self._epochs.append(_Epoch(self._now - time, time))
        del self._epochs[:-_KNOWN_EPOCHS]
        self._heard = -math.inf

    def offset(self, time: float, expected: float) -> float | None:
        """What to add to a time of another stream; None where it lies behind a jump to come.

        Args:
            time: the file's.
            expected: ours, at which the stream would continue without a gap.
        """
        best, least = None, math.inf
        for epoch in reversed(self._epochs):
            miss = abs(time + epoch.offset - expected)
            if miss < least - _SAME:
                best, least = epoch, miss
        if best is None:
            return None
        late = time + best.offset - expected
        newest = self._epochs[-1]
        if late < -_OVERLAP:
            return None
        if late > LONGEST_GAP:
            if abs(time - newest.latest) > _NEAR:
                return None
            best = newest
        if best is newest:
            self._heard = max(self._heard, time)
        return best.offset


class Follower:
    """The times of a stream beside the pictures: sound or subtitles."""

    def __init__(self, clock: Clock) -> None:
        """Follow a clock."""
        self._clock = clock
        self._expected = 0.0

    def shift(self, time: float, duration: float) -> float | None:
        """What to add to a packet's time; None: not known before the pictures have jumped, too.

        Args:
            time: the file's, in seconds.
            duration: how long the packet sounds or is shown.
        """
        offset = self._clock.offset(time, self._expected)
        if offset is not None:
            self._expected = time + offset + duration
        return offset

    def shift_alone(self, time: float, duration: float) -> float:
        """The same where the pictures did not jump: the stream continues where it was."""
        offset = self._expected - time
        self._expected += duration
        return offset
