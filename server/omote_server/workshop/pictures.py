"""Picture files in and out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from omote_server.frames.codec import Pixels
from omote_server.media.files import Draft, MediaError, why

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
"""The endings of picture files."""


def read_picture(path: Path) -> Pixels:
    """A picture, (height, width, 3) uint8 RGB, upright.

    Raises:
        MediaError: it cannot be read, or is no picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        read = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {why(error, path)}") from None
    except cv2.error:
        read = None
    if read is None:
        raise MediaError(f"{path} is not a picture that can be read")
    return np.ascontiguousarray(read, np.uint8)


def write_picture(path: Path, pixels: Pixels) -> None:
    """Save a picture, (height, width, 3) uint8 RGB, in the format of its ending; whole or not.

    Raises:
        MediaError: its ending is not that of a picture, or it cannot be written.
    """
    try:
        encoded, data = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    except cv2.error:
        encoded = False
    if not encoded:
        endings = ", ".join(sorted(PICTURES))
        raise MediaError(
            f"{path} cannot be written: no picture format of this ending takes "
            f"{pixels.shape[1]} × {pixels.shape[0]} pixels; take one of {endings}"
        )
    try:
        with Draft(path) as draft:
            draft.path.write_bytes(data.tobytes())
    except OSError as error:
        raise MediaError(f"{path} cannot be written: {why(error, path)}") from None
