"""A face of one's own that blendshapes move: the canonical mesh with a few deformations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from omote_filters.draw.expression import Expression
from omote_filters.draw.solid import rotation
from omote_models.face import FloatArray
from omote_models.landmarks import FACE_OVAL, LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from omote_models.mesh import canonical_mesh

_HINGE = np.array((0.0, 0.5, -1.5))
"""The jaw turns about this axis, left to right, cm."""
_JAW_MOST = 19.0
_UPPER_LIP = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
)
_LOWER_LIP = (146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324)
_CHIN = (152, 148, 176, 377, 400, 199, 200, 18, 175, 171, 396)
_CORNERS = {"right": (61, 78, 185, 146, 57), "left": (291, 308, 409, 375, 287)}
_NOSE = (1, 2, 4, 5, 98, 327, 168, 6, 197, 195)
_UPPER_LIDS = {
    "right": ((246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155)),
    "left": ((466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382)),
}
"""Of each eye the upper lid's edge, and for each of its points the one below."""


class FaceRig:
    """Deforms the canonical face.

    How far each vertex follows is harmonic: given at some vertices, it spreads over the mesh as
    heat does (the Laplace equation on the mesh's edges), so that nothing tears or creases.
    """

    def __init__(self) -> None:
        mesh = canonical_mesh()
        self.rest = mesh.vertices.astype(np.float64)
        self._jaw, self._shifts = _deformations()

    def posed(self, shown: Expression) -> FloatArray:
        """(468, 3) float32, cm, in the head's frame."""
        points = self.rest.copy()
        amounts = {
            "smile_left": shown.smile,
            "smile_right": shown.smile,
            "pucker": shown.pucker,
            "brow_left": shown.brow_left,
            "brow_right": shown.brow_right,
            "blink_left": shown.blink_left,
            "blink_right": shown.blink_right,
        }
        for name, amount in amounts.items():
            points += amount * self._shifts[name]
        turn = rotation(_JAW_MOST * min(shown.mouth, 1.2), 0, 0)
        opened = (points - _HINGE) @ turn.T + _HINGE
        points += self._jaw[:, None] * (opened - points)
        return np.asarray(points, np.float32)


@lru_cache(maxsize=1)
def _deformations() -> tuple[FloatArray, Mapping[str, FloatArray]]:
    mesh = canonical_mesh()
    rest = mesh.vertices.astype(np.float64)
    still = {*LEFT_EYE, *RIGHT_EYE, *_NOSE, *FACE_OVAL[:7], *FACE_OVAL[-7:]}
    moving = dict.fromkeys((*_LOWER_LIP, *_CHIN), 1.0)
    jaw = _spread(dict.fromkeys(still | set(_UPPER_LIP), 0.0) | moving)
    shifts: dict[str, FloatArray] = {}
    frame = dict.fromkeys(still | set(_CHIN) | set(FACE_OVAL), 0.0)
    for side, sign in (("right", -1), ("left", 1)):
        other = "left" if side == "right" else "right"
        here = dict.fromkeys(_CORNERS[side], 1.0) | dict.fromkeys(_CORNERS[other], 0.0)
        middle = dict.fromkeys((0, 13, 14, 17), 0.0)
        weight = _spread(frame | middle | here)
        shifts[f"smile_{side}"] = weight[:, None] * np.array((0.75 * sign, 0.75, -0.5))
        brow = LEFT_BROW if side == "left" else RIGHT_BROW
        apart = RIGHT_BROW if side == "left" else LEFT_BROW
        held = dict.fromkeys(still | set(apart), 0.0) | dict.fromkeys(brow, 1.0)
        weight = _spread(held)
        shifts[f"brow_{side}"] = weight[:, None] * np.array((0.0, 0.95, 0.1))
        upper, lower = _UPPER_LIDS[side]
        lid: FloatArray = np.zeros((len(rest), 3), np.float32)
        lid[list(upper)] = rest[list(lower)] - rest[list(upper)] + np.array((0, 0.06, 0.12))
        shifts[f"blink_{side}"] = lid
    mouth = (*_UPPER_LIP, *_LOWER_LIP)
    weight = _spread(frame | dict.fromkeys(mouth, 1.0))
    toward = np.column_stack((-0.45 * rest[:, 0], np.zeros(len(rest)), np.full(len(rest), 0.7)))
    shifts["pucker"] = weight[:, None] * toward
    return jaw, shifts


def _spread(given: Mapping[int, float]) -> FloatArray:
    """A value for each vertex, (468,): as given, and the mean of its neighbours elsewhere."""
    mesh = canonical_mesh()
    count = len(mesh.vertices)
    edges = np.vstack([mesh.triangles[:, pair] for pair in ((0, 1), (1, 2), (2, 0))])
    joined = np.zeros((count, count))
    joined[edges[:, 0], edges[:, 1]] = joined[edges[:, 1], edges[:, 0]] = 1
    system = np.diag(joined.sum(axis=1)) - joined
    goal = np.zeros(count)
    fixed = list(given)
    system[fixed] = 0
    system[fixed, fixed] = 1
    goal[fixed] = list(given.values())
    return np.asarray(np.linalg.solve(system, goal))
