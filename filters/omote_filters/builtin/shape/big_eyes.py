"""Big eyes."""

from __future__ import annotations

import math

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.warp import WarpField
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face
from omote_models.landmarks import LEFT_EYE, RIGHT_EYE

_STRONGEST = 0.62
_ACROSS, _DOWN = 1.05, 0.86
"""The ellipse's radii in widths of the eye: it ends at the brow and before the nose's ridge."""
_NARROWEST = 0.45


class BigEyes(Filter):
    """Eyes as large as a cartoon's."""

    id = "big_eyes"
    name = "Big eyes"
    appearance = Appearance.NOVELTY
    stage = Stage.WARP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How large."""

        amount: float = slider(0.75, 0, 1, label="Amount", hint="How large the eyes become")

    def apply(self, scene: Scene) -> None:
        """Enlarge both eyes of every face."""
        for face in filter(drawable, scene.faces):
            for ring in (LEFT_EYE, RIGHT_EYE):
                _magnify(scene.warp, face, ring, self.settings.amount * _STRONGEST)


def _magnify(warp: WarpField, face: Face, ring: tuple[int, ...], amount: float) -> None:
    # The first of a ring is the outer corner, the ninth the inner.
    corners = face.landmarks[[ring[0], ring[8]]]
    right, down, _ = (corners[1] - corners[0]).tolist()
    width = float(np.linalg.norm(corners[1] - corners[0]))
    across = _ACROSS * max(math.hypot(right, down), _NARROWEST * width)
    centre = face.points[list(ring)].mean(axis=0)
    warp.magnify(centre, (across, _DOWN * width), amount, math.atan2(down, right))
