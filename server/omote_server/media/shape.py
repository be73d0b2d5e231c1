"""Upright, of square pixels, of one size: the shape in which filters see a video."""

from __future__ import annotations

import struct
from fractions import Fraction

import cv2
import numpy as np

from omote_models.pictures import Turn
from omote_server.frames.codec import Pixels

_MOST_STRETCHED = 4
"""Pixels that claim to be longer than so many times their width are a mistake of the file."""


_TURNS = {
    (False, False, False): Turn(0),
    (False, True, False): Turn(0, mirrored=True),
    (False, True, True): Turn(2),
    (False, False, True): Turn(2, mirrored=True),
    (True, False, False): Turn(1, mirrored=True),
    (True, True, False): Turn(1),
    (True, False, True): Turn(3),
    (True, True, True): Turn(3, mirrored=True),
}
"""By what a display matrix does: swaps the axes, then reverses x, reverses y."""


def turn_of_matrix(matrix: bytes) -> Turn:
    """What a display matrix, nine integers of the machine, asks for: the nearest of the eight."""
    if len(matrix) < 36:
        return Turn()
    # A point (x, y) is shown at (a·x + c·y, b·x + d·y); y grows downwards.
    a, b, _, c, d = struct.unpack("=5i", matrix[:20])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _TURNS[False, a < 0, d < 0]
    return _TURNS[True, c < 0, b < 0]


def said(turn: Turn) -> str:
    """What was done to a picture, in words."""
    turned = f"turned by {90 * turn.quarters}°" if turn.quarters else ""
    return " and ".join(filter(None, (turned, "mirrored" if turn.mirrored else "")))


def square(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The sides at which pixels of an aspect become square ones, even and not smaller.

    Args:
        width: as coded.
        height: as coded.
        aspect: width of a pixel over its height; None or nonsense is 1.
    """
    if not aspect or not Fraction(1, _MOST_STRETCHED) <= aspect <= _MOST_STRETCHED:
        return width, height
    if aspect >= 1:
        return (width if aspect == 1 else _even(width * aspect)), height
    return width, _even(height / aspect)


def _even(side: Fraction) -> int:
    return 2 * round(side / 2)


def letterboxed(picture: Pixels, width: int, height: int) -> Pixels:
    """A picture in the middle of a black one of that size, as large as it fits."""
    rows, columns = picture.shape[:2]
    scale = min(width / columns, height / rows)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
    whole = np.zeros((height, width, *picture.shape[2:]), np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    whole[top : top + size[1], left : left + size[0]] = scaled
    return whole


def evened(picture: Pixels) -> Pixels:
    """A picture of even sides, as 4:2:0 has them: an odd one repeats its last row or column."""
    rows, columns = picture.shape[0] % 2, picture.shape[1] % 2
    if not rows and not columns:
        return picture
    rest = [(0, 0)] * (picture.ndim - 2)
    return np.pad(picture, [(0, rows), (0, columns), *rest], mode="edge")
