"""A video file as upright, square, sRGB pictures with a sane clock. Comes with omote[video]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition

from omote_models.pictures import Turn
from omote_server.frames.codec import Pixels
from omote_server.media.beside import Beside
from omote_server.media.clock import Clock
from omote_server.media.colour import Developer, Tags
from omote_server.media.opening import VideoError, opened, text_of
from omote_server.media.reading import Closing, Reading
from omote_server.media.report import Fate, MediaReport, StreamReport
from omote_server.media.shape import letterboxed, said, square, turn_of_matrix

_USUAL_RATE = 30.0
_HIGHEST_RATE = 1000
_MOST_FAILURES = 64
"""Reads in a row that may fail before a file counts as ended."""
_PRELUDE = 0.1
"""Seconds of sound before the first picture that are no beginning of their own."""


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture of a video.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        time: seconds from the beginning.
        duration: seconds until the next; None where the file does not say.
        alpha: (height, width) uint8; None where everything is opaque.
    """

    pixels: Pixels
    time: float
    duration: float | None = None
    alpha: Pixels | None = None


OnPacket = Callable[[Any], None]
"""Takes a packet of sound or subtitles, its times already ours."""


class Footage(Protocol):
    """What a reader tells a writer.

    Attributes:
        streams: the sound and subtitles, as PyAV's streams.
        metadata: title, date and the like.
        chapters: as PyAV has them, in our time.
        tags: how the colours are meant.
        plays: how often an animation is shown, 0 for ever; None for a video.
        clear: whether a picture may be clear somewhere, though the first is not.
        report: what became of it.
    """

    @property
    def streams(self) -> Sequence[Any]: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    @property
    def chapters(self) -> list[Any]: ...
    @property
    def tags(self) -> Tags: ...
    @property
    def plays(self) -> int | None: ...
    @property
    def clear(self) -> bool: ...
    @property
    def report(self) -> MediaReport: ...


