"""Where hair probably is, by its colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omote_filters.draw.crop import Crop
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.masks import Mask, filled, soften
from omote_filters.draw.skin import cheek_pixels
from omote_filters.scene import Scene
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import FACE_OVAL

_FINEST = 96
_REACH_CM = 14.5
_NARROW = 0.78
_STRIP_CM = np.array(
    [(x, y - 0.045 * x * x, 0.0) for y in (11.0, 12.0, 13.0) for x in np.linspace(-4.5, 4.5, 13)]
)
"""Above the hairline of most heads, in the canonical face's space."""
_APART = 26.0
"""Hair that differs less from the skin, in Lab, is taken for skin: a bald head has none."""
_SPREAD = np.array((42.0, 11.0, 11.0), np.float32)
"""How far hair strays from its median: much in lightness, for it shines, little in colour."""


@dataclass(slots=True)
class HairColour:
    """What hair and skin look like, eased over time: Lab of OpenCV's 8-bit kind, (3,) each."""

    hair: FloatArray
    skin: FloatArray

    def follow(self, other: HairColour, elapsed: float) -> None:
        """Move towards what is measured now."""
        part = np.float32(1 - np.exp(-elapsed / 0.4))
        self.hair = self.hair + part * (other.hair - self.hair)
        self.skin = self.skin + part * (other.skin - self.skin)


def measured(scene: Scene, face: Face) -> HairColour | None:
    """The colours now; None where too little of the hairline is in the picture."""
    cheeks = cheek_pixels(scene, face, 0.05)
    at = np.rint(HeadFrame.of(face).place(_STRIP_CM.astype(np.float32))).astype(int)
    inside = (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] < scene.width)
    at = at[inside & (at[:, 1] < scene.height)]
    if cheeks is None or len(at) < 6:
        return None
    return HairColour(_lab(scene.picture[at[:, 1], at[:, 0]]), _lab(cheeks.reshape(-1, 3)))


def hair(scene: Scene, face: Face, colour: HairColour) -> tuple[Crop, Mask] | None:
    """A soft guess of the hair around a face and its window; None where there is none.

    What is near the head, outside the face, and nearer in colour to what grows above the
    forehead than to the skin. A background of the same colour beside the head is taken in.
    """
    if float(np.linalg.norm(colour.hair - colour.skin)) < _APART:
        return None
    head = HeadFrame.of(face)
    middle = head.place(np.array([(0, 5.0, -3.0)], np.float32))[0]
    reach = _REACH_CM * head.scale
    x, y = float(middle[0]), float(middle[1])
    crop = Crop.of(scene, Box(x - reach, y - reach, 2 * reach, 2 * reach), _FINEST)
    if crop is None:
        return None
    lab = _labs(crop.reduced(scene.picture[crop.rect.slices]))
    to_hair = np.square((lab - colour.hair) / _SPREAD).sum(axis=2)
    to_skin = np.square((lab - colour.skin) / _SPREAD).sum(axis=2)
    # Both explain a pixel as normal distributions; what neither explains is background.
    hair_like = np.exp(-to_hair / 2)
    likely = hair_like * hair_like / (hair_like + np.exp(-to_skin / 2) + np.float32(0.05))
    centre = crop.place(np.array([(x, y)], np.float32))[0]
    rows, columns = np.mgrid[0 : crop.height, 0 : crop.width].astype(np.float32)
    right, down = (columns - centre[0]) / crop.scale, (rows - centre[1]) / crop.scale
    upright = head.up[:2] / max(float(np.linalg.norm(head.up[:2])), 1e-6)
    along = right * upright[0] + down * upright[1]
    aside = right * upright[1] - down * upright[0]
    radius = np.hypot(along / reach, aside / (_NARROW * reach))
    near = np.clip((1 - radius) / 0.25, 0, 1)
    mask = np.asarray(np.rint(255 * np.clip(1.6 * likely, 0, 1) * near), np.uint8)
    face_mask = soften(filled(face, crop, [FACE_OVAL], grow=-0.04), 0.02 * face.width * crop.scale)
    return crop, soften(np.asarray(cv2.subtract(mask, face_mask), np.uint8), 1.2)


def _lab(pixels: Mask) -> FloatArray:
    median = np.median(pixels, axis=0).astype(np.uint8)
    return np.asarray(_labs(median.reshape(1, 1, 3))[0, 0])


def _labs(pixels: Mask) -> FloatArray:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)
