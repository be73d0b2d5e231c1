"""Videos in and out: upright, square, in their own colours, in time, with sound, and told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from videos import RATE, film, joined, scene, small

from omote_models.pictures import Turn
from omote_server.media.report import Fate
from omote_server.media.video import MediaReport, VideoError, VideoFrame, VideoWriter, open_video

Pixels = NDArray[np.uint8]


def read(path: Path) -> tuple[list[VideoFrame], MediaReport]:
    with open_video(path) as reader:
        return list(reader.frames()), reader.report


def passed_on(source: Path, target: Path) -> MediaReport:
    """A file through the empty chain."""
    with (
        open_video(source) as reader,
        VideoWriter(target, reader.frames_per_second, reader) as writer,
    ):
        for frame in reader.frames(writer.accept):
            writer.write(frame.pixels, frame.time, frame.alpha, frame.duration)
    return reader.report


def far(one: Pixels, other: Pixels) -> float:
    """The mean difference of two pictures, single pixels aside."""
    return float(np.abs(small(one).astype(int) - small(other)).mean())


def streams(path: Path) -> list[Any]:
    """Type, codec, language and seconds of every stream."""
    with av.open(str(path)) as container:
        return [
            (s.type, s.codec_context.codec.canonical_name, s.language, _seconds(s))
            for s in container.streams
        ]


def _seconds(stream: Any) -> float:
    return round(float((stream.duration or 0) * stream.time_base), 1)


# Shape ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_pictures_are_upright(degrees: int, mirrored: bool, ending: str, tmp_path: Path) -> None:
    source = film(tmp_path / f"in{ending}", [scene()] * 3, turn=(degrees, mirrored))
    out = tmp_path / "out.mp4"
    passed_on(source, out)
    expected = Turn.of(-degrees % 360, mirrored).upright(scene())
    for path in (source, out):
        frames, _ = read(path)
        assert frames[0].pixels.shape == expected.shape
        assert far(frames[0].pixels, expected) < 3
    with av.open(str(out)) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_pixels_become_square(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", [scene(720, 576)] * 2, aspect=Fraction(64, 45))
    report = passed_on(source, tmp_path / "out.mp4")
    frames, _ = read(tmp_path / "out.mp4")
    assert frames[0].pixels.shape == (576, 1024, 3)
    assert far(frames[0].pixels, scene(720, 576)) < 3
    assert any("not square" in told for told in report.conversions)


def test_another_size_is_letterboxed_into_the_first(tmp_path: Path) -> None:
    wide = film(tmp_path / "wide.ts", [scene(320, 180)] * 5).read_bytes()
    tall = film(tmp_path / "tall.ts", [scene(180, 320)] * 5).read_bytes()
    frames, report = read(joined(tmp_path / "in.ts", wide, tall))
    assert {frame.pixels.shape for frame in frames} == {(180, 320, 3)}
    assert len(frames) == 10
    last = frames[-1].pixels
    assert last[:, :100].max() < 20, "black beside it"
    assert far(last[:, 110:211], scene(180, 320)) < 8, "and not stretched"
    assert "180×320 letterboxed into 320×180" in report.conversions


def test_odd_sides_are_padded_and_not_rescaled(tmp_path: Path) -> None:
    picture = scene(321, 181)
    with VideoWriter(tmp_path / "out.mp4", RATE) as writer:
        writer.write(picture, 0.0)
    frames, _ = read(tmp_path / "out.mp4")
    assert frames[0].pixels.shape == (182, 322, 3)
    assert np.abs(frames[0].pixels[:181, :321].astype(int) - picture).mean() < 3
    edge = frames[0].pixels[181].astype(int) - frames[0].pixels[180]
    assert np.abs(edge).mean() < 3, "the last row again"


# Colour -----------------------------------------------------------------------------------------

_601, _709, _2020 = (6, 6, 6), (1, 1, 1), (9, 1, 1)


@pytest.mark.parametrize(
    ("tags", "matrix", "layout"),
    [
        (_709, 1, "yuv420p"),
        (_601, 5, "yuv420p"),
        ((5, 5, 6), 5, "yuv420p"),
        (_2020, 9, "yuv420p"),
        (_709, 1, "yuv444p"),
        (_709, 1, "yuv420p10le"),
    ],
)
@pytest.mark.parametrize("full", [False, True])
def test_pixels_and_tags_agree(
    tags: tuple[int, int, int], matrix: int, layout: str, full: bool, tmp_path: Path
) -> None:
    pictures = [scene(640, 480, shift) for shift in range(3)]
    source = film(tmp_path / "in.mkv", pictures, layout=layout, matrix=matrix, full=full, tags=tags)
    out = tmp_path / "out.mp4"
    passed_on(source, out)
    frames, _ = read(source)
    assert np.abs(frames[0].pixels.astype(int) - pictures[0]).mean() <= 2, "read by its tags"
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)
        assert frame.color_primaries == tags[1]
        assert frame.color_trc == tags[2]
    assert np.abs(_by_hand(out).astype(int) - pictures[0]).mean() <= 2, "decoded by its own tags"


def _by_hand(path: Path) -> Pixels:
    """The first picture, by the arithmetic of BT.709 in limited range."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        planes = [
            np.frombuffer(bytes(p), np.uint8).reshape(p.height, p.line_size)[:, : p.width]
            for p in frame.planes
        ]
    size = frame.width, frame.height
    y = (planes[0].astype(float) - 16) / 219
    u, v = ((cv2.resize(p, size).astype(float) - 128) / 224 for p in planes[1:])
    rgb = np.dstack((y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u))
    return np.clip(np.round(rgb * 255), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("size", "matrix"), [((640, 480), 5), ((1280, 720), 1)])