class VideoReader(Closing):
    """A video file as an iterator of frames. Any thread may close it while another reads.

    Attributes:
        frames_per_second: the file's own pace; 30 where it does not say.
        frame_count: how many frames the file says it has.
        size: width and height of every frame: those of the first, once it was read.
        streams, metadata, chapters, plays, report: see `Footage`.
    """

    plays: int | None = None

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            VideoError: there is none, or there is no video in it.
        """
        self._take(str(path), *opened(path))

    def _take(self, name: str, container: Any, file: Any = None) -> None:
        """Become the reader of a container, and its owner."""
        self._name, self._container, self._file = name, container, file
        self._reading = Reading(self._release)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        self._stream = stream = self._pictures()
        self._decoder = _decoder(stream)
        # Read now: what a stream says of itself is gone with its container.
        self._time_base = stream.time_base or Fraction(1, 1)
        self._coded = stream.codec_context.width, stream.codec_context.height
        self._own_aspect: Fraction | None = stream.sample_aspect_ratio
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        likely = rate is not None and 0 < rate <= _HIGHEST_RATE
        self.frames_per_second = float(rate) if likely and rate else _USUAL_RATE
        self.frame_count: int | None = stream.frames or None
        self.report = MediaReport(promised=self.frame_count)
        self.metadata = text_of(self._container.metadata)
        start = self._start()
        begun = start if start is not None else _start_of(stream)
        self.chapters = _chapters(self._container, begun or 0.0)
        self._developer = Developer(self.report)
        self._clock = Clock(1 / self.frames_per_second, start)
        self.size: tuple[int, int] | None = None
        self._turned: tuple[object, Turn] | None = None
        self.streams = [s for s in self._container.streams if s.type in ("audio", "subtitle")]
        self._beside = {stream.index: Beside(self._clock) for stream in self.streams}
        for other in self._container.streams:
            if other is not stream and other not in self.streams:
                self._report_dropped(other)

    def _pictures(self) -> Any:
        """The stream of pictures that a player would show."""
        moving = [s for s in self._container.streams.video if not _is_cover(s)]
        if not moving:
            raise VideoError(f"{self._name} holds no video")
        best = self._container.streams.best("video")
        chosen = best if best in moving else moving[0]
        if chosen.codec_context is None:
            raise VideoError(f"{self._name} holds a video of a kind that nothing here decodes")
        return chosen

    def _report_dropped(self, stream: Any) -> None:
        kind, why = "data", "nothing here reads it"
        if stream.type == "video":
            cover = _is_cover(stream)
            kind, why = ("cover", "it is no video") if cover else ("video", "only one is filtered")
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else ""
        dropped = StreamReport(kind, codec, stream.language or "", Fate.DROPPED, why)
        self.report.streams.append(dropped)

    def _start(self) -> float | None:
        """The file's time that becomes 0; None for that of the first picture."""
        starts = [_start_of(sound) for sound in self._container.streams.audio]
        earliest = min((start for start in starts if start is not None), default=None)
        first = _start_of(self._stream)
        if first is None or earliest is None or first - earliest <= _PRELUDE:
            return None
        return earliest

    @property
    def tags(self) -> Tags:
        """How the colours of the frame that was read last are meant."""
        return self._developer.tags

    @property
    def clear(self) -> bool:
        """Whether its pictures have alpha."""
        return self._developer.has_alpha

    def frames(self, on_packet: OnPacket | None = None) -> Iterator[VideoFrame]:
        """Every frame that can be decoded, until the end or until it is closed.

        What is damaged is left out, and the report counts it.

        Args:
            on_packet: takes packets of sound and subtitles, in the order of the file.

        Raises:
            VideoError: not a single frame could be read.
        """
        for packet in self._packets([self._stream, *(self.streams if on_packet else ())]):
            if packet is None or packet.stream is self._stream:
                for frame in self._decoded(packet):
                    yield self._picture(frame)
            elif packet.size and on_packet:
                self._beside[packet.stream.index].take(packet)
            if on_packet:
                self._pass_on(on_packet)
        if on_packet:
            self._pass_on(on_packet, last=True)
        if not self.report.frames_in and not self._reading.closed:
            raise VideoError(f"{self._name} is damaged: no frame of it can be read")

    def pictures(self) -> Iterator[Pixels]:
        """Every frame's pixels, as a camera gives them; see `frames`."""
        return (frame.pixels for frame in self.frames())

    def _packets(self, streams: list[Any]) -> Iterator[Any]:
        """The packets of some streams; None at the end, where the decoder must be emptied."""
        failures = 0
        while failures < _MOST_FAILURES:
            packets = self._container.demux(streams)
            try:
                while (packet := self._reading.read(lambda: next(packets, None))) is not None:  # noqa: B023
                    failures = 0
                    yield packet
                return
            except FFmpegError:
                # The next read may find the next packet.
                failures += 1
            except OSError:
                break
        self.report.unreadable = True
        yield None

    def _decoded(self, packet: Any) -> Sequence[Any]:
        try:
            return self._reading.read(lambda: self._decoder.decode(packet)) or ()
        except FFmpegError:
            self.report.skipped += packet is not None and packet.size > 0
            return ()

    def _picture(self, frame: Any) -> VideoFrame:
        base = frame.time_base or self._time_base
        stamp = frame.pts if frame.pts is not None else frame.dts
        time = self._clock.picture(None if stamp is None else float(stamp * base))
        self.report.frames_in += 1
        self.report.damaged += frame.is_corrupt
        self.report.jumps = self._clock.jumps
        if frame.interlaced_frame:
            self.report.converted("interlaced: both fields were filtered as one picture")
        pixels, alpha = self._shaped(frame)
        duration = float(frame.duration * base) if frame.duration else None
        return VideoFrame(pixels, time, duration, alpha)

    def _shaped(self, frame: Any) -> tuple[Pixels, Pixels | None]:
        size = square(frame.width, frame.height, self._aspect(frame))
        if size != (frame.width, frame.height):
            before, after = f"{frame.width}×{frame.height}", f"{size[0]}×{size[1]}"
            self.report.converted(f"{before} pixels that were not square resampled to {after}")
        pixels, alpha = self._developer.pixels(frame, *size)
        if (turn := self._turn(frame)) != Turn():
            self.report.converted(f"{said(turn)}, as the file says")
            pixels, alpha = turn.upright(pixels), None if alpha is None else turn.upright(alpha)
        height, width = pixels.shape[:2]
        if self.size is None:
            self.size = width, height
        if self.size != (width, height):
            first = "×".join(map(str, self.size))
            self.report.converted(f"{width}×{height} letterboxed into {first}")
            pixels = letterboxed(pixels, *self.size)
            alpha = None if alpha is None else letterboxed(alpha, *self.size)
        return pixels, alpha

    def _turn(self, frame: Any) -> Turn:
        key = frame.rotation, frame.width, frame.height
        if self._turned is None or self._turned[0] != key:
            # Seldom: a frame whose side data was read lives until the next collection of cycles.
            matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
            self._turned = key, Turn() if matrix is None else turn_of_matrix(bytes(matrix))
        return self._turned[1]

    def _aspect(self, frame: Any) -> Fraction | None:
        if self._own_aspect and (frame.width, frame.height) == self._coded:
            return self._own_aspect
        aspect: Fraction | None = self._decoder.sample_aspect_ratio
        return aspect

    def _pass_on(self, on_packet: OnPacket, last: bool = False) -> None:
        for beside in self._beside.values():
            for packet in beside.ready(last):
                on_packet(packet)

    def close(self) -> None:
        """End it. From any thread; a frame that is being decoded is the last."""
        self._reading.close()

    def _release(self) -> None:
        self._container.close()
        if self._file is not None:
            self._file.close()


def _decoder(stream: Any) -> Any:
    """What decodes a stream: with its alpha, which only libvpx reads from WebM."""
    name = stream.codec_context.name
    if stream.metadata.get("alpha_mode") == "1" and name in ("vp8", "vp9"):
        return av.CodecContext.create(f"libvpx-{name}" if name == "vp9" else "libvpx", "r")
    stream.thread_type = "AUTO"
    return stream.codec_context


def _is_cover(stream: Any) -> bool:
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    return bool(stream.disposition & pictures)


def _start_of(stream: Any) -> float | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def _chapters(container: Any, start: float) -> list[Any]:
    """The chapters, moved to where the film begins at 0."""
    moved = []
    for chapter in container.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        ticks = round(start / base)
        first, end = max(0, chapter["start"] - ticks), chapter["end"] - ticks
        if end > first:
            moved.append({**chapter, "start": first, "end": end})
    return moved
