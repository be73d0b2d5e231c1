"""Animations in and out: every frame, its duration, how often it is shown, and what is clear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from videos import film, scene, small

from omote_server.media.video import AnimationReader, VideoFrame, VideoWriter, open_video

Pixels = NDArray[np.uint8]

_DURATIONS = (120, 40, 500, 80)
"""Milliseconds."""


def animation(path: Path, plays: int = 0, clear: bool = True) -> Path:
    """Four frames; a disc that moves over nothing, or over a scene."""
    frames = []
    for number in range(len(_DURATIONS)):
        picture = np.dstack((scene(160, 120), np.full((120, 160), 0 if clear else 255, np.uint8)))
        picture[40:80, 20 + 20 * number : 60 + 20 * number] = (250, 20, 30, 255)
        frames.append(Image.fromarray(np.ascontiguousarray(picture)))
    loop = plays - 1 if path.suffix == ".gif" and plays else plays
    told: dict[str, Any] = {} if path.suffix == ".gif" and plays == 1 else {"loop": loop}
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=list(_DURATIONS),
        disposal=2,
        lossless=True,
        **told,
    )
    return path


def read(path: Path) -> tuple[list[VideoFrame], int | None]:
    with open_video(path) as reader:
        return list(reader.frames()), reader.plays


def passed_on(source: Path, target: Path) -> list[str]:
    with (
        open_video(source) as reader,
        VideoWriter(target, reader.frames_per_second, reader) as writer,
    ):
        for frame in reader.frames(writer.accept):
            writer.write(frame.pixels, frame.time, frame.alpha, frame.duration)
    return reader.report.conversions


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("out", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_frames_durations_and_plays_are_kept(
    ending: str, out: str, plays: int, tmp_path: Path
) -> None:
    source = animation(tmp_path / f"in{ending}", plays)
    passed_on(source, tmp_path / f"out{out}")
    for path in (source, tmp_path / f"out{out}"):
        frames, shown = read(path)
        durations = [round(1000 * (frame.duration or 0)) for frame in frames]
        assert durations == list(_DURATIONS)
        assert shown == plays
        for number, frame in enumerate(frames):
            assert frame.alpha is not None
            disc = frame.alpha[45:75, 25 + 20 * number : 55 + 20 * number]
            assert disc.min() == 255
            assert frame.alpha[:30].max() == 0, "clear around it"
            red = frame.pixels[45:75, 25 + 20 * number : 55 + 20 * number].mean((0, 1))
            assert np.abs(red - (250, 20, 30)).max() < 12


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("out", [".mp4", ".mkv", ".webm"])
def test_an_animation_becomes_a_video(ending: str, out: str, tmp_path: Path) -> None:
    passed_on(animation(tmp_path / f"in{ending}"), tmp_path / f"out{out}")
    frames, _ = read(tmp_path / f"out{out}")
    assert [round(frame.time, 3) for frame in frames] == [0.0, 0.12, 0.16, 0.66]
    assert np.abs(frames[1].pixels[45:75, 45:75].mean((0, 1)) - (250, 20, 30)).max() < 12


def test_a_video_becomes_an_animation(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.5, 0.6]
    source = film(tmp_path / "in.mp4", [scene(shift=i) for i in range(4)], times)
    for ending in (".gif", ".webp", ".png"):
        passed_on(source, tmp_path / f"out{ending}")
        frames, plays = read(tmp_path / f"out{ending}")
        assert [round(frame.time, 2) for frame in frames] == times
        assert plays == 0, "for ever, as films in a page are shown"
        assert all(frame.alpha is None for frame in frames)
        assert np.abs(small(frames[0].pixels).astype(int) - small(scene())).mean() < 8


def test_what_is_clear_becomes_white_where_nothing_is(tmp_path: Path) -> None:
    told = passed_on(animation(tmp_path / "in.webp"), tmp_path / "out.mp4")
    assert told == ["transparency laid over white"]
    assert read(tmp_path / "out.mp4")[0][0].pixels[:30].min() > 245


def test_alpha_of_webm_is_read_and_written(tmp_path: Path) -> None:
    passed_on(animation(tmp_path / "in.webp"), tmp_path / "clear.webm")
    passed_on(tmp_path / "clear.webm", tmp_path / "again.webm")
    for path in (tmp_path / "clear.webm", tmp_path / "again.webm"):
        alpha = read(path)[0][0].alpha
        assert alpha is not None
        assert alpha[:30].max() < 20
        assert alpha[45:75, 25:55].min() > 235


def test_durations_that_nobody_means_are_a_tenth_of_a_second(tmp_path: Path) -> None:
    frames = [Image.fromarray(scene(64, 48, shift)) for shift in range(3)]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=10)
    assert [frame.duration for frame in read(tmp_path / "in.gif")[0]] == [0.1] * 3


def test_a_cut_animation_gives_what_it_has(tmp_path: Path) -> None:
    source = animation(tmp_path / "in.gif", clear=False)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    with AnimationReader(source) as reader:
        frames = list(reader.frames())
    assert 0 < len(frames) < len(_DURATIONS)
    assert reader.report.losses()


def test_what_becomes_clear_later_is_clear(tmp_path: Path) -> None:
    whole = np.dstack((scene(64, 48), np.full((48, 64), 255, np.uint8)))
    half = whole.copy()
    half[:, :32, 3] = 0
    frames = [Image.fromarray(whole), Image.fromarray(half)]
    frames[0].save(
        tmp_path / "in.png", save_all=True, append_images=frames[1:], duration=100, disposal=1
    )
    for ending in (".gif", ".webp", ".png", ".webm"):
        passed_on(tmp_path / "in.png", tmp_path / f"out{ending}")
        last = read(tmp_path / f"out{ending}")[0][-1].alpha
        assert last is not None
        assert last[:, :28].max() < 30
        assert last[:, 36:].min() > 220
