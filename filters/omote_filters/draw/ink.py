"""Whole pictures redrawn: flat colours and ink lines."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.scene import Picture

Grey = NDArray[np.uint8]

FINEST = 720
"""Lines are looked for on at most this many pixels down; a larger picture enlarges them."""
_FLAT = 200
"""Colours are smoothed on so many pixels down."""


def reduced(picture: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """A picture at most so many pixels high."""
    if picture.shape[0] <= height:
        return picture
    size = (max(1, round(picture.shape[1] * height / picture.shape[0])), height)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def enlarged(picture: NDArray[np.uint8], like: Picture) -> NDArray[np.uint8]:
    """A picture at the size of another."""
    height, width = like.shape[:2]
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR))


def flattened(picture: Picture, passes: int = 2) -> Picture:
    """A small copy, (at most 200 high, w, 3) uint8, whose texture is gone and whose edges stay.

    A bilateral filter (Tomasi and Manduchi, 1998), a few times over.
    """
    small = reduced(picture, _FLAT)
    for _ in range(passes):
        small = np.asarray(cv2.bilateralFilter(small, 5, 32, 3), np.uint8)
    return np.asarray(small, np.uint8)


def inked(grey: Grey, width: float, amount: float) -> Grey:
    """Ink lines along the edges of a picture, (height, width) uint8: 255 is bare paper.

    The extended difference of Gaussians (Winnemöller, Kyprianidis and Olsen, 2012): where a
    narrow blur is darker than a wide one by more than a little, there is ink.

    Args:
        grey: (height, width) uint8.
        width: of the lines, pixels.
        amount: 0 to 1; more finds fainter edges.
    """
    sigma = max(0.5 * width, 0.5)
    narrow = cv2.GaussianBlur(grey, (0, 0), sigma)
    wide = cv2.GaussianBlur(grey, (0, 0), 1.6 * sigma)
    darker = cv2.subtract(wide, narrow)
    return np.asarray(cv2.LUT(darker, _ink_curve(amount)), np.uint8)


def _ink_curve(amount: float) -> Grey:
    """How much paper is left where an edge is so strong, (256,) uint8."""
    start = 4.2 - 3.2 * amount
    ink = np.clip((np.arange(256) - start) / 4.0, 0, 1)
    return np.asarray(np.rint(255 * (1 - ink * ink * (3 - 2 * ink))), np.uint8)


def stepped(levels: int, softness: float = 0.35) -> Grey:
    """A curve of flat steps with soft risers, (256,) uint8: no edge jumps back and forth."""
    value = np.arange(256) / 255 * levels
    base = np.floor(value)
    rise = np.clip((value - base - 0.5) / softness + 0.5, 0, 1)
    shaped = (base + rise * rise * (3 - 2 * rise)) / levels
    return np.asarray(np.rint(np.clip(shaped, 0, 1) * 255), np.uint8)
