"""Big mouth."""

from __future__ import annotations

import math

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face
from omote_models.landmarks import LIPS_OUTER

_STRONGEST = 0.68
_ACROSS, _DOWN = 1.0, 0.78
"""The ellipse's radii in widths of the mouth: it ends before the eyes."""
_OPENING = 0.55
"""How much of an open mouth's height is added to the radius down."""
_NARROWEST = 0.5


class BigMouth(Filter):
    """A mouth that is much too large, and larger still when it opens."""

    id = "big_mouth"
    name = "Big mouth"
    appearance = Appearance.NOVELTY
    stage = Stage.WARP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How large."""

        amount: float = slider(0.8, 0, 1, label="Amount", hint="How large the mouth becomes")

    def apply(self, scene: Scene) -> None:
        """Enlarge the mouth of every face."""
        for face in filter(drawable, scene.faces):
            self._magnify(scene, face)

    def _magnify(self, scene: Scene, face: Face) -> None:
        right, left = face.landmarks[61], face.landmarks[291]
        across, down, _ = (left - right).tolist()
        width = max(float(np.linalg.norm(left - right)), 0.3 * face.width)
        height = float(np.linalg.norm(face.points[17] - face.points[0]))
        seen = max(math.hypot(across, down), _NARROWEST * width)
        radii = (_ACROSS * seen, _DOWN * width + _OPENING * height)
        centre = face.points[list(LIPS_OUTER)].mean(axis=0)
        amount = self.settings.amount * _STRONGEST
        scene.warp.magnify(centre, radii, amount, math.atan2(down, across))
