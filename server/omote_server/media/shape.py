"""Upright, of square pixels, of one size: the shape in which filters see a video."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import cv2
import numpy as np

from omote_server.frames.codec import Pixels

_MOST_STRETCHED = 4
"""Pixels that claim to be longer than so many times their width are a mistake of the file."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How a picture is turned to be upright: its axes swapped first, then each reversed.

    Attributes:
        swapped: rows become columns.
        reversed_x: left becomes right, after that.
        reversed_y: top becomes bottom, after that.
    """

    swapped: bool = False
    reversed_x: bool = False
    reversed_y: bool = False

    @classmethod
    def of_matrix(cls, matrix: bytes) -> Self:
        """That of a display matrix, nine integers of the machine; the nearest of the eight."""
        if len(matrix) < 36:
            return cls()
        # A point (x, y) is shown at (a·x + c·y, b·x + d·y); y grows downwards.
        a, b, _, c, d = struct.unpack("=5i", matrix[:20])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def upright(self, picture: Pixels) -> Pixels:
        """A picture, (height, width, …), turned; contiguous."""
        turned = picture.swapaxes(0, 1) if self.swapped else picture
        turned = turned[:, ::-1] if self.reversed_x else turned
        turned = turned[::-1] if self.reversed_y else turned
        return np.ascontiguousarray(turned)

    def __bool__(self) -> bool:
        return self.swapped or self.reversed_x or self.reversed_y

    def __str__(self) -> str:
        mirrored = self.reversed_x ^ self.reversed_y ^ self.swapped
        if mirrored:
            return "mirrored"
        if not self.swapped:
            return "turned by 180°"
        return "turned by 90°" if self.reversed_x else "turned by 270°"


def square(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The sides at which pixels of an aspect become square ones; nothing is made smaller.

    Args:
        width, height: as coded.
        aspect: width of a pixel over its height; None or nonsense is 1.
    """
    if not aspect or not Fraction(1, _MOST_STRETCHED) <= aspect <= _MOST_STRETCHED:
        return width, height
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)


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
