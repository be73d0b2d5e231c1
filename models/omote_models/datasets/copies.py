"""Tells copies of a photograph from other photographs; it knows no person."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray

Pair = tuple[int, int]
"""Two places in a list, the earlier one first."""

_FINE = 32
_ALIKE = 0.87
"""Fingerprints whose product is larger are of the same photograph."""
_STRIP = 512


def fingerprint(pixels: NDArray[np.uint8]) -> FloatArray:
    """A picture's fine structure, (1024,) float32 of length 1: copies have nearly the same.

    It tells photographs apart and not people: two pictures of one person differ in it.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_FINE, _FINE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = (small - cv2.GaussianBlur(small, (0, 0), 3)).ravel()
    return np.asarray(fine / max(float(np.linalg.norm(fine)), 1e-6), np.float32)


def alike(prints: FloatArray) -> Iterator[Pair]:
    """Pairs of pictures that are the same photograph, the earlier one first.

    Args:
        prints: (n, 1024) fingerprints.
    """
    for start in range(0, len(prints), _STRIP):
        strip = prints[start : start + _STRIP]
        close = strip @ prints[: start + len(strip)].T > _ALIKE
        for row, other in zip(*np.nonzero(close), strict=True):
            if other < start + row:
                yield int(other), int(start + row)
