"""How commands speak: to a person on the terminal, or to a script."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

# What is printed is often somebody else's: a file's name, an exception, a plugin's title. In
# none of it does [train] mean a style or :x: a picture; where a style is wanted, `style` says it.
console = Console(markup=False, highlight=False, emoji=False)
"""For what a person asked for."""
errors = Console(stderr=True, markup=False, highlight=False, emoji=False)
"""For everything else: progress, warnings, errors."""


def words(text: str = "{task.description}") -> TextColumn:
    """A column of a progress bar; what a task is called is taken as it stands."""
    return TextColumn(text, markup=False)


def progress_bar() -> Progress:
    """A task's name, how far it is, and how long it will take."""
    return Progress(
        words(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=errors
    )


def fail(text: str, code: int = 1) -> NoReturn:
    """One clear message on stderr, and an exit code."""
    errors.print(Text.assemble(("omote:", "red"), " ", text), soft_wrap=True)
    raise typer.Exit(code)


def epilog(example: str, codes: Mapping[int, str] | None = None) -> str:
    """The foot of a command's help: an example, and what its exit codes mean to a script."""
    meanings = {0: "all is well", **(codes or {1: "it could not be done"})}
    meanings.setdefault(2, "the command line or the configuration is wrong")
    told = ", ".join(f"{code} {meaning}" for code, meaning in sorted(meanings.items()))
    return f"Example: {example}\n\nExit codes: {told}."


def print_json(value: Any) -> None:
    """For scripts: one JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def today() -> str:
    """In UTC, like 2026-11-25."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
