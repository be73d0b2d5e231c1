"""Blend modes: a colour or a picture laid over a part of a picture, through a soft mask.

The formulas are those of the W3C's Compositing and Blending Level 1, on the picture's own encoded
values. What is below is called the backdrop b, what is laid over it the source s, both 0 to 1:

| mode | shows | use |
|---|---|---|
| multiply | b s | stain, shadow, liner: the light and the pores of the skin stay |
| screen | 1 - (1 - b)(1 - s) | shine, glow |
| overlay | multiply in the dark, screen in the light, as the backdrop says | contrast |
| soft_light | as overlay, gently; grey changes nothing | contour, highlight |
| colour | hue and saturation of the source, luma of the backdrop | blush, dye |
| luminosity | luma of the source, hue and saturation of the backdrop | relighting |

One colour over everything is one look-up per pixel, whatever the mode but luminosity.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.masks import Mask
from omote_filters.draw.surface import Rgba
from omote_filters.scene import Picture
from omote_models.face import FloatArray

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)


class Blend(StrEnum):
    """How a source is laid over a backdrop."""

    MULTIPLY = "multiply"
    SCREEN = "screen"
    OVERLAY = "overlay"
    SOFT_LIGHT = "soft_light"
    COLOUR = "colour"
    LUMINOSITY = "luminosity"


def blend(
    view: Picture, source: Picture | Colour, mode: Blend, mask: Mask, strength: float = 1.0
) -> None:
    """Blend over a part of a picture, in place.

    Args:
        view: (height, width, 3) uint8 RGB.
        source: a picture of the same shape, or one colour.
        mode: how they meet.
        mask: (height, width) uint8, how much of it shows where; 255 is all.
        strength: how much of it shows everywhere, 0 to 1.
    """
    if isinstance(source, tuple) and mode is Blend.MULTIPLY:
        _stain(view, source, mask, strength)
        return
    if isinstance(source, tuple):
        laid = _coloured(view, source, mode)
    else:
        laid = _byte(_MODES[mode](_unit(view), _unit(source)))
    mix(view, laid, mask, strength)


def mix(view: Picture, other: Picture, mask: Mask, strength: float = 1.0) -> None:
    """Show another picture through a mask, in place: `blend` without a mode."""
    amount = np.multiply(mask, np.float32(strength / 255), dtype=np.float32)
    cv2.blendLinear(other, view, amount, 1 - amount, dst=view)


def over(view: Picture, paint: Rgba) -> None:
    """Lay flat paint over a view, in place; it takes no light from what it covers.

    Args:
        view: (height, width, 3) uint8 RGB.
        paint: (height, width, 4) uint8 RGBA, multiplied by its alpha.
    """
    clear = cv2.merge((cv2.bitwise_not(np.ascontiguousarray(paint[:, :, 3])),) * 3)
    top = cv2.cvtColor(paint, cv2.COLOR_RGBA2RGB)
    view[:] = cv2.add(cv2.multiply(view, clear, scale=1 / 255), top)


def faded(view: Picture, styled: Picture, strength: float) -> None:
    """Move a view, in place, `strength` (0 to 1) of the way to a styled copy of it."""
    if strength >= 1:
        view[:] = styled
    elif strength > 0:
        cv2.addWeighted(styled, strength, view, 1 - strength, 0, dst=view)


def pigment(colour: Colour) -> Colour:
    """A colour as a clear stain: brighter, so that `multiply` tints more than it darkens.

    A deep shade still stains deeper than a pale one.
    """
    lift = (255 / max(*colour, 1)) ** 0.7
    red, green, blue = (min(255, round(value * lift)) for value in colour)
    return red, green, blue


def _stain(view: Picture, colour: Colour, mask: Mask, strength: float) -> None:
    """Multiply by one colour: how much light each channel loses follows from the mask alone."""
    kept = 1 - np.arange(256)[:, None] / 255 * strength * (1 - np.array(colour) / 255)
    table = np.rint(kept * 255).astype(np.uint8).reshape(1, 256, 3)
    cv2.multiply(view, cv2.LUT(cv2.merge((mask, mask, mask)), table), dst=view, scale=1 / 255)


def _coloured(view: Picture, colour: Colour, mode: Blend) -> Picture:
    """One colour over a picture: a table for each channel, or one for each luma."""
    if mode is Blend.LUMINOSITY:
        return _byte(_luminosity(_unit(view), _unit(np.array(colour, np.uint8))))
    if mode is Blend.COLOUR:
        luma = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
        view = np.asarray(cv2.merge((luma, luma, luma)), np.uint8)
    return np.asarray(cv2.LUT(view, _table(colour, mode)), np.uint8)


@lru_cache(maxsize=64)
def _table(colour: Colour, mode: Blend) -> NDArray[np.uint8]:
    """What every level, or every luma, becomes under a colour: (1, 256, 3) uint8."""
    levels = np.repeat(np.arange(256, dtype=np.float32) / 255, 3).reshape(1, 256, 3)
    source = _unit(np.array(colour, np.uint8))
    return _byte(_MODES[mode](np.asarray(levels, np.float32), source))


def _multiply(b: FloatArray, s: FloatArray) -> FloatArray:
    return b * s


def _screen(b: FloatArray, s: FloatArray) -> FloatArray:
    return b + s - b * s


def _overlay(b: FloatArray, s: FloatArray) -> FloatArray:
    return np.where(b <= 0.5, 2 * b * s, 1 - 2 * (1 - b) * (1 - s))


def _soft_light(b: FloatArray, s: FloatArray) -> FloatArray:
    lifted = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    darker = b - (1 - 2 * s) * b * (1 - b)
    return np.where(s <= 0.5, darker, b + (2 * s - 1) * (lifted - b))


def _colour(b: FloatArray, s: FloatArray) -> FloatArray:
    return _set_luma(s, (b @ _LUMA)[..., None])


def _luminosity(b: FloatArray, s: FloatArray) -> FloatArray:
    return _set_luma(b, (s @ _LUMA)[..., None])


def _set_luma(c: FloatArray, luma: FloatArray) -> FloatArray:
    """A colour at another luma, its saturation reduced where it would leave the cube."""
    own = (c @ _LUMA)[..., None]
    low, high = c.min(axis=-1, keepdims=True) - own, c.max(axis=-1, keepdims=True) - own
    room = np.minimum(luma / np.maximum(-low, 1e-6), (1 - luma) / np.maximum(high, 1e-6))
    return np.asarray(luma + (c - own) * np.clip(room, 0, 1), np.float32)


_MODES: dict[Blend, Callable[[FloatArray, FloatArray], FloatArray]] = {
    Blend.MULTIPLY: _multiply,
    Blend.SCREEN: _screen,
    Blend.OVERLAY: _overlay,
    Blend.SOFT_LIGHT: _soft_light,
    Blend.COLOUR: _colour,
    Blend.LUMINOSITY: _luminosity,
}


def _unit(pixels: Picture) -> FloatArray:
    return np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)


def _byte(unit: FloatArray) -> Picture:
    return np.asarray(cv2.convertScaleAbs(unit, alpha=255.0), np.uint8)
