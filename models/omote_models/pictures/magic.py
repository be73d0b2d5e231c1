"""How a file is written, by its first bytes."""

from __future__ import annotations

import re

from omote_models.pictures.formats import Format

HEAD = 4096
"""Bytes that tell every format."""
_TS_PACKETS = ((0, 188), (4, 192), (0, 204))
"""Where MPEG transport streams have their first sync byte, and how long a packet is."""


def format_of(head: bytes) -> Format | None:
    """How a file is written, by its first few kilobytes; None where nothing tells."""
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    head = head[:HEAD]
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
