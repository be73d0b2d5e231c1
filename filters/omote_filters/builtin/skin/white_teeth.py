"""White teeth."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import Mask, mouth_opening, soften
from omote_filters.draw.skin import cheek_pixels
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import LIPS_INNER

_YELLOW, _RED, _LIFT = 0.75, 0.45, 0.2
"""How much of the yellow, how much of the red goes, and how far teeth are lifted towards white."""
_AJAR, _OPEN = 0.02, 0.06
"""A mouth open so many widths of itself begins to show teeth, and shows them."""
_FROM_RED, _TO_RED = -1.5, -7.0
"""In Lab's a against the skin's: what is as red is gum or tongue, what is paler is tooth."""
_FROM_DARK, _TO_DARK = 0.42, 0.68
"""In Lab's L against the skin's: what is darker is the inside of the mouth."""


class WhiteTeeth(Filter):
    """Whiter teeth in an open mouth; lips, gums and tongue stay as they are."""

    id = "white_teeth"
    name = "White teeth"
    appearance = Appearance.BEAUTIFY
    stage = Stage.SKIN
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How white."""

        strength: float = slider(0.7, 0, 1, label="Strength", hint="How much yellow fades")

    def start(self) -> None:
        """Have OpenCV build its tables for Lab, 90 ms once in a process."""
        cv2.cvtColor(np.zeros((1, 1, 3), np.float32), cv2.COLOR_RGB2LAB)
        cv2.cvtColor(np.zeros((1, 1, 3), np.float32), cv2.COLOR_LAB2RGB)

    def apply(self, scene: Scene) -> None:
        """Whiten the teeth of every face."""
        for face in filter(drawable, scene.faces):
            strength = self.settings.strength * _shown(face)
            if strength > 0:
                _whiten(scene, face, strength)


def _shown(face: Face) -> float:
    """How far the mouth is open, 0 to 1."""
    left, lower, right, upper = face.landmarks[[LIPS_INNER[i] for i in (0, 5, 10, 15)]]
    across, gap = float(np.linalg.norm(left - right)), float(np.linalg.norm(lower - upper))
    return float(np.clip((gap / max(across, 1e-3) - _AJAR) / (_OPEN - _AJAR), 0, 1))


def _whiten(scene: Scene, face: Face, strength: float) -> None:
    box = Box.around(face.landmarks[list(LIPS_INNER)]).grown(0.1, 0.3, 0.1, 0.3)
    crop, skin = Crop.of(scene, box), _skin(scene, face)
    if crop is None or skin is None:
        return
    view = scene.edit(crop.rect)
    lab = cv2.cvtColor(np.multiply(view, np.float32(1 / 255)), cv2.COLOR_RGB2LAB)
    inside = crop.enlarged(mouth_opening(face, crop, grow=-0.002))
    amount = _teeth(np.asarray(lab), skin, inside, 0.006 * face.width) * np.float32(strength)
    light, red, yellow = cv2.split(lab)
    # A lift towards white keeps the order of light and shade between teeth.
    light = light + amount * _LIFT * np.minimum(100 - light, light)
    red, yellow = red * (1 - _RED * amount), yellow * (1 - _YELLOW * amount)
    white = cv2.cvtColor(cv2.merge((light, red, yellow)), cv2.COLOR_LAB2RGB)
    # Where nothing changes, the way there and back must not change it either.
    white = cv2.convertScaleAbs(np.clip(white, 0, 1), alpha=255)
    cv2.copyTo(white, (amount > 0).astype(np.uint8), view)


def _teeth(lab: FloatArray, skin: FloatArray, inside: Mask, sigma: float) -> FloatArray:
    """How much of each pixel is tooth, 0 to 1: pale and bright beside the person's own skin."""
    pale = np.clip((lab[:, :, 1] - skin[1] - _FROM_RED) / (_TO_RED - _FROM_RED), 0, 1)
    relative = lab[:, :, 0] / max(float(skin[0]), 1.0)
    bright = np.clip((relative - _FROM_DARK) / (_TO_DARK - _FROM_DARK), 0, 1)
    found = np.rint(pale * bright * inside).astype(np.uint8)
    soft = np.minimum(soften(found, sigma), inside)
    return np.multiply(soft, np.float32(1 / 255), dtype=np.float32)


def _skin(scene: Scene, face: Face) -> FloatArray | None:
    """The middle colour of both cheeks in Lab, (3,) float32, or None where none is seen."""
    cheeks = cheek_pixels(scene, face, 0.05)
    if cheeks is None:
        return None
    middle = np.median(cheeks, axis=0).astype(np.float32) / np.float32(255)
    lab = cv2.cvtColor(middle.reshape(1, 1, 3), cv2.COLOR_RGB2LAB)
    return np.asarray(lab, np.float32).reshape(3)
