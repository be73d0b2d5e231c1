"""A solid head in place of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.expression import Expression, Expressions
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.render import SolidPainter, lack
from omote_filters.draw.rig import FaceRig
from omote_filters.draw.solid import Material, Solid, ball, lathe, merged, rotation, tube
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import FloatArray
from omote_models.landmarks import LEFT_EYE, LIPS_INNER, RIGHT_EYE
from omote_models.mesh import canonical_mesh

_MOST_FACES = 4
_EYES = ((3.15, 2.55, 2.55), (-3.15, 2.55, 2.55))
"""Middles of the eyeballs, the person's left first, cm."""
_EYE_RADIUS = 1.32
_GAZE = 24.0
_DARK = Material((0.09, 0.02, 0.02), rough=0.8)
_TEETH = Material((0.85, 0.83, 0.78), rough=0.3)


@dataclass(frozen=True, slots=True)
class _Look:
    skin: Material
    trim: Material
    white: Material
    iris: Material


_PUPIL = Material((0.01, 0.01, 0.012), rough=0.15)
_LOOKS = {
    "clay": _Look(
        Material((0.62, 0.33, 0.2), rough=0.7),
        Material((0.36, 0.17, 0.1), rough=0.75),
        Material((0.85, 0.85, 0.83), rough=0.2),
        Material((0.1, 0.3, 0.42), rough=0.15),
    ),
    "gold": _Look(
        Material((1.0, 0.7, 0.28), metal=1.0, rough=0.3),
        Material((0.8, 0.45, 0.12), metal=1.0, rough=0.35),
        Material((0.9, 0.85, 0.7), metal=0.6, rough=0.25),
        Material((0.25, 0.12, 0.02), metal=0.5, rough=0.2),
    ),
    "marble": _Look(
        Material((0.8, 0.79, 0.77), rough=0.35),
        Material((0.72, 0.71, 0.7), rough=0.4),
        Material((0.78, 0.77, 0.76), rough=0.3),
        Material((0.6, 0.59, 0.58), rough=0.3),
    ),
    "robot": _Look(
        Material((0.55, 0.6, 0.68), metal=1.0, rough=0.36),
        Material((0.12, 0.13, 0.15), metal=0.6, rough=0.45),
        Material((0.02, 0.025, 0.03), rough=0.1),
        Material((0.02, 0.2, 0.25), rough=0.2, glow=(0.05, 0.9, 1.0)),
    ),
}


class Head3d(Filter):
    """A head of clay, gold, marble or steel that looks, blinks, talks and turns with the face.

    It has the same features whoever wears it. Hair and ears may show around it: it is for play;
    to hide who somebody is, take an anonymise filter such as `puppet`. It needs OpenGL 3.3.
    """

    id = "head_3d"
    name = "3D head"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """What it is made of."""

        material: Literal["clay", "gold", "marble", "robot"] = choice("clay", label="Material")

    @classmethod
    def lack(cls) -> str:
        """What this machine lacks for it."""
        return lack()

    def start(self) -> None:
        """Prepare OpenGL and the rig."""
        self._painter = SolidPainter()
        self._expressions = Expressions()
        self._rig = FaceRig()
        self._skin = _open_triangles()
        self._still: dict[str, list[Solid]] = {}

    def apply(self, scene: Scene) -> None:
        """Put it on every face."""
        look = _LOOKS[self.settings.material]
        if self.settings.material not in self._still:
            self._still = {self.settings.material: merged(_skull(look))}
        still = self._still[self.settings.material]
        for face in [face for face in scene.faces if drawable(face)][:_MOST_FACES]:
            self._expressions.follow(face, scene.elapsed)
            shown = self._expressions.of(face.track_id)
            skin = Solid.of(self._rig.posed(shown), self._skin, look.skin)
            jaw = min(shown.mouth, 1.2)
            small = [*_mouth(jaw), *_eyes(look, shown), *_brows(look, skin.points)]
            solids = [skin, *still, *merged(small)]
            head = HeadFrame.of(face)
            self._painter.draw(scene, face, head, solids, occluded=False, shadow=False)


@lru_cache(maxsize=64)
def _ball(radius: float, material: Material) -> Solid:
    return ball(radius, material, 18)


def _open_triangles() -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """The face's triangles without those that close the eyes and the mouth."""
    triangles = canonical_mesh().triangles
    for hole in (LEFT_EYE, RIGHT_EYE, LIPS_INNER):
        triangles = triangles[~np.isin(triangles, hole).all(axis=1)]
    return triangles


def _skull(look: _Look) -> list[Solid]:
    """The head behind the face: cranium, ears and neck."""
    shape = ball(1.0, look.skin, 30)
    points = shape.points * np.array((7.9, 10.4, 8.8), np.float32)
    # Flatter in front, where the face lies; on the forehead they meet.
    front = np.interp(points[:, 1], (0.0, 5.5), (0.5, 0.84)).astype(np.float32)
    points[:, 2] = np.where(points[:, 2] > 0, points[:, 2] * front, points[:, 2])
    cranium = Solid.of(points + np.array((0, 3.2, -2.6), np.float32), shape.triangles, look.skin)
    throat = [(4.9, -14.0), (4.6, -12.5), (4.6, -8.0), (5.4, -4.0)]
    neck = lathe(throat, look.skin).moved(0, 0, -3.5)
    ears = []
    for side in (-1, 1):
        pinna = ball(1.0, look.skin, 16)
        pinna = replace(pinna, points=pinna.points * np.array((0.7, 2.6, 1.6), np.float32))
        ears.append(pinna.moved(7.9 * side, 1.0, -2.8, turn=(-12, 18 * side, 0)))
    return [cranium, neck, *ears]


def _mouth(jaw: float) -> list[Solid]:
    """What is seen between open lips."""
    if jaw < 0.04:
        return []
    cave = _ball(1.0, _DARK)
    cave = replace(cave, points=cave.points * np.array((2.6, 1.2 + 1.6 * jaw, 1.6), np.float32))
    teeth = _ball(1.0, _TEETH)
    teeth = replace(teeth, points=teeth.points * np.array((2.2, 0.45, 1.1), np.float32))
    return [cave.moved(0, -4.3 - 1.2 * jaw, 2.3), teeth.moved(0, -3.6, 3.7)]


def _eyes(look: _Look, shown: Expression) -> list[Solid]:
    parts = []
    for x, y, z in _EYES:
        turn = (-_GAZE * shown.look_up, _GAZE * shown.look_right, 0.0)
        ahead = rotation(*turn) @ np.array((0.0, 0.0, 1.0), np.float32)
        parts.append(_ball(_EYE_RADIUS, look.white).moved(x, y, z))
        for radius, out, material in ((0.62, 0.93, look.iris), (0.32, 1.2, _PUPIL)):
            disc = _ball(radius, material)
            at = np.array((x, y, z)) + ahead * (out * _EYE_RADIUS - 0.45 * radius)
            parts.append(disc.moved(*at.tolist()))
    return parts


def _brows(look: _Look, points: FloatArray) -> list[Solid]:
    """Rods along the landmarks of the brows."""
    paths = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))
    radii = np.array((0.16, 0.36, 0.42, 0.42, 0.3))
    return [
        tube(points[list(path)] + np.array((0, 0.1, 0.25), np.float32), radii, look.trim, 10)
        for path in paths
    ]