def test_untagged_colours_are_guessed_by_size(
    size: tuple[int, int], matrix: int, tmp_path: Path
) -> None:
    source = film(tmp_path / "in.mp4", [scene(*size)] * 2, matrix=matrix, tags=None)
    frames, report = read(source)
    assert np.abs(frames[0].pixels.astype(int) - scene(*size)).mean() <= 2
    assert any("without a matrix" in told for told in report.conversions)


@pytest.mark.parametrize(("transfer", "name"), [(18, "HLG"), (16, "PQ")])
def test_hdr_is_mapped_and_said(transfer: int, name: str, tmp_path: Path) -> None:
    source = film(
        tmp_path / "in.mkv",
        [scene()] * 2,
        codec="libx265",
        layout="yuv420p10le",
        matrix=9,
        tags=(9, 9, transfer),
    )
    report = passed_on(source, tmp_path / "out.mp4")
    assert report.conversions == [f"HDR ({name}) tone-mapped to SDR BT.709"]
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 1, 1)
    raw = _colourful(_undeveloped(source))
    mapped = read(tmp_path / "out.mp4")[0][0].pixels
    assert _colourful(mapped) > raw * 1.1, "not washed out"


def _undeveloped(path: Path) -> Pixels:
    with av.open(str(path)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


def _colourful(picture: Pixels) -> float:
    return float((picture.max(axis=2).astype(int) - picture.min(axis=2)).mean())


# Clock ------------------------------------------------------------------------------------------


def test_a_variable_rate_is_kept(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 0.52, 0.9, 1.9]
    source = film(tmp_path / "in.mp4", [scene(shift=i) for i in range(6)], times)
    passed_on(source, tmp_path / "out.mp4")
    assert [f.time for f in read(tmp_path / "out.mp4")[0]] == pytest.approx(times, abs=1e-3)


def test_a_file_that_starts_late_starts_at_0(tmp_path: Path) -> None:
    times = [36_000 + i / RATE for i in range(25)]
    source = film(
        tmp_path / "in.ts", [scene()] * 25, times, sounds=[("aac", "eng")], codec="libx264"
    )
    passed_on(source, tmp_path / "out.mp4")
    frames, _ = read(tmp_path / "out.mp4")
    assert frames[0].time == pytest.approx(0, abs=0.01)
    assert frames[-1].time == pytest.approx(24 / RATE, abs=0.01)
    assert all(seconds < 2 for *_, seconds in streams(tmp_path / "out.mp4"))


def test_a_clock_that_jumps_is_closed_and_sound_goes_with_it(tmp_path: Path) -> None:
    part = film(tmp_path / "part.ts", sounds=[("aac", "eng")]).read_bytes()
    report = passed_on(joined(tmp_path / "in.ts", part, part, part), tmp_path / "out.mp4")
    times = [frame.time for frame in read(tmp_path / "out.mp4")[0]]
    assert np.diff(times) == pytest.approx(1 / RATE, abs=1e-3)
    assert len(times) == 3 * RATE
    assert report.jumps == 2
    (_, _, _, film_seconds), (_, _, _, sound_seconds) = streams(tmp_path / "out.mp4")
    assert sound_seconds == pytest.approx(film_seconds, abs=0.2)


def test_raw_h264_has_the_pace_that_it_says(tmp_path: Path) -> None:
    source = film(tmp_path / "in.h264", form="h264")
    times = [frame.time for frame in read(source)[0]]
    assert len(times) == RATE
    assert np.diff(times) == pytest.approx(1 / RATE, abs=1e-3)


# Sound and other streams ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "ending", "out", "becomes"),
    [
        ("aac", ".mp4", ".mp4", "aac"),
        ("libmp3lame", ".mkv", ".mp4", "mp3"),
        ("pcm_mulaw", ".mov", ".mp4", "aac"),
        ("pcm_alaw", ".mov", ".mp4", "aac"),
        ("pcm_alaw", ".mov", ".mov", "pcm_alaw"),
        ("wmav2", ".wmv", ".mp4", "aac"),
        ("adpcm_ms", ".avi", ".mp4", "aac"),
        ("pcm_s16le", ".mkv", ".mp4", "aac"),
        ("libopus", ".mkv", ".mp4", "opus"),
        ("aac", ".mp4", ".webm", "opus"),
    ],
)
def test_sound_is_kept(codec: str, ending: str, out: str, becomes: str, tmp_path: Path) -> None:
    source = film(tmp_path / f"in{ending}", sounds=[(codec, "fin")])
    report = passed_on(source, tmp_path / f"out{out}")
    told = report.streams[0]
    assert told.fate is (Fate.KEPT if told.codec == becomes else Fate.TRANSCODED)
    assert not told.skipped
    _, (kind, name, language, _) = streams(tmp_path / f"out{out}")
    assert (kind, name) == ("audio", becomes)
    assert language == "fin" or ending in (".avi", ".wmv")
    seconds, loudest = _sound(tmp_path / f"out{out}")
    assert seconds == pytest.approx(1, abs=0.15), "as long as the pictures"
    assert loudest > 0.1


