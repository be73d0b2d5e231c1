"""Faces behind a plain shape."""

from __future__ import annotations

import numpy as np

from omote_filters.cover import Cover, Covers
from omote_filters.draw.blend import mix
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, colour, rgb
from omote_filters.words import Appearance, Need, Stage

_EDGE_PX = 1.5


class SolidFace(Filter):
    """Hides who somebody is behind an opaque oval of one colour: nothing of the face is left."""

    id = "solid_face"
    name = "Solid face"
    appearance = Appearance.ANONYMISE
    stage = Stage.GRADE
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which colour."""

        colour: str = colour("#1f2430", label="Colour", hint="Of the oval that hides the face")

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._covers = Covers()

    def apply(self, scene: Scene) -> None:
        """Cover every face, and for a while the place where one was last seen."""
        for _, cover in self._covers.over(scene):
            _fill(scene, cover, rgb(self.settings.colour))


def _fill(scene: Scene, cover: Cover, shade: tuple[int, int, int]) -> None:
    feather = _EDGE_PX / max(min(cover.axes), _EDGE_PX)
    rect = scene.rect(cover.scaled(1 + feather).box)
    view = scene.edit(rect)
    if view.size:
        plain = np.full((rect.height, rect.width, 3), shade, np.uint8)
        mix(view, plain, cover.mask(rect, feather))
