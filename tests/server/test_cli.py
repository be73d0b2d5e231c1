"""The command line as a user runs it: its own process, its exit code, its words."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote_models.store import model_store
from omote_server.bench.local import local_server
from omote_server.media.pictures import write_picture
from omote_server.media.video import VideoReader, VideoWriter
from omote_server.serving.inventory import used
from omote_server.workshop.footage import footage_store

Pixels = NDArray[np.uint8]
pytestmark = pytest.mark.usefixtures("tools")


def omote(
    *arguments: str | Path, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def portrait(astronaut: Pixels, tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), cv2.cvtColor(astronaut, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture
def short_clip(carphone: list[Pixels], tmp_path: Path) -> Path:
    path = tmp_path / "short.mp4"
    with VideoWriter(path, 30) as writer:
        for i, frame in enumerate(carphone[:15]):
            writer.write(frame, i / 30)
    return path


COMMANDS = ["serve", "apply", "stream", "bench", "demo", "doctor", "filters list", "filters show"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert "Example:" in omote(*command.split(), "--help").stdout


def test_filters_list_and_show() -> None:
    listed = json.loads(omote("filters", "list", "--json").stdout)
    assert {"face_paint", "lipstick"} <= {f["id"] for f in listed}
    assert "coverage" in omote("filters", "show", "lipstick").stdout
    wrong = omote("filters", "show", "lipstik", code=2)
    assert "lipstick" in wrong.stderr


def test_doctor_finds_this_machine_well() -> None:
    findings = json.loads(omote("doctor", "--json", OMOTE_PORT="0").stdout)
    assert all(f["well"] for f in findings), findings
    names = {f["what"] for f in findings}
    assert {"Python", "mediapipe", "model face_landmarker", "filters", "port"} <= names


def test_doctor_says_how_to_mend(tmp_path: Path) -> None:
    done = omote("doctor", code=1, OMOTE_CACHE=str(tmp_path), OMOTE_PORT="0")
    assert "omote models pull face_landmarker" in done.stdout


def test_apply_filters_a_picture(portrait: Path, astronaut: Pixels, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    omote("apply", "face_paint:opacity=1+lipstick", portrait, out)
    painted = cv2.imread(str(out), cv2.IMREAD_COLOR_RGB)
    assert painted is not None
    assert painted.shape == astronaut.shape
    changed = (np.asarray(painted) != astronaut).any(axis=2).mean()
    assert 0.01 < changed < 0.2


def test_apply_filters_a_video_and_keeps_its_length(short_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    omote("apply", "big_eyes", short_clip, out, "--compare")
    with VideoReader(out) as reader:
        frames = list(reader.frames())
    assert len(frames) == 15
    assert frames[0].pixels.shape == (432, 1056, 3)
    assert frames[-1].time == pytest.approx(14 / 30, abs=0.01)


def test_apply_keeps_the_sound(tmp_path: Path) -> None:
    source = footage_store().pull("bigbuckbunny")
    with VideoReader(source) as reader:
        assert reader.streams, "this clip has sound"
        count = sum(1 for _ in reader.frames())
    out = tmp_path / "out.mp4"
    omote("apply", "pixelate_face", source, out, "--faces", "1")
    with VideoReader(out) as reader:
        assert reader.streams
        assert sum(1 for _ in reader.frames()) == count


def test_apply_tells_what_became_of_each_filter(portrait: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = omote("apply", "lipstick+gentle_reshape+birthday", portrait, out, "--age", "12", code=3)
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert told == [
        "lipstick applied",
        "gentle_reshape did nothing: the person is, or may be, under 18",
        "birthday applied",
        "faces 1",
        "less nobody agreed to estimates of age and gender",
        "frames 1 in, 1 out, 1 changed",
    ]
    assert "gentle_reshape did nothing" in done.stderr
    assert out.exists()


def test_apply_tells_scripts_that_there_is_no_face(tmp_path: Path) -> None:
    meadow, out = tmp_path / "meadow.png", tmp_path / "out.png"
    write_picture(meadow, np.full((240, 320, 3), 128, np.uint8))
    told = json.loads(omote("apply", "lipstick+vignette", meadow, out, "--json", code=3).stdout)
    assert told["faces"] == {"most": 0, "frames": 0}
    assert [f["in_vain"] for f in told["filters"]] == ["no face was found", None]
    assert told["frames"] == {"in": 1, "out": 1, "changed": 1}
    told = json.loads(omote("apply", "vignette", meadow, out, "--json").stdout)
    assert told["faces"] is None, "nobody looked"


def test_apply_adds_up_over_a_video(short_clip: Path, tmp_path: Path) -> None:
    done = omote("apply", "lipstick+vhs", short_clip, tmp_path / "out.mp4")
    assert done.stdout.count("applied on 15 of 15 frames") == 2
    assert "15 in, 15 out, 15 changed" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_apply_leaves_nothing_half_made(number: signal.Signals, tmp_path: Path) -> None:
    clip = footage_store().pull("carphone")
    process = subprocess.Popen(
        [sys.executable, "-m", "omote_server", "apply", "beard+film_look", clip, "out.mp4"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    while not (drafts := list(tmp_path.iterdir())):
        assert process.poll() is None, "it writes before it is done"
        time.sleep(0.01)
    assert drafts[0].name.startswith(".out.")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no_such_filter", "IN", "OUT.png"], 2, "there is no filter 'no_such_filter'"),
        (["lipstick:coverage=9", "IN", "OUT.png"], 2, "entries[0].settings.coverage"),
        (["lipstick:{oops", "IN", "OUT.png"], 2, "not closed"),
        (["lipstick", "TEXT.png", "OUT.png"], 1, "neither a picture nor a video"),
        (["lipstick", "TEXT.mp4", "OUT.mp4"], 1, "cannot be read as a video"),
        (["lipstick", "IN", "OUT.xyz"], 1, "cannot be written"),
        (["", "IN", "OUT.png"], 2, "at least one filter"),
        (["lipstick", "CLIP", "OUT.xyz"], 1, "cannot be written"),
        (["lipstick", "CLIP", "no/such/OUT.mp4"], 1, "there is no folder"),
        (["lipstick", "IN", "no/such/OUT.png"], 1, "there is no folder"),
    ],
)
def test_apply_says_what_is_wrong(
    arguments: list[str],
    code: int,
    words: str,
    portrait: Path,
    short_clip: Path,
    tmp_path: Path,
) -> None:
    for name in ("TEXT.png", "TEXT.mp4"):
        (tmp_path / name).write_text("this is text")
    files = {"IN": portrait, "CLIP": short_clip}
    filters, *names = arguments
    given = [files.get(name, tmp_path / name) for name in names]
    done = omote("apply", filters, *given, code=code)
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert not list(tmp_path.glob(".OUT*")), "nothing half-written is left"


def test_apply_does_not_destroy_its_source(short_clip: Path) -> None:
    before = short_clip.read_bytes()
    done = omote("apply", "lipstick", short_clip, short_clip, code=2)
    assert "another name" in done.stderr
    assert short_clip.read_bytes() == before


def test_stream_sends_a_file_through_a_server(short_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with local_server() as server:
        done = omote(
            *("stream", "face_paint", "--source", short_clip),
            *("--server", server.address, "--output", out),
        )
        wrong = omote(
            *("stream", "nonsense", "--source", short_clip),
            *("--server", server.address, "--output", tmp_path / "no.mp4"),
            code=1,
        )
        for_scripts = omote(
            *("stream", "face_paint", "--source", short_clip, "--json"),
            *("--server", server.address, "--output", tmp_path / "12:30.mkv"),
        )
    told = json.loads(for_scripts.stdout)
    assert (told["frames"]["frames_sent"], told["media"]["frames_out"]) == (15, 15)
    assert told["filters"][0]["frames"] == 15
    assert "15 frames sent, 15 returned, 0 dropped" in done.stdout
    assert "applied on 15 of 15 frames" in done.stdout
    assert "open.chain.entries[0].filter_id" in wrong.stderr
    with VideoReader(out) as reader:
        assert sum(1 for _ in reader.frames()) == 15


_CAMERA = """
import cv2
clip, opened = {clip!r}, cv2.VideoCapture