def _sound(path: Path) -> tuple[float, float]:
    """How many seconds of it there are, and how loud the loudest is, 1 at most."""
    seconds = loudest = 0.0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono")
        for frame in container.decode(audio=0):
            seconds += frame.samples / frame.sample_rate
            for even in resampler.resample(frame):
                loudest = max(loudest, float(np.abs(even.to_ndarray()).max()))
    return seconds, loudest


def test_every_track_and_subtitles_are_kept(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sounds=[("aac", "fin"), ("aac", "deu")])
    subtitled = tmp_path / "subtitled.mkv"
    _add_subtitles(source, subtitled)
    report = passed_on(subtitled, tmp_path / "out.mp4")
    assert [stream[:3] for stream in streams(tmp_path / "out.mp4")] == [
        ("video", "h264", "und"),
        ("audio", "aac", "fin"),
        ("audio", "aac", "deu"),
        ("subtitle", "mov_text", "fra"),
    ]
    assert [str(stream) for stream in report.streams] == [
        "sound fin aac kept",
        "sound deu aac kept",
        "subtitles fra subrip transcoded (to mov_text)",
    ]
    assert _lines(tmp_path / "out.mp4") == [(0.2, "Bonjour é")]
    passed_on(tmp_path / "out.mp4", tmp_path / "back.mkv")
    assert [text for _, text in _lines(tmp_path / "back.mkv")] == ["Bonjour é"]


