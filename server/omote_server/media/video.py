"""Video files in and out, with their own times and their sound. Comes with omote[video]."""

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

from omote_server.frames.codec import Pixels
from omote_server.media.files import Draft, MediaError, why
from omote_server.media.reading import Reading

_TICKS = 90_000


class VideoError(MediaError):
    """A file cannot be read or written as a video. The text says which and why."""


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture of a video: (height, width, 3) uint8 RGB, and its time in seconds."""

    pixels: Pixels
    time: float


class VideoReader:
    """A video file as an iterator of frames. Any thread may close it while another reads.

    Attributes:
        frames_per_second: the file's own pace; 30 where it does not say.
        frame_count: how many frames the file says it has.
        sound: the first audio stream, None where it is silent.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            VideoError: there is none, or there is no video in it.
        """
        self._path = path
        try:
            self._container = av.open(str(path))
        except (OSError, FFmpegError) as error:
            reason = why(error, path)
            raise VideoError(f"{path} cannot be read as a video: {reason}") from None
        self._reading = Reading(self._container.close)
        if not self._container.streams.video:
            self.close()
            raise VideoError(f"{path} holds no video")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        # Read now: what a stream says of itself is gone with its container.
        self.frames_per_second = float(self._stream.average_rate or 30)
        self.frame_count: int | None = self._stream.frames or None
        self.sound: Any = next(iter(self._container.streams.audio), None)

    def frames(self, on_sound: Callable[[Any], None] | None = None) -> Iterator[VideoFrame]:
        """Every frame, until the end or until it is closed; packets of sound go to `on_sound`.

        Raises:
            VideoError: the file is damaged.
        """
        streams = [self._stream]
        if on_sound is not None and self.sound is not None:
            streams.append(self.sound)
        packets = self._container.demux(streams)
        try:
            while (packet := self._reading.read(lambda: next(packets, None))) is not None:
                if packet.stream is not self._stream:
                    if on_sound is not None and packet.dts is not None:
                        on_sound(packet)
                    continue
                yield from self._decoded(packet)
        except FFmpegError as error:
            raise VideoError(f"{self._path} is damaged: {why(error, self._path)}") from None

    def pictures(self) -> Iterator[Pixels]:
        """The same without times and sound: (height, width, 3) uint8 RGB.

        Raises:
            VideoError: the file is damaged.
        """
        return (frame.pixels for frame in self.frames())

    def _decoded(self, packet: Any) -> Iterator[VideoFrame]:
        for frame in self._reading.read(packet.decode) or ():
            pixels = np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
            yield VideoFrame(pixels, float(frame.time or 0.0))

    def close(self) -> None:
        """End it. From any thread; a frame that is being decoded is the last."""
        self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class VideoWriter:
    """An MP4 file (H.264, plays everywhere), opened by its first frame."""

    def __init__(self, path: Path, frames_per_second: float, sound: Any = None) -> None:
        """Prepare a file; `sound` is an audio stream to copy packets of."""
        self._path = path
        self._draft = Draft(path)
        self._rate = Fraction(frames_per_second).limit_denominator(1001)
        options = {"movflags": "+faststart"}
        try:
            with self._blamed():
                self._container = av.open(str(self._draft.path), "w", options=options)
        except BaseException:
            self._draft.discard()
            raise
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
            self._draft.keep()

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError, ValueError, FFmpegError):
            self._container.close()
        self._draft.discard()

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, FFmpegError) as error:
            raise VideoError(f"{self._path} cannot be written: {why(error, self._path)}") from None

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
        # Ctrl-C, too: finishing a long video takes a while.
        except BaseException:
            self.discard()
            raise
