"""A coarse mask carried to a picture's own edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]

_RADIUS = 5
_SURER, _CUT = np.float32(1.16), np.float32(20)
_SMOOTH = np.float32((0.035 * 255) ** 2)
"""Steps in brightness smaller than about this, squared, are not edges."""


def refined(mask: Mask, picture: NDArray[np.uint8]) -> Mask:
    """A coarse mask of a whole picture, at the picture's size and along its edges.

    Source: the fast guided filter of K. He and J. Sun, 2015 (arXiv:1505.00996), guided by the
    picture's brightness: linear models are fitted at the mask's size and evaluated at the
    picture's.

    Args:
        mask: (h, w) uint8.
        picture: (height, width, 3) uint8 RGB.

    Returns:
        (height, width) uint8.
    """
    height, width = picture.shape[:2]
    coarse = (mask.shape[1], mask.shape[0])
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    guide = cv2.resize(grey, coarse, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    goal = mask.astype(np.float32)
    window = (2 * _RADIUS + 1, 2 * _RADIUS + 1)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(values, window), np.float32)

    middle, level = mean(guide), mean(goal)
    variance = mean(guide * guide) - middle * middle
    shared = mean(guide * goal) - middle * level
    slope = np.asarray(shared / (variance + _SMOOTH), np.float32)
    # What is nearly certain is certain: no veil over the person, no ghost in the background.
    offset = _SURER * mean(level - slope * middle) - _CUT
    slopes = cv2.resize(_SURER * mean(slope), (width, height))
    offsets = cv2.resize(offset, (width, height))
    cv2.multiply(slopes, grey, dst=slopes, dtype=cv2.CV_32F)
    return np.asarray(cv2.add(slopes, offsets, dtype=cv2.CV_8U), np.uint8)
