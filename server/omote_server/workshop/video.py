"""Video and picture files in and out, with their own times and their sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_TICKS = 90_000


class VideoError(Exception):
    """A file cannot be read or written as a video. The text says which and why."""


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture of a video: (height, width, 3) uint8 RGB, and its time in seconds."""

    pixels: Pixels
    time: float


class VideoReader:
    """A video file as an iterator of frames."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            VideoError: there is none, or there is no video in it.
        """
        self._path = path
        try:
            self._container = av.open(str(path))
        except (OSError, FFmpegError) as error:
            raise VideoError(f"{path} cannot be read as a video: {error}") from None
        if not self._container.streams.video:
            raise VideoError(f"{path} holds no video")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"

    @property
    def frames_per_second(self) -> float:
        """The file's own pace; 30 where it does not say."""
        return float(self._stream.average_rate or 30)

    @property
    def frame_count(self) -> int | None:
        """How many frames the file says it has."""
        return self._stream.frames or None

    @property
    def sound(self) -> Any:
        """The first audio stream, None where it is silent."""
        return next(iter(self._container.streams.audio), None)

    def frames(self, on_sound: Callable[[Any], None] | None = None) -> Iterator[VideoFrame]:
        """Every frame; packets of sound go to `on_sound` as they pass.

        Raises:
            VideoError: the file is damaged.
        """
        streams = [self._stream]
        if on_sound is not None and self.sound is not None:
            streams.append(self.sound)
        try:
            for packet in self._container.demux(streams):
                if packet.stream is not self._stream:
                    if on_sound is not None and packet.dts is not None:
                        on_sound(packet)
                    continue
                yield from self._decoded(packet)
        except FFmpegError as error:
            raise VideoError(f"{self._path} is damaged: {error}") from None

    def _decoded(self, packet: Any) -> Iterator[VideoFrame]:
        for frame in packet.decode():
            pixels = np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
            yield VideoFrame(pixels, float(frame.time or 0.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()


class VideoWriter:
    """An MP4 file (H.264, plays everywhere), opened by its first frame."""

    def __init__(self, path: Path, frames_per_second: float, sound: Any = None) -> None:
        """Prepare a file; `sound` is an audio stream to copy packets of."""
        self._path = path
        # Beside it, under another name, until it is whole.
        self._draft = path.with_name(f".{path.stem}.partial{path.suffix}")
        self._rate = Fraction(frames_per_second).limit_denominator(1001)
        with self._blamed():
            self._container = av.open(str(self._draft), "w", options={"movflags": "+faststart"})
        self._stream: Any = None
        self._source_sound = sound
        self._sound: Any = None
        self._waiting: list[Any] = []
        self._last_tick = -1

    def write(self, pixels: Pixels, time: float) -> None:
        """Add a picture, (height, width, 3) uint8 RGB, at a time in seconds, which must grow."""
        with self._blamed():
            self._write(pixels, time)

    def _write(self, pixels: Pixels, time: float) -> None:
        if self._stream is None:
            self._open(pixels)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        self._last_tick = max(self._last_tick + 1, round(time * _TICKS))
        frame.pts = self._last_tick
        frame.time_base = Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))

    def copy_sound(self, packet: Any) -> None:
        """Pass on a packet of the sound stream."""
        if self._sound is None:
            self._waiting.append(packet)
            return
        packet.stream = self._sound
        with self._blamed():
            self._container.mux(packet)

    def _open(self, pixels: Pixels) -> None:
        height, width = pixels.shape[:2]
        stream: Any = self._container.add_stream("libx264", rate=self._rate)
        # H.264 in 4:2:0 has even sides.
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "veryfast"}
        stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream = stream
        if self._source_sound is not None:
            self._sound = self._container.add_stream_from_template(self._source_sound)
        waiting, self._waiting = self._waiting, []
        for packet in waiting:
            self.copy_sound(packet)

    def close(self) -> None:
        """Finish the file, and give it its name.

        Raises:
            VideoError: it cannot be finished, or nothing was written.
        """
        with self._blamed():
            if self._stream is None:
                raise ValueError("there is no frame to write")
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._draft.replace(self._path)

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError, ValueError, FFmpegError):
            self._container.close()
        self._draft.unlink(missing_ok=True)

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, FFmpegError) as error:
            raise VideoError(f"{self._path} cannot be written: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.discard()
            return
        try:
            self.close()
        except VideoError:
            self.discard()
            raise