def _add_subtitles(source: Path, target: Path) -> None:
    with av.open(str(source)) as given, av.open(str(target), "w") as container:
        copies: list[Any] = [
            container.add_stream_from_template(s, opaque=True) for s in given.streams
        ]
        for made, stream in zip(copies, given.streams, strict=True):
            made.metadata["language"] = stream.language or "und"
        text = container.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        text.metadata["language"] = "fra"
        container.metadata["title"] = "A film"
        line = av.Packet("Bonjour é".encode())
        line.pts = line.dts = 200
        line.duration, line.time_base, line.stream = 500, Fraction(1, 1000), text
        container.mux(line)
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                container.mux(packet)


def _lines(path: Path) -> list[tuple[float, str]]:
    """When each subtitle begins, and its letters."""
    lines = []
    with av.open(str(path)) as container:
        for packet in container.demux(subtitles=0):
            for subtitle in packet.decode() if packet.size else ():
                text = bytes(getattr(subtitle, "dialogue", b"")).decode()
                lines.append((round(float((packet.pts or 0) * packet.time_base), 3), text))
    return [line for line in lines if line[1]]


def test_what_a_container_cannot_take_is_named(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sounds=[("aac", "eng")])
    report = passed_on(source, tmp_path / "out.gif")
    assert [str(stream) for stream in report.streams] == [
        "sound eng aac dropped (gif takes no aac sound)"
    ]
    assert report.losses() == ["sound eng aac dropped (gif takes no aac sound)"]


def test_damaged_sound_never_costs_the_picture(tmp_path: Path) -> None:
    source = film(tmp_path / "in.ts", sounds=[("aac", "eng")])
    data = bytearray(source.read_bytes())
    # In packets of the sound only: the second stream has the identifier 0x101.
    sound = [
        start
        for start in range(0, len(data) - 188, 188)
        if data[start + 1] & 0x1F == 1 and data[start + 2] == 1
    ]
    for start in sound[3::4]:
        data[start + 4 : start + 188] = np.random.default_rng(start).bytes(184)
    source.write_bytes(data)
    report = passed_on(source, tmp_path / "out.mp4")
    assert len(read(tmp_path / "out.mp4")[0]) == RATE
    assert report.streams[0].skipped
    assert "damaged packets skipped" in report.losses()[-1]
    assert [kind for kind, *_ in streams(tmp_path / "out.mp4")] == ["video", "audio"]


# Damage -----------------------------------------------------------------------------------------


