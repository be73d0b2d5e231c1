"""Pictures of the wire to arrays and back: raw ones here, all others by `omote_models.pictures`."""

from __future__ import annotations

import sys
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.pictures import Format, Limits, PictureError, Turn, on_white, read, write
from omote_models.pictures.jpeg import read_header
from omote_models.pictures.writing import jpeg as encode_jpeg
from omote_server.errors import InvalidRequest
from omote_server.messages import RAW_CHANNELS, EncodedPicture, PictureFormat

Pixels = NDArray[np.uint8]

_TAKEN = (Format.JPEG, Format.PNG, Format.WEBP)
_ADVICE = "send a smaller one (limits.max_pixels says how large one may be)"
_RAW = "for raw pixels set picture.format, width and height"
_WRITTEN = {PictureFormat.PNG: Format.PNG, PictureFormat.WEBP: Format.WEBP}


class Decoded(NamedTuple):
    """A picture as a viewer shows it.

    Attributes:
        pixels: (height, width, 3) uint8 RGB, C-contiguous and writable.
        alpha: (height, width) uint8; None where all of it shows.
    """

    pixels: Pixels
    alpha: Pixels | None = None


def decode(picture: EncodedPicture, max_pixels: int, turn: Turn = Turn()) -> Decoded:
    """A picture's pixels: upright, in sRGB, and with the alpha that they came with.

    Args:
        picture: as it came.
        max_pixels: width × height; looked up in the header, before any pixel.
        turn: what makes it upright, after what its EXIF says.

    Raises:
        InvalidRequest: there is no picture in the bytes, it is damaged, or it is too large.
    """
    if not picture.data:
        raise InvalidRequest.at("picture.data", "is empty; send an encoded or raw picture")
    limits = Limits(max_pixels, advice=_ADVICE)
    if picture.format in RAW_CHANNELS:
        return _decode_raw(picture, RAW_CHANNELS[picture.format], limits, turn)
    try:
        found = read(picture.data, limits, accepted=_TAKEN, turn=turn)
    except PictureError as error:
        raise InvalidRequest.at("picture.data", f"{error}{_hint(picture)}") from None
    return Decoded(found.pixels, found.alpha)


def decode_own(data: bytes) -> Pixels:
    """The pixels of a picture that we made or asked for, however many they are.

    Raises:
        InvalidRequest: it is damaged.
    """
    return decode(EncodedPicture(None, 0, 0, data), max_pixels=sys.maxsize).pixels


def jpeg(data: bytes) -> EncodedPicture | None:
    """A JPEG as a picture, None where it is none."""
    try:
        header = read_header(data)
    except PictureError:
        return None
    return EncodedPicture(PictureFormat.JPEG, header.width, header.height, data)


def encode(
    pixels: Pixels, kind: PictureFormat, quality: int, alpha: Pixels | None = None
) -> EncodedPicture:
    """Pixels as a picture.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        kind: how they are written.
        quality: counts for JPEG and WebP.
        alpha: (height, width) uint8; where a format has no room for it, what does not show is
            white.
    """
    height, width = pixels.shape[:2]
    return EncodedPicture(kind, width, height, _encode(pixels, kind, quality, alpha))


def _hint(picture: EncodedPicture) -> str:
    known = picture.format is not None or len(picture.data) < 3
    return "" if known else f"; {_RAW}"


def _decode_raw(picture: EncodedPicture, channels: int, limits: Limits, turn: Turn) -> Decoded:
    width, height = picture.width, picture.height
    for name, side in (("width", width), ("height", height)):
        if side <= 0:
            raise InvalidRequest.at(f"picture.{name}", "a raw picture needs it, in pixels")
    expected = width * height * channels
    if len(picture.data) != expected:
        raise InvalidRequest.at(
            "picture.data",
            f"{width} × {height} raw pixels of {channels} bytes take {expected} bytes, "
            f"not {len(picture.data)}",
        )
    try:
        limits.check(width, height)
    except PictureError as error:
        raise InvalidRequest.at("picture.data", str(error)) from None
    sent = np.frombuffer(picture.data, np.uint8).reshape(height, width, channels)
    if channels == 3:
        # Turned, it is a copy already; else it is borrowed from the message.
        return Decoded(sent.copy() if turn == Turn() else turn.upright(sent))
    alpha = np.ascontiguousarray(sent[:, :, 3])
    pixels = turn.upright(np.asarray(cv2.cvtColor(sent, cv2.COLOR_RGBA2RGB), np.uint8))
    return Decoded(pixels, None if int(alpha.min()) == 255 else turn.upright(alpha))


def _encode(pixels: Pixels, kind: PictureFormat, quality: int, alpha: Pixels | None) -> bytes:
    if kind in _WRITTEN:
        return write(pixels, alpha, _WRITTEN[kind], quality)
    if kind is PictureFormat.RGBA:
        raw = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
        if alpha is not None:
            raw[:, :, 3] = alpha
        return raw.tobytes()
    if alpha is not None:
        pixels = on_white(pixels, alpha)
    return encode_jpeg(pixels, quality) if kind is PictureFormat.JPEG else pixels.tobytes()
