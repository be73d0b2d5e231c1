"""Videos that real devices made and that went wrong: what a viewer sees of them now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media import case
from numpy.typing import NDArray

from omote_models.face import Face
from omote_models.tracker import FaceTracker, TrackerOptions
from omote_server.media.report import Fate
from omote_server.media.video import MediaReport, VideoFrame, VideoWriter, open_video

Pixels = NDArray[np.uint8]


class Seen:
    """What a viewer sees of the output, and what was told of it."""

    def __init__(self, source: Path, target: Path) -> None:
        with (
            open_video(source) as reader,
            VideoWriter(target, reader.frames_per_second, reader) as writer,
        ):
            self.given: list[float] = []
            for frame in reader.frames(writer.accept):
                self.given.append(frame.time)
                writer.write(frame.pixels, frame.time, frame.alpha, frame.duration)
        self.report: MediaReport = reader.report
        with open_video(target) as reader:
            self.frames: list[VideoFrame] = list(reader.frames())
        with av.open(str(target)) as container:
            self.seconds = (container.duration or 0) / 1e6
            self.streams = [(s.type, s.language) for s in container.streams]
            video = container.streams.video[0].codec_context
            self.tags = video.colorspace, video.color_range
            assert next(container.decode(video=0)).rotation == 0

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.frames[0].pixels.shape[:2]
        return width, height

    @property
    def sounds(self) -> int:
        return sum(kind == "audio" for kind, _ in self.streams)


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[str], Seen]:
    return lambda name: Seen(case(name), tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("name", "size", "frames", "seconds", "sounds"),
    [
        ("plain.mp4", (384, 384), 100, 4.0, 1),
        ("rotated_phone.mp4", (384, 288), 100, 4.0, 1),
        ("odd_385x383.mp4", (386, 384), 100, 4.0, 1),
        ("resolution_change.ts", (384, 384), 50, 2.0, 0),
        ("start_at_10h.ts", (384, 384), 27, 1.2, 1),
        ("variable_rate.mp4", (384, 384), 100, 9.9, 0),
        ("g711_sound.mkv", (384, 384), 27, 1.2, 1),
        ("vorbis.webm", (384, 384), 100, 4.0, 1),
        ("damaged.mp4", (384, 384), 100, 4.0, 1),
        ("damaged_sound.ts", (384, 384), 100, 4.0, 1),
        ("two_sound_tracks_and_subtitles.mp4", (384, 384), 100, 4.0, 2),
        ("hlg10.mp4", (640, 360), 50, 2.0, 1),
        ("animated.gif", (192, 192), 5, 0.6, 0),
    ],
)
def test_a_viewer_sees_all_of_it(
    name: str,
    size: tuple[int, int],
    frames: int,
    seconds: float,
    sounds: int,
    seen: Callable[[str], Seen],
) -> None:
    out = seen(name)
    assert (out.size, len(out.frames), out.sounds) == (size, frames, sounds)
    assert out.seconds == pytest.approx(seconds, abs=0.15)
    assert [frame.time for frame in out.frames] == pytest.approx(out.given, abs=1e-3)
    assert out.tags == (1, 1), "BT.709, limited, and says so"
    assert not any(stream.fate is Fate.DROPPED for stream in out.report.streams)


def test_damage_is_told(seen: Callable[[str], Seen]) -> None:
    assert seen("damaged.mp4").report.losses()
    sound = seen("damaged_sound.ts").report.streams[0]
    assert sound.skipped
    assert sound.fate is Fate.KEPT


def test_subtitles_and_languages_are_kept(seen: Callable[[str], Seen]) -> None:
    out = seen("two_sound_tracks_and_subtitles.mp4")
    kinds = [("audio", "und"), ("audio", "deu"), ("subtitle", "und")]
    assert out.streams == [("video", "und"), *kinds]


def test_a_jump_back_is_closed(seen: Callable[[str], Seen]) -> None:
    out = seen("resolution_change.ts")
    assert np.diff(out.given) == pytest.approx(0.04, abs=1e-3)
    assert out.report.jumps == 1


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("name", ["rotated_phone.mp4", "hlg10.mp4", "resolution_change.ts"])
def test_the_face_is_found_upright(
    name: str, seen: Callable[[str], Seen], face_model: bytes
) -> None:
    frames = seen(name).frames
    for frame in (frames[0], frames[-1]):
        tracker = FaceTracker(face_model, TrackerOptions())
        try:
            face = _face(tracker, frame.pixels)
        finally:
            tracker.close()
        forehead, chin = face.landmarks[10], face.landmarks[152]
        assert chin[1] > forehead[1] + abs(chin[0] - forehead[0]), "the right way up"


def _face(tracker: FaceTracker, pixels: Pixels) -> Face:
    found: Any = tracker.track(pixels, 0.0)
    assert found
    face: Face = found[0]
    return face