def test_a_cut_file_gives_what_it_has_and_says_what_is_missing(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", [scene(shift=i) for i in range(100)])
    whole = tmp_path / "whole.mp4"
    passed_on(source, whole)  # its index comes first
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    report = passed_on(tmp_path / "cut.mp4", tmp_path / "out.mp4")
    assert 20 < report.frames_out < 100
    assert report.frames_out == report.frames_in == len(read(tmp_path / "out.mp4")[0])
    assert report.missing + report.skipped + report.frames_in >= 100
    assert any("missing" in told for told in report.losses())


def test_damaged_packets_are_counted(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", [scene(shift=i) for i in range(50)])
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(1).bytes(2000)
    source.write_bytes(data)
    report = passed_on(source, tmp_path / "out.mp4")
    assert report.frames_out > 25
    assert report.losses(), "never in silence"


def test_a_file_without_its_index_is_called_that(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4")
    (tmp_path / "cut.mp4").write_bytes(source.read_bytes()[:5000])
    with pytest.raises(VideoError, match="its index is missing"):
        open_video(tmp_path / "cut.mp4")


def test_the_library_is_silent(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", [scene(shift=i) for i in range(50)], sounds=[("aac", "und")])
    data = bytearray(source.read_bytes())
    middle = data.index(b"mdat") + 10_000
    data[middle : middle + 500] = bytes(500)
    source.write_bytes(data)
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from omote_server.media.video import VideoWriter, open_video\n"
        "source, target = map(Path, sys.argv[1:])\n"
        "with open_video(source) as r, VideoWriter(target, r.frames_per_second, r) as w:\n"
        "    for f in r.frames(w.accept): w.write(f.pixels, f.time)\n"
    )
    command = [sys.executable, "-c", script, str(source), str(tmp_path / "out.mkv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Names ------------------------------------------------------------------------------------------

_NAMES: Sequence[bytes] = (
    *(b"12:30.mp4", b"-i.mp4", b"concat:a|b.mp4", b"pipe:1.mp4", b"data:,x.mp4", b"a%03d.mp4"),
    *(b"subfile,,start,0,end,9,,:a.mp4", b"caf\xe9\xff.mp4", b"line\nbreak.mp4", "名.mp4".encode()),
)


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("relative", [False, True])
def test_a_name_is_only_a_name(
    name: bytes, relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    given = film(tmp_path / "given.mp4", [scene()] * 3)
    folder = Path() if relative else tmp_path / "in"
    source = folder / os.fsdecode(name)
    shutil.copy(given, source)
    target = folder / f"out {os.fsdecode(name)}"
    passed_on(source, target)
    assert len(read(target)[0]) == 3
    there = sorted(os.fsencode(path.name) for path in (tmp_path / "in").iterdir())
    assert there == sorted([name, b"out " + name])


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    secret = film(tmp_path / "secret.ts")
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {secret}\n",
    ):
        (tmp_path / "list.mp4").write_text(text)
        with pytest.raises(VideoError, match="neither a picture nor a video"):
            open_video(tmp_path / "list.mp4")


def test_no_half_file_looks_finished(tmp_path: Path) -> None:
    script = (
        "import os, sys, signal, numpy as np\nfrom pathlib import Path\n"
        "from omote_server.media.video import VideoWriter\n"
        "writer = VideoWriter(Path(sys.argv[1]), 25)\n"
        "for i in range(100): writer.write(np.zeros((64, 64, 3), np.uint8), i / 25)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for ending in (".mp4", ".mkv", ".webm", ".gif", ".webp"):
        target = tmp_path / f"out{ending}"
        command = [sys.executable, "-c", script, str(target)]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        assert done.returncode < 0
        assert not target.exists()
        assert all(path.name.startswith(".") for path in tmp_path.iterdir())


def test_an_ending_that_no_video_has_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"take one of \.mp4, .*\.gif, \.webp"):
        VideoWriter(tmp_path / "out.xyz", 25)
    assert not list(tmp_path.iterdir())


# Others agree -----------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed here")
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_another_decoder_agrees(degrees: int, tmp_path: Path) -> None:
    pictures = [scene(shift=i) for i in range(10)]
    source = film(tmp_path / "in.mp4", pictures, turn=(degrees, False), tags=_709)
    out = tmp_path / "out.mp4"
    passed_on(source, out)
    for path in (source, out):
        frames, _ = read(path)
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24"]
        done = subprocess.run([*command, "-"], capture_output=True, timeout=120, check=True)
        theirs = np.frombuffer(done.stdout, np.uint8).reshape(-1, *frames[0].pixels.shape)
        assert len(theirs) == len(frames)
        for ours, other in zip(frames, theirs, strict=True):
            assert np.abs(ours.pixels.astype(int) - other).mean() <= 2
