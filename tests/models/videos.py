"""Videos as phones and cameras write them, made here with PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

TICKS = 90_000
RATE = 25


def scene(width: int = 320, height: int = 180, shift: int = 0) -> Pixels:
    """Soft colours with a white square at the upper left: one sees which way is up."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    red = 128 + 100 * np.sin(columns / 40 + shift / 10)
    green = 255 * rows / height
    blue = 255 * (1 - columns / width)
    picture = np.clip(np.dstack((red, green, blue)), 0, 255).astype(np.uint8)
    side = height // 6
    picture[side : 2 * side, side : 2 * side] = 255
    return np.ascontiguousarray(picture)


def film(
    path: Path,
    pictures: Sequence[Pixels] = (),
    times: Sequence[float] = (),
    *,
    codec: str = "libx264",
    layout: str = "yuv420p",
    matrix: int = 1,
    full: bool = False,
    tags: tuple[int, int, int] | None = (1, 1, 1),
    aspect: Fraction | None = None,
    turn: tuple[float, bool] | None = None,
    sounds: Sequence[tuple[str, str]] = (),
    form: str | None = None,
) -> Path:
    """A video of some pictures, (height, width, 3) RGB or (height, width, 4) RGBA.

    Args:
        path: where.
        pictures: 25 of `scene` by default.
        times: of each, in seconds; 25 a second by default.
        codec: of the pictures.
        layout: their pixel format.
        matrix: how their numbers come about, in the codes of libswscale.
        full: whether those take the full range.
        tags: matrix, primaries and transfer that are written, in the codes of H.273, or None.
        aspect: of a pixel.
        turn: degrees counterclockwise, and whether mirrored, as a display matrix.
        sounds: codec and language of each track: a tone of 440 Hz, as long as the pictures.
        form: the container; by the ending where None.
    """
    pictures = pictures or [scene(shift=i) for i in range(RATE)]
    times = times or [i / RATE for i in range(len(pictures))]
    with path.open("wb") as file, av.open(file, "w", format=form or _form(path)) as container:
        stream: Any = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = layout
        stream.codec_context.time_base = Fraction(1, TICKS)
        if codec == "libx264":
            stream.options = {"crf": "10"}
        if codec == "libx265":
            # In order and one after the other: its threads have lost the times of frames before.
            stream.options = {"x265-params": "bframes=0:frame-threads=1:pools=none"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if turn is not None:
            stream.set_display_rotation(turn[0], hflip=turn[1])
        if tags is not None:
            context = stream.codec_context
            context.colorspace, context.color_primaries, context.color_trc = tags
            context.color_range = 2 if full else 1
        tracks = [_track(container, *sound) for sound in sounds]
        for picture, time in zip(pictures, times, strict=True):
            container.mux(stream.encode(_frame(picture, time, layout, matrix, full)))
        container.mux(stream.encode(None))
        for track in tracks:
            _tone(container, track, times[-1] - times[0] + 1 / RATE, times[0])
    return path


def _form(path: Path) -> str:
    return {".mkv": "matroska", ".ts": "mpegts", ".wmv": "asf", ".m4v": "mp4"}.get(
        path.suffix, path.suffix[1:]
    )


def _frame(picture: Pixels, time: float, layout: str, matrix: int, full: bool) -> av.VideoFrame:
    form = "rgba" if picture.shape[2] == 4 else "rgb24"
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=form).reformat(
        format=layout,
        src_color_range=2,
        dst_colorspace=matrix,
        dst_color_range=2 if full else 1,
        interpolation=av.video.reformatter.Interpolation.AREA
        | av.video.reformatter.Interpolation.ACCURATE_RND,
    )
    frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
    return frame


def _track(container: Any, codec: str, language: str) -> Any:
    rate = 8000 if codec in ("pcm_mulaw", "pcm_alaw") else 44_100
    rate = 48_000 if codec == "libopus" else rate
    layout = "mono" if rate == 8000 else "stereo"
    track = container.add_stream(codec, rate=rate, layout=layout, bit_rate=96_000)
    track.metadata["language"] = language
    return track


def _tone(container: Any, track: Any, seconds: float, start: float) -> None:
    rate = track.codec_context.sample_rate
    wave = np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate) * 8000
    samples = wave.astype(np.int16)[None, :]
    if track.codec_context.layout.nb_channels == 2:
        samples = np.repeat(samples, 2, axis=0).T.reshape(1, -1)
    layout = track.codec_context.layout.name
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16", layout=layout)
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    frame.pts = round(start * rate)
    size = track.codec_context.frame_size or 1024
    resampler = av.AudioResampler(track.codec_context.format.name, layout, rate, size)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(track.encode(piece))
    container.mux(track.encode(None))


def joined(path: Path, *parts: bytes) -> Path:
    """Transport streams one behind the other, as recorders leave them."""
    path.write_bytes(b"".join(parts))
    return path


def small(picture: Pixels) -> Pixels:
    """A picture in which single pixels do not count."""
    return np.asarray(cv2.resize(picture, (32, 18), interpolation=cv2.INTER_AREA), np.uint8)
