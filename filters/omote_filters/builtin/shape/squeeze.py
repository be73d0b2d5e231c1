"""Squeezed faces."""

from __future__ import annotations

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face
from omote_models.landmarks import CHIN, FOREHEAD_TOP

_SIDES = (132, 361)
_PUSH, _REACH = 0.2, 0.74
"""How far a side of the face moves, and how far around it anything does, in face widths."""
_LONGER = 0.45
"""How far the chin moves along with it."""


class Squeeze(Filter):
    """A face pressed together from both sides, or blown up like a balloon."""

    id = "squeeze"
    name = "Squeeze"
    appearance = Appearance.NOVELTY
    stage = Stage.WARP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which way, and how far."""

        amount: float = slider(0.8, -1, 1, label="Amount", hint="Above 0 narrower, below wider")

    def apply(self, scene: Scene) -> None:
        """Squeeze every face."""
        if self.settings.amount == 0:
            return
        for face in filter(drawable, scene.faces):
            _squeeze(scene, face, self.settings.amount)


def _squeeze(scene: Scene, face: Face, amount: float) -> None:
    points, reach = face.points, _REACH * face.width
    right, left = (points[i].astype(np.float64) for i in _SIDES)
    inwards = (left - right) / max(face.width, 1e-6)
    push = inwards * (amount * _PUSH * face.width)
    scene.warp.push(right, reach, push)
    scene.warp.push(left, reach, -push)
    chin, top = points[CHIN].astype(np.float64), points[FOREHEAD_TOP]
    length = max(float(np.linalg.norm(chin - top)), 1e-6)
    down = (chin - top) / length * (amount * _LONGER * _PUSH * face.width)
    scene.warp.push(chin, reach, down)
