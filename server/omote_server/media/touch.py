"""What encoders of animations leave wrong, put right in the whole file."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

from omote_server.media.colour import SEE_THROUGH

_LONGEST_WEBP = 0xFFFFFF
_LONGEST_PNG = 0xFFFF
_TICKS = 1000
_HAS_ALPHA = 0x10
_DISPOSAL, _TO_BACKGROUND, _HAS_CLEAR = 0x1C, 0x08, 0x01


def touch_up(file: BinaryIO, box: str, last: float, clear: bool) -> None:
    """Write how long the last frame is shown, which encoders guess, and whether it is clear.

    Args:
        file: open for reading and writing.
        box: "gif", "webp" or "apng"; of anything else it is right already.
        last: seconds that the last frame is shown.
        clear: whether any frame had alpha.
    """
    ticks = round(last * _TICKS)
    if box == "webp":
        _set_webp(file, min(ticks, _LONGEST_WEBP), clear)
    elif box == "apng":
        _set_png(file, min(ticks, _LONGEST_PNG))
    elif box == "gif" and clear:
        _set_gif(file)


def _set_webp(file: BinaryIO, ticks: int, clear: bool) -> None:
    last, at = None, 12
    file.seek(at)
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if kind == b"ANMF":
            last = at
        if kind == b"VP8X" and clear:
            # Where each frame is opaque in its own small area, the encoder forgets the rest.
            flags = file.read(1)[0]
            file.seek(at + 8)
            file.write(bytes((flags | _HAS_ALPHA,)))
        at += 8 + length + (length & 1)
        file.seek(at)
    if last is not None:
        # Behind the frame's place and size, three bytes each.
        file.seek(last + 8 + 12)
        file.write(ticks.to_bytes(3, "little"))


def _set_png(file: BinaryIO, ticks: int) -> None:
    last, at = None, 8
    file.seek(at)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"fcTL":
            last = file.read(length)
            place = at
        at += 12 + length
        file.seek(at, io.SEEK_SET)
    if last is not None:
        # Number, size and place come first; what follows the delay is how frames are laid over.
        chunk = b"fcTL" + last[:20] + struct.pack(">HH", ticks, _TICKS) + last[24:]
        file.seek(place + 4)
        file.write(chunk + struct.pack(">I", zlib.crc32(chunk)))


def _set_gif(file: BinaryIO) -> None:
    """Let every frame, which must be whole, be gone before the next: what is clear shows none.

    All name the colour that is none, so that what is gone becomes that and not black.
    """
    file.seek(10)
    file.seek(13 + _colours(file.read(1)[0]))
    while kind := file.read(1):
        at = file.tell()
        if kind == b"\x21" and file.read(1) == b"\xf9":
            file.seek(at + 2)
            flags = file.read(1)[0]
            file.seek(at + 2)
            file.write(bytes((flags & ~_DISPOSAL | _TO_BACKGROUND | _HAS_CLEAR,)))
            file.seek(at + 5)
            file.write(bytes((SEE_THROUGH,)))
            file.seek(at + 1)
        elif kind == b"\x2c":
            file.seek(at + 8)
            file.seek(at + 9 + _colours(file.read(1)[0]) + 1)
        elif kind != b"\x21":
            return
        while length := file.read(1)[0]:
            file.seek(length, io.SEEK_CUR)


def _colours(flags: int) -> int:
    """Bytes of the table of colours that follows."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