class Camera:
    def __init__(self, number):
        self.clip = opened(clip)
    def read(self):
        there, picture = self.clip.read()
        if there:
            return there, picture
        self.clip.release()
        self.clip = opened(clip)
        return self.clip.read()
    def isOpened(self):
        return self.clip.isOpened()
    def release(self):
        self.clip.release()

cv2.VideoCapture = Camera
"""


def test_stream_keeps_what_a_camera_recorded_until_ctrl_c(tmp_path: Path) -> None:
    # A clip that begins anew stands in for a camera, which never ends.
    clip, hidden = footage_store().pull("carphone"), tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(_CAMERA.format(clip=str(clip)))
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    with local_server() as server:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "omote_server", "stream", "vignette", "--source", "0"),
                *("--server", server.address, "--output", recordings / "out.mp4"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(hidden)},
        )
        # Until there is more than a head: what a camera saw.
        while not any(path.stat().st_size > 4096 for path in recordings.iterdir()):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        told, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "Ctrl-C ends the recording" in said
    assert "vignette" in told
    assert [path.name for path in recordings.iterdir()] == ["out.mp4"]
    with VideoReader(recordings / "out.mp4") as reader:
        assert sum(1 for _ in reader.frames()) > 0


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("no/such/out.mp4", "there is no folder"),
        ("out.jpg", "videos and animations as mp4"),
        ("ü" * 130 + ".mp4", "its name is too long"),
    ],
)
def test_stream_says_what_cannot_be_written_before_it_connects(
    output: str, words: str, short_clip: Path, tmp_path: Path
) -> None:
    source = ("--source", short_clip, "--server", "127.0.0.1:9")
    done = omote("stream", "face_paint", *source, "--output", tmp_path / output, code=1)
    assert words in done.stderr


def test_stream_says_when_there_is_no_server(short_clip: Path, tmp_path: Path) -> None:
    done = omote(
        *("stream", "face_paint", "--source", short_clip, "--server", "127.0.0.1:9"),
        *("--output", tmp_path / "out.mp4"),
        code=1,
    )
    assert "127.0.0.1:9" in done.stderr


def test_demo_does_all_it_promises(short_clip: Path, tmp_path: Path) -> None:
    done = omote("demo", "--video", short_clip, "--filter", "life_stages", "--out", tmp_path)
    # At the clip's own pace a slow machine may drop a frame, which is then counted, never lost.
    counts = re.search(r"(\d+) sent, (\d+) returned, (\d+) dropped", done.stdout)
    assert counts, done.stdout
    sent, returned, dropped = map(int, counts.groups())
    assert sent == 15 == returned + dropped
    assert returned >= 1
    # On a slow machine one frame may be all that came back.
    assert "life_stages" in done.stdout
    assert returned == 1 or f"applied on {returned} of {returned} frames" in done.stdout
    sheet = cv2.imread(str(tmp_path / "demo.png"))
    assert sheet is not None
    assert sheet.shape[1] >= 360
    with VideoReader(tmp_path / "demo.mp4") as reader:
        assert sum(1 for _ in reader.frames()) == returned


@pytest.mark.parametrize(
    ("text", "words"), [("prot = 1", "prot"), ("port = ", "omote.toml"), ("port = 99999", "port")]
)
def test_serve_says_what_is_wrong_with_its_file(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "omote.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", "serve"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_stream_without_a_screen_says_so(short_clip: Path) -> None:
    with local_server() as server:
        done = omote(
            *("stream", "big_eyes", "--source", short_clip, "--server", server.address),
            code=1,
            DISPLAY="",
        )
    assert "--output OUT.mp4" in done.stderr


def test_serve_refuses_what_is_not_safe() -> None:
    done = omote("serve", "--host", "0.0.0.0", code=2)
    assert "--insecure" in done.stderr


def test_serve_pulls_its_models_and_stops_on_sigterm(tmp_path: Path) -> None:
    # All but one are there: what is pulled is told by one as well, and asks less of the network.
    (there,) = {model_store().path(name).parent for name in used()}
    missing = model_store().path("face_landmarker").name
    shutil.copytree(there, tmp_path / "models", ignore=shutil.ignore_patterns(missing))
    process = subprocess.Popen(
        [sys.executable, "-m", "omote_server", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMOTE_CACHE": str(tmp_path)},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    assert json.loads(line)["event"] == "serving"
    assert (tmp_path / "models" / "face_landmarker.task").exists()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "stopped" in said


def test_an_estimator_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert "light, or the path" in omote("serve", "--estimator", "heavy", code=2).stderr
    from omote_models.estimators import find_estimator

    text = find_estimator("light").path.read_text()
    bad = text.replace('model = "face-api"', 'file = "mine.onnx"')
    (tmp_path / "estimator.toml").write_text(bad)
    (tmp_path / "mine.onnx").write_bytes(b"not a network")
    (tmp_path / "30_0_0_1.png").write_bytes(footage_store().pull("astronaut").read_bytes())
    picture = tmp_path / "30_0_0_1.png"
    mine = ["--estimator", str(tmp_path)]
    assert "no ONNX network" in omote("serve", "--port", "0", *mine, code=1).stderr
    applied = omote("apply", "vignette", picture, tmp_path / "out.png", *mine, code=2)
    assert "no ONNX network" in applied.stderr
    assert not (tmp_path / "out.png").exists()
    measured = omote("evaluate", tmp_path, "--out", tmp_path / "out", *mine, code=2)
    assert "no ONNX network" in measured.stderr
