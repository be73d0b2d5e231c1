"""A younger look."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import cheeks, eyes, lips, skin, under_eyes
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import CHIN, FOREHEAD_TOP, LEFT_EYE, NOSE_TIP, RIGHT_EYE

_FINEST = 112
_FLUSH = np.array((20, 2, 4), np.float32)
_LIPS = np.array((16, -4, 0), np.float32)
_WHITES = np.array((10, 11, 13), np.float32)
_LIFT = np.array((11, 9, 8), np.float32)
_JAW = ((172, 397), (136, 365), (58, 288))
_CHEEKS = (50, 280)


class Younger(Filter):
    """Soft, even, rosy skin, large eyes, full cheeks, small nose and chin: a look years back."""

    id = "younger"
    name = "Younger"
    appearance = Appearance.AGE_ALTER
    stage = Stage.WARP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How young."""

        strength: float = slider(0.8, 0, 1, label="Strength", hint="How many years")

    def apply(self, scene: Scene) -> None:
        """Rejuvenate every face."""
        if self.settings.strength == 0:
            return
        for face in filter(drawable, scene.faces):
            self._freshen(scene, face)
            self._round(scene, face)

    def _freshen(self, scene: Scene, face: Face) -> None:
        """Take the folds out of the skin and tint it, all as one change of low resolution.

        Folds are middle frequencies: the difference between a smoothed small copy and the small
        copy itself is added to the picture, whose finest detail stays.
        """
        crop = Crop.of(scene, Box.around(face.landmarks), _FINEST)
        if crop is None:
            return
        view = scene.edit(crop.rect)
        small = crop.reduced(view)
        smooth = cv2.bilateralFilter(cv2.bilateralFilter(small, 9, 34, 4.5), 7, 26, 3)
        change = (smooth.astype(np.float32) - small) * _part(skin(face, crop))
        change += _part(cheeks(face, crop, grow=0.02)) * _FLUSH
        change += _part(lips(face, crop)) * _LIPS
        change += _part(under_eyes(face, crop)) * _LIFT
        change += _part(eyes(face, crop, grow=-0.005)) * _WHITES
        change = crop.enlarged(np.asarray(change * np.float32(self.settings.strength), np.float32))
        view[:] = cv2.add(view, change, dtype=cv2.CV_8U)

    def _round(self, scene: Scene, face: Face) -> None:
        strength, width = self.settings.strength, face.width
        for ring in (LEFT_EYE, RIGHT_EYE):
            eye = face.points[list(ring)]
            across = float(np.linalg.norm(eye[0] - eye[8]))
            radius = max(1.25 * across, 0.12 * width)
            scene.warp.magnify(eye.mean(axis=0), (radius, radius), 0.17 * strength)
        for cheek in _CHEEKS:
            scene.warp.magnify(face.points[cheek], (0.3 * width, 0.3 * width), 0.07 * strength)
        scene.warp.magnify(face.points[NOSE_TIP], (0.2 * width, 0.2 * width), -0.12 * strength)
        for right, left in _JAW:
            way = (face.points[left] - face.points[right]) * (0.028 * strength)
            scene.warp.push(face.points[right], 0.25 * width, np.asarray(way))
            scene.warp.push(face.points[left], 0.25 * width, np.asarray(-way))
        down = face.points[CHIN] - face.points[FOREHEAD_TOP]
        lift = np.asarray(down * (-0.03 * strength))
        scene.warp.push(face.points[CHIN], 0.35 * width, lift)


def _part(mask: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> FloatArray:
    return np.asarray(mask[:, :, None] * np.float32(1 / 255), np.float32)
