"""Laying paint on skin, in the light that is there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import Mask
from omote_filters.draw.mesh import FaceMesh
from omote_filters.draw.surface import Rgba
from omote_filters.scene import Picture, Scene
from omote_models.face import Box, Face
from omote_models.mesh import canonical_mesh

Table = NDArray[np.float64]

_UNIT = 128
"""A light of 1 in a table of lights."""
_PALE = 1.5
"""How much brighter white paint is than average skin in the same light."""
_WHITE = 0.9
"""The reflectance of white paint: there stays room for a highlight."""
_EVERY = 3
"""Brightness is measured on every third pixel of every third row."""


@dataclass(frozen=True, slots=True)
class Finish:
    """How a paint answers to light.

    Attributes:
        contrast: how strongly it shows the shades of what lies under it; 1 as skin does.
        headroom: highlights approach 1 + this times the mean, so that they do not burn out.
        gleam: how much white its highlights reflect.
    """

    contrast: float
    headroom: float
    gleam: float = 0.0


GREASEPAINT = Finish(contrast=1.2, headroom=0.16)
MATTE = Finish(contrast=0.75, headroom=0.1)
SATIN = Finish(contrast=1.0, headroom=0.35, gleam=0.15)
GLOSS = Finish(contrast=1.3, headroom=0.6, gleam=0.8)


class FacePainter:
    """Paints textures on faces. It keeps arrays to draw with, so it belongs to one filter."""

    def __init__(self) -> None:
        self._mesh = FaceMesh(canonical_mesh())

    def paint(
        self, scene: Scene, face: Face, texture: Rgba, opacity: float = 1.0, light: float = 1.0
    ) -> None:
        """Lay a texture on a face; nothing where the face cannot be drawn on.

        Args:
            scene: where to draw.
            face: whom to paint.
            texture: in the canonical face's texture space, see `Texture.level`.
            opacity: 0 to 1.
            light: how much of the face's own light and shade the paint takes on, 0 to 1.
        """
        if opacity <= 0 or not drawable(face):
            return
        crop = Crop.of(scene, Box.around(face.landmarks).grown(0.02, 0.02, 0.02, 0.02))
        if crop is None:
            return
        paint = crop.enlarged(self._mesh.draw(texture, face, crop))
        if opacity < 1:
            paint = np.asarray(cv2.convertScaleAbs(paint, alpha=opacity), np.uint8)
        lay(scene.edit(crop.rect), paint, light)


def coat(mask: Mask, colour: tuple[int, int, int], opacity: float = 1.0) -> Rgba:
    """Paint of one colour, 0 to 255 RGB, as thick as a mask says, (h, w, 4) uint8 RGBA."""
    channels = (*colour, 255)
    layers = [cv2.convertScaleAbs(mask, alpha=opacity * value / 255) for value in channels]
    return np.asarray(cv2.merge(layers), np.uint8)


def lay(view: Picture, paint: Rgba, light: float = 1.0, finish: Finish = GREASEPAINT) -> None:
    """Blend paint over a part of a picture, in place, as if it lay on the skin that is seen.

    The paint is multiplied by the skin's luminance relative to its mean under the paint, so that
    shadows, folds, highlights and pores stay; and by how bright the surroundings are, so that
    white paint does not glow in the dark.

    Args:
        view: (height, width, 3) uint8 RGB.
        paint: (height, width, 4) uint8 RGBA, multiplied by its alpha.
        light: how much of that to do, 0 (flat colours) to 1.
        finish: how the paint answers to light.
    """
    alpha = np.ascontiguousarray(paint[:, :, 3])
    gray = np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), np.uint8)
    mean = max(cv2.mean(gray, alpha)[0], 1.0)
    relative = np.arange(256) / mean
    shades = _shades(relative, _exposure(gray, mean), light, finish)
    shade = cv2.merge((cv2.LUT(gray, shades),) * 3)
    lit = cv2.multiply(cv2.cvtColor(paint, cv2.COLOR_RGBA2RGB), shade, scale=1 / _UNIT)
    if finish.gleam:
        gleam = cv2.LUT(gray, _gleams(relative, light * finish.gleam))
        gleam = cv2.multiply(gleam, alpha, scale=1 / 255)
        lit = cv2.add(lit, cv2.merge((gleam,) * 3))
    clear = cv2.merge((cv2.bitwise_not(alpha),) * 3)
    view[:] = cv2.add(lit, cv2.multiply(view, clear, scale=1 / 255))


def _shades(relative: Table, exposure: float, light: float, finish: Finish) -> Mask:
    """How strongly white paint is lit where skin is so bright, (256,) uint8; `_UNIT` is 1."""
    curve = relative**finish.contrast
    room = finish.headroom
    curve = np.where(curve < 1, curve, 1 + room * np.tanh((curve - 1) / room))
    shades = _WHITE * (1 + light * (exposure * curve - 1))
    return np.asarray(np.clip(np.rint(shades * _UNIT), 0, 255), np.uint8)


def _gleams(relative: Table, amount: float) -> Mask:
    """How much white is reflected where skin is so bright, (256,) uint8."""
    return np.asarray(np.clip(255 * amount * (relative - 1.15), 0, 255), np.uint8)


def _exposure(gray: Mask, skin: float) -> float:
    """How bright white would be here, 0 to 1: as skin says, or a brighter thing beside it."""
    brightest = float(np.percentile(gray[::_EVERY, ::_EVERY], 97))
    return min(1.0, max(skin * _PALE, brightest) / 240)
