"""`omote apply` on many files, and what it says of files that do not fit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media import written
from numpy.typing import NDArray
from PIL import Image

from omote_filters.words import Consent
from omote_server.cli.common import chain_of
from omote_server.media.video import VideoReader, VideoWriter, open_video
from omote_server.workshop.batch import Order, run_batch
from omote_server.workshop.filing import Errand
from omote_server.workshop.planning import expanded, plan

Pixels = NDArray[np.uint8]


def omote(*arguments: str | bytes | Path, code: int = 0, folder: Path | None = None) -> str:
    """What a command says, on stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", *arguments],
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
    )
    said = (done.stdout + done.stderr).decode(errors="surrogateescape")
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def told(*arguments: str | bytes | Path, code: int = 0, folder: Path | None = None) -> Any:
    """What a command says to scripts."""
    said = omote("apply", *arguments, "--json", code=code, folder=folder)
    return json.loads(said[said.index("{") : said.rindex("}") + 1])


def flat(colour: int, height: int = 48, width: int = 64) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def film(path: Path, frames: int = 5, size: int = 1) -> Path:
    with VideoWriter(path, 10) as writer:
        for number in range(frames):
            writer.write(flat(40 * number % 256, 48 * size, 64 * size), number / 10)
    return path


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """What somebody brings home: names that say nothing, or something else."""
    folder = tmp_path / "holiday"
    (folder / "day 2").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(written("PNG", flat(90)))
    (folder / "b").write_bytes(written("JPEG", flat(120)))
    (folder / "day 2" / "A.JPG").write_bytes(written("JPEG", flat(60)))
    (folder / "day 2" / "12:30.mp4").write_bytes(written("GIF", flat(0), flat(255)))
    film(folder / "walk.mp4")
    (folder / "readme.txt").write_text("nothing to see")
    (folder / ".hidden.jpg").write_bytes(written("JPEG", flat(1)))
    return folder


