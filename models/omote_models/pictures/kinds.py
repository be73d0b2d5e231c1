"""What a file is, by its content: never by its name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from omote_models.pictures.formats import Format, Kind, Sort
from omote_models.pictures.inside import is_motion_jpeg, is_raw, moves
from omote_models.pictures.magic import HEAD, format_of

_STILL = frozenset(
    (
        *(Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.HEIC),
        *(Format.TIFF, Format.BMP, Format.GIF),
    )
)
_FOREIGN = frozenset(
    (Format.RAW, Format.JPEG_XL, Format.JPEG_2000, Format.PSD, Format.PDF, Format.SVG, Format.ICON)
)


def recognise(source: bytes | BinaryIO) -> Kind | None:
    """What a file is, by its content; None where nothing tells.

    Reads a few kilobytes at the beginning, and what must be passed to find a second picture; it
    decodes nothing. A JPEG with other pictures behind it (MPO, Ultra HDR) or with a video
    (motion photo) is a picture: its first.

    Args:
        source: the whole file, its first 64 kB (which tell all but whether a large GIF moves), or
            a file that can seek.

    Raises:
        OSError: it cannot be read.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    file.seek(0)
    head = file.read(HEAD)
    found = format_of(head)
    if found is None:
        return None
    if found in _FOREIGN:
        return Kind(found, Sort.OTHER)
    if found not in _STILL:
        return Kind(found, Sort.VIDEO)
    if found is Format.JPEG and is_motion_jpeg(file):
        return Kind(Format.MJPEG, Sort.VIDEO)
    if found is Format.TIFF and is_raw(head, file):
        return Kind(Format.RAW, Sort.OTHER)
    return Kind(found, Sort.ANIMATION if moves(found, head, file) else Sort.PICTURE)


def recognise_file(path: Path) -> Kind | None:
    """What a file of this machine is; see `recognise`.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return recognise(file)


_PICTURES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".heic"),
        *(".heif", ".hif", ".tif", ".tiff", ".bmp", ".dib", ".gif"),
    )
)
_VIDEOS = frozenset((".mp4", ".mov", ".m4v", ".3gp", ".mkv", ".webm", ".avi", ".ts", ".m2ts"))


def sort_of(path: Path) -> Sort | None:
    """How a file among others is worked on; None where it is neither a picture nor a video.

    What its content does not tell, its name does: a picture that is damaged from the start is to
    be told of, not passed over.
    """
    try:
        found = recognise_file(path)
    except OSError:
        found = None
    if found is not None:
        return None if found.sort is Sort.OTHER else found.sort
    ending = path.suffix.lower()
    if ending in _PICTURES:
        return Sort.PICTURE
    return Sort.VIDEO if ending in _VIDEOS else None
