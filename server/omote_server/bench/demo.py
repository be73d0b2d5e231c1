"""A clip through a server and back: what the demo streams, keeps and counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from omote_client import Attributes, Client, Consent, FilterUse, Output, Result, Summary, Timed
from omote_filters.registry import Registry
from omote_filters.words import ChainEntry
from omote_server.frames.codec import Pixels, decode_own, encode
from omote_server.media.pictures import write_picture
from omote_server.media.video import VideoWriter, open_video
from omote_server.messages import PictureFormat
from omote_server.workshop.account import Account
from omote_server.workshop.offline import wishes_of

_SMALL = 240
_UPSCALE = 3
_QUALITY = 92
_STAGES = ("queue", "decode", "track", "describe", "apply", "encode", "total")


@dataclass(slots=True)
class Record:
    """What happened to a clip; times in milliseconds."""

    account: Account
    latencies: dict[str, list[float]] = field(default_factory=dict)
    attributes: Attributes | None = None
    seconds: float = 0.0
    summary: Summary | None = None

    def add(self, result: Result) -> None:
        """Count one result."""
        self.account.add(result)
        for stage in _STAGES:
            self.latencies.setdefault(stage, []).append(getattr(result.timings, f"{stage}_ms"))
        if result.round_trip_ms is not None:
            self.latencies.setdefault("end to end", []).append(result.round_trip_ms)
        if result.faces:
            self.attributes = result.faces[0].attributes


class ContactSheet:
    """Six moments of a clip, the original above the result."""

    def __init__(self, frame_count: int, moments: int = 6, width: int = 360) -> None:
        """Choose moments evenly over a clip of so many frames."""
        step = max(1, frame_count // moments)
        self._wanted = {step // 2 + step * i for i in range(moments)}
        self._width = width
        self._columns: list[Pixels] = []

    def offer(self, number: int, before: Pixels, after: Pixels) -> None:
        """Keep a frame (counted from 0) if it is, or first comes after, a chosen moment."""
        due = {moment for moment in self._wanted if moment <= number}
        if not due:
            return
        self._wanted -= due
        small = [
            cv2.resize(p, self._size(p), interpolation=cv2.INTER_AREA) for p in (before, after)
        ]
        self._columns.append(np.vstack(small).astype(np.uint8, copy=False))

    def write(self, path: Path) -> None:
        """Save it as PNG.

        Raises:
            MediaError: it cannot be written.
        """
        gap = np.full((self._columns[0].shape[0], 6, 3), 255, np.uint8)
        parts = [part for column in self._columns for part in (column, gap)][:-1]
        write_picture(path, np.hstack(parts))

    @property
    def filled(self) -> bool:
        """Whether there is anything to show."""
        return bool(self._columns)

    def _size(self, pixels: Pixels) -> tuple[int, int]:
        height, width = pixels.shape[:2]
        return self._width, round(height * self._width / width)


def clip_jpegs(path: Path) -> Iterator[Timed]:
    """The frames of a video as the client sends them; a small one is upscaled 3 times."""
    with open_video(path) as reader:
        for frame in reader.frames():
            jpeg = encode(_upscaled(frame.pixels), PictureFormat.JPEG, _QUALITY).data
            yield Timed(jpeg, frame.time)


def _upscaled(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    if height >= _SMALL:
        return pixels
    size = (width * _UPSCALE, height * _UPSCALE)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


async def stream_clip(
    address: str,
    video: Path,
    chain: Sequence[ChainEntry],
    writer: VideoWriter,
    sheet: ContactSheet,
    on_frame: Callable[[], None],
) -> Record:
    """Stream a clip at its own pace; write original and result side by side.

    Raises:
        OmoteError: the server refused or went away.
        VideoError: the clip cannot be read.
    """
    record = Record(Account(wishes_of(chain, Registry()), sees_faces=True))
    with open_video(video) as reader:
        pace = reader.frames_per_second
    consent = Consent(face_effects=True, demographics=True)
    output = Output(attributes=True, faces=True, jpeg_quality=_QUALITY)
    uses = [FilterUse(entry.filter_id, dict(entry.settings)) for entry in chain]
    async with (
        Client(address, name="omote-demo") as client,
        client.stream(uses, consent=consent, output=output) as stream,
    ):
        began = time.monotonic()
        async for result in stream.process(clip_jpegs(video), pace=pace):
            record.add(result)
            _keep(result, writer, sheet)
            on_frame()
        record.seconds = time.monotonic() - began
        record.summary = await stream.finish()
    return record


def _keep(result: Result, writer: VideoWriter, sheet: ContactSheet) -> None:
    if result.picture is None or not isinstance(result.sent, bytes):
        return
    before, after = decode_own(result.sent), decode_own(bytes(result.picture.data))
    writer.write(np.hstack([before, after]), result.capture_time_us / 1e6)
    sheet.offer(result.sequence - 1, before, after)
