"""Video and animation files, opened by their first frame and whole or not there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.error import FFmpegError

from omote_models.pictures import on_white
from omote_server.frames.codec import Pixels
from omote_server.media.boxes import BOXES, box_of
from omote_server.media.colour import Printer, Tags, with_palette
from omote_server.media.files import Draft, why
from omote_server.media.opening import VideoError
from omote_server.media.reader import Footage
from omote_server.media.report import MediaReport, StreamReport
from omote_server.media.shape import evened
from omote_server.media.sink import Sink
from omote_server.media.streams import Carrier, Effort, carrier
from omote_server.media.touch import touch_up

_BUFFER = 1 << 20
_MOST_WAITING = 4096
"""Packets of sound that wait for the first picture; the oldest go first."""


class VideoWriter:
    """A video or an animation, opened by its first frame. Several threads may write into it.

    The ending decides: .mp4, .m4v and .mov are H.264 (plays everywhere), .mkv H.264 too, .webm
    VP9 with alpha; .gif, .webp and .png are animations.

    Attributes:
        report: what became of the footage.
    """

    def __init__(
        self, path: Path, frames_per_second: float, footage: Footage | None = None
    ) -> None:
        """Prepare a file.

        Args:
            path: what it becomes once it is whole.
            frames_per_second: the usual pace, for the encoder; every frame has its own time.
            footage: where the frames come from: its sound, subtitles and texts are taken over.

        Raises:
            VideoError: it cannot be written there, or no video has such an ending.
        """
        box = box_of(path)
        if box is None:
            known = ", ".join(BOXES)
            raise VideoError(f"{path} cannot be written as a video; take one of {known}")
        self._path, self._box = path, box
        self._rate = Fraction(frames_per_second).limit_denominator(1001) or Fraction(30)
        self._footage = footage
        self.report = footage.report if footage else MediaReport()
        self._lock = Lock()
        self._container: Any = None
        self._stream: Any = None
        self._carriers: dict[int, tuple[Carrier, StreamReport]] = {}
        self._waiting: deque[Any] = deque(maxlen=_MOST_WAITING)
        self._last_tick = -1
        self._durations: dict[int, int] = {}
        self._last_duration = 0.0
        self._clear = False
        with self._blamed():
            self._draft = Draft(path)
            self._sink = Sink(self._draft.path)

    def write(
        self,
        pixels: Pixels,
        time: float,
        alpha: Pixels | None = None,
        duration: float | None = None,
    ) -> None:
        """Add a picture.

        Args:
            pixels: (height, width, 3) uint8 RGB.
            time: seconds from the beginning; it must grow.
            alpha: (height, width) uint8; None for an opaque picture.
            duration: seconds that it is shown, for the last one.

        Raises:
            VideoError: it cannot be written.
        """
        with self._lock, self._blamed():
            self._write(pixels, time, alpha, duration)
            self.report.frames_out += 1

    def _write(
        self, pixels: Pixels, time: float, alpha: Pixels | None, duration: float | None
    ) -> None:
        if self._stream is None:
            self._open(pixels, alpha is not None or bool(self._footage and self._footage.clear))
        frame = self._frame(pixels, alpha)
        self._last_tick = max(self._last_tick + 1, round(time * self._box.ticks))
        frame.pts = self._last_tick
        frame.time_base = Fraction(1, self._box.ticks)
        frame.duration = max(1, round((duration or 1 / self._rate) * self._box.ticks))
        self._durations[frame.pts] = frame.duration
        self._last_duration = frame.duration / self._box.ticks
        self._mux(self._stream.encode(frame))

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            # Few encoders pass it on, and the last frame has no next one to tell it.
            packet.duration = max(1, self._durations.pop(packet.pts, 1))
            self._container.mux(packet)
        self._sink.check()

    def _frame(self, pixels: Pixels, alpha: Pixels | None) -> Any:
        self._clear |= alpha is not None
        if alpha is not None and self._layout != self._box.clear:
            self.report.converted("transparency laid over white")
            pixels, alpha = on_white(pixels, alpha), None
        if self._layout.startswith("yuv") and (pixels.shape[0] % 2 or pixels.shape[1] % 2):
            self.report.converted("odd sides padded by one row or column")
            pixels, alpha = evened(pixels), None if alpha is None else evened(alpha)
        if self._layout == "pal8":
            return with_palette(pixels, alpha)
        if self._layout in ("bgra", "rgba", "yuva420p") and alpha is None:
            alpha = np.full(pixels.shape[:2], 255, np.uint8)
        return self._printer.frame(pixels, alpha)

    def accept(self, packet: Any) -> None:
        """Pass on a packet of the footage's sound or subtitles. What is damaged is counted.

        Raises:
            VideoError: the file cannot be written.
        """
        with self._lock:
            if self._stream is None:
                self._waiting.append(packet)
            else:
                self._carry(packet)

    def _carry(self, packet: Any) -> None:
        found = self._carriers.get(packet.stream.index)
        if found is None:
            return
        carried, told = found
        try:
            for ready in carried.packets(packet):
                self._container.mux(ready)
        except (ValueError, FFmpegError):
            # Sound never costs the picture.
            told.skipped += 1
        with self._blamed():
            self._sink.check()

    def _open(self, pixels: Pixels, clear: bool) -> None:
        for effort in reversed(Effort):
            try:
                self._begin(pixels, clear, effort)
                break
            except (ValueError, FFmpegError):
                # A stream that the container refuses only now: the next try does less for them.
                if effort is Effort.NOTHING:
                    raise
                self._sink.restart()
        self._sink.check()
        waiting, self._waiting = self._waiting, deque()
        for packet in waiting:
            self._carry(packet)

    def _begin(self, pixels: Pixels, clear: bool, effort: Effort) -> None:
        box = self._box
        self._layout = box.clear if clear and box.clear else box.layout
        self._printer = Printer(self._layout)
        self._container = av.open(
            self._sink,
            "w",
            format=box.name,
            container_options={**dict(box.flags), **self._loop()},
            buffer_size=_BUFFER,
            # MP4 reads what it wrote, to put its index first.
            io_open=lambda *_: self._draft.path.open("rb"),
        )
        stream = self._add_pictures(pixels, clear)
        carriers, reports = {}, []
        for source in self._footage.streams if self._footage else ():
            made, told = carrier(self._container, source, box, effort)
            reports.append(told)
            if made is not None:
                carriers[source.index] = made, told
        self._take_texts()
        self._container.start_encoding()
        self._stream, self._carriers = stream, carriers
        self.report.streams.extend(reports)

    def _add_pictures(self, pixels: Pixels, clear: bool) -> Any:
        height, width = pixels.shape[:2]
        if self._layout.startswith("yuv"):
            width, height = width + width % 2, height + height % 2
        box = self._box
        options = dict(box.options)
        if clear and box.video == "gif":
            # Whole frames: what is laid over the one before cannot be clear.
            options["gifflags"] = "-offsetting-transdiff"
        stream = self._container.add_stream(box.video, rate=self._rate, options=options)
        stream.width, stream.height = width, height
        stream.pix_fmt = self._layout
        context = stream.codec_context
        context.time_base = Fraction(1, box.ticks)
        if self._layout.startswith("yuv"):
            tags = self._footage.tags if self._footage else Tags()
            context.colorspace, context.color_range = Printer.matrix, Printer.range
            context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        return stream

    def _take_texts(self) -> None:
        if self._footage is None or self._box.moves:
            return
        self._container.metadata.update(self._footage.metadata)
        if self._footage.chapters:
            self._container.set_chapters(self._footage.chapters)

    def _loop(self) -> dict[str, str]:
        if self._box.plays is None:
            return {}
        plays = (self._footage.plays if self._footage else None) or 0
        if self._box is BOXES[".gif"] and plays:
            # It counts repetitions; -1 writes none.
            plays = plays - 1 or -1
        return {self._box.plays: str(plays)}

    def close(self) -> None:
        """Finish the file, and give it its name.

        Raises:
            VideoError: it cannot be finished, or nothing was written.
        """
        with self._lock, self._blamed():
            if self._stream is None:
                raise ValueError("there is no frame to write")
            for carried, told in self._carriers.values():
                self._finish(carried, told)
            self._mux(self._stream.encode(None))
            self._container.close()
            self._sink.check()
            self._sink.close()
            if self._box.moves:
                with self._draft.path.open("rb+") as file:
                    touch_up(file, self._box.name, self._last_duration, self._clear)
            self._draft.keep()

    def _finish(self, carried: Carrier, told: StreamReport) -> None:
        try:
            for packet in carried.rest():
                self._container.mux(packet)
        except (ValueError, FFmpegError):
            told.skipped += 1

    def discard(self) -> None:
        """Leave nothing behind."""
        with self._lock:
            self._sink.forget()
            with suppress(OSError, ValueError, FFmpegError):
                if self._container is not None:
                    self._container.close()
            self._sink.close()
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
