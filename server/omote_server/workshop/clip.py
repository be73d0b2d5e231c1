"""What every contestant is fed: the real clip at 480p, as JPEGs."""

from __future__ import annotations

import cv2
import numpy as np

from omote_server.frames.codec import Pixels, encode
from omote_server.media.video import VideoReader
from omote_server.messages import PictureFormat
from omote_server.workshop.footage import footage_store

WIDTH, HEIGHT = 640, 480
_COLUMNS, _ROWS = 176, 144
_QUALITY = 85


def clip_frames() -> list[Pixels]:
    """The pinned clip, upscaled to 480 rows and widened to 640 by its border."""
    path = footage_store().path("carphone")
    with VideoReader(path) as reader:
        return [_at_480p(frame.pixels) for frame in reader.frames()]


def clip_jpegs() -> list[bytes]:
    """The same, encoded once."""
    return [encode(frame, PictureFormat.JPEG, _QUALITY).data for frame in clip_frames()]


def _at_480p(pixels: Pixels) -> Pixels:
    # As many pixels as the clip has, though they are not square: figures stay comparable.
    wide = round(_COLUMNS * HEIGHT / _ROWS)
    scaled = cv2.resize(pixels, (wide, HEIGHT), interpolation=cv2.INTER_CUBIC)
    left = (WIDTH - wide) // 2
    widened = cv2.copyMakeBorder(scaled, 0, 0, left, WIDTH - wide - left, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(widened, np.uint8)
