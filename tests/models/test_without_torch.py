"""Where PyTorch is not installed everything but training works, and training says what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BLOCKED = "import sys; sys.modules['torch'] = None\n"
"""As if it were not installed: importing it raises ModuleNotFoundError."""

IMPORT_ALL = """
import importlib, pkgutil
import omote_models, omote_server.cli
for package in (omote_models, omote_server.cli):
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        try:
            importlib.import_module(each.name)
        except ModuleNotFoundError as error:
            print(each.name, error.name)
"""


def python(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_only_training_needs_it() -> None:
    done = python(IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    lacking = dict(line.split() for line in done.stdout.splitlines())
    wanting = {name for name, module in lacking.items() if module == "torch"}
    assert "omote_models.training.run" in wanting
    assert all(name.startswith("omote_models.training.") for name in wanting)


def test_the_command_names_the_extra_and_its_help_needs_nothing(tmp_path: Path) -> None:
    command = "from omote_server.main import main; main()"
    wanted = python(command, "train", tmp_path, "--out", tmp_path / "out")
    assert wanted.returncode != 0
    assert "pip install 'omote[train]'" in wanted.stderr
    assert "Traceback" not in wanted.stderr
    assert not (tmp_path / "out").exists()
    helped = python(command, "train", "--help")
    assert helped.returncode == 0
    assert "omote[train]" in helped.stdout
