"""The commands on videos of all kinds, and cameras of the network."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from videos import RATE, film, scene

from omote_server.bench.local import local_server
from omote_server.frames.codec import encode
from omote_server.media.live import NetworkCamera, is_address, shown
from omote_server.media.video import VideoError, open_video
from omote_server.messages import PictureFormat


def omote(*arguments: str | bytes | Path, code: int = 0) -> str:
    command = [sys.executable, "-m", "omote_server", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


_TIMES = [0.0, 0.04, 0.5, 0.52, 0.9]


@pytest.mark.usefixtures("tools")
def test_stream_keeps_times_and_sound_of_a_file(tmp_path: Path) -> None:
    source = film(
        tmp_path / "in.mp4", [scene(shift=i) for i in range(5)], _TIMES, sounds=[("aac", "fin")]
    )
    with local_server() as server:
        told = omote(
            *("stream", "vignette", "--source", source),
            *("--server", server.address, "--output", tmp_path / "out.mp4"),
        )
    assert "sound fin aac kept" in " ".join(told.split())
    with open_video(tmp_path / "out.mp4") as reader:
        times = [frame.time for frame in reader.frames()]
        assert [stream.type for stream in reader.streams] == ["audio"]
    assert times == pytest.approx(_TIMES, abs=1e-3)


@pytest.mark.usefixtures("tools")
def test_apply_tells_what_became_of_a_file(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mov", turn=(90, False), sounds=[("pcm_mulaw", "fin")])
    out = tmp_path / "out.mp4"
    told = json.loads(omote("apply", "vignette", source, out, "--json"))
    assert told["frames"]["in"] == told["frames"]["out"] == RATE
    assert told["media"]["streams"][0]["fate"] == "transcoded"
    assert told["media"]["conversions"] == ["turned by 270°, as the file says"]
    rows = " ".join(omote("apply", "vignette", source, out).split())
    assert "sound fin pcm_mulaw transcoded (to aac)" in rows


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("name", [b"12:30.mp4", b"caf\xe9.mp4", b"concat:a.mp4", b"a b.mp4"])
def test_apply_takes_any_name(name: bytes, tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(name)
    film(tmp_path / "given.mp4", [scene()] * 3).rename(source)
    out = tmp_path / f"out {os.fsdecode(name)}"
    omote("apply", "vignette", os.fsencode(source), os.fsencode(out))
    with open_video(out) as reader:
        assert sum(1 for _ in reader.frames()) == 3


@pytest.mark.usefixtures("tools")
def test_apply_on_an_animation_keeps_what_is_clear(tmp_path: Path) -> None:
    frames = []
    for number in range(3):
        picture = np.dstack((scene(160, 120), np.zeros((120, 160), np.uint8)))
        picture[40:80, 20 + 30 * number : 60 + 30 * number, 3] = 255
        frames.append(Image.fromarray(np.ascontiguousarray(picture)))
    frames[0].save(
        tmp_path / "in.webp", save_all=True, append_images=frames[1:], duration=70, lossless=True
    )
    omote("apply", "birthday", tmp_path / "in.webp", tmp_path / "out.webp", code=3)
    with open_video(tmp_path / "out.webp") as reader:
        read = list(reader.frames())
    assert [frame.duration for frame in read] == [0.07] * 3
    assert all(f.alpha is not None and f.alpha[:30].max() == 0 for f in read)


# Cameras of the network -------------------------------------------------------------------------


@contextmanager
def served(*answers: bytes | None) -> Iterator[str]:
    """Answers one after the other, the last for ever; None breaks the connection off."""
    left = list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if answer is None:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}/camera"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def jpegs(count: int) -> bytes:
    """What a camera of the network sends: pictures one after the other."""
    parts = []
    for number in range(count):
        data = encode(scene(shift=number), PictureFormat.JPEG, 90).data
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        parts.append(head.encode() + data + b"\r\n")
    return b"".join(parts)


def test_a_camera_that_was_lost_is_connected_again() -> None:
    waits: list[str] = []
    pictures = []
    with (
        served(jpegs(8), None, jpegs(8), None) as address,
        NetworkCamera(address, waits.append, patience=5) as camera,
    ):
        for picture in camera.pictures():
            pictures.append(picture)
            if len(pictures) > 10:
                break
    assert {picture.shape for picture in pictures} == {(180, 320, 3)}
    assert waits
    assert "trying again in 1 s" in waits[0]
    assert "secret" not in " ".join(waits)


def test_a_camera_that_is_not_there_is_called_that() -> None:
    with pytest.raises(VideoError, match="cannot be read") as refused:
        NetworkCamera("http://user:secret@127.0.0.1:9/camera", patience=2)
    assert "secret" not in str(refused.value)


def test_what_is_an_address() -> None:
    assert is_address("rtsp://camera/1")
    assert is_address("HTTP://camera/1")
    for name in ("12:30.mp4", "concat:a|b", "C:\\film.mp4", "pipe:0", "film.mp4"):
        assert not is_address(name)
    for other in ("file:///etc/passwd", "concat://a", "ftp://x"):
        with pytest.raises(VideoError, match="no address of a camera"):
            is_address(other)
    assert shown("rtsp://me:secret@camera/1") == "rtsp://camera/1"
