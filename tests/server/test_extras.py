"""A server without extras streams and filters pictures; what is missing is named when wanted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from omote_models.extras import EXTRAS
from omote_server.workshop.footage import footage_store

pytestmark = pytest.mark.usefixtures("tools")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing can be imported that an extra brings."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    text = f"import sys\nfor name in {sorted(EXTRAS)!r}:\n    sys.modules[name] = None\n"
    (hidden / "sitecustomize.py").write_text(text)
    return {**os.environ, "PYTHONPATH": str(hidden), "COLUMNS": "200"}


def omote(
    bare: dict[str, str], *arguments: str | Path, code: int = 0
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "omote_server", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=bare
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_bare_server_serves(bare: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "omote_server", "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=bare,
    )
    assert process.stdout is not None
    announced = json.loads(process.stdout.readline())
    assert announced["event"] == "serving"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_bare_server_lists_filters_and_looks_at_the_machine(bare: dict[str, str]) -> None:
    listed = json.loads(omote(bare, "filters", "list", "--json").stdout)
    assert {"lipstick", "head_3d"} <= {f["id"] for f in listed}
    assert "omote" in omote(bare, "--help").stdout
    findings = json.loads(omote({**bare, "OMOTE_PORT": "0"}, "doctor", "--json").stdout)
    av = next(f for f in findings if f["what"] == "av")
    assert av["well"]
    assert "omote[video]" in av["detail"]


def test_the_bare_server_filters_pictures(bare: dict[str, str], tmp_path: Path) -> None:
    portrait, out = footage_store().pull("astronaut"), tmp_path / "out.png"
    omote(bare, "apply", "lipstick", portrait, out)
    assert out.exists()
    done = omote(bare, "apply", "lipstick+head_3d", portrait, out, code=3)
    assert "pip install 'omote[3d]'" in done.stderr


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("apply lipstick CLIP out.mp4", "video"),
        ("stream lipstick --source CLIP", "video"),
        ("filters preview lipstick", "video"),
        ("demo", "video"),
        ("bench", "bench"),
        ("train . --out out", "train"),
    ],
)
def test_a_missing_extra_is_named(
    command: str, extra: str, bare: dict[str, str], tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    only = {"bench": "psutil", "train": "torch"}.get(extra)
    if only:  # it comes with another extra, which would be named first
        hidden = Path(bare["PYTHONPATH"]) / "sitecustomize.py"
        hidden.write_text(f"import sys\nsys.modules[{only!r}] = None\n")
    arguments = [str(clip) if word == "CLIP" else word for word in command.split()]
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=bare,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert f"pip install 'omote[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.mp4").exists()
