"""A blurred background."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.blend import mix
from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import FloatArray

_FINEST = 120
"""The background is blurred at so many pixels of its shorter side: detail goes anyway."""
_WIDEST = 0.045
_BRIGHT = 1.6
"""Highlights count for more, so that they bloom as through a lens."""


class BackgroundBlur(Filter):
    """Blurs what is behind people, as a lens with a wide aperture does."""

    id = "background_blur"
    name = "Background blur"
    appearance = Appearance.NOVELTY
    stage = Stage.BACKGROUND
    needs = frozenset({Need.SEGMENTATION})

    class Settings(FilterSettings):
        """How much."""

        strength: float = slider(0.6, 0, 1, label="Strength", hint="How wide the lens is open")

    def apply(self, scene: Scene) -> None:
        """Blur the background."""
        person = scene.person
        if person is None or self.settings.strength == 0:
            return
        view = scene.edit()
        behind = _blurred(view, person, self.settings.strength)
        mix(view, behind, np.asarray(cv2.bitwise_not(person), np.uint8))


def _blurred(view: Picture, person: Picture, strength: float) -> Picture:
    """The background blurred by itself: nothing of the people bleeds into it.

    A normalised convolution, weighted by how surely a pixel is background and how bright it is.
    """
    height, width = view.shape[:2]
    # By a whole number: that is several times as fast.
    shrink = max(1, min(height, width) // _FINEST)
    size = (max(1, width // shrink), max(1, height // shrink))
    small = cv2.resize(view, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(person, size, interpolation=cv2.INTER_AREA)
    # What is a little away from people too, so that a soft edge leaves no halo.
    mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    level = np.asarray(np.arange(256) / 255, np.float32)
    weight = cv2.LUT(mask, np.square(1 - level) + np.float32(1e-4))
    weight = cv2.multiply(weight, cv2.LUT(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), _bloom(level)))
    sigma = max(0.6, _WIDEST * strength * min(size))
    weighted = cv2.multiply(small, cv2.merge((weight,) * 3), dtype=cv2.CV_32F)
    stacked = cv2.merge((*cv2.split(weighted), weight))
    for _ in range(2):
        # Two boxes make a disc-like lens, flatter than a Gaussian.
        side = 2 * round(sigma) + 1
        stacked = cv2.blur(stacked, (side, side))
    *channels, total = cv2.split(stacked)
    colours = cv2.merge([cv2.divide(channel, total, dtype=cv2.CV_8U) for channel in channels])
    large = cv2.resize(colours, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.uint8)


def _bloom(level: FloatArray) -> FloatArray:
    return np.asarray((level + np.float32(0.1)) ** np.float32(_BRIGHT), np.float32)
