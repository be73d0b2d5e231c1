"""Smooth skin."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import skin
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face

_FINEST = 128
"""Pixels down the face at which it is smoothed: finer detail is skin texture and stays."""
_DIAMETER, _REACH = 7, 3.0
"""How far the bilateral filter looks, in those pixels."""
_EDGE = 28.0
"""A step between neighbours, in levels of 255, that counts as an edge and stays."""


class SmoothSkin(Filter):
    """Evens the skin and keeps its texture; eyes, brows, lips and hair stay sharp."""

    id = "smooth_skin"
    name = "Smooth skin"
    appearance = Appearance.BEAUTIFY
    stage = Stage.SKIN
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How much."""

        strength: float = slider(0.7, 0, 1, label="Strength", hint="How much blemishes fade")
        texture: float = slider(0.8, 0, 1, label="Texture", hint="How much of the pores stays")

    def apply(self, scene: Scene) -> None:
        """Smooth every face."""
        for face in filter(drawable, scene.faces):
            self._smooth(scene, face)

    def _smooth(self, scene: Scene, face: Face) -> None:
        """Replace the skin's middle frequencies by edge-preserving smoothed ones.

        Frequency separation: what a small copy of the face cannot show (pores, down) is apart
        from the start; of the rest a bilateral filter (Tomasi and Manduchi, 1998) keeps edges.
        With s the small copy, b its bilateral and t the texture that stays, skin becomes
        up(b) + t (skin - up(s)), which needs one enlargement: of b - t s.
        """
        settings: SmoothSkin.Settings = self.settings
        crop = Crop.of(scene, Box.around(face.landmarks), _FINEST)
        if crop is None or settings.strength == 0:
            return
        view = scene.edit(crop.rect)
        small = crop.reduced(view)
        smooth = cv2.bilateralFilter(small, _DIAMETER, _EDGE, _REACH)
        change = cv2.addWeighted(smooth, 1, small, -settings.texture, 0, dtype=cv2.CV_32F)
        change = crop.enlarged(np.asarray(change, np.float32))
        change = cv2.addWeighted(view, settings.texture - 1, change, 1, 0, dtype=cv2.CV_32F)
        mask = cv2.merge((crop.enlarged(skin(face, crop)),) * 3)
        change = cv2.multiply(change, mask, scale=settings.strength / 255, dtype=cv2.CV_32F)
        view[:] = cv2.add(view, change, dtype=cv2.CV_8U)
