"""What a file is, by its content: never by its name."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO


class Sort(StrEnum):
    """How a file is worked on."""

    PICTURE = "picture"
    ANIMATION = "animation"
    """Several pictures in a format of pictures. Its first is a picture, too."""
    VIDEO = "video"
    OTHER = "other"
    """Known by name, so that it can be told; nothing here reads it."""


class Format(StrEnum):
    """How a file is written, in a word for people."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    AVIF = "AVIF"
    HEIC = "HEIC"
    TIFF = "TIFF"
    BMP = "BMP"
    GIF = "GIF"

    MP4 = "MP4"
    MOV = "QuickTime"
    MATROSKA = "Matroska"
    AVI = "AVI"
    MPEG_TS = "MPEG transport stream"
    MPEG_PS = "MPEG program stream"
    OGG = "Ogg"
    FLV = "Flash video"
    ASF = "Windows Media"
    MXF = "MXF"
    Y4M = "YUV4MPEG"
    H264 = "raw H.264"
    H265 = "raw H.265"
    MPEG = "raw MPEG video"
    MJPEG = "Motion JPEG"

    RAW = "camera raw"
    JPEG_XL = "JPEG XL"
    JPEG_2000 = "JPEG 2000"
    PSD = "Photoshop"
    PDF = "PDF"
    SVG = "SVG"
    ICON = "icon"


_STILL = frozenset(
    (
        *(Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.HEIC),
        *(Format.TIFF, Format.BMP, Format.GIF),
    )
)
_FOREIGN = frozenset(
    (Format.RAW, Format.JPEG_XL, Format.JPEG_2000, Format.PSD, Format.PDF, Format.SVG, Format.ICON)
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is.

    Attributes:
        format: how it is written.
        sort: how it is worked on.
    """

    format: Format
    sort: Sort

    def __str__(self) -> str:
        moving = self.sort is Sort.ANIMATION
        return f"animated {self.format.value}" if moving else self.format.value


_HEAD = 4096
"""Bytes that tell every format; whether it moves may stand later."""
_MOST_PARTS = 4096
"""Chunks or blocks that are passed on the way to a second picture."""
_TS_PACKETS = ((0, 188), (4, 192), (0, 204))
"""Where MPEG transport streams have their first sync byte, and how long a packet is."""


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
    head = file.read(_HEAD)
    found = format_of(head)
    if found is None:
        return None
    if found in _FOREIGN:
        return Kind(found, Sort.OTHER)
    if found not in _STILL:
        return Kind(found, Sort.VIDEO)
    if found is Format.JPEG and _is_motion_jpeg(file):
        return Kind(Format.MJPEG, Sort.VIDEO)
    if found is Format.TIFF and _is_raw(head, file):
        return Kind(Format.RAW, Sort.OTHER)
    moves = _MOVES.get(found)
    moving = moves is not None and moves(head, file)
    return Kind(found, Sort.ANIMATION if moving else Sort.PICTURE)


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


def format_of(head: bytes) -> Format | None:
    """How a file is written, by its first few kilobytes; None where nothing tells."""
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    head = head[:_HEAD]
    tellers = (_of_tiff, _of_riff, _of_boxes, _of_stream, _of_text)
    return next((told for tell in tellers if (told := tell(head))), None)


_STARTS = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"\x1a\x45\xdf\xa3", Format.MATROSKA),
    (b"OggS", Format.OGG),
    (b"FLV\x01", Format.FLV),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Format.ASF),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", Format.MXF),
    (b"YUV4MPEG2 ", Format.Y4M),
    (b"\0\0\x01\xba", Format.MPEG_PS),
    (b"\0\0\x01\xb3", Format.MPEG),
    (b"\xff\x0a", Format.JPEG_XL),
    (b"\0\0\0\x0cJXL ", Format.JPEG_XL),
    (b"\0\0\0\x0cjP  ", Format.JPEG_2000),
    (b"\xff\x4f\xff\x51", Format.JPEG_2000),
    (b"8BPS\0", Format.PSD),
    (b"%PDF-", Format.PDF),
    (b"\0\0\x01\0", Format.ICON),
    (b"FUJIFILMCCD-RAW", Format.RAW),
    (b"IIRO", Format.RAW),
    (b"IIRS", Format.RAW),
    (b"IIU\0", Format.RAW),
)


def _of_tiff(head: bytes) -> Format | None:
    if head[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    return Format.RAW if head[8:10] == b"CR" else Format.TIFF


def _of_riff(head: bytes) -> Format | None:
    if head[:2] == b"BM":
        # Two letters are few: the size of the header behind them must be one that there is.
        size = int.from_bytes(head[14:18], "little")
        return Format.BMP if size in (12, 16, 40, 52, 56, 64, 108, 124) else None
    if head[:4] != b"RIFF":
        return None
    return {b"WEBP": Format.WEBP, b"AVI ": Format.AVI}.get(head[8:12])


_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), Format.AVIF),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"), Format.HEIC),
    b"crx ": Format.RAW,
    b"qt  ": Format.MOV,
}
_OLD_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""What QuickTime files begin with that are older than brands."""


def _of_boxes(head: bytes) -> Format | None:
    kind = head[4:8]
    if kind != b"ftyp":
        return Format.MOV if kind in _OLD_BOXES else None
    brands = _brands(head)
    # `mif1` and `msf1` say only that it is a picture; the others say how it is coded.
    for brand in brands:
        if found := _BRANDS.get(brand):
            return found
    return Format.HEIC if {b"mif1", b"msf1"} & set(brands) else Format.MP4


def _brands(head: bytes) -> list[bytes]:
    """The major brand, and those that the file says to be readable as."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]


def _of_stream(head: bytes) -> Format | None:
    for first, step in _TS_PACKETS:
        syncs = head[first : first + 5 * step : step]
        if len(syncs) >= 2 and syncs == b"\x47" * len(syncs):
            return Format.MPEG_TS
    if found := re.match(rb"\0?\0\0\x01(.)", head, re.DOTALL):
        unit = found[1][0]
        if unit & 0x9F in (0x07, 0x09):  # a sequence's parameters, a delimiter
            return Format.H264
        if unit & 0x81 == 0 and unit >> 1 in (32, 33, 35):
            return Format.H265
    return None


def _of_text(head: bytes) -> Format | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!")) and b"<svg" in text):
        return Format.SVG
    return None


def _png_moves(head: bytes, file: BinaryIO) -> bool:
    """Whether there is an animation's header before the first pixel, with more than one frame."""
    file.seek(8)
    for _ in range(_MOST_PARTS):
        start = file.read(8)
        if len(start) < 8:
            return False
        length, kind = struct.unpack(">I4s", start)
        if kind == b"acTL":
            return int.from_bytes(file.read(4), "big") > 1
        if kind in (b"IDAT", b"IEND"):
            return False
        file.seek(length + 4, io.SEEK_CUR)
    return False


def _webp_moves(head: bytes, file: BinaryIO) -> bool:
    """Whether its header says so, and there is a second frame."""
    if head[12:16] != b"VP8X" or not head[20:21] or not head[20] & 2:
        return False
    return _several(_webp_frames(file))


def _webp_frames(file: BinaryIO) -> Iterator[None]:
    file.seek(12)
    for _ in range(_MOST_PARTS):
        start = file.read(8)
        if len(start) < 8:
            return
        kind, length = struct.unpack("<4sI", start)
        if kind == b"ANMF":
            yield
        file.seek(length + (length & 1), io.SEEK_CUR)


def _gif_moves(head: bytes, file: BinaryIO) -> bool:
    return _several(_gif_frames(file))


def _gif_frames(file: BinaryIO) -> Iterator[None]:
    """Each picture of a GIF, by its blocks."""
    file.seek(0)
    screen = file.read(13)
    if len(screen) < 13:
        return
    _pass_colours(file, screen[10])
    for _ in range(_MOST_PARTS):
        match file.read(1):
            case b"\x21":
                file.seek(1, io.SEEK_CUR)
            case b"\x2c":
                yield
                descriptor = file.read(9)
                if len(descriptor) < 9:
                    return
                _pass_colours(file, descriptor[8])
                file.seek(1, io.SEEK_CUR)
            case _:
                return
        while length := file.read(1):
            if length == b"\0":
                break
            file.seek(length[0], io.SEEK_CUR)


def _pass_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 * 2 ** ((flags & 7) + 1), io.SEEK_CUR)


