"""PNG and JPEG by strangers, decoded to pixels."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_SIDE = 2048
"""Pixels."""
_MOST_SCANS = 64
"""Of a progressive JPEG. Each may touch every block for a dozen bytes of the file."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_PARTS = (b"PLTE", b"tRNS", b"eXIf", b"IDAT")
"""What decides the pixels. Profiles and texts are never unpacked, other frames never read."""
_MOST_CHUNKS = 20_000
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
        plain = plain_png(data) if data.startswith(_PNG) else _plain_jpeg(data)
        picture = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
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


def plain_png(data: bytes) -> bytes:
    """A PNG with nothing but its pixels: a text of 8 kB may ask for 8 MB to be unpacked.

    Raises:
        PictureError: its end is missing, or it is cut into more pieces than a picture needs.
    """
    kept, at = [data[:33]], 33
    for _ in range(_MOST_CHUNKS):
        if at + 12 > len(data):
            raise PictureError("has a picture that cannot be decoded: its end is missing")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind == b"IEND":
            return b"".join((*kept, data[at:end]))
        if kind in _PNG_PARTS:
            kept.append(data[at:end])
        at = end
    raise PictureError(f"has a PNG of more than {_MOST_CHUNKS:,} chunks; save it anew")


def _plain_jpeg(data: bytes) -> bytes:
    # Inside a scan 0xFF never stands before 0xDA: this counts no fewer than there are.
    if data.count(b"\xff\xda") > _MOST_SCANS:
        raise PictureError(f"has a JPEG of more than {_MOST_SCANS} scans; save it as a plain one")
    return data
