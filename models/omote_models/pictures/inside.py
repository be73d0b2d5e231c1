"""What only a look inside tells: whether a file moves, and whether it is a camera's raw one."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from omote_models.pictures.formats import Format

_MOST_PARTS = 4096
"""Chunks or blocks that are passed on the way to a second picture."""


def moves(kind: Format, head: bytes, file: BinaryIO) -> bool:
    """Whether a file of this format of pictures shows several, one after the other."""
    look = _MOVES.get(kind)
    return look is not None and look(head, file)


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


def is_motion_jpeg(file: BinaryIO) -> bool:
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


def is_raw(head: bytes, file: BinaryIO) -> bool:
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
