"""`omote filters`: what can be done to a picture."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from omote_filters.listing import Broken, Listing
from omote_filters.registry import Registry
from omote_filters.settings import Parameter
from omote_server.cli.common import Packs, packs_or_configured
from omote_server.cli.terminal import console, epilog, fail, print_json

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command("list", epilog=epilog("omote filters list --json", {1: "a filter is broken"}))
def list_filters(packs: Packs = None, as_json: AsJson = False) -> None:
    """Show every filter that is installed, broken ones with their error."""
    found = Registry(packs=packs_or_configured(packs)).catalogue()
    if as_json:
        print_json([_facts(f) for f in found])
    else:
        console.print(_overview(found))
    if any(isinstance(f, Broken) for f in found):
        raise typer.Exit(1)


@app.command(epilog=epilog("omote filters show lipstick", {1: "it is broken"}))
def show(
    filter_id: Annotated[str, typer.Argument(metavar="FILTER")],
    packs: Packs = None,
    as_json: AsJson = False,
) -> None:
    """Show one filter: what it does, what it needs, its settings."""
    registry = Registry(packs=packs_or_configured(packs))
    found = registry.find(filter_id)
    if found is None:
        fail(f"{registry.lament(filter_id)} `omote filters list` shows them", code=2)
    if as_json:
        print_json(_facts(found))
        return
    if isinstance(found, Broken):
        fail(f"{found.id} is broken: {found.error}")
    _print_one(found)


def _overview(found: list[Listing | Broken]) -> Table:
    table = Table("Filter", "Class", "Stage", "Needs", "What it does", box=None, pad_edge=False)
    for f in found:
        if isinstance(f, Broken):
            table.add_row(Text(f.id, "red"), "", "", "", Text(f"broken: {f.error}", "red"))
            continue
        needs = ", ".join(sorted(f.needs))
        table.add_row(Text(f.id), f.appearance, f.stage.name.lower(), needs, Text(f.description))
    return table


def _print_one(found: Listing) -> None:
    console.print(Text.assemble((found.name, "bold"), f"  {found.id} {found.version}"))
    console.print(Text(found.description))
    needs = ", ".join(sorted(found.needs)) or "nothing"
    console.print(f"class {found.appearance}, stage {found.stage.name.lower()}, needs {needs}\n")
    table = Table("Setting", "Type", "Default", "Range", "What it does", box=None, pad_edge=False)
    for p in found.parameters:
        told = Text(p.label if not p.hint else f"{p.label}: {p.hint}")
        table.add_row(p.name, p.type, str(p.default), _range(p), told)
    for slot in found.files:
        kinds = " | ".join(slot.suffixes)
        table.add_row(slot.name, "in a pack", "", kinds, Text(f"{slot.label}: {slot.hint}"))
    console.print(table)


def _range(parameter: Parameter) -> str:
    if parameter.choices:
        return " | ".join(parameter.choices)
    if parameter.low is None or parameter.high is None:
        return ""
    return f"{parameter.low:g} to {parameter.high:g}"


def _facts(found: Listing | Broken) -> dict[str, Any]:
    if isinstance(found, Broken):
        return {"id": found.id, "error": found.error}
    return {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "version": found.version,
        "appearance": found.appearance.value,
        "stage": found.stage.name.lower(),
        "needs": sorted(found.needs),
        "settings": [asdict(parameter) for parameter in found.parameters],
    }
