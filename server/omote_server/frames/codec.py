"""Pictures to arrays and back. Dimensions are checked in the header, before any pixel."""

from __future__ import annotations

import struct
import sys

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from omote_filters.draw.picture import PictureError, plain_png
from omote_server.errors import InvalidRequest
from omote_server.messages import RAW_CHANNELS, EncodedPicture, PictureFormat

Pixels = NDArray[np.uint8]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_JPEG_SCAN = b"\xff\xda"

_LONGEST_SIDE = 16_384
"""MediaPipe aborts the process from 32,767 pixels on; JPEG itself ends at 65,500."""
_MOST_SCANS = 32
"""A progressive JPEG decodes the whole picture once a scan: many small scans are a bomb."""


def decode(picture: EncodedPicture, max_pixels: int) -> Pixels:
    """A picture's pixels, (height, width, 3) uint8 RGB, C-contiguous and writable.

    Raises:
        InvalidRequest: there is no picture in the bytes, it is damaged, or it is too large.
    """
    if not picture.data:
        raise InvalidRequest.at("picture.data", "is empty; send an encoded or raw picture")
    kind = picture.format or _recognise(picture.data)
    width, height = _dimensions(picture, kind)
    if max(width, height) > _LONGEST_SIDE:
        raise InvalidRequest.at(
            "picture.data",
            f"the picture is {width} × {height} pixels; no side may be longer than {_LONGEST_SIDE}",
        )
    if width * height > max_pixels:
        raise InvalidRequest.at(
            "picture.data",
            f"the picture has {width} × {height} pixels; this stream takes at most "
            f"{max_pixels} (limits.max_pixels). Send a smaller one",
        )
    if kind in RAW_CHANNELS:
        return _decode_raw(picture, RAW_CHANNELS[kind])
    return _decode_jpeg(picture.data) if kind is PictureFormat.JPEG else _decode_png(picture.data)


def decode_own(data: bytes) -> Pixels:
    """The pixels of a JPEG or PNG that we made or asked for, however many they are.

    Raises:
        InvalidRequest: it is damaged.
    """
    return decode(EncodedPicture(None, 0, 0, data), max_pixels=sys.maxsize)


def jpeg(data: bytes) -> EncodedPicture | None:
    """A JPEG as a picture, None where it is none."""
    kind = PictureFormat.JPEG
    try:
        width, height = _dimensions(EncodedPicture(kind, 0, 0, data), kind)
    except InvalidRequest:
        return None
    return EncodedPicture(kind, width, height, data)


def encode(pixels: Pixels, kind: PictureFormat, quality: int) -> EncodedPicture:
    """Pixels, (height, width, 3) uint8 RGB, as a picture; `quality` counts for JPEG."""
    height, width = pixels.shape[:2]
    return EncodedPicture(kind, width, height, _encode(pixels, kind, quality))


def _recognise(data: bytes) -> PictureFormat:
    if data.startswith(_JPEG_SIGNATURE):
        return PictureFormat.JPEG
    if data.startswith(_PNG_SIGNATURE):
        return PictureFormat.PNG
    raise InvalidRequest.at(
        "picture.data",
        "is neither JPEG nor PNG; for raw pixels set picture.format, width and height",
    )


def _dimensions(picture: EncodedPicture, kind: PictureFormat) -> tuple[int, int]:
    if kind in RAW_CHANNELS:
        return _raw_dimensions(picture, kind)
    if kind is PictureFormat.PNG:
        return _png_dimensions(picture.data)
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(picture.data)
    except (ValueError, KeyError):  # KeyError: a subsampling that it has no name for
        raise InvalidRequest.at(
            "picture.data", "is not a JPEG that can be read: its header is damaged or unusual"
        ) from None
    if picture.data.count(_JPEG_SCAN) > _MOST_SCANS:
        raise InvalidRequest.at(
            "picture.data", f"is a JPEG of more than {_MOST_SCANS} scans; send an ordinary one"
        )
    return width, height


def _raw_dimensions(picture: EncodedPicture, kind: PictureFormat) -> tuple[int, int]:
    for name, side in (("width", picture.width), ("height", picture.height)):
        if side <= 0:
            raise InvalidRequest.at(f"picture.{name}", "a raw picture needs it, in pixels")
    expected = picture.width * picture.height * RAW_CHANNELS[kind]
    if len(picture.data) != expected:
        raise InvalidRequest.at(
            "picture.data",
            f"{kind.value} of {picture.width} × {picture.height} takes {expected} bytes, "
            f"not {len(picture.data)}",
        )
    return picture.width, picture.height


def _png_dimensions(data: bytes) -> tuple[int, int]:
    if not data.startswith(_PNG_SIGNATURE) or len(data) < 24 or data[12:16] != b"IHDR":
        raise InvalidRequest.at("picture.data", "is not a PNG: its header cannot be read")
    width, height = struct.unpack(">II", data[16:24])
    if width == 0 or height == 0:
        raise InvalidRequest.at("picture.data", "is a PNG without pixels")
    return width, height


def _decode_raw(picture: EncodedPicture, channels: int) -> Pixels:
    shape = (picture.height, picture.width, channels)
    pixels = np.frombuffer(picture.data, np.uint8).reshape(shape)
    return pixels[:, :, :3].copy(order="C")


def _decode_jpeg(data: bytes) -> Pixels:
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, colorspace="RGB")
    except (ValueError, KeyError):
        raise InvalidRequest.at("picture.data", "is a damaged or truncated JPEG") from None
    return pixels


def _decode_png(data: bytes) -> Pixels:
    try:
        # Texts and profiles are left out: a frame of 3 MB could ask for 12 s of unpacking.
        pixels = cv2.imdecode(np.frombuffer(plain_png(data), np.uint8), cv2.IMREAD_COLOR_RGB)
    except (cv2.error, PictureError):
        pixels = None
    # OpenCV fills what is missing with black and says nothing.
    if pixels is None or _PNG_END not in data:
        raise InvalidRequest.at("picture.data", "is a damaged or truncated PNG")
    return np.ascontiguousarray(pixels, np.uint8)


def _encode(pixels: Pixels, kind: PictureFormat, quality: int) -> bytes:
    if kind is PictureFormat.JPEG:
        contiguous = np.ascontiguousarray(pixels)
        encoded: bytes = simplejpeg.encode_jpeg(
            contiguous, quality=quality, colorspace="RGB", colorsubsampling="420"
        )
        return encoded
    if kind is PictureFormat.PNG:
        return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
    if kind is PictureFormat.RGBA:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA).tobytes()
    return pixels.tobytes()
