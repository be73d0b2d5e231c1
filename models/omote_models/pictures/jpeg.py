"""A JPEG's segments, up to where its picture ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from omote_models.pictures.limits import FIRST, PictureError
from omote_models.pictures.turn import Turn, exif_turn

MOST_SCANS = 32
"""A progressive JPEG decodes the whole picture once a scan: many small scans are a bomb."""
_MOST_SEGMENTS = 2048

_SOI, _EOI, _SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length."""
_EXIF, _PROFILE = b"Exif\0\0", b"ICC_PROFILE\0"
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_IN_SCAN = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What stands before the first scan.

    Attributes:
        width, height: pixels, as they are stored.
        components: 1 grey, 3 colour, 4 CMYK.
        turn: what EXIF says.
        profile: ICC, empty where there is none.
    """

    width: int
    height: int
    components: int
    turn: Turn
    profile: bytes


def read_header(data: bytes) -> JpegHeader:
    """The header of the first picture in a file.

    Raises:
        PictureError: it cannot be followed.
    """
    frame, turn, profile, at = None, None, dict[bytes, bytes](), 2
    for _ in range(_MOST_SEGMENTS):
        marker, at = _next(_MARKER, data, at)
        if marker == _SCAN and frame is not None:
            return JpegHeader(*frame, turn or Turn(), b"".join(profile[n] for n in sorted(profile)))
        if marker in _BARE:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        if marker in _FRAMES and frame is None:
            frame = _size(data[at:end])
        elif marker == 0xE1 and turn is None and data.startswith(_EXIF, at + 2):
            turn = exif_turn(data[at + 2 : end])
        elif marker == 0xE2 and data.startswith(_PROFILE, at + 2):
            # Pieces are numbered by one byte: there are no more than fit into 16 MB.
            profile.setdefault(data[at + 14 : at + 15], data[at + 16 : end])
        at = max(end, at + 2)
    raise PictureError(f"is a JPEG of more than {_MOST_SEGMENTS} segments; save it anew")


def check_scans(data: bytes) -> None:
    """Let a JPEG pass that does not have too many scans, in its first picture.

    Raises:
        PictureError: it has.
    """
    # Inside a scan 0xFF never stands before 0xDA: this counts no fewer than there are. Cameras
    # put videos behind a picture, which have that pair anywhere: only then the way is walked.
    if data.count(b"\xff\xda") > MOST_SCANS and _scans(data) > MOST_SCANS:
        raise PictureError(f"is a JPEG of more than {MOST_SCANS} scans; save it as an ordinary one")


def end_of(data: bytes) -> int:
    """Where the first picture ends: what follows belongs to something else.

    Raises:
        PictureError: it does not end.
    """
    return _walk(data)[1]


def _scans(data: bytes) -> int:
    return _walk(data)[0]


def _walk(data: bytes) -> tuple[int, int]:
    """How many scans the first picture has, and where it ends."""
    scans, at, pattern = 0, 2, _MARKER
    for _ in range(_MOST_SEGMENTS):
        marker, at = _next(pattern, data, at)
        if marker == _EOI:
            return scans, at
        if marker in _BARE:
            continue
        if marker == _SCAN:
            scans += 1
            pattern = _IN_SCAN
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
    raise PictureError(f"is a JPEG of more than {_MOST_SEGMENTS} segments; save it anew")


def _next(pattern: re.Pattern[bytes], data: bytes, at: int) -> tuple[int, int]:
    """The next marker and where its segment begins."""
    found = pattern.search(data, at)
    if found is None:
        raise PictureError("is a damaged or truncated JPEG")
    return found[1][0], found.end()


def _size(segment: bytes) -> tuple[int, int, int]:
    if len(segment) < 8:
        raise PictureError("is a damaged or truncated JPEG")
    height, width = int.from_bytes(segment[3:5], "big"), int.from_bytes(segment[5:7], "big")
    return width, height, segment[7]


def left_behind(data: bytes) -> str:
    """What stands behind the picture and is not looked at; empty where nothing does.

    Cameras put a second or two of video there (motion photos), how bright an HDR screen may show
    it (Ultra HDR), or what the other eye sees (MPO).
    """
    try:
        end = end_of(data)
    except PictureError:
        return ""
    rest = data[end:]
    if b"ftyp" in rest:
        return "the video behind it, of a motion photo, was left out"
    if b"\xff\xd8\xff" not in rest:
        return ""
    if b"hdrgm" in data[:end]:
        return "it is shown as on an ordinary screen: how bright HDR may be was left out"
    return FIRST
