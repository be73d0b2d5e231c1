"""What the command line prints is what it was given: no bracket is lost, no name is a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from rich.markup import render
from typer.main import get_command
from typer.testing import CliRunner

from omote_server.cli import app, terminal
from omote_server.cli.lazy import StandIn

run = CliRunner()
HOSTILE = "[train] [/x] [link=y]z :warning: a[b].jpg"


def commands(command: Any, name: str = "omote") -> Iterator[tuple[str, Any]]:
    command = command.itself() if isinstance(command, StandIn) else command
    yield name, command
    for each, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, f"{name} {each}")


def test_no_help_text_loses_its_brackets() -> None:
    seen = 0
    for name, command in commands(get_command(app)):
        texts = [command.help, command.epilog, *(getattr(p, "help", "") for p in command.params)]
        for text in filter(None, texts):
            seen += 1
            # The help is printed as Rich's markup: what looks like a tag would vanish.
            assert render(text).plain == text.replace("\\[", "["), name
    assert seen > 100
    assert "omote[train]" in run.invoke(app, ["train", "--help"]).output


@pytest.mark.parametrize("printing", [terminal.console, terminal.errors])
def test_what_is_printed_is_not_read_as_markup(printing: Console) -> None:
    with printing.capture() as printed:
        printing.print(HOSTILE)
    assert printed.get().rstrip() == HOSTILE


def test_an_error_and_a_progress_bar_say_what_they_were_given() -> None:
    with terminal.errors.capture() as printed, pytest.raises(typer.Exit):
        terminal.fail(HOSTILE)
    assert HOSTILE in printed.get()
    progress = terminal.progress_bar()
    progress.add_task(HOSTILE, total=1)
    wide = Console(width=200)
    with wide.capture() as printed:
        wide.print(progress.make_tasks_table(progress.tasks))
    assert HOSTILE in printed.get()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_not_utf_8_is_printed(tmp_path: Path) -> None:
    wrong = os.fsencode(tmp_path) + b"/m\xe4dchen.json"
    Path(os.fsdecode(wrong)).write_text("[]")
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", "evaluate", wrong], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"m\\udce4dchen.json" in done.stderr
    assert b"Traceback" not in done.stderr
