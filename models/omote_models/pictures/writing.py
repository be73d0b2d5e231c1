"""Pictures as files: in sRGB, which is what everybody takes a file without a profile for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from omote_models.pictures.formats import Format
from omote_models.pictures.limits import PictureError

Pixels = NDArray[np.uint8]

ENDINGS = {
    ".jpg": Format.JPEG,
    ".jpeg": Format.JPEG,
    ".jpe": Format.JPEG,
    ".jfif": Format.JPEG,
    ".png": Format.PNG,
    ".webp": Format.WEBP,
    ".avif": Format.AVIF,
    ".tif": Format.TIFF,
    ".tiff": Format.TIFF,
    ".bmp": Format.BMP,
    ".gif": Format.GIF,
}
"""By which a file to be written says its format, in small letters."""

SEE_THROUGH = frozenset((Format.PNG, Format.WEBP, Format.AVIF, Format.TIFF, Format.GIF))
"""Formats that keep alpha. In others what does not show is white."""

_FINE = 90
"""From this quality on, colours are as fine as brightness."""
_LONGEST = {Format.JPEG: 65_500, Format.WEBP: 16_383, Format.GIF: 65_535, Format.AVIF: 32_768}


def write(pixels: Pixels, alpha: Pixels | None, kind: Format, quality: int = 95) -> bytes:
    """A picture as the bytes of a file, without profile and without EXIF: upright and sRGB.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        alpha: (height, width) uint8, or None where all of it shows.
        kind: one of those in `ENDINGS`.
        quality: 1 to 100; counts for JPEG, WebP and AVIF.

    Raises:
        PictureError: the format takes no picture of this size. The text goes after its name.
    """
    height, width = pixels.shape[:2]
    longest = _LONGEST.get(kind)
    if longest is not None and max(height, width) > longest:
        raise PictureError(
            f"has {width} × {height} pixels; a {kind.value} has at most {longest} a side"
        )
    if alpha is not None and kind not in SEE_THROUGH:
        pixels, alpha = on_white(pixels, alpha), None
    if kind is Format.JPEG:
        return jpeg(pixels, quality, fine=quality >= _FINE)
    if kind is Format.PNG:
        return png(pixels, alpha)
    image = Image.fromarray(pixels if alpha is None else np.dstack([pixels, alpha]))
    if kind is Format.GIF:
        # Of the two ways only this one knows alpha.
        image = image.quantize(method=Image.Quantize.FASTOCTREE)
    file = io.BytesIO()
    image.save(file, _NAMES[kind], **_options(kind, quality))
    return file.getvalue()


def jpeg(pixels: Pixels, quality: int, *, fine: bool = False) -> bytes:
    """A JPEG of (height, width, 3) uint8 RGB; `fine` keeps colours as fine as brightness."""
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels),
        quality=quality,
        colorspace="RGB",
        colorsubsampling="444" if fine else "420",
    )
    return encoded


def png(pixels: Pixels, alpha: Pixels | None = None) -> bytes:
    """A PNG of (height, width, 3) uint8 RGB, with its alpha where there is one."""
    if alpha is None:
        ordered = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    else:
        ordered = cv2.merge([*(pixels[:, :, channel] for channel in (2, 1, 0)), alpha])
    return cv2.imencode(".png", ordered)[1].tobytes()


def on_white(pixels: Pixels, alpha: Pixels) -> Pixels:
    """What shows of a picture on white paper."""
    share = alpha[:, :, None].astype(np.uint16)
    shown = (pixels * share + 255 * (255 - share) + 127) // 255
    return shown.astype(np.uint8)


_NAMES = {Format.WEBP: "WEBP", Format.AVIF: "AVIF", Format.TIFF: "TIFF", Format.BMP: "BMP"} | {
    Format.GIF: "GIF"
}


def _options(kind: Format, quality: int) -> Mapping[str, Any]:
    if kind is Format.WEBP:
        # Colours where nothing shows are kept: somebody may make it show again.
        return {"quality": quality, "exact": True}
    if kind is Format.AVIF:
        return {"quality": quality, "subsampling": "4:4:4" if quality >= _FINE else "4:2:0"}
    return {"compression": "tiff_adobe_deflate"} if kind is Format.TIFF else {}
