"""One file through a chain into another: a picture, an animation or a video."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from omote_models.pictures import ENDINGS, SEE_THROUGH, Format, Kind, Sort, recognise_file
from omote_server.frames.codec import Pixels
from omote_server.media.boxes import BOXES
from omote_server.media.files import MediaError, why
from omote_server.media.pictures import read_picture, write_picture
from omote_server.media.report import MediaReport
from omote_server.workshop.offline import Offline

OnFrame = Callable[[int, int | None], object]
"""Called after each frame with how many there were, and how many the file promises."""

_STILL_AND_MOVING = frozenset((".png",))
"""Endings that are a picture's where nobody asks for an animation."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A file, and what becomes of it.

    Attributes:
        source: the file.
        target: what is written.
    """

    source: Path
    target: Path


def recognised(path: Path) -> Kind | None:
    """What a file is, by its content; None where only a decoder may know.

    Raises:
        MediaError: it cannot be read, or is something that nobody here reads.
    """
    try:
        kind = recognise_file(path)
    except (OSError, ValueError) as error:
        raise MediaError(f"{path} cannot be read: {why(error, path)}") from None
    if kind is not None and kind.sort is Sort.OTHER:
        raise MediaError(f"{path} is {kind}, which is not read here; {known()}")
    return kind


def known() -> str:
    """What is written, in words."""
    return f"pictures are written as {_listed(ENDINGS)}, videos and animations as {_listed(BOXES)}"


def _listed(endings: Mapping[str, object]) -> str:
    return " ".join(ending.removeprefix(".") for ending in endings)


def fits(kind: Kind | None, target: Path) -> bool:
    """Whether what a file is can be written under a name with that ending."""
    ending = target.suffix.lower()
    if kind is not None and kind.sort is Sort.PICTURE:
        return ending in ENDINGS
    animation = kind is not None and kind.sort is Sort.ANIMATION
    return ending in BOXES and (animation or ending not in _STILL_AND_MOVING)


def check(errand: Errand) -> Kind | None:
    """What the source is; before any model is loaded it is known whether the work can be begun.

    Raises:
        MediaError: it cannot. The text says why.
        ModuleNotFoundError: it takes an extra that is not installed.
    """
    source, target = errand.source, errand.target
    kind = recognised(source)
    if kind is None or kind.sort is not Sort.PICTURE:
        # Not before it is needed: PyAV comes with omote[video]. Nor later: it is told at once.
        import_module("omote_server.media.video")
    if kind is None:
        # Only the decoder's library knows whether it is a video.
        from omote_server.media.video import open_video

        open_video(source).close()
    check_place(target)
    if not fits(kind, target):
        what = f"{kind}, {_ARTICLES[kind.sort]}" if kind else "a video"
        ending = f"the ending {target.suffix}" if target.suffix else "no ending"
        raise MediaError(
            f"{target} cannot be written: {source} is {what}, and OUT has {ending}; {known()}"
        )
    return kind


_ARTICLES = {Sort.PICTURE: "a picture", Sort.ANIMATION: "an animation", Sort.VIDEO: "a video"}


def check_place(target: Path) -> None:
    """See whether a file can be made there at all.

    Raises:
        MediaError: it cannot. The text says why.
    """
    folder = target.absolute().parent
    if not folder.is_dir():
        raise MediaError(f"{target} cannot be written: there is no folder {folder}")
    try:
        target.stat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise MediaError(f"{target} cannot be written: {why(error, target)}") from None
    if target.is_dir():
        raise MediaError(f"{target} cannot be written: it is a folder")


def same_file(one: Path, other: Path) -> bool:
    """Whether two names are one file: by a link, or by another case where that is the same."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def filter_file(
    offline: Offline, errand: Errand, compare: bool = False, on_frame: OnFrame = lambda *_: None
) -> MediaReport:
    """Filter a file into another, or beside its original, and tell what became of it.

    Raises:
        MediaError: one of them cannot be read or written.
    """
    kind = recognised(errand.source)
    if kind is not None and kind.sort is Sort.PICTURE:
        return _picture(offline, errand, compare)
    return _video(offline, errand, compare, on_frame)


def _picture(offline: Offline, errand: Errand, compare: bool) -> MediaReport:
    picture = read_picture(errand.source)
    pixels, alpha = _filtered(offline, picture.pixels, picture.alpha, compare)
    write_picture(errand.target, pixels, alpha)
    report = MediaReport(frames_in=1, frames_out=1, conversions=[*picture.notes])
    if alpha is not None and ENDINGS[errand.target.suffix.lower()] not in SEE_THROUGH:
        report.converted("transparency laid over white")
    return report


def _video(offline: Offline, errand: Errand, compare: bool, on_frame: OnFrame) -> MediaReport:
    # Not at the top: see `check`.
    from omote_server.media.video import VideoWriter, open_video

    with (
        open_video(errand.source) as reader,
        VideoWriter(errand.target, reader.frames_per_second, reader) as writer,
    ):
        for frame in reader.frames(writer.accept):
            pixels, alpha = _filtered(offline, frame.pixels, frame.alpha, compare, frame.time)
            writer.write(pixels, frame.time, alpha, frame.duration)
            on_frame(reader.report.frames_in, reader.frame_count)
    return reader.report


def _filtered(
    offline: Offline, pixels: Pixels, alpha: Pixels | None, compare: bool, time: float = 0.0
) -> tuple[Pixels, Pixels | None]:
    """A picture with a chain on it and its alpha, beside the original where that is wanted."""
    before = pixels if alpha is None else np.dstack([pixels, alpha])
    after = offline.run(before, time)
    if compare:
        after = np.hstack([before, after])
    if alpha is None:
        return after, None
    return np.ascontiguousarray(after[:, :, :3]), np.ascontiguousarray(after[:, :, 3])


_USUAL = {
    Format.JPEG: ".jpg",
    Format.PNG: ".png",
    Format.WEBP: ".webp",
    Format.AVIF: ".avif",
    Format.TIFF: ".tif",
    Format.BMP: ".bmp",
    Format.GIF: ".gif",
    Format.MOV: ".mov",
    Format.MATROSKA: ".mkv",
}


def ending_for(kind: Kind | None, name: Path) -> str:
    """The ending of what is made of a file: its own where that can be, else the usual one."""
    if fits(kind, name):
        return name.suffix
    usual = _USUAL.get(kind.format, "") if kind else ""
    if fits(kind, Path(f"x{usual}")):
        return usual
    return ".jpg" if kind is not None and kind.sort is Sort.PICTURE else ".mp4"
