"""Brows."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.blend import Blend, blend
from omote_filters.draw.crop import drawable
from omote_filters.draw.eyelids import eye_crop
from omote_filters.draw.masks import LEFT_LID, RIGHT_LID, Mask, filled, soften
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face
from omote_models.landmarks import LEFT_BROW, RIGHT_BROW

_HAIR, _POWDER = 0.9, 0.5
"""How strongly the brow's own hair is dyed, and how much powder lies between the hairs."""
_DARK = 0.32
"""Hair is so much darker than the skin around it, in parts of the skin."""


class Brows(Filter):
    """Fuller, darker brows: their own hair is dyed and powder fills the gaps."""

    id = "brows"
    name = "Brows"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which colour, how much, how full."""

        colour: str = colour("#4a2f22", label="Colour")
        strength: float = slider(0.6, 0, 1, label="Strength", hint="How dark the hair becomes")
        fullness: float = slider(0.4, 0, 1, label="Fullness", hint="Powder between the hairs")

    def apply(self, scene: Scene) -> None:
        """Fill the brows of every face."""
        if self.settings.strength == 0:
            return
        for face in filter(drawable, scene.faces):
            self._fill(scene, face)

    def _fill(self, scene: Scene, face: Face) -> None:
        settings: Brows.Settings = self.settings
        crop = eye_crop(scene, face)
        if crop is None:
            return
        unit = face.width * crop.scale
        around = soften(filled(face, crop, [LEFT_BROW, RIGHT_BROW], grow=0.012), 0.014 * unit)
        body = soften(filled(face, crop, [LEFT_BROW, RIGHT_BROW], grow=-0.006), 0.012 * unit)
        skin = filled(face, crop, [LEFT_LID, RIGHT_LID, LEFT_BROW, RIGHT_BROW], grow=0.01)
        view = scene.edit(crop.rect)
        hair = _hair(crop.reduced(view), around, skin)
        powder = cv2.convertScaleAbs(body, alpha=_POWDER * settings.fullness)
        mask = crop.enlarged(np.asarray(cv2.max(hair, powder), np.uint8))
        blend(view, rgb(settings.colour), Blend.MULTIPLY, mask, _HAIR * settings.strength)


def _hair(picture: Mask, around: Mask, skin: Mask) -> Mask:
    """Which pixels are hair: darker than the skin around. So paint lies where the brow is."""
    gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    level = max(cv2.mean(gray, skin)[0], 1.0)
    dark = np.clip((1 - np.arange(256) / level) / _DARK, 0, 1)
    table = np.rint(dark * 255).astype(np.uint8)
    return np.asarray(cv2.multiply(cv2.LUT(gray, table), around, scale=1 / 255), np.uint8)
