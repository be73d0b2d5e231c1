"""What several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from omote_filters.chaintext import parse_chain
from omote_filters.registry import Registry
from omote_filters.words import ChainEntry, ChainError
from omote_models.estimators import EstimatorError
from omote_models.store import StoreError, model_store
from omote_server.cli.models import PullBars
from omote_server.cli.signals import tidy_end
from omote_server.cli.terminal import fail
from omote_server.serving.configuration import ConfigurationError, gather, here
from omote_server.serving.inventory import used

Packs = Annotated[
    list[Path] | None,
    typer.Option(
        help="A folder of packs, or a pack. Repeat.", show_default="OMOTE_PACKS or omote.toml"
    ),
]


def packs_or_configured(packs: Sequence[Path] | None) -> tuple[Path, ...]:
    """The packs of the command line, else those that a server in this folder would have.

    Exits with what is wrong where one cannot be had, or nobody can tell which are meant.
    """
    found = gather({"packs": packs}) if packs else here()
    try:
        if found.problems:
            raise ConfigurationError(found.problems)
        return tuple(found.one("packs"))
    except ConfigurationError as error:
        fail(str(error), code=2)


def pull_missing(*names: str) -> None:
    """Fetch these models where they are missing or corrupt, with a progress bar."""
    bars = PullBars()
    try:
        with tidy_end(), bars.progress:
            model_store().pull_all(names, bars)
    except StoreError as error:
        fail(str(error))


def models_of(estimator: str) -> tuple[str, ...]:
    """The models that a server with that estimator needs; or exit with what is wrong."""
    try:
        return used(estimator)
    except EstimatorError as error:
        fail(str(error), code=2)


def chain_of(texts: Sequence[str]) -> tuple[ChainEntry, ...]:
    """A chain as it was written; or exit with what is wrong."""
    try:
        return parse_chain(texts)
    except ChainError as error:
        refuse(error)


def refuse(error: ChainError) -> NoReturn:
    """Exit with everything that is wrong with a chain."""
    fail("\n  ".join(f"{v.field}: {v.description}" for v in error.violations), code=2)


def checked_chain(texts: Sequence[str], packs: Sequence[Path] = ()) -> tuple[ChainEntry, ...]:
    """A chain that exists and whose settings fit; else exit with what is wrong."""
    entries = chain_of(texts)
    try:
        Registry(packs=packs).resolve(entries)
    except ChainError as error:
        refuse(error)
    return entries