def _several(frames: Iterator[None]) -> bool:
    return next(frames, 0) is None and next(frames, 0) is None


def _boxes_move(head: bytes, file: BinaryIO) -> bool:
    """Whether it says to be a sequence first of all, and not a picture."""
    return head[8:12] in (b"avis", b"hevc", b"hevx", b"msf1")


_MOVES: dict[Format, Callable[[bytes, BinaryIO], bool]] = {
    Format.PNG: _png_moves,
    Format.WEBP: _webp_moves,
    Format.GIF: _gif_moves,
    Format.AVIF: _boxes_move,
    Format.HEIC: _boxes_move,
}

_MJPEG_LOOK = 8 << 20
_JPEG_JOINT = b"\xff\xd9\xff\xd8\xff"


def _is_motion_jpeg(file: BinaryIO) -> bool:
    """Whether JPEGs stand one behind the other and nothing says why.

    Cameras put further pictures behind the first, too: the other eye's, or how bright a screen
    may show it. Those files say so, in segments that name them.
    """
    file.seek(0)
    data = file.read(_MJPEG_LOOK)
    if data.count(_JPEG_JOINT) < 2:
        return False
    return not any(name in data for name in (b"MPF\0", b"hdrgm", b"Container:"))


_RAW_TAGS = frozenset((50706,))
"""Of DNG."""
_SUBFILE, _COMPRESSION, _PHOTOMETRIC, _SUB_IFDS = 254, 259, 262, 330
_RAW_VALUES = ((_COMPRESSION, (34713, 32767, 65535)), (_PHOTOMETRIC, (32803, 34892)))
"""How Nikon, Sony and Pentax pack, and what a sensor's pixels are."""


def _is_raw(head: bytes, file: BinaryIO) -> bool:
    """Whether a TIFF is a camera's raw file: its first picture is only a small one to show."""
    tags = _first_tags(head, file)
    if _RAW_TAGS & tags.keys() or any(tags.get(tag) in raw for tag, raw in _RAW_VALUES):
        return True
    return bool(tags.get(_SUBFILE, 0) & 1) and _SUB_IFDS in tags


def _first_tags(head: bytes, file: BinaryIO) -> dict[int, int]:
    """The tags of a TIFF's first picture, with their value where it is one short number."""
    order = "<" if head[:2] == b"II" else ">"
    if head[2:4] not in (b"*\0", b"\0*") or len(head) < 8:
        return {}
    file.seek(struct.unpack_from(f"{order}I", head, 4)[0])
    counted = file.read(2)
    if len(counted) < 2:
        return {}
    table = file.read(12 * int(struct.unpack(f"{order}H", counted)[0]))
    tags = {}
    for at in range(0, len(table) - 11, 12):
        tag, kind, count = struct.unpack_from(f"{order}HHI", table, at)
        short = kind == 3 and count == 1
        tags[tag] = struct.unpack_from(f"{order}H" if short else f"{order}I", table, at + 8)[0]
    return tags
