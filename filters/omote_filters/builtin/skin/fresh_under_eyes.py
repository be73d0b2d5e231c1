"""Fresh under-eyes."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import (
    LEFT_UNDER_EYE,
    RIGHT_UNDER_EYE,
    Mask,
    Ring,
    filled,
    soften,
)
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import LEFT_EYE, RIGHT_EYE

_SIDES: tuple[tuple[Ring, Ring, Ring], ...] = (
    (RIGHT_UNDER_EYE, (118, 119, 100, 101, 50), RIGHT_EYE),
    (LEFT_UNDER_EYE, (347, 348, 329, 330, 280), LEFT_EYE),
)
"""Under each eye, the cheek below that it should look like, and the eye."""
_FINEST = 96
_SOFT = 0.028
_MOST = 45.0
"""Levels that a pixel is lifted at most: more would look pasted on."""


class FreshUnderEyes(Filter):
    """Dark circles lifted towards the cheek's own colour; lines and pores stay."""

    id = "fresh_under_eyes"
    name = "Fresh under-eyes"
    appearance = Appearance.BEAUTIFY
    stage = Stage.SKIN
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How much."""

        strength: float = slider(0.6, 0, 1, label="Strength", hint="How much shadow fades")

    def apply(self, scene: Scene) -> None:
        """Freshen every face."""
        if self.settings.strength == 0:
            return
        for face in filter(drawable, scene.faces):
            for below, cheek, eye in _SIDES:
                _freshen(scene, face, (below, cheek, eye), self.settings.strength)


def _freshen(scene: Scene, face: Face, side: tuple[Ring, Ring, Ring], strength: float) -> None:
    """Lift the low frequencies where they are darker than the cheek, and only there."""
    below, cheek, eye = side
    box = Box.around(face.landmarks[[*below, *cheek]]).grown(0.15, 0.2, 0.15, 0.1)
    crop = Crop.of(scene, box, _FINEST)
    if crop is None:
        return
    unit = face.width * crop.scale
    mask = soften(filled(face, crop, [below], grow=-0.004), 0.018 * unit)
    mask = np.asarray(cv2.subtract(mask, filled(face, crop, [eye], grow=0.01)), np.uint8)
    reference = filled(face, crop, [cheek])
    view = scene.edit(crop.rect)
    small = crop.reduced(view)
    if not reference.any():
        return
    lift = _lift(small, mask, reference, _SOFT * unit) * np.float32(strength)
    change = crop.enlarged(np.asarray(lift, np.float32))
    view[:] = cv2.add(view, change, dtype=cv2.CV_8U)


def _lift(small: Mask, mask: Mask, reference: Mask, sigma: float) -> FloatArray:
    """What is missing to the cheek's colour, (h, w, 3) float32, through the mask."""
    low = cv2.GaussianBlur(small, (0, 0), max(sigma, 0.5))
    # A finer look beside it: the blur carries a shadow's edge onto light skin, which has no need.
    low = cv2.max(low, cv2.GaussianBlur(small, (0, 0), max(sigma / 4, 0.3))).astype(np.float32)
    goal = np.array(cv2.mean(small, reference)[:3], np.float32)
    missing = np.clip(goal - low, 0, _MOST)
    share = mask.astype(np.float32)[:, :, None] / 255
    return np.asarray(missing * share, np.float32)
