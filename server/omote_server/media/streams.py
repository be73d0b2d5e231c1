"""Sound and subtitles on their way past the filters: copied where the container takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from fractions import Fraction
from typing import Any, Protocol

import av
from av.error import FFmpegError

from omote_server.media.boxes import Box
from omote_server.media.report import Fate, StreamReport

_TEXTS = frozenset(("mov_text", "subrip", "text", "webvtt", "ass", "ssa", "eia_608"))
_MILLISECONDS = Fraction(1, 1000)
_HIGHEST_RATE = 48_000
_LOWEST_RATE = 8000
_GAP = 0.1
"""Seconds by which sound may be off before it is moved; less is what was rounded."""
_SAID = ("language", "title", "handler_name")


class Effort(IntEnum):
    """What is done for the streams beside the pictures; less where a container refuses more."""

    NOTHING = 0
    TRANSCODE = 1
    COPY = 2


class Carrier(Protocol):
    """Brings one stream into a container."""

    def packets(self, packet: Any) -> Iterator[Any]:
        """What is to be muxed of a packet of the source, whose times are ours.

        Raises:
            FFmpegError: the packet is damaged.
        """

    def rest(self) -> Iterator[Any]:
        """What is left at the end."""


class Copied:
    """Passes packets on as they are."""

    def __init__(self, container: Any, source: Any) -> None:
        """Add a stream like the source's.

        Raises:
            ValueError, FFmpegError: the container does not take it.
        """
        self._stream = container.add_stream_from_template(source)
        _describe(self._stream, source)
        self._last: int | None = None

    def packets(self, packet: Any) -> Iterator[Any]:
        """The packet, later where its time does not grow: no container takes that."""
        if packet.dts is None:
            packet.dts = packet.pts
        if self._last is not None and packet.dts <= self._last:
            # A millisecond: smaller steps vanish in the ticks of some containers.
            packet.dts = self._last + max(1, round(_MILLISECONDS / packet.time_base))
        if packet.pts is None or packet.pts < packet.dts:
            packet.pts = packet.dts
        self._last = packet.dts
        packet.stream = self._stream
        yield packet

    def rest(self) -> Iterator[Any]:
        """Nothing: it holds none back."""
        return iter(())


class Transcoded:
    """Decodes sound, and encodes it as a container takes it."""

    def __init__(self, container: Any, source: Any, codec: str) -> None:
        """Add a stream of a codec.

        Raises:
            ValueError, FFmpegError: nothing decodes the source, or encodes it.
        """
        self._decoder = source.codec_context
        rate = min(self._decoder.sample_rate or _HIGHEST_RATE, _HIGHEST_RATE)
        self._rate = _HIGHEST_RATE if codec == "libopus" else max(rate, _LOWEST_RATE)
        self._layout = "mono" if self._decoder.layout.nb_channels == 1 else "stereo"
        self._stream = container.add_stream(codec, rate=self._rate, layout=self._layout)
        self._stream.codec_context.time_base = Fraction(1, self._rate)
        self._format = self._stream.codec_context.format.name
        _describe(self._stream, source)
        self._kind: tuple[Any, ...] | None = None
        self._resampler: Any = None
        self._next: int | None = None

    def packets(self, packet: Any) -> Iterator[Any]:
        """What the encoder gives for a packet."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        start = float(stamp * packet.time_base)
        for frame in self._decoder.decode(packet):
            if frame.pts is not None and frame.time_base:
                start = float(frame.pts * frame.time_base)
            yield from self._encoded(frame, start)
            start += frame.samples / frame.sample_rate

    def _encoded(self, frame: Any, start: float) -> Iterator[Any]:
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != self._kind:
            yield from self._numbered(self._drained())
            self._kind = kind
            self._resampler = av.AudioResampler(self._format, self._layout, self._rate)
        # Samples are counted, so that rounded times do not crackle; only a gap is jumped.
        at = round(start * self._rate)
        if self._next is None or at - self._next > self._rate * _GAP:
            self._next = at
        frame.pts = None
        yield from self._numbered(self._resampler.resample(frame))

    def _numbered(self, frames: list[Any]) -> Iterator[Any]:
        for frame in frames:
            frame.pts = self._next
            frame.time_base = Fraction(1, self._rate)
            self._next = (self._next or 0) + frame.samples
            yield from self._stream.encode(frame)

    def _drained(self) -> list[Any]:
        drained: list[Any] = self._resampler.resample(None) if self._resampler else []
        return drained

    def rest(self) -> Iterator[Any]:
        """What decoder, resampler and encoder still hold."""
        for frame in self._decoder.decode(None):
            yield from self._encoded(frame, (self._next or 0) / self._rate)
        yield from self._numbered(self._drained())
        if self._next is not None:
            yield from self._stream.encode(None)


