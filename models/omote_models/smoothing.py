"""Steadies landmarks without making them late."""

from __future__ import annotations

import math

import numpy as np

from omote_models.face import FloatArray


class OneEuroFilter:
    """The 1€ filter (Casiez, Roussel, Vogel, CHI 2012) over an array of points.

    A low-pass filter whose cutoff rises with speed: still points are steadied, moving
    points are followed. Speeds are measured in face sizes a second, so that near and far
    faces are treated alike.
    """

    def __init__(self, cutoff_hz: float = 1.0, beta: float = 20.0, speed_hz: float = 1.0) -> None:
        self._cutoff = cutoff_hz
        self._beta = beta
        self._speed_cutoff = np.array(speed_hz, np.float32)
        self._time: float | None = None
        self._points: FloatArray | None = None
        self._speed: FloatArray | None = None

    def smooth(self, points: FloatArray, size: float, time: float) -> FloatArray:
        """Steadied points.

        Args:
            points: (n, d) float32 pixels.
            size: the size of the face in pixels.
            time: seconds; a time that does not grow restarts the filter.
        """
        if self._points is None or self._speed is None or self._time is None or time <= self._time:
            self._points, self._speed = points.copy(), np.zeros_like(points)
            self._time = time
            return points
        elapsed = time - self._time
        speed = (points - self._points) / np.float32(elapsed * max(size, 1e-6))
        self._speed = self._speed + _alpha(self._speed_cutoff, elapsed) * (speed - self._speed)
        cutoff = (self._cutoff + self._beta * np.abs(self._speed)).astype(np.float32)
        self._points = self._points + _alpha(cutoff, elapsed) * (points - self._points)
        self._time = time
        return self._points


def _alpha(cutoff: FloatArray, elapsed: float) -> FloatArray:
    return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * elapsed))
