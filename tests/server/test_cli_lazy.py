"""Commands are imported when they run, not to list them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from omote_server.cli import app
from omote_server.version import VERSION

HEAVY = {"cv2", "mediapipe", "skia", "numpy", "onnxruntime", "grpc", "av"}


def imported_by(*arguments: str) -> set[str]:
    """The modules that a process has imported once it ran `omote` with these arguments."""
    code = (
        "import sys\n"
        f"sys.argv[1:] = {list(arguments)!r}\n"
        "from omote_server.main import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["filters", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert not HEAVY & imported_by(*arguments)


def test_every_command_of_the_tables_is_there() -> None:
    groups = {"filters": ["list", "show", "new", "validate", "preview", "test", "watch", "pack"]}
    listed = CliRunner().invoke(app, ["--help"]).stdout
    for name in ("serve", "apply", "stream", "filters", "models", "bench", "demo", "evaluate"):
        assert name in listed
    for name in ("serve", "apply", "stream", "bench", "demo", "evaluate", "train", "doctor"):
        assert "Example" in CliRunner().invoke(app, [name, "--help"]).stdout, name
    for group, names in groups.items():
        for name in names:
            assert "Example" in CliRunner().invoke(app, [group, name, "--help"]).stdout, name


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told(option: str) -> None:
    assert CliRunner().invoke(app, [option]).stdout.strip() == f"omote {VERSION}"


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    done = CliRunner().invoke(app, ["srve"])
    assert done.exit_code == 2
    assert "serve" in done.stderr