def test_a_folder_is_filtered_once_and_keeps_its_order(holiday: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (holiday / "broken.jpg").write_bytes(written("JPEG", flat(9))[:200])
    first = told("vignette", holiday, out, "--jobs", "2", code=1)
    assert first["counts"] == {
        "filtered": 5,
        "in_vain": 0,
        "failed": 1,
        "done_before": 0,
        "passed_over": 1,
    }
    (failed,) = [each for each in first["files"] if each["state"] == "failed"]
    assert "broken.jpg is a damaged or truncated JPEG" in failed["problem"]
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert there == {"a.jpg", "b.jpg", "day 2/A.JPG", "day 2/12:30.mp4", "walk.mp4"}
    with Image.open(out / "a.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 48))
    # A GIF that was called a film is one now.
    with av.open(out / "day 2" / "12:30.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 2
    with VideoReader(out / "walk.mp4") as reader:
        assert len(list(reader.frames())) == 5

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    (holiday / "broken.jpg").write_bytes(written("JPEG", flat(9)))
    again = omote("apply", "vignette", holiday, out)
    assert "1 filtered; 5 done before" in again
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }
    assert told("vignette", holiday, out, "--overwrite")["counts"]["filtered"] == 6


def test_what_is_there_and_older_is_not_replaced_unasked(holiday: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").write_text("somebody's own")
    os.utime(out / "a.jpg", (1, 1))
    made = plan([holiday], out)
    assert "a.jpg is there and older" in made.problems[holiday / "a.jpg"]
    assert not plan([holiday], out, overwrite=True).problems


def test_no_input_is_ever_overwritten(holiday: Path, tmp_path: Path) -> None:
    assert "give it another name" in omote("apply", "vignette", holiday, holiday, code=2)
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.jpg").symlink_to(holiday / "a.jpg")
    os.link(holiday / "walk.mp4", out / "walk.mp4")
    made = plan([holiday], out, overwrite=True)
    assert set(made.problems) == {holiday / "a.jpg", holiday / "walk.mp4"}
    for why in made.problems.values():
        assert "one of the files to be filtered" in why
    link = tmp_path / "link.jpg"
    os.link(holiday / "a.jpg", link)
    assert "OUT is IN" in omote("apply", "vignette", holiday / "a.jpg", link, code=2)


def test_no_two_files_become_one(tmp_path: Path) -> None:
    for name in ("a.tif", "a.jpg", "A.jpg", "b.ts", "b.mp4"):
        if name.startswith("b"):
            film(tmp_path / "b.mp4").rename(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(written("JPEG", flat(3)))
    film(tmp_path / "b.mp4")
    made = plan([tmp_path], tmp_path / "out")
    names = [errand.target.name.casefold() for errand in made.errands]
    assert len(set(names)) == len(names)
    assert len(names) + len(made.problems) == 5


def test_several_files_keep_what_they_do_not_share(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(written("PNG", flat(3)))
    pattern = tmp_path / "*" / "x.png"
    found = expanded([pattern, tmp_path / "one"])
    made = plan(found, tmp_path / "out")
    assert [errand.target.relative_to(tmp_path).as_posix() for errand in made.errands] == [
        "out/one/x.png",
        "out/two/x.png",
    ]


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "[1].jpg").touch()
    assert expanded([tmp_path / "[1].jpg"]) == [tmp_path / "[1].jpg"]


def test_a_process_that_dies_costs_one_file(tmp_path: Path) -> None:
    errands = []
    for number, colour in enumerate((90, 0, 120)):
        source = tmp_path / f"{number}.png"
        source.write_bytes(written("PNG", flat(colour)))
        errands.append(Errand(source, tmp_path / f"out{number}.png"))
    order = _Fragile(chain_of(["vignette"]), Consent(face_effects=True))
    ended = {outcome.errand.source.name: outcome for outcome in run_batch(errands, order, 1)}
    assert "the process that worked on it ended by signal" in ended["1.png"].problem
    assert not ended["0.png"].problem
    assert not ended["2.png"].problem
    assert not (tmp_path / "out1.png").exists()


class _Fragile(Order):
    """Dies of a black picture, as of a file that takes a decoder down."""

    def carry_out(self, tools: Any, errand: Errand, on_frame: Any = lambda *_: None) -> Any:
        if not np.asarray(Image.open(errand.source)).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().carry_out(tools, errand, on_frame)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_many_files_that_are_ended_leave_nothing_half_made(
    number: signal.Signals, tmp_path: Path
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    film(source / "long.mkv", frames=1000, size=8)
    process = subprocess.Popen(
        [sys.executable, "-m", "omote_server", "apply", "film_look", source, out],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not list(out.glob(".long*")):
        assert process.poll() is None, "it writes before it is done"
        time.sleep(0.01)
    # As a terminal does it: to all of them.
    os.killpg(process.pid, number)
    _, said = process.communicate()
    assert process.returncode == 128 + number, said
    assert b"Traceback" not in said
    assert not list(out.iterdir())


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("still.png", "out.mp4", "still.png is PNG, a picture, and OUT has the ending .mp4"),
        ("still.png", "out", "OUT has no ending; pictures are written as jpg"),
        ("film.mp4", "out.png", "film.mp4 is MP4, a video, and OUT has the ending .png"),
        ("film.mp4", "out.jpg", "videos and animations as mp4"),
        ("moving.gif", "out.jpg", "moving.gif is animated GIF, an animation"),
        ("still.png", "no/out.png", "there is no folder"),
        ("film.mp4", "no/out.mp4", "there is no folder"),
        ("some.pdf", "out.png", "is PDF, which is not read here"),
        ("still.png", "ü" * 126 + ".png", "its name is too long"),
        ("film.mp4", "ü" * 126 + ".mp4", "its name is too long"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_else(
    source: str, target: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "still.png").write_bytes(written("PNG", flat(90)))
    (tmp_path / "moving.gif").write_bytes(written("GIF", flat(0), flat(255)))
    (tmp_path / "some.pdf").write_bytes(b"%PDF-1.7\n")
    film(tmp_path / "film.mp4")
    # Nothing can be pulled here: who came so far would complain of that.
    monkeypatch.setenv("OMOTE_CACHE", "/dev/null/cache")
    said = omote("apply", "blur_face", source, target, code=1, folder=tmp_path)
    assert words in " ".join(said.split())
    assert not list(tmp_path.glob("*out*"))


NAMES = [
    b"12:30",
    b"-front",
    b"concat:a|b",
    b"pipe:1",
    b"subfile,,start,0,end,9,,:x",
    b"data:image,x",
    b"new\nline",
    b"  ",
    b"caf\xe9",
    b"n" * 246,
    "ü".encode() * 123,
    b"50%d",
    b"[red]",
]


def test_a_name_is_a_name(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", 3)
    names = [name + ending for name in NAMES for ending in (b".mp4", b".png")]
    for name in names:
        path = tmp_path / os.fsdecode(name)
        if path.suffix == ".mp4":
            path.write_bytes((tmp_path / "film.mp4").read_bytes())
        else:
            path.write_bytes(written("PNG", flat(90)))
    omote("apply", "vignette", "--", *names, b"out", folder=tmp_path)
    # Here every name is a picture's or a video's alone, so each keeps its own.
    assert {os.fsencode(path.name) for path in (tmp_path / "out").iterdir()} == set(names)
    for name in names:
        path = tmp_path / "out" / os.fsdecode(name)
        if path.suffix == ".mp4":
            with open_video(path) as reader:
                assert len(list(reader.frames())) == 3
        else:
            with Image.open(path) as picture:
                assert picture.size == (64, 48)


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    clear = np.dstack([flat(90), np.full((48, 64), 100, np.uint8)])
    (tmp_path / "clear.png").write_bytes(written("PNG", clear))
    said = omote("apply", "vignette", "clear.png", "out.jpg", folder=tmp_path)
    assert "transparency laid over white" in said
