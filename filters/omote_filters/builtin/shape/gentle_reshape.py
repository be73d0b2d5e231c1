"""Gentle reshape."""

from __future__ import annotations

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.warp import WarpField
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_JAW = ((58, 288), (172, 397), (136, 365), (150, 379))
"""Pairs of points along the jaw, the person's right and left, from the ears towards the chin."""
_NOSE = ((129, 358), (49, 279))
"""The wings of the nose, and above them."""
_JAW_REACH, _NOSE_REACH = 0.3, 0.13
"""How far around each point anything moves, in widths of the face."""
_JAW_MOST, _NOSE_MOST = 0.04, 0.05
"""How far a point moves towards its partner at most, in parts of the way between them."""


class GentleReshape(Filter):
    """A slightly slimmer or fuller jaw and nose."""

    id = "gentle_reshape"
    name = "Gentle reshape"
    appearance = Appearance.BEAUTIFY
    stage = Stage.WARP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How much; the range is small on purpose."""

        jaw: float = slider(0.5, -1, 1, label="Jaw", hint="Slimmer; less than 0 is fuller")
        nose: float = slider(0.4, -1, 1, label="Nose", hint="Slimmer; less than 0 is wider")

    def apply(self, scene: Scene) -> None:
        """Reshape every face."""
        settings: GentleReshape.Settings = self.settings
        for face in filter(drawable, scene.faces):
            _narrow(scene.warp, face, _JAW, _JAW_REACH, _JAW_MOST * settings.jaw)
            _narrow(scene.warp, face, _NOSE, _NOSE_REACH, _NOSE_MOST * settings.nose)


def _narrow(
    warp: WarpField,
    face: Face,
    pairs: tuple[tuple[int, int], ...],
    reach: float,
    amount: float,
) -> None:
    """Move pairs of points towards each other, as far as each is seen apart.

    A head that turns away shortens the way by itself, so that the far side is not dragged in.
    """
    if amount == 0:
        return
    radius = reach * face.width
    for pair in pairs:
        right, left = face.points[list(pair)]
        way = np.asarray((left - right) * amount)
        warp.push(right, radius, way)
        warp.push(left, radius, -way)
