"""PNG and JPEG by strangers, decoded to pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models import pictures
from omote_models.pictures import Format, jpeg, png
from omote_models.pictures.magic import format_of

MOST_SIDE = 2048
"""Pixels."""


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
    if picture.shape[:2] != size[::-1]:
        raise PictureError("has a picture that says two sizes; save it anew")
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    code = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    if channels not in code:
        raise PictureError("has a picture that is not grey, RGB or RGBA")
    return np.asarray(cv2.cvtColor(picture, code[channels]), np.uint8)


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height, before anything is decoded; None where it is neither PNG nor JPEG."""
    found = format_of(data)
    if found not in (Format.PNG, Format.JPEG):
        return None
    try:
        header = png.read_header(data) if found is Format.PNG else jpeg.read_header(data)
    except pictures.PictureError:
        return None
    return header.width, header.height


def _plain(data: bytes) -> bytes:
    """The same picture without what could be unpacked beside its pixels."""
    if format_of(data) is Format.PNG:
        return png.plain(data).data
    jpeg.check_scans(data)
    return data
