"""`omote models`: what is downloaded, and whether it is what it should be."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from omote_models.manifest import ManifestError, Model
from omote_models.store import PullError, Status, Store, StoreError, UnknownModel, model_store
from omote_server.cli.signals import tidy_end
from omote_server.cli.terminal import console, epilog, errors, fail, print_json, words
from omote_server.workshop.footage import footage_store

app = typer.Typer(no_args_is_help=True, help="List, pull and verify the models.")

Footage = Annotated[bool, typer.Option("--footage", help="The test footage instead of the models.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Which ones; all when none is named."),
]


@contextmanager
def _plain_errors() -> Iterator[None]:
    """One message on stderr and exit code 1 instead of a traceback."""
    try:
        yield
    except (StoreError, ManifestError) as error:
        fail(str(error))


_COLOURS = {Status.PRESENT: "green", Status.MISSING: "yellow", Status.CORRUPT: "red"}


@app.command("list", epilog=epilog("omote models list --json"))
@_plain_errors()
def list_models(footage: Footage = False, as_json: AsJson = False) -> None:
    """Show every model: what it is for, its size, its licence, and whether it is there."""
    store = _store(footage)
    states = _states(store)
    if as_json:
        print_json([_facts(store, model, states[model.name]) for model in _models(store)])
        return
    table = _table("Name", "State", "Size", "Licence", "Purpose")
    for model in _models(store):
        rest = (_size(model), model.licence, model.purpose)
        table.add_row(Text(model.name), _state(states[model.name]), *map(Text, rest))
    console.print(table)


@app.command(epilog=epilog("omote models pull face-api faceres", {1: "one could not be had"}))
@_plain_errors()
def pull(names: Names = None, footage: Footage = False) -> None:
    """Fetch what is missing, repair what is corrupt, leave what is good.

    A carrier that says nothing for OMOTE_PULL_ANSWER_SECONDS (60), or is not done after
    OMOTE_PULL_SECONDS (900), is left for the next one.
    """
    store = _store(footage)
    wanted = _known(store, names)
    bars = PullBars()
    failure: PullError | None = None
    with tidy_end(), bars.progress:
        try:
            store.pull_all(wanted, bars)
        except PullError as error:
            failure = error

    for name in wanted:
        if store.status(name) is Status.PRESENT:
            typer.echo(f"{name}: {_origin(bars, name)}, {store.path(name)}")
    if failure is not None:
        fail(str(failure))


@app.command(epilog=epilog("omote models verify && omote serve", {1: "one is missing or corrupt"}))
@_plain_errors()
def verify(footage: Footage = False, as_json: AsJson = False) -> None:
    """Check every file against its SHA-256."""
    store = _store(footage)
    states = _states(store)
    if as_json:
        print_json([_facts(store, model, states[model.name]) for model in _models(store)])
    else:
        table = _table("Name", "State", "File")
        for model in _models(store):
            file = str(store.folder / model.file)
            table.add_row(Text(model.name), _state(states[model.name]), Text(file))
        console.print(table)

    bad = [name for name, state in states.items() if state is not Status.PRESENT]
    if bad:
        option = " --footage" if footage else ""
        fail(
            f"{len(bad)} of {len(states)} files are not in order. Run `omote models pull{option}`."
        )


class PullBars:
    """A progress bar per model, with who is asked for it and since when.

    Where there is no terminal, a line for each carrier that is tried: some say nothing for
    minutes, and somebody reads the log meanwhile.

    Attributes:
        carriers: model → who was asked last.
    """

    def __init__(self) -> None:
        self.progress = Progress(
            words(),
            BarColumn(),
            DownloadColumn(),
            TimeElapsedColumn(),
            console=errors,
            transient=True,
            disable=not errors.is_terminal,
        )
        self.carriers: dict[str, str] = {}
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, model: str, carrier: str, done: int, total: int) -> None:
        if model not in self._tasks:
            self._tasks[model] = self.progress.add_task(model, total=total)
        task = self._tasks[model]
        if self.carriers.get(model) != carrier:
            self.carriers[model] = carrier
            self.progress.reset(task, description=f"{model} from {carrier}", total=total)
            if not errors.is_terminal:
                now = datetime.datetime.now().astimezone().strftime("%H:%M:%S")
                errors.print(f"{now} {model}: asking {carrier}", soft_wrap=True)
        self.progress.update(task, completed=done, total=total)


def _store(footage: bool) -> Store:
    return footage_store() if footage else model_store()


def _models(store: Store) -> list[Model]:
    return list(store.manifest.models.values())


def _states(store: Store) -> dict[str, Status]:
    return {name: store.status(name) for name in store.manifest.models}


def _known(store: Store, names: list[str] | None) -> list[str]:
    """The names to pull, each once. An unknown one is a mistake on the command line."""
    wanted = list(dict.fromkeys(names or store.manifest.models))
    try:
        for name in wanted:
            store.model(name)
    except UnknownModel as error:
        raise typer.BadParameter(str(error)) from None
    return wanted


def _origin(bars: PullBars, name: str) -> str:
    carrier = bars.carriers.get(name)
    return "already there" if carrier is None else f"pulled from {carrier}"


def _facts(store: Store, model: Model, state: Status) -> dict[str, Any]:
    facts = model.model_dump(exclude={"carriers"})
    carriers = [carrier.label for carrier in model.carriers]
    path = str(store.folder / model.file)
    return {**facts, "carriers": carriers, "path": path, "state": state.value}


def _size(model: Model) -> str:
    return f"{model.bytes / 1e6:.2f} MB"


def _state(state: Status) -> Text:
    return Text(state.value, style=_COLOURS[state])


def _table(*headers: str) -> Table:
    """A table whose first columns stay whole; the last may fold."""
    table = Table(box=None, pad_edge=False)
    for header in headers:
        table.add_column(header, no_wrap=header in ("Name", "State", "Size"), overflow="fold")
    return table
