"""What reaches a user's terminal: errors do, the chatter of libraries does not."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from omote_client import filter_frames
from omote_models.store import model_store
from omote_server.bench.local import local_server
from omote_server.serving.inventory import used
from omote_server.workshop.footage import footage_store

SPEAK = """
import os, subprocess, sys
from omote_server.cli.chatter import without_chatter
with without_chatter():
    os.write(2, b"W0000 00:00:1795611640.058334 17260 graph.cc:181] Sets a thing by default.\\n")
    os.write(2, b"E0000 00:00:1795611640.058334 17260 graph.cc:182] It is broken.\\n")
    os.write(2, b"WARNING: Logging before InitGoogle() is written to STDERR\\n")
    print("Python's own", file=sys.stderr)
    subprocess.run([sys.executable, "-c", "import sys; sys.exit('a subprocess')"])
    os.write(2, b"a line without an end")
os.write(2, b"; afterwards all is as before: W0000 00:00:1")
"""


def test_only_chatter_is_dropped() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SPEAK], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert "Sets a thing" not in ran.stderr
    assert "InitGoogle" not in ran.stderr
    assert "It is broken." in ran.stderr
    assert "Python's own\n" in ran.stderr
    assert "a subprocess\n" in ran.stderr
    assert ran.stderr.endswith("a line without an end; afterwards all is as before: W0000 00:00:1")


def test_a_command_tells_nothing_of_mediapipe(tmp_path: Path) -> None:
    model_store().pull_all(used())
    portrait = footage_store().pull("astronaut")
    out = tmp_path / "out.png"
    (tmp_path / "file").touch()
    nowhere = {**os.environ, "MPLCONFIGDIR": str(tmp_path / "file" / "folder")}
    command = [sys.executable, "-m", "omote_server", "apply", "lipstick", str(portrait), str(out)]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env=nowhere
    )
    assert ran.returncode == 0, ran.stderr
    assert out.is_file()
    for word in ("W0000", "I0000", "TensorFlow", "InitGoogle", "atplotlib"):
        assert word not in ran.stderr


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(*chunks: bytes) -> bytes:
    """A small picture with chunks that are not as they should be."""
    plain = cv2.imencode(".png", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    return plain[:33] + b"".join(chunks) + plain[33:]


_ODD = _png(_chunk(b"iCCP", b"sRGB\0\0junk"), _chunk(b"bKGD", b"1"), _chunk(b"tEXt", b""))


def _jpeg() -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (99, 99, 3), np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    middle = len(whole) // 2
    return whole[:middle] + b"\xff\xd0" * 30 + whole[middle:]


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("odd.png", _ODD, 0),
        ("half.png", _ODD[:200], 1),
        ("corrupt.jpg", _jpeg(), 1),
        ("empty.bmp", b"BM" + bytes(50), 1),
        ("text.webp", b"RIFF text", 1),
    ],
)
def test_odd_pictures_are_told_of_once(name: str, data: bytes, code: int, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-m", "omote_server", "apply", "vignette", name, "out.png"]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path
    )
    assert ran.returncode == code, ran.stderr
    told = [line for line in ran.stderr.splitlines() if "frames" not in line]
    assert len(told) == code
    assert all(line.startswith(f"omote: {name} ") for line in told)


@pytest.mark.usefixtures("tools")
def test_a_camera_that_is_not_there_is_told_of_once() -> None:
    with local_server() as server:
        command = ["stream", "vignette", "--source", "77", "--server", server.address]
        ran = subprocess.run(
            [sys.executable, "-m", "omote_server", *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert ran.returncode == 1
    assert " ".join(ran.stderr.split()) == (
        "omote: camera 77 cannot be opened: is it there, and is it free?"
    )


@pytest.mark.usefixtures("tools")
def test_a_server_says_nothing_of_odd_pictures() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "omote_server", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = json.loads(process.stdout.readline())["address"]
    results = list(filter_frames(address, [_ODD], ["vignette"]))
    assert [result.applied for result in results] == [("vignette",)]
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert "libpng" not in said
    assert "iCCP" not in said
