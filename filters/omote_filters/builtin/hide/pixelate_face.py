"""Pixelated faces."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.cover import HOLD_S, Cover, Covers
from omote_filters.filter import Filter
from omote_filters.rect import Rect
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

__all__ = ["HOLD_S", "PixelateFace"]

_SMALLEST_BLOCK = 6.0


class PixelateFace(Filter):
    """Hides who somebody is behind large blocks."""

    id = "pixelate_face"
    name = "Pixelate face"
    appearance = Appearance.ANONYMISE
    stage = Stage.GRADE
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How coarse. No value shows who it is."""

        blocks: float = slider(
            8, 3, 10, label="Blocks", hint="Blocks across the face; fewer hide more", step=1
        )

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._covers = Covers()

    def apply(self, scene: Scene) -> None:
        """Cover every face, and for a while the place where one was last seen."""
        for _, cover in self._covers.over(scene):
            _pixelate(scene, cover, self.settings.blocks)


def _pixelate(scene: Scene, cover: Cover, blocks: float) -> None:
    rect = scene.rect(cover.box)
    view = scene.edit(rect)
    if not view.size:
        return
    side = max(cover.width / blocks, _SMALLEST_BLOCK)
    grid = (math.ceil(rect.width / side), math.ceil(rect.height / side))
    size = (rect.width, rect.height)
    mosaic = cv2.resize(view, grid, interpolation=cv2.INTER_AREA)
    hidden = _touched(cover, rect, grid).astype(np.uint8)
    cv2.copyTo(
        cv2.resize(mosaic, size, interpolation=cv2.INTER_NEAREST),
        cv2.resize(hidden, size, interpolation=cv2.INTER_NEAREST),
        view,
    )


def _touched(cover: Cover, rect: Rect, grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Which cells of a grid over a rectangle the cover touches, (rows, columns)."""
    step_x, step_y = rect.width / grid[0], rect.height / grid[1]
    x = np.asarray(rect.left + (np.arange(grid[0]) + 0.5) * step_x, np.float32)
    y = np.asarray(rect.top + (np.arange(grid[1]) + 0.5) * step_y, np.float32)
    return np.asarray(cover.distance(x, y[:, None], math.hypot(step_x, step_y) / 2) <= 1)
