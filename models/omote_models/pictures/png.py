"""A PNG's chunks, without what is said beside the pixels."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from omote_models.pictures.codepoints import profile_for
from omote_models.pictures.limits import PictureError
from omote_models.pictures.turn import Turn, exif_turn

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
"""What a pixel is."""
_PARTS = (b"PLTE", b"tRNS", b"IDAT")
"""What decides the pixels. Texts are never unpacked, other frames never read."""
_BESIDE = (b"eXIf", b"iCCP", b"cICP", b"tRNS", b"acTL")
_MOST_CHUNKS = 20_000
_MOST_PROFILE = 4 << 20


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What stands in the first chunk.

    Attributes:
        width, height: pixels, as they are stored.
        depth: bits a channel.
        colour: `GREY`, `RGB`, `PALETTE`, `GREY_ALPHA` or `RGBA`.
    """

    width: int
    height: int
    depth: int
    colour: int


@dataclass(frozen=True, slots=True)
class PlainPng:
    """The same picture with nothing but its pixels, and what was said beside them.

    Attributes:
        data: a PNG.
        turn: what EXIF says.
        profile: ICC; empty where there is none, None where it cannot be unpacked.
        see_through: whether one colour, or colours of the palette, are transparent.
        moves: whether other frames stood behind it.
    """

    data: bytes
    turn: Turn = Turn()
    profile: bytes | None = b""
    see_through: bool = False
    moves: bool = False


def read_header(data: bytes) -> PngHeader:
    """The size and layout of a PNG.

    Raises:
        PictureError: it is none.
    """
    if not data.startswith(SIGNATURE) or len(data) < 29 or data[8:16] != b"\0\0\0\rIHDR":
        raise PictureError("is not a PNG: its header cannot be read")
    return PngHeader(*struct.unpack_from(">IIBB", data, 16))


def plain(data: bytes) -> PlainPng:
    """A PNG with nothing but its pixels: a text of 8 kB may ask for 8 MB to be unpacked.

    Raises:
        PictureError: its end is missing, or it is cut into more pieces than a picture needs.
    """
    kept, beside, at = [data[:33]], dict[bytes, bytes](), 33
    for _ in range(_MOST_CHUNKS):
        if at + 12 > len(data):
            raise PictureError("is a damaged or truncated PNG: its end is missing")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind == b"IEND":
            return _told(b"".join((*kept, data[at:end])), beside)
        if kind in _PARTS:
            kept.append(data[at:end])
        if kind in _BESIDE:
            beside.setdefault(kind, data[at + 8 : end - 4])
        at = end
    raise PictureError(f"is a PNG of more than {_MOST_CHUNKS:,} chunks; save it anew")


def _told(data: bytes, beside: dict[bytes, bytes]) -> PlainPng:
    packed, told = beside.get(b"iCCP"), beside.get(b"cICP", b"")
    profile: bytes | None = b""
    if len(told) == 4:  # it counts more than a profile
        profile = profile_for(told[0], told[1])
    elif packed is not None:
        profile = _unpacked(packed)
    turn = exif_turn(beside.get(b"eXIf", b""))
    return PlainPng(data, turn, profile, b"tRNS" in beside, b"acTL" in beside)


def _unpacked(packed: bytes) -> bytes | None:
    """A profile behind its name and the number of its method."""
    _, _, body = packed.partition(b"\0")
    work = zlib.decompressobj()
    try:
        profile = work.decompress(body[1:], _MOST_PROFILE)
    except zlib.error:
        return None
    return profile if work.eof else None
