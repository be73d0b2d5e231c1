"""Animated GIF, WebP, PNG and AVIF as frames with their own durations."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from omote_models.pictures import Format, Sort, recognise_file
from omote_models.pictures.colour import array_to_srgb
from omote_server.frames.codec import Pixels
from omote_server.media.colour import Tags
from omote_server.media.files import why
from omote_server.media.opening import VideoError
from omote_server.media.reader import OnPacket, VideoFrame, VideoReader
from omote_server.media.reading import Closing, Reading
from omote_server.media.report import MediaReport

_SHORTEST = 0.011
"""Seconds. Browsers show what claims to be shorter for a tenth of a second, and so it is meant."""
_USUAL = 0.1
_TAGS = Tags()
_DAMAGES = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError),
    *(struct.error, Image.DecompressionBombError),
)
"""What Pillow raises of files that are damaged or cut."""


class AnimationReader(Closing):
    """An animation as an iterator of frames, like a `VideoReader`.

    Attributes:
        frames_per_second: its mean pace.
        frame_count: how many frames it has; None where it is cut before that is known.
        plays: how often it is shown; 0 for ever.
        report: what became of it.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            VideoError: there is none, or it is no animation that can be read.
        """
        self._path = path
        self.streams: Sequence[Any] = ()
        self.chapters: list[Any] = []
        self.metadata: dict[str, str] = {}
        try:
            kind = recognise_file(path)
            self._file = path.open("rb")
            self._reading = Reading(self._release)
            self._image = _opened(self._file)
            self.frame_count = _frame_count(self._image)
        except UnidentifiedImageError:
            raise VideoError(f"{path} is not an animation that can be read") from None
        except _DAMAGES as error:
            raise VideoError(f"{path} cannot be read: {why(error, path)}") from None
        self.report = MediaReport(promised=self.frame_count)
        self.plays: int | None = _plays(self._image, kind.format if kind else None)
        self.frames_per_second = 1 / _duration(self._image)

    @property
    def tags(self) -> Tags:
        """How the colours are meant: as a screen's."""
        return _TAGS

    @cached_property
    def clear(self) -> bool:
        """Whether any of its pictures is clear somewhere; looks at all of them up to that one."""
        try:
            with self._path.open("rb") as file, _opened(file) as image:
                for number in count():
                    image.seek(number)
                    if image.has_transparency_data and _lowest_alpha(image) < 255:
                        return True
        except _DAMAGES:
            # The end, or a damage, which is told where it is read.
            pass
        return False

    def frames(self, on_packet: OnPacket | None = None) -> Iterator[VideoFrame]:
        """Every frame that can be decoded, composed as it is shown.

        Args:
            on_packet: takes nothing: there is no sound.

        Raises:
            VideoError: not a single frame could be read.
        """
        time = 0.0
        for number in count() if self.frame_count is None else range(self.frame_count):
            try:
                read = self._reading.read(partial(self._frame, number))
            except _DAMAGES:
                # What comes after a damaged frame is composed on it.
                self.report.unreadable = True
                break
            if read is None:
                return
            pixels, alpha, duration = read
            self.report.frames_in += 1
            yield VideoFrame(pixels, time, duration, alpha)
            time += duration
        if not self.report.frames_in:
            raise VideoError(f"{self._path} is damaged: no frame of it can be read")

    def pictures(self) -> Iterator[Pixels]:
        """Every frame's pixels, as a camera gives them."""
        return (frame.pixels for frame in self.frames())

    def _frame(self, number: int) -> tuple[Pixels, Pixels | None, float]:
        self._image.seek(number)
        whole = np.asarray(self._image.convert("RGBA"), np.uint8)
        alpha = np.ascontiguousarray(whole[..., 3])
        shown = np.ascontiguousarray(whole[..., :3])
        pixels, notes = array_to_srgb(shown, self._image.info.get("icc_profile", b""))
        for note in notes:
            self.report.converted(note)
        return pixels, None if (alpha == 255).all() else alpha, _duration(self._image)

    def close(self) -> None:
        """End it. From any thread."""
        self._reading.close()

    def _release(self) -> None:
        self._image.close()
        # Not every format closes what it was given.
        self._file.close()


def open_video(path: Path) -> VideoReader | AnimationReader:
    """A video or an animation, by its content.

    Raises:
        VideoError: there is none, or it is neither.
    """
    try:
        kind = recognise_file(path)
    except (OSError, ValueError) as error:
        raise VideoError(f"{path} cannot be read as a video: {why(error, path)}") from None
    moving = kind is not None and kind.sort is Sort.ANIMATION
    return AnimationReader(path) if moving else VideoReader(path)


def _opened(file: BinaryIO) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # It warns of large pictures; the pipeline has its own bounds.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(file)
    except BaseException:
        file.close()
        raise


def _frame_count(image: Image.Image) -> int | None:
    """How many there are; None where the file ends before that is known."""
    try:
        frames: int = getattr(image, "n_frames", 1)
    except _DAMAGES:
        image.seek(0)
        return None
    return frames


def _lowest_alpha(image: Image.Image) -> int:
    return int(np.asarray(image.convert("RGBA"))[..., 3].min())


def _duration(image: Image.Image) -> float:
    said = float(image.info.get("duration") or 0) / 1000
    return said if said >= _SHORTEST else _USUAL


def _plays(image: Image.Image, form: Format | None) -> int:
    if form is Format.GIF:
        # It counts repetitions, 0 for ever; without a word it is shown once.
        repeats = image.info.get("loop")
        return 1 if repeats is None else int(repeats) + 1 if repeats else 0
    return int(image.info.get("loop") or 0)
