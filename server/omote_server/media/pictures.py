"""Picture files in and out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from omote_models.pictures import ENDINGS, Format, Limits, Picture, PictureError, read, write
from omote_models.pictures.jpeg import left_behind
from omote_server.frames.codec import Pixels
from omote_server.media.files import Draft, MediaError, why

_MOST_BYTES = 1 << 30
"""Of a file that is read as one picture."""


def read_picture(path: Path, limits: Limits = Limits()) -> Picture:
    """A picture as a viewer shows it, upright and in sRGB; its content says what it is.

    Raises:
        MediaError: it cannot be read, is no picture, or is too large.
        ModuleNotFoundError: it is HEIC, and pillow-heif is not installed.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {why(error, path)}") from None
    if len(data) > _MOST_BYTES:
        raise MediaError(f"{path} has more than {_MOST_BYTES >> 20} MB; no picture has")
    try:
        picture = read(data, limits)
    except PictureError as error:
        raise MediaError(f"{path} {error}") from None
    behind = left_behind(data) if picture.format is Format.JPEG else ""
    return replace(picture, notes=(*picture.notes, behind)) if behind else picture


def write_picture(path: Path, pixels: Pixels, alpha: Pixels | None = None) -> None:
    """Save a picture in the format of its ending; whole or not.

    Args:
        path: with one of the endings in `omote_models.pictures.ENDINGS`.
        pixels: (height, width, 3) uint8 RGB.
        alpha: (height, width) uint8, None where all of it shows; where a format has no room for
            it, what does not show is white.

    Raises:
        MediaError: its ending is not that of a picture, or it cannot be written.
    """
    kind = ENDINGS.get(path.suffix.lower())
    if kind is None:
        endings = ", ".join(sorted(ENDINGS))
        raise MediaError(
            f"{path} cannot be written: no picture has this ending; take one of {endings}"
        )
    try:
        data = write(pixels, alpha, kind)
    except PictureError as error:
        raise MediaError(f"{path} cannot be written: it {error}") from None
    try:
        with Draft(path) as draft:
            draft.path.write_bytes(data)
    except OSError as error:
        raise MediaError(f"{path} cannot be written: {why(error, path)}") from None
