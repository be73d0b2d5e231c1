"""Skia on numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import skia
from numpy.typing import NDArray

Rgba = NDArray[np.uint8]
"""(height, width, 4) red, green, blue, alpha; the colours are already multiplied by alpha."""

_FORMAT = {"colorType": skia.kRGBA_8888_ColorType, "alphaType": skia.kPremul_AlphaType}


def surface_on(pixels: Rgba) -> Any:
    """A `skia.Surface` that draws into an array; the array must outlive it."""
    return skia.Surface(pixels, **_FORMAT)


def shader_of(pixels: Rgba) -> Any:
    """A `skia.Shader` that reads an array, without a copy; the array must outlive it."""
    image = skia.Image.fromarray(pixels, **_FORMAT, copy=False)
    linear = skia.SamplingOptions(skia.FilterMode.kLinear)
    return image.makeShader(skia.TileMode.kClamp, skia.TileMode.kClamp, linear)
