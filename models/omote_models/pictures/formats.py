"""The words for what a file is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
