"""Colours: from what a file says of its numbers to sRGB pixels, and back with tags that agree.

Reading goes by the file's own matrix, range and primaries. HDR, and colours wider than a screen's,
are mapped by libswscale (its perceptual intent, FFmpeg 7.1 and later). Primaries and transfer
curves of the older standards lie so close to BT.709's that their pixels stay as they are: the
writer passes on their tags, and whoever manages colours still sees the right ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from PIL import Image

from omote_server.frames.codec import Pixels
from omote_server.media.report import MediaReport

_UNSPECIFIED = 2
"""Of a matrix, a transfer curve and primaries, in H.273."""
_BT2020_MATRICES = (9, 10)
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    **dict.fromkeys(_BT2020_MATRICES, Colorspace.BT2020),
}
_LARGEST_SD = (1279, 576)
"""Width and height up to which players take an untagged video for BT.601."""
_WIDE = {9: "BT.2020", 10: "XYZ", 11: "DCI-P3", 12: "Display P3"}
_HDR = {16: "PQ", 18: "HLG"}
_PALETTE_SIDE = 256
"""Pixels of a side of the small picture by which the colours of a palette are chosen."""
SEE_THROUGH = 255
"""The colour of a palette that is none."""
_NEAR_CURVES = (1, 4, 5, 6, 7, 13)
_NEAR_PRIMARIES = (1, 4, 5, 6, 7, 22)


@dataclass(frozen=True, slots=True)
class Tags:
    """How a file's numbers are meant, in the codes of H.273.

    Attributes:
        primaries: which red, green and blue.
        transfer: how light becomes numbers.
    """

    primaries: int = int(ColorPrimaries.BT709)
    transfer: int = int(ColorTrc.BT709)


def guessed_matrix(width: int, height: int) -> Colorspace:
    """The matrix of a video that names none, as players guess it by its size."""
    small = width <= _LARGEST_SD[0] and height <= _LARGEST_SD[1]
    return Colorspace.ITU601 if small else Colorspace.ITU709


class Developer:
    """Makes pixels of decoded frames. One per video: it keeps its tables.

    Attributes:
        tags: of the pixels that it makes.
        has_alpha: whether the frame that came last had alpha, be it opaque everywhere.
    """

    def __init__(self, report: MediaReport) -> None:
        """Tell a report what is converted."""
        self._report = report
        self._reformatter = VideoReformatter()
        self.tags = Tags()
        self.has_alpha = False

    def pixels(self, frame: av.VideoFrame, width: int, height: int) -> tuple[Pixels, Pixels | None]:
        """RGB, (height, width, 3) uint8, and alpha, (height, width), where it has any.

        Args:
            frame: as decoded.
            width: in pixels; another size than the frame's own is resampled.
            height: in pixels.
        """
        has_alpha = frame.format.has_palette or any(c.is_alpha for c in frame.format.components)
        self.has_alpha = has_alpha
        layout = "rgba" if has_alpha else "rgb24"
        picture = np.asarray(self._developed(frame, width, height, layout).to_ndarray(), np.uint8)
        if not has_alpha:
            return picture, None
        alpha = np.ascontiguousarray(picture[..., 3])
        return np.ascontiguousarray(picture[..., :3]), None if (alpha == 255).all() else alpha

    def _developed(
        self, frame: av.VideoFrame, width: int, height: int, layout: str
    ) -> av.VideoFrame:
        matrix, full = self._read(frame)
        wide = self._wide(frame)
        if wide:
            try:
                mapped = self._reformatter.reformat(
                    frame,
                    width,
                    height,
                    layout,
                    src_colorspace=matrix,
                    src_color_range=full,
                    dst_color_range=ColorRange.JPEG,
                    dst_color_primaries=ColorPrimaries.BT709,
                    dst_color_trc=ColorTrc.BT709,
                    threads=1,
                )
            except FFmpegError:
                self._report.converted(f"{wide}: these colours cannot be mapped; taken as BT.709")
            else:
                self._report.converted(wide)
                self.tags = Tags()
                return mapped
        return self._reformatter.reformat(
            frame,
            width,
            height,
            layout,
            src_colorspace=matrix,
            src_color_range=full,
            dst_color_range=ColorRange.JPEG,
            # Full chroma where it is not on the fast way of 4:2:0 anyway.
            interpolation=Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT,
            threads=1,
        )

    def _read(self, frame: av.VideoFrame) -> tuple[Colorspace | None, ColorRange]:
        """The matrix and the range of a frame; says which it had to guess."""
        name = frame.format.name
        full = frame.color_range == ColorRange.JPEG or name.startswith("yuvj")
        if frame.format.is_rgb or frame.format.has_palette or name.startswith("gray"):
            limited = frame.color_range == ColorRange.MPEG
            return None, ColorRange.MPEG if limited else ColorRange.JPEG
        matrix = _MATRICES.get(frame.colorspace)
        if matrix is None:
            matrix = guessed_matrix(frame.width, frame.height)
            guess = "BT.601" if matrix is Colorspace.ITU601 else "BT.709"
            self._report.converted(f"colours without a matrix: read as {guess}, by their size")
        return matrix, ColorRange.JPEG if full else ColorRange.MPEG

    def _wide(self, frame: av.VideoFrame) -> str:
        """What is done to a frame that a screen of BT.709 cannot show; empty where it can."""
        if frame.colorspace in _BT2020_MATRICES:
            if frame.color_primaries == _UNSPECIFIED:
                frame.color_primaries = int(ColorPrimaries.BT2020)
            if frame.color_trc == _UNSPECIFIED:
                frame.color_trc = int(ColorTrc.BT2020_10)
        if hdr := _HDR.get(frame.color_trc):
            return f"HDR ({hdr}) tone-mapped to SDR BT.709"
        if wide := _WIDE.get(frame.color_primaries):
            if frame.color_trc == _UNSPECIFIED:
                frame.color_trc = int(ColorTrc.BT709)
            return f"{wide} colours mapped to BT.709"
        primaries, transfer = frame.color_primaries, frame.color_trc
        self.tags = Tags(
            primaries if primaries in _NEAR_PRIMARIES else int(ColorPrimaries.BT709),
            transfer if transfer in _NEAR_CURVES else int(ColorTrc.BT709),
        )
        return ""


class Printer:
    """Makes frames for an encoder: BT.709, limited range; keeps its tables."""

    matrix = int(Colorspace.ITU709)
    range = int(ColorRange.MPEG)

    def __init__(self, layout: str) -> None:
        """Make frames of a pixel format: one of YUV, or of RGB as it is."""
        self._layout = layout
        self._reformatter = VideoReformatter()

    def frame(self, pixels: Pixels, alpha: Pixels | None = None) -> av.VideoFrame:
        """A frame of a picture, (height, width, 3) uint8 RGB, and its alpha, (height, width)."""
        if alpha is None:
            source = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        else:
            source = av.VideoFrame.from_ndarray(np.dstack((pixels, alpha)), format="rgba")
        if not self._layout.startswith("yuv"):
            return self._reformatter.reformat(source, format=self._layout, threads=1)
        return self._reformatter.reformat(
            source,
            format=self._layout,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            # Averages of colour are rounded, or each generation would be a little darker.
            interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND,
            threads=1,
        )


def with_palette(pixels: Pixels, alpha: Pixels | None) -> Any:
    """A frame of the 255 colours that fit it best, and of none where it is rather clear."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    small = picture.copy()
    small.thumbnail((_PALETTE_SIDE, _PALETTE_SIDE))
    chosen = small.quantize(SEE_THROUGH, Image.Quantize.MEDIANCUT)
    indices = np.array(picture.quantize(palette=chosen, dither=Image.Dither.FLOYDSTEINBERG))
    colours = np.reshape(chosen.getpalette() or [0, 0, 0], (-1, 3))[:SEE_THROUGH]
    palette = np.zeros((256, 4), np.uint8)
    palette[:, 0] = 255
    palette[: len(colours), 1:] = colours
    palette[SEE_THROUGH] = 0
    if alpha is not None:
        indices[alpha < 128] = SEE_THROUGH
    # The stubs do not know that this format comes in two parts.
    parts: Any = indices, palette
    return av.VideoFrame.from_ndarray(parts, format="pal8")
