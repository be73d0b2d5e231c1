"""What several commands share."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from omote_filters.words import ChainEntry, ChainError

Packs = Annotated[
    list[Path] | None, typer.Option(exists=True, help="A folder of packs, or a pack. Repeat.")
]

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


def today() -> str:
    """In UTC, like 2026-11-25."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def print_json(value: Any) -> None:
    """For scripts: one JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def pull_missing(*names: str) -> None:
    """Fetch these models where they are missing or corrupt, with a progress bar."""
    from omote_models.store import StoreError, model_store
    from omote_server.cli.models import PullBars

    bars = PullBars()
    try:
        with bars.progress:
            model_store().pull_all(names, bars)
    except StoreError as error:
        fail(str(error))


def models_of(estimator: str) -> tuple[str, ...]:
    """The models that a server with that estimator needs; or exit with what is wrong."""
    from omote_models.estimators import EstimatorError
    from omote_server.serving.inventory import used

    try:
        return used(estimator)
    except EstimatorError as error:
        fail(str(error), code=2)


def chain_of(texts: Sequence[str]) -> tuple[ChainEntry, ...]:
    """A chain as it was written; or exit with what is wrong."""
    from omote_filters.chaintext import parse_chain
    from omote_filters.words import ChainError

    try:
        return parse_chain(texts)
    except ChainError as error:
        refuse(error)


def refuse(error: ChainError) -> NoReturn:
    """Exit with everything that is wrong with a chain."""
    fail("\n  ".join(f"{v.field}: {v.description}" for v in error.violations), code=2)


def checked_chain(texts: Sequence[str], packs: Sequence[Path] = ()) -> tuple[ChainEntry, ...]:
    """A chain that exists and whose settings fit; else exit with what is wrong."""
    from omote_filters.registry import Registry
    from omote_filters.words import ChainError

    entries = chain_of(texts)
    try:
        Registry(packs=packs).resolve(entries)
    except ChainError as error:
        refuse(error)
    return entries
