"""MediaPipe's own steadying of landmarks: a 1€ filter that takes its speed from raw points."""

from __future__ import annotations

import math

import numpy as np

from omote_models.face import Box, FloatArray

_CUTOFF_HZ, _BETA, _SPEED_HZ = 0.05, 80.0, 1.0


class Steadier:
    """Steadies one face. Unlike `smoothing.OneEuroFilter`, it is MediaPipe's to the last digit."""

    def __init__(self) -> None:
        self._time_ms = 0
        self._raw: FloatArray | None = None
        self._points: FloatArray | None = None
        self._speed: FloatArray | None = None

    def steady(self, points: FloatArray, time_ms: int) -> FloatArray:
        """Steadied points, (n, 3) float32 pixels; the first come back as they are.

        Args:
            points: (n, 3) float32 pixels.
            time_ms: one that does not grow gives the points as they are.
        """
        if self._raw is None or self._points is None or self._speed is None:
            self._points, self._speed = points, np.zeros_like(points)
        elif time_ms <= self._time_ms:
            return points
        else:
            elapsed = (time_ms - self._time_ms) / 1000
            box = Box.around(points)
            size = max((box.width + box.height) / 2, 1e-6)
            speed = (points - self._raw) * np.float32(1 / (size * elapsed))
            self._speed = self._speed + _share(_SPEED_HZ, elapsed) * (speed - self._speed)
            cutoff = np.abs(self._speed) * np.float32(_BETA) + np.float32(_CUTOFF_HZ)
            # The share of a cutoff f in a time t is 1 / (1 + 1 / (2 pi f t)).
            cutoff *= np.float32(2 * math.pi * elapsed)
            self._points = self._points + cutoff / (1 + cutoff) * (points - self._points)
        self._time_ms, self._raw = time_ms, points
        return self._points


def _share(cutoff_hz: float, elapsed: float) -> np.float32:
    return np.float32(1 / (1 + 1 / (2 * math.pi * cutoff_hz * elapsed)))
