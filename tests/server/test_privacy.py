"""No picture, landmark or estimate reaches the disk or a log."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote_client import Consent, Delivery, Output, RawPicture, filter_frames
from omote_models.store import cache_folder

Pixels = NDArray[np.uint8]

_EXPECTED = [
    r"the face mesh runs in (Omote's own kernel|stock MediaPipe).*",
    r"serving on 127\.0\.0\.1:\d+ with \d+ workers",
    r"session [0-9a-f]{16} open, client 'omote-client-python'",
    r"session [0-9a-f]{16} closed",
    r"stopped",
]
_OURS = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ (?P<logger>[\w.]+): (?P<text>.*)$")


@pytest.mark.usefixtures("tools")
def test_a_whole_session_leaves_nothing(tmp_path: Path, carphone: list[Pixels]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    places = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    process = subprocess.Popen(
        [sys.executable, "-m", "omote_server", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env={
            **os.environ,
            **places,
            "OMOTE_CACHE": str(cache_folder()),
            "OMOTE_LOG_LEVEL": "debug",
        },
    )
    assert process.stdout is not None
    address = json.loads(process.stdout.readline())["address"]
    results = list(
        filter_frames(
            address,
            [RawPicture.of(frame) for frame in carphone[:20]],
            ["life_stages", "pixelate_face"],
            consent=Consent(face_effects=True, demographics=True),
            output=Output(landmarks=True, blendshapes=True, pose=True, attributes=True),
            delivery=Delivery.EVERY,
            fps=30,
        )
    )
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert results[-1].faces[0].attributes.age.value is not None, "there was something to leak"
    left = [path for path in home.rglob("*") if path.is_file()]
    assert left == []
    ours = [match for line in said.splitlines() if (match := _OURS.match(line))]
    strange = [
        match["text"]
        for match in ours
        if match["logger"].startswith("omote")
        and not any(re.fullmatch(pattern, match["text"]) for pattern in _EXPECTED)
    ]
    assert strange == []
    assert len(ours) >= 4
    assert results[-1].faces[0].track_id not in said


def test_a_sealed_process_reaches_only_this_machine() -> None:
    program = """
import http.server, threading, urllib.error, urllib.request
from omote_server.serving.egress import seal_egress
seal_egress()
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").status == 200
try:
    urllib.request.urlopen("https://omote.invalid/log")
except urllib.error.URLError as error:
    assert isinstance(error.reason, ConnectionRefusedError), error.reason
else:
    raise AssertionError("something answered")
server.shutdown()
server.server_close()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True)
