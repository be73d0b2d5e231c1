"""Stable identities: which face of this frame is which face of the last."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from omote_models.face import Box

_FARTHEST = 1.0
_FORGET_AFTER_S = 0.5


@dataclass(slots=True)
class _Track:
    id: str
    box: Box
    time: float
    velocity: tuple[float, float] = (0.0, 0.0)

    def expected(self, time: float) -> tuple[float, float]:
        x, y = self.box.centre
        elapsed = time - self.time
        return x + self.velocity[0] * elapsed, y + self.velocity[1] * elapsed

    def seen(self, box: Box, time: float) -> None:
        elapsed = time - self.time
        if elapsed > 0:
            before, now = self.box.centre, box.centre
            fresh = ((now[0] - before[0]) / elapsed, (now[1] - before[1]) / elapsed)
            self.velocity = (
                (self.velocity[0] + fresh[0]) / 2,
                (self.velocity[1] + fresh[1]) / 2,
            )
        self.box, self.time = box, time


class Tracks:
    """Gives boxes random ids that stay with a face by position and size over time.

    A face that is not seen for half a second is forgotten; when it comes back it is new.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self.created = 0

    def assign(self, boxes: Sequence[Box], time: float) -> list[str]:
        """The track id of each box, in the order of the boxes. `time` is in seconds."""
        self._tracks = [t for t in self._tracks if time - t.time <= _FORGET_AFTER_S]
        pairs = sorted(
            (cost, b, t)
            for b, box in enumerate(boxes)
            for t, track in enumerate(self._tracks)
            if (cost := _cost(track, box, time)) < _FARTHEST
        )
        ids: dict[int, str] = {}
        taken: set[int] = set()
        for _, b, t in pairs:
            if b in ids or t in taken:
                continue
            taken.add(t)
            self._tracks[t].seen(boxes[b], time)
            ids[b] = self._tracks[t].id
        return [ids.get(b) or self._new(box, time) for b, box in enumerate(boxes)]

    @property
    def alive(self) -> frozenset[str]:
        """Ids that are not yet forgotten."""
        return frozenset(track.id for track in self._tracks)

    def _new(self, box: Box, time: float) -> str:
        track = _Track(secrets.token_hex(8), box, time)
        self._tracks.append(track)
        self.created += 1
        return track.id


def _cost(track: _Track, box: Box, time: float) -> float:
    """Distance in face sizes plus the change of size; a face cannot jump or grow at once."""
    x, y = track.expected(time)
    centre_x, centre_y = box.centre
    size = math.sqrt(max(track.box.area * box.area, 1e-9) ** 0.5)
    growth = abs(math.log(max(box.area, 1e-9) / max(track.box.area, 1e-9))) / 2
    return math.hypot(centre_x - x, centre_y - y) / size + growth
