"""Eyeshadow."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.blend import Blend, blend, pigment
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.eyelids import eye_crop
from omote_filters.draw.masks import LEFT_LID, RIGHT_LID, Mask, eyes, filled, soften
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

# The crease: the fold above the lid, and the corner beyond it where the second colour gathers.
_LEFT_LASHES = (263, 466, 388, 387, 386, 385, 384, 398, 362, 414, 286, 258, 257, 259, 260, 467)
_RIGHT_LASHES = (33, 246, 161, 160, 159, 158, 157, 173, 133, 190, 56, 28, 27, 29, 30, 247)
_LEFT_OUTER = (263, 388, 387, 257, 443, 444, 445, 342, 446, 359)
_RIGHT_OUTER = (33, 161, 160, 27, 223, 224, 225, 113, 226, 130)

_SHIMMER = (255, 236, 214)
_SPARKS = 0.9


class Eyeshadow(Filter):
    """Two colours on the upper lids, blended towards the brow, matte or shimmering."""

    id = "eyeshadow"
    name = "Eyeshadow"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which colours, and how they are put on."""

        lid: str = colour("#a0665f", label="Lid", hint="On the lid itself")
        crease: str = colour("#583230", label="Crease", hint="In the fold and the outer corner")
        strength: float = slider(0.48, 0, 1, label="Strength", hint="From a wash to full colour")
        shimmer: float = slider(0.35, 0, 1, label="Shimmer", hint="How much the lid shines")

    def apply(self, scene: Scene) -> None:
        """Shade the lids of every face."""
        if self.settings.strength == 0:
            return
        for face in filter(drawable, scene.faces):
            self._shade(scene, face)

    def _shade(self, scene: Scene, face: Face) -> None:
        settings: Eyeshadow.Settings = self.settings
        crop = eye_crop(scene, face)
        if crop is None:
            return
        view = scene.edit(crop.rect)
        closed = np.asarray(cv2.bitwise_not(eyes(face, crop, feather=0.005)), np.uint8)
        lid, crease = (_masked(mask, closed) for mask in _masks(face, crop))
        lid, crease = crop.enlarged(lid), crop.enlarged(crease)
        stain = pigment(rgb(settings.lid))
        blend(view, stain, Blend.MULTIPLY, lid, settings.strength)
        blend(view, pigment(rgb(settings.crease)), Blend.MULTIPLY, crease, settings.strength)
        if settings.shimmer:
            blend(view, _SHIMMER, Blend.SOFT_LIGHT, lid, _SPARKS * settings.shimmer)


def _masks(face: Face, crop: Crop) -> tuple[Mask, Mask]:
    """The lid with its wash towards the brow, and the crease with the outer corner."""
    unit = face.width * crop.scale
    whole = soften(filled(face, crop, [LEFT_LID, RIGHT_LID], grow=-0.006), 0.02 * unit)
    moving = soften(filled(face, crop, [_LEFT_LASHES, _RIGHT_LASHES], grow=0.006), 0.01 * unit)
    outer = soften(filled(face, crop, [_LEFT_OUTER, _RIGHT_OUTER], grow=-0.004), 0.018 * unit)
    lid = np.asarray(cv2.addWeighted(whole, 0.45, moving, 0.55, 0), np.uint8)
    return lid, np.asarray(cv2.convertScaleAbs(outer, alpha=0.85), np.uint8)


def _masked(mask: Mask, keep: Mask) -> Mask:
    return np.asarray(cv2.multiply(mask, keep, scale=1 / 255), np.uint8)
