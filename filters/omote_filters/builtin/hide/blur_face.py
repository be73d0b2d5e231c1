"""Blurred faces."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.cover import Cover, Covers
from omote_filters.draw.blend import mix
from omote_filters.draw.crop import Crop
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

_ACROSS = 24.0
"""Pixels across the face at which it is blurred: less detail is left even before the blur."""
_WEAKEST, _STRONGEST = 0.13, 0.26
"""The blur's sigma in widths of the face. At 0.13, five cycles across the face keep a 4,000th
of their contrast, which is less than one level of 255; to know a face takes about eight
(Costen, Parker and Craw, 1996)."""
_FEATHER = 0.1


class BlurFace(Filter):
    """Hides who somebody is behind a soft blur that keeps only the colour of the light."""

    id = "blur_face"
    name = "Blur face"
    appearance = Appearance.ANONYMISE
    stage = Stage.GRADE
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How soft. No value shows who it is."""

        softness: float = slider(0.4, 0, 1, label="Softness", hint="More leaves less colour")

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._covers = Covers()

    def apply(self, scene: Scene) -> None:
        """Cover every face, and for a while the place where one was last seen."""
        sigma = _WEAKEST + (_STRONGEST - _WEAKEST) * self.settings.softness
        for _, cover in self._covers.over(scene):
            _blur(scene, cover, sigma)


def _blur(scene: Scene, cover: Cover, sigma: float) -> None:
    box = cover.scaled(1 + _FEATHER).box
    detail = max(box.width, box.height) * _ACROSS / max(cover.width, 1.0)
    crop = Crop.of(scene, box, detail)
    if crop is None:
        return
    view = scene.edit(crop.rect)
    spread = max(sigma * cover.width * crop.scale, 1.0)
    small = cv2.GaussianBlur(crop.reduced(view), (0, 0), spread, borderType=cv2.BORDER_REPLICATE)
    mix(view, crop.enlarged(np.asarray(small, np.uint8)), cover.mask(crop.rect, _FEATHER))
