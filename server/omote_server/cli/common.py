"""What several commands share."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from omote_filters.registry import ChainEntry

Packs = Annotated[
    list[Path] | None, typer.Option(exists=True, help="A folder of packs, or a pack. Repeat.")
]

console = Console()
"""For what a person asked for."""
errors = Console(stderr=True)
"""For everything else: progress, warnings, errors."""


def fail(text: str, code: int = 1) -> NoReturn:
    """One clear message on stderr, and an exit code."""
    errors.print(f"[red]omote:[/red] {escape(text)}", highlight=False, soft_wrap=True)
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
    from omote_server.inventory import used

    try:
        return used(estimator)
    except EstimatorError as error:
        fail(str(error), code=2)


def parse_filter(text: str) -> ChainEntry:
    """A filter as it is written on a command line.

    `lipstick`, `lipstick:coverage=0.8,colour=#aa1133`, or `lipstick:{"coverage": 0.8}`.

    Raises:
        typer.BadParameter: the settings cannot be read.
    """
    from omote_filters.registry import ChainEntry

    filter_id, _, settings = text.partition(":")
    return ChainEntry(filter_id, _settings(settings.strip()))


def parse_chain(texts: Sequence[str]) -> tuple[ChainEntry, ...]:
    """Several filters, each as its own text or joined by "+".

    Raises:
        typer.BadParameter: a name is missing, or settings cannot be read.
    """
    parts = [part.strip() for text in texts for part in text.split("+")]
    if not all(parts):
        raise typer.BadParameter("name at least one filter, and one on each side of a +")
    return tuple(parse_filter(part) for part in parts)


def _settings(text: str) -> dict[str, object]:
    if not text:
        return {}
    if text.startswith("{"):
        try:
            return dict(json.loads(text))
        except ValueError as error:
            raise typer.BadParameter(f"settings are not JSON: {error}") from None
    pairs = [part.partition("=") for part in text.split(",")]
    for name, equals, _ in pairs:
        if not equals:
            raise typer.BadParameter(f"write settings as NAME=VALUE, not {name!r}")
    return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def checked_chain(texts: Sequence[str], packs: Sequence[Path] = ()) -> tuple[ChainEntry, ...]:
    """A chain that exists and whose settings fit; else exit with what is wrong."""
    from omote_filters.registry import ChainError, Registry

    entries = parse_chain(texts)
    try:
        Registry(packs=packs).resolve(entries)
    except ChainError as error:
        fail("\n  ".join(f"{v.field}: {v.description}" for v in error.violations), code=2)
    return entries