class Text:
    """Writes subtitles of letters as a container takes them."""

    def __init__(self, container: Any, source: Any, codec: str) -> None:
        """Add a stream of a codec of subtitles.

        Raises:
            ValueError, FFmpegError: nothing reads the source.
        """
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        self._stream = container.add_stream(codec)
        self._encoder = self._stream.codec_context
        self._encoder.time_base = _MILLISECONDS
        self._encoder.subtitle_header = self._decoder.subtitle_header
        _describe(self._stream, source)

    def packets(self, packet: Any) -> Iterator[Any]:
        """The same line in the other format; none for an empty one."""
        read = self._decoder.decode2(packet)
        if read is None or not len(read):
            return
        written = self._encoder.encode_subtitle(read)
        written.pts = written.dts = round(packet.pts * packet.time_base / _MILLISECONDS)
        written.duration = round((packet.duration or 0) * packet.time_base / _MILLISECONDS)
        written.time_base = _MILLISECONDS
        written.stream = self._stream
        yield written

    def rest(self) -> Iterator[Any]:
        """Nothing: it holds none back."""
        return iter(())


def carrier(
    container: Any, source: Any, box: Box, effort: Effort
) -> tuple[Carrier | None, StreamReport]:
    """How a stream gets into a container, and what is told of it; None where it does not."""
    codec = codec_name(source)
    sound = source.type == "audio"
    kind = "sound" if sound else "subtitles"
    told = StreamReport(kind, codec, source.language or "", Fate.DROPPED)
    for fate, why, make in _ways(container, source, box, effort, codec):
        try:
            made = make()
        except (ValueError, FFmpegError) as error:
            told.why = f"{codec or 'an unknown codec'} cannot be read here: {error}"
            continue
        told.fate, told.why = fate, why
        return made, told
    told.why = told.why or f"{box.name} takes no {codec or 'such'} {kind}"
    return None, told


def _ways(
    container: Any, source: Any, box: Box, effort: Effort, codec: str
) -> Iterator[tuple[Fate, str, Callable[[], Carrier]]]:
    """The best first."""
    if not source.codec_context:
        return
    sound = source.type == "audio"
    if effort >= Effort.COPY and codec in (box.sounds if sound else box.texts):
        yield Fate.KEPT, "", lambda: Copied(container, source)
    if effort < Effort.TRANSCODE:
        return
    if sound and (target := box.sound):
        yield Fate.TRANSCODED, f"to {target}", lambda: Transcoded(container, source, target)
    if not sound and codec in _TEXTS and (text := box.text):
        yield Fate.TRANSCODED, f"to {text}", lambda: Text(container, source, text)


def codec_name(stream: Any) -> str:
    """What a stream is coded in, by the name of the format; empty where nobody knows it."""
    # The name of a context is that of the decoder: "mp3float" reads "mp3".
    return stream.codec_context.codec.canonical_name if stream.codec_context else ""


def _describe(stream: Any, source: Any) -> None:
    said = {name: source.metadata[name] for name in _SAID if name in source.metadata}
    stream.metadata.update(said)
    stream.disposition = source.disposition
