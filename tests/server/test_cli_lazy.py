"""Commands are imported when they run, not to list them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group
from typer.testing import CliRunner

from omote_server.cli import app
from omote_server.cli.lazy import StandIn
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


def commands(group: TyperGroup, name: str = "") -> Iterator[tuple[str, TyperCommand]]:
    """Every command that is no group, with all its names."""
    for each, command in group.commands.items():
        itself = command.itself() if isinstance(command, StandIn) else command
        if isinstance(itself, TyperGroup):
            yield from commands(itself, f"{name}{each} ")
        else:
            assert isinstance(itself, TyperCommand)
            yield f"{name}{each}", itself


def test_every_command_has_an_example_and_says_what_its_exit_codes_mean() -> None:
    found = dict(commands(get_group(app)))
    assert {"serve", "apply", "filters list", "filters test", "models pull"} <= set(found)
    for name, command in found.items():
        assert command.name == name.rpartition(" ")[2], "the table and the module agree"
        assert command.epilog, name
        assert command.epilog.startswith(f"Example: omote {name}")
        assert "Exit codes: 0" in command.epilog


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told(option: str) -> None:
    assert CliRunner().invoke(app, [option]).stdout.strip() == f"omote {VERSION}"


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    done = CliRunner().invoke(app, ["srve"])
    assert done.exit_code == 2
    assert "serve" in done.stderr


INTERRUPTED = """
import os, signal, sys
from omote_server.main import main

class AtImport:
    def find_spec(self, name, *_):
        if name == "omote_server.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, AtImport())
main()
"""


def test_ctrl_c_while_modules_are_imported_is_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert done.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert not done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["--help", "--version"])
def test_output_that_cannot_be_written_is_told(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "omote_server", command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "omote: the output cannot be written: No space left on device\n"
