"""What of a picture shows, where its sender left parts of it clear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote_filters.rect import Rect
from omote_filters.warp import WarpField
from omote_filters.words import Stage

Picture = NDArray[np.uint8]

IN_FRONT = frozenset({Stage.PROP, Stage.STICKER, Stage.PARTICLES, Stage.MARK})
"""Stages whose filters put something before the picture: it shows where the picture does not.
Others change what is there, and what did not show does not show then."""

_NOTHING = (126, 127, 129)
"""The colour of what does not show, while filters draw. Hardly anything is drawn in just this
grey, so that whatever is drawn over it can be told from it."""
_STEEP = 32
"""A colour that changed by 8 of 255 is there wholly; below that are the edges of what was drawn."""


class Alpha:
    """The alpha of one picture in the hands of a chain.

    It stays as it came, but that warps carry it along with the colours, and that it rises where
    something is drawn in front of the picture.

    Attributes:
        values: (height, width) uint8, 0 where nothing shows.
    """

    def __init__(self, picture: Picture, values: Picture) -> None:
        """Take over both, before anybody looks: what nobody sees becomes grey, faces too.

        Args:
            picture: (height, width, 3) uint8 RGB.
            values: (height, width) uint8.

        Raises:
            ValueError: they are not of one size.
        """
        if values.shape != picture.shape[:2]:
            raise ValueError("alpha is an array (height, width) of uint8, as large as the picture")
        self.values = values
        self._clear = values == 0
        self._colours = picture[self._clear]
        picture[self._clear] = _NOTHING

    def raise_over(self, picture: Picture, area: Rect, before: Picture) -> None:
        """Let show what was drawn in an area, by what it held before."""
        changed = np.abs(picture[area.slices].astype(np.int16) - before).max(axis=2)
        there = np.minimum(changed * _STEEP, 255).astype(np.uint8)
        part = self.values[area.slices]
        np.maximum(part, there, out=part)

    def bend(self, warp: WarpField, area: Rect) -> None:
        """Carry it where a warp carries the colours."""
        warp.draw(self.values[area.slices], (area.left, area.top))

    def restore(self, picture: Picture) -> None:
        """Put the colours back that do not show, and still do not."""
        still = self._clear & (self.values == 0)
        picture[still] = self._colours[still[self._clear]]
