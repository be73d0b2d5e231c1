"""PNG and JPEG by strangers, decoded to pixels."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models import pictures
from omote_models.pictures.jpeg import check_scans
from omote_models.pictures.png import plain

MOST_SIDE = 2048
"""Pixels."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_FRAMES = (0xC0, 0xC1, 0xC2)
_SEGMENTS = (*_FRAMES, 0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0))
"""JPEG's markers that may stand before a picture's size; each has a length."""


class PictureError(ValueError):
    """A picture that cannot be used. The text says why."""


def decoded(data: bytes) -> NDArray[np.uint8]:
    """A PNG or JPEG as (h, w, 4) uint8 RGBA.

    Raises:
        PictureError: it cannot be decoded, or is larger than `MOST_SIDE`.
    """
    size = size_of(data)
    if size is None or not 0 < min(size) <= max(size) <= MOST_SIDE:
        raise PictureError(f"has a picture that is not a PNG or JPEG of at most {MOST_SIDE} pixels")
    try:
        picture = cv2.imdecode(np.frombuffer(_plain(data), np.uint8), cv2.IMREAD_UNCHANGED)
    except pictures.PictureError as error:
        raise PictureError(f"has a picture that {error}") from None
    except cv2.error:
        picture = None
    if picture is None or picture.dtype != np.uint8:
        raise PictureError("has a picture that cannot be decoded; save it with 8 bits a channel")
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    code = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    if channels not in code:
        raise PictureError("has a picture that is not grey, RGB or RGBA")
    return np.asarray(cv2.cvtColor(picture, code[channels]), np.uint8)


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height, before anything is decoded; None where it is neither PNG nor JPEG."""
    if data.startswith(_PNG):
        if len(data) < 29 or data[8:16] != b"\0\0\0\rIHDR":
            return None
        width, height = struct.unpack_from(">II", data, 16)
        return int(width), int(height)
    return _jpeg_size(data) if data.startswith(_JPEG) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    # Markers are followed exactly as a decoder does: it must not see another size than this.
    while at + 9 < len(data) and data[at] == 0xFF and data[at + 1] in _SEGMENTS:
        if data[at + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return int(width), int(height)
        at += 2 + max(2, int(struct.unpack_from(">H", data, at + 2)[0]))
    return None


def _plain(data: bytes) -> bytes:
    """The same picture without what could be unpacked beside its pixels."""
    if data.startswith(_PNG):
        return plain(data).data
    check_scans(data)
    return data
