"""Alien head."""

from __future__ import annotations

import math

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face
from omote_models.landmarks import CHIN, FOREHEAD_TOP, LEFT_EYE, RIGHT_EYE

_CRANIUM, _EYES, _JAW = 0.56, 0.4, -0.55


class AlienHead(Filter):
    """A huge cranium over large eyes and a tiny chin."""

    id = "alien_head"
    name = "Alien head"
    appearance = Appearance.NOVELTY
    stage = Stage.WARP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How alien."""

        amount: float = slider(0.8, 0, 1, label="Amount", hint="How far from home")

    def apply(self, scene: Scene) -> None:
        """Make an alien of every face."""
        for face in filter(drawable, scene.faces):
            _swell(scene, face, self.settings.amount)


def _swell(scene: Scene, face: Face, amount: float) -> None:
    warp, width = scene.warp, face.width
    top, chin = (face.points[i].astype(np.float64) for i in (FOREHEAD_TOP, CHIN))
    length = max(float(np.linalg.norm(face.landmarks[CHIN] - face.landmarks[FOREHEAD_TOP])), 1e-6)
    right, down = ((chin - top) / length).tolist()
    angle = math.atan2(down, right) - math.pi / 2
    up = np.array((right, down)) * length
    warp.magnify(top - 0.04 * up, (1.0 * width, 0.72 * length), amount * _CRANIUM, angle)
    warp.magnify(chin - 0.12 * up, (0.66 * width, 0.44 * length), amount * _JAW, angle)
    warp.push(chin, 0.55 * width, -up * (0.1 * amount))
    for ring in (LEFT_EYE, RIGHT_EYE):
        corners = face.points[[ring[0], ring[8]]].astype(np.float64)
        seen = max(float(np.linalg.norm(corners[1] - corners[0])), 0.1 * width)
        warp.magnify(corners.mean(axis=0), (1.05 * seen, 0.19 * width), amount * _EYES, angle)
