"""How a picture must be turned to be upright, and back."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Area = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are the first outside."""

ROTATIONS = (0, 90, 180, 270)
_ROTATED = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True, slots=True)
class Turn:
    """Turned clockwise by quarters first, then mirrored left to right.

    Attributes:
        quarters: 0 to 3.
        mirrored: whether left and right change sides after that.
    """

    quarters: int = 0
    mirrored: bool = False

    @classmethod
    def of(cls, degrees: int, mirrored: bool = False) -> Turn:
        """Clockwise by some of `ROTATIONS`."""
        return cls(degrees // 90 % 4, mirrored)

    @classmethod
    def of_exif(cls, orientation: int) -> Turn:
        """What EXIF's orientation, 1 to 8, asks for; anything else is 1, upright."""
        return _OF_EXIF.get(orientation, cls())

    def then(self, other: Turn) -> Turn:
        """This one first, then another."""
        # Whoever turns a mirrored picture turns the one in the mirror the other way.
        quarters = self.quarters + (-other.quarters if self.mirrored else other.quarters)
        return Turn(quarters % 4, self.mirrored is not other.mirrored)

    @property
    def back(self) -> Turn:
        """The one that undoes it."""
        return self if self.mirrored else Turn(-self.quarters % 4)

    def upright(self, pixels: Pixels) -> Pixels:
        """A picture, (height, width) or (height, width, channels), after the turn.

        The array itself where there is nothing to do, else a C-contiguous copy.
        """
        if self.quarters == 1 and self.mirrored:
            return _array(cv2.transpose(pixels))
        if self.quarters == 2 and self.mirrored:
            return _array(cv2.flip(pixels, 0))
        if self.quarters:
            pixels = _array(cv2.rotate(pixels, _ROTATED[self.quarters]))
        return _array(cv2.flip(pixels, 1)) if self.mirrored else pixels

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after the turn."""
        return (height, width) if self.quarters % 2 else (width, height)

    def area(self, area: Area, width: int, height: int) -> Area:
        """Where an area of a picture of that size lies after the turn."""
        left, top, right, bottom = area
        for _ in range(self.quarters):
            left, top, right, bottom = height - bottom, left, height - top, right
            width, height = height, width
        return (
            (width - right, top, width - left, bottom)
            if self.mirrored
            else (left, top, right, bottom)
        )


_OF_EXIF = {
    1: Turn(0),
    2: Turn(0, mirrored=True),
    3: Turn(2),
    4: Turn(2, mirrored=True),
    5: Turn(1, mirrored=True),
    6: Turn(1),
    7: Turn(3, mirrored=True),
    8: Turn(3),
}

_ORIENTATION = 0x112
_MOST_ENTRIES = 512


def exif_turn(exif: bytes) -> Turn:
    """What EXIF, with or without its name before it, says of the picture; upright by default."""
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 14:
        return Turn()
    table = struct.unpack_from(f"{order}I", block, 4)[0]
    if table + 2 > len(block):
        return Turn()
    count = min(struct.unpack_from(f"{order}H", block, table)[0], _MOST_ENTRIES)
    for at in range(table + 2, min(table + 2 + 12 * count, len(block) - 11), 12):
        tag, kind = struct.unpack_from(f"{order}HH", block, at)
        if tag == _ORIENTATION:
            # Some write it as a long number, against the rules.
            number = struct.unpack_from(f"{order}{'I' if kind == 4 else 'H'}", block, at + 8)[0]
            return Turn.of_exif(number)
    return Turn()


def _array(pixels: object) -> Pixels:
    return np.asarray(pixels, np.uint8)
