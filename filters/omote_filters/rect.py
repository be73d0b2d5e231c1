"""Whole pixels of a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from omote_models.face import Box


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle of whole pixels inside a picture; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def clip(cls, box: Box, width: int, height: int) -> Rect:
        """The pixels of a picture that a box touches; empty when it lies outside."""
        if not math.isfinite(box.x + box.y + box.width + box.height):
            return cls(0, 0, 0, 0)
        left, top = max(0, math.floor(box.x)), max(0, math.floor(box.y))
        right = min(width, math.ceil(box.x + box.width))
        bottom = min(height, math.ceil(box.y + box.height))
        return cls(left, top, right, bottom) if right > left and bottom > top else cls(0, 0, 0, 0)

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.bottom - self.top

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.width == 0 or self.height == 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index a picture with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def union(self, other: Rect) -> Rect:
        """The smallest rectangle around both."""
        return Rect(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def meets(self, other: Rect) -> bool:
        """Whether they share a pixel or an edge."""
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )


def joined(rects: Iterable[Rect]) -> list[Rect]:
    """Rectangles that cover the same pixels and more; no two of them meet."""
    apart: list[Rect] = []
    for rect in rects:
        grown = rect
        while meeting := [other for other in apart if other.meets(grown)]:
            for other in meeting:
                apart.remove(other)
                grown = grown.union(other)
        apart.append(grown)
    return apart
