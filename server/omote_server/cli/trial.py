"""`omote filters test|watch`: for authors."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from omote_filters.packs.source import NAME, PackError
from omote_filters.registry import Registry
from omote_models.store import StoreError
from omote_server.cli.common import Packs, packs_or_configured, pull_missing
from omote_server.cli.packs import loaded, print_problems
from omote_server.cli.preview import chosen_or_fail, opened_studio
from omote_server.cli.terminal import console, epilog, fail, print_json
from omote_server.media.files import MediaError
from omote_server.media.pictures import write_picture
from omote_server.serving.inventory import used
from omote_server.workshop.footage import footage_store
from omote_server.workshop.preview import sheet
from omote_server.workshop.trial import trial

app = typer.Typer()

_LOOK_S = 0.3


@app.command(
    "test", epilog=epilog("omote filters test my_look --packs my_look", {1: "a filter fails"})
)
def put_to_the_test(
    filters: Annotated[list[str], typer.Argument(metavar="FILTER…")],
    packs: Packs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Put filters to the test: bad input, the house's rules.

    `omote bench --filters` says what a filter costs, `omote filters preview` how it looks.
    """
    registry = Registry(packs=packs_or_configured(packs))
    listings = chosen_or_fail(registry, filters)
    pull_missing(*used())
    answer: list[dict[str, Any]] = []
    try:
        footage_store().pull("astronaut")
        for listing in listings:
            for finding in trial(listing, registry):
                answer.append({"filter": listing.id, **asdict(finding)})
                if not as_json:
                    mark = ("good ", "green") if finding.good else ("FAILS", "red")
                    said = f" {listing.id}: {finding.check}  "
                    console.print(Text.assemble(mark, said, (finding.told, "dim")))
    except (StoreError, RuntimeError) as error:
        fail(str(error))
    if as_json:
        print_json(answer)
    if not all(each["good"] for each in answer):
        raise typer.Exit(1)


@app.command(epilog=epilog("omote filters watch my_look", {1: "it could not be drawn"}))
def watch(
    pack: Annotated[Path, typer.Argument(metavar="PACK", exists=True)],
    out: Annotated[Path, typer.Option(dir_okay=False, help="The picture to write.")] = Path(
        "out/watch.png"
    ),
    once: Annotated[bool, typer.Option("--once", help="Draw once and end.")] = False,
) -> None:
    """Draw a pack's sheet anew whenever one of its files is saved, until Ctrl+C.

    Open the picture in a viewer that reloads. For a live camera: omote stream.
    """
    pack = pack.resolve().parent if pack.name == NAME else pack
    if not pack.is_dir() and pack.suffix != ".zip":
        fail(f"{pack} is no pack: give its folder, its {NAME} or its .zip", code=2)
    try:
        studio = opened_studio()
    except (StoreError, RuntimeError) as error:
        fail(str(error))
    out.parent.mkdir(parents=True, exist_ok=True)
    drawn: dict[Path, float] = {}
    while True:
        if (files := _saved(pack)) != drawn:
            drawn = files
            good = _draw(pack, out, studio)
            if once:
                raise typer.Exit(0 if good else 1)
        try:
            time.sleep(_LOOK_S)
        except KeyboardInterrupt:
            return


def _saved(pack: Path) -> dict[Path, float]:
    """When each file of a pack was last changed."""
    places = [*pack.rglob("*"), pack] if pack.is_dir() else [pack]
    return {place: place.stat().st_mtime for place in places if place.is_file()}


def _draw(pack: Path, out: Path, studio: Any) -> bool:
    """Write the sheet, or say what is wrong and keep the last one."""
    try:
        listing = loaded(pack)
    except PackError as error:
        print_problems(error.problems)
        return False
    began = time.monotonic()
    try:
        write_picture(out, sheet(listing, Registry(packs=[pack]), studio))
    except MediaError as error:
        fail(str(error))
    took = time.monotonic() - began
    console.print(f"{listing.name}: {out}, {took:.1f} s")
    return True
