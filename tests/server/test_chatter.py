"""What reaches a user's terminal: errors do, the chatter of libraries does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from omote_models.store import model_store
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
