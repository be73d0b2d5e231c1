"""Mirrored faces."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
import skia
from numpy.typing import NDArray

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.surface import shader_of, surface_on
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, choice, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import FACE_OVAL
from omote_models.mesh import canonical_mesh

_SEAM_CM = 0.45
"""Over so much of the face beside its midline, the halves melt into each other."""
_RIM_CM = 1.1
_SURE = 0.18
"""How far the head must turn, as a part of its width, before the better side changes."""
_FINEST = 384


class MirrorFace(Filter):
    """One half of the face is the other's mirror image, also when the head turns."""

    id = "mirror_face"
    name = "Mirror face"
    appearance = Appearance.NOVELTY
    stage = Stage.SKIN
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which half, and how much."""

        half: Literal["auto", "left", "right"] = choice(
            "auto",
            label="Half",
            hint="The person's half that is shown twice; auto: the better seen",
        )
        strength: float = slider(1.0, 0, 1, label="Strength", hint="0 leaves the face alone")

    def start(self) -> None:
        """Find each landmark's mirror image."""
        self._sides = TrackMemory[float]()
        _halves()

    def apply(self, scene: Scene) -> None:
        """Mirror every face."""
        if self.settings.strength == 0:
            return
        for face in filter(drawable, scene.faces):
            self._mirror(scene, face)

    def _mirror(self, scene: Scene, face: Face) -> None:
        crop = Crop.of(scene, Box.around(face.landmarks).grown(0.02, 0.02, 0.02, 0.02), _FINEST)
        if crop is None:
            return
        view = scene.edit(crop.rect)
        paint = _reflected(crop.reduced(view), face, crop, self._source(face))
        if self.settings.strength < 1:
            paint = np.asarray(cv2.convertScaleAbs(paint, alpha=self.settings.strength), np.uint8)
        over(view, crop.enlarged(paint))

    def _source(self, face: Face) -> float:
        """The side that is shown twice: 1 for the person's left, -1 for the right."""
        if self.settings.half != "auto":
            return 1.0 if self.settings.half == "left" else -1.0
        # Negative where the person's left cheek is nearer to the camera.
        turn = float(face.landmarks[454, 2] - face.landmarks[234, 2]) / max(face.width, 1e-6)
        side = self._sides.get(face.track_id)
        if side is None or turn * side > _SURE:
            side = 1.0 if turn <= 0 else -1.0
        self._sides.put(face.track_id, side)
        return side


def _reflected(pixels: Picture, face: Face, crop: Crop, source: float) -> NDArray[np.uint8]:
    """The half opposite to `source`, painted with its mirror image, premultiplied RGBA.

    Each landmark takes its colour from where its mirror image is seen: so the midline is the
    face's own, bent and turned as it is.
    """
    partners, across, rim = _halves()
    count = len(partners)
    placed = crop.place(face.landmarks[:count])
    alpha = np.clip(0.5 - source * across / (2 * _SEAM_CM), 0, 1) * rim
    alpha = alpha * alpha * (3 - 2 * alpha)
    texture = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), np.uint8)
    paint = np.zeros((crop.height, crop.width, 4), np.uint8)
    vertices = skia.Vertices(
        skia.Vertices.kTriangles_VertexMode,
        _points(placed),
        _points(placed[partners]),
        ((np.rint(alpha * 255).astype(np.uint32) << 24) | 0xFFFFFF).tolist(),
        _facing(placed, source * across).ravel().tolist(),
    )
    surface_on(paint).getCanvas().drawVertices(vertices, skia.Paint(Shader=shader_of(texture)))
    return paint


def _facing(placed: FloatArray, across: NDArray[np.float64]) -> NDArray[np.int32]:
    """The triangles of the half to paint that face the camera."""
    triangles = canonical_mesh().triangles
    near = (across[triangles] < _SEAM_CM).any(axis=1)
    a, b, c = (placed[triangles[:, corner]] for corner in range(3))
    one, two = c - a, b - a
    front = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] > 0
    return np.asarray(triangles[near & front])


def _points(places: FloatArray) -> list[Any]:
    return [skia.Point(x, y) for x, y in places.tolist()]


@lru_cache(maxsize=1)
def _halves() -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Of each vertex: its mirror image, how far to the left it lies, and 1 but for the rim.

    The canonical face is symmetric and its x grows to the person's left.
    """
    vertices = canonical_mesh().vertices.astype(np.float64)
    flipped = vertices * (-1, 1, 1)
    distances = np.linalg.norm(flipped[:, None] - vertices[None], axis=2)
    rim = np.linalg.norm(vertices[:, None] - vertices[list(FACE_OVAL)][None], axis=2).min(axis=1)
    return distances.argmin(axis=1), vertices[:, 0], np.clip(rim / _RIM_CM, 0, 1)
