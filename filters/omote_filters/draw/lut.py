"""Colour look-up tables: from .cube files or from a function, applied to whole pictures.

A table of n³ colours is interpolated by tetrahedra (Sakamoto and Itasaki, 1981), which keeps
greys grey, at 64³ nodes once. A picture then takes, for each pixel, an exact curve for each
channel and, from the nearest of those nodes, what the table changes beyond the curves. The
curves hold the steep part, so that a gradient shows no steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.scene import Picture

Colours = NDArray[np.float32]
"""(n, 3) float32 RGB, 0 to 1, as in the file: not linear light."""

Triple = tuple[float, ...]

LARGEST = 65
_SIZES = frozenset(map(str, range(2, LARGEST + 1)))
MOST_BYTES = 16 * 1024 * 1024
_MOST_LINES = LARGEST**3 + 10_000
_LONGEST_NUMBER = 64
_LARGEST_VALUE = 1e4
_NARROWEST = 1e-4
_BITS = 6
_NODES = 1 << _BITS


class CubeError(ValueError):
    """A .cube file that cannot be used; the text says where and what to mend."""


@dataclass(frozen=True, slots=True, eq=False)
class Lut:
    """A table ready to be applied.

    Attributes:
        curves: (1, 256, 3) uint8, what becomes of each grey.
        rest: (64³,) uint32, red, green and blue in the lower bytes: half of what is added to the
            curves for colours near a node, 128 for nothing.
    """

    curves: NDArray[np.uint8]
    rest: NDArray[np.uint32]

    @classmethod
    def of(cls, look: Callable[[Colours], Colours]) -> Lut:
        """A table from a function of colours."""
        greys = np.repeat(np.arange(256, dtype=np.float32)[:, None] / 255, 3, axis=1)
        curves = np.clip(look(np.asarray(greys, np.float32)), 0, 1) * 255
        steps = (np.arange(_NODES, dtype=np.float32) + 0.5) * (256 / _NODES) - 0.5
        red, green, blue = np.meshgrid(steps, steps, steps, indexing="ij")
        nodes = np.stack((red.ravel(), green.ravel(), blue.ravel()), axis=1)
        wanted = np.clip(look(np.asarray(nodes / 255, np.float32)), 0, 1) * 255
        along = [np.interp(nodes[:, c], np.arange(256), curves[:, c]) for c in range(3)]
        rest = np.clip(np.rint((wanted - np.stack(along, axis=1)) / 2 + 128), 0, 255)
        packed = rest.astype(np.uint32) @ np.array((1, 1 << 8, 1 << 16), np.uint32)
        return cls(np.rint(curves).astype(np.uint8)[None], packed.astype(np.uint32))

    @classmethod
    def of_cube(cls, text: str) -> Lut:
        """A table from the text of a .cube file (Adobe, Cube LUT Specification 1.0, 2013).

        Raises:
            CubeError: it is not a 3D table of 2 to 65 nodes a side, or it is damaged.
        """
        return cls.of(parse_cube(text).at)

    def graded(self, picture: Picture) -> Picture:
        """A picture, (height, width, 3) uint8 RGB, in new colours; the argument is unchanged."""
        place = _places(picture)
        rest = self.rest.take(place, mode="clip").view(np.uint8).reshape(*place.shape, 4)
        change = cv2.cvtColor(rest, cv2.COLOR_RGBA2RGB)
        curved = cv2.LUT(picture, self.curves)
        return np.asarray(cv2.addWeighted(curved, 1, change, 2, -256), np.uint8)


def _places(picture: Picture) -> NDArray[np.int32]:
    """Where in `Lut.rest` the node of each pixel stands, (height, width)."""
    red, green, blue = (np.asarray(plane, np.uint8) for plane in cv2.split(picture))
    place = (red >> (8 - _BITS)).astype(np.int32)
    for channel in (green, blue):
        place <<= _BITS
        place |= channel >> (8 - _BITS)
    return np.asarray(place, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Cube:
    """The nodes of a .cube file.

    Attributes:
        nodes: (n, n, n, 3) float32 RGB, indexed by blue, green and red.
        low: (3,) float32, the colour of the first node.
        high: (3,) float32, the colour of the last.
    """

    nodes: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]

    def at(self, colours: Colours) -> Colours:
        """Colours, (n, 3), through the table, interpolated by tetrahedra; clamped to its ends."""
        last = len(self.nodes) - 1
        scaled = np.clip((colours - self.low) / (self.high - self.low), 0, 1) * last
        base = np.minimum(scaled.astype(np.int32), last - 1)
        part = scaled - base
        # From the base corner to the far one along the channels, the largest part first.
        order = np.argsort(-part, axis=1, kind="stable")
        parts = np.take_along_axis(part, order, axis=1)
        corner = base.copy()
        result = self._node(corner) * (1 - parts[:, :1])
        rows = np.arange(len(corner))
        for step in range(3):
            corner[rows, order[:, step]] += 1
            weight = parts[:, step] - (parts[:, step + 1] if step < 2 else 0)
            result += self._node(corner) * weight[:, None]
        return np.asarray(result, np.float32)

    def _node(self, corner: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.asarray(self.nodes[corner[:, 2], corner[:, 1], corner[:, 0]])


def parse_cube(text: str) -> Cube:
    """Read a .cube file.

    Raises:
        CubeError: it is not a 3D table of 2 to 65 nodes a side, or it is damaged.
    """
    if len(text) > MOST_BYTES:
        raise CubeError(f"the file is larger than {MOST_BYTES // 2**20} MiB")
    lines = text.lstrip("\ufeff").splitlines()
    if len(lines) > _MOST_LINES:
        raise CubeError(f"it has more than {_MOST_LINES:,} lines; take out its comments")
    table = _Table()
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split()
        try:
            if words and words[0] != "TITLE":
                table.take(words)
        except CubeError as error:
            raise CubeError(f"line {number}: {error}") from None
    return table.cube()


class _Table:
    """What the lines of a file have said so far."""

    def __init__(self) -> None:
        self._size = 0
        self._rows: list[Triple] = []
        self._ends: dict[str, Triple] = {"DOMAIN_MIN": (0.0,) * 3, "DOMAIN_MAX": (1.0,) * 3}

    def take(self, words: list[str]) -> None:
        first = words[0]
        if first == "LUT_3D_SIZE":
            if self._size:
                raise CubeError("LUT_3D_SIZE stands here a second time")
            self._size = _size(words)
        elif first in self._ends:
            self._ends[first] = _triple(words[1:])
        elif first.startswith("LUT_1D"):
            raise CubeError("this is a 1D table; a 3D one is needed (LUT_3D_SIZE)")
        elif first[0].isalpha() and first.lower() not in ("nan", "inf", "infinity"):
            raise CubeError(f"the keyword {first[:40]!r} is not known")
        elif not self._size:
            raise CubeError("a colour stands before LUT_3D_SIZE")
        elif len(self._rows) == self._size**3:
            raise CubeError(f"more than {self._size}³ = {self._size**3} colours")
        else:
            self._rows.append(_triple(words))

    def cube(self) -> Cube:
        size, rows = self._size, self._rows
        if not size:
            raise CubeError("there is no LUT_3D_SIZE: this is not a 3D .cube file")
        if len(rows) != size**3:
            raise CubeError(f"{len(rows)} colours where LUT_3D_SIZE {size} asks for {size**3}")
        low, high = (np.array(self._ends[end], np.float32) for end in ("DOMAIN_MIN", "DOMAIN_MAX"))
        # Compared as they are stored: what differs in the text may be equal here.
        if not (high - low >= _NARROWEST).all():
            raise CubeError(f"DOMAIN_MIN must lie at least {_NARROWEST} below DOMAIN_MAX")
        return Cube(np.array(rows, np.float32).reshape(size, size, size, 3), low, high)


def _size(words: list[str]) -> int:
    given = words[1] if len(words) == 2 else ""
    if given not in _SIZES:
        raise CubeError(f"LUT_3D_SIZE must be a whole number from 2 to {LARGEST}")
    return int(given)


def _triple(words: list[str]) -> Triple:
    try:
        values = tuple(float(word) for word in words[:4] if len(word) <= _LONGEST_NUMBER)
    except ValueError:
        values = ()
    if not len(values) == len(words) == 3 or not all(
        abs(value) < _LARGEST_VALUE for value in values
    ):
        raise CubeError("three finite numbers are needed")
    return values
