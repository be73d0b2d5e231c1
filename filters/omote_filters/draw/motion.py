"""Motion blur: what is drawn on a fast head smears as the camera's own picture of it does."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from omote_filters.draw.surface import Rgba
from omote_filters.memory import TrackMemory
from omote_filters.settings import toggle
from omote_models.face import Face

Smear = tuple[float, float]
"""How far something moves while the shutter is open: x and y, pixels."""
STILL: Smear = (0.0, 0.0)

_OPEN = 0.5
"""The part of a frame's time that a camera's shutter is open in ordinary light."""
_LONGEST = 0.35
"""Of the face's width: what moves farther was found anew rather than moved."""
_LEAST = 1.5
_PASSES = 4


def blurred_in_motion() -> Any:
    """The setting that switches it on."""
    return toggle(False, label="Motion blur", hint="It smears with fast heads, as cameras do")


class Shutter:
    """Follows faces and says how far each smears."""

    def __init__(self) -> None:
        self._centres: TrackMemory[tuple[float, float]] = TrackMemory()

    def smear(self, face: Face, elapsed: float, wanted: bool = True) -> Smear:
        """Of this frame; call it once a frame and face, wanted or not.

        Args:
            face: now.
            wanted: whether the setting asks for it.
            elapsed: seconds since the last frame; 0 for a still.
        """
        x, y = (float(value) for value in face.points.mean(axis=0))
        before = self._centres.get(face.track_id)
        self._centres.put(face.track_id, (x, y))
        if before is None or elapsed <= 0 or not wanted:
            return STILL
        moved = ((x - before[0]) * _OPEN, (y - before[1]) * _OPEN)
        fits = _LEAST <= math.hypot(*moved) <= _LONGEST * face.width
        return moved if fits else STILL


def smeared(paint: Rgba, smear: Smear) -> Rgba:
    """Paint, multiplied by its alpha, averaged along a line about where it is.

    Each pass averages the picture with itself half as far away as the last, so that a few passes
    are as good as a sample at every pixel.
    """
    reach = 0.5
    for _ in range(_PASSES):
        dx, dy = round(smear[0] * reach), round(smear[1] * reach)
        if dx or dy:
            paint = _halfway(paint, dx, dy)
        reach /= 2
    return paint


def _halfway(paint: Rgba, dx: int, dy: int) -> Rgba:
    """The mean of two copies that lie so many pixels apart, about the middle."""
    one, other = (dx // 2, dy // 2), (dx // 2 - dx, dy // 2 - dy)
    return np.asarray(cv2.addWeighted(_moved(paint, *one), 0.5, _moved(paint, *other), 0.5, 0))


def _moved(paint: Rgba, dx: int, dy: int) -> Rgba:
    height, width = paint.shape[:2]
    moved = np.zeros_like(paint)
    if abs(dx) < width and abs(dy) < height:
        moved[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = paint[
            max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)
        ]
    return moved
