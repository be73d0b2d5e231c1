"""`omote filters preview`: filters as contact sheets and videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.progress import track

from omote_filters.listing import Listing
from omote_filters.registry import Registry
from omote_models.store import StoreError
from omote_server.cli.common import Packs, packs_or_configured, pull_missing
from omote_server.cli.terminal import console, epilog, errors, fail
from omote_server.media.files import MediaError, make_folder
from omote_server.media.pictures import write_picture
from omote_server.serving.inventory import used
from omote_server.workshop.footage import footage_store
from omote_server.workshop.preview import Studio, chosen, film, sheet

app = typer.Typer()


@app.command(epilog=epilog("omote filters preview lipstick hat"))
def preview(
    filters: Annotated[
        list[str] | None, typer.Argument(metavar="[FILTER]...", help="Which; or --all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every filter.")] = False,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("out/preview"),
    video: Annotated[bool, typer.Option("--video/--no-video", help="Write videos too.")] = True,
    packs: Packs = None,
) -> None:
    """Show filters on the pinned clip and portrait, as a sheet (PNG) and a video (MP4) each.

    With no face, one and three, at three turns of the head, in good and in poor light.
    """
    if everything is bool(filters):
        fail("name some filters, or ask for --all", code=2)
    registry = Registry(packs=packs_or_configured(packs))
    listings = chosen_or_fail(registry, filters or [])
    try:
        studio = opened_studio()
        make_folder(out)
        for listing in track(listings, "drawing", console=errors):
            write_picture(out / f"{listing.id}.png", sheet(listing, registry, studio))
            if video:
                film(listing, registry, studio, out / f"{listing.id}.mp4")
    except (StoreError, MediaError, OSError, RuntimeError) as error:
        fail(str(error))
    console.print(f"{len(listings)} sheets in {out}")


def chosen_or_fail(registry: Registry, ids: Sequence[str]) -> list[Listing]:
    """Filters by id, all that work where none is named; or exit with which is missing."""
    try:
        return chosen(registry, ids)
    except LookupError as error:
        fail(f"{error.args[0]} `omote filters list` shows them", code=2)


def opened_studio() -> Studio:
    """The footage that filters are shown on, pulled where it is missing, and looked at.

    Raises:
        StoreError, RuntimeError: it cannot be had or read.
    """
    pull_missing(*used())
    cv2.setNumThreads(1)
    for name in ("astronaut", "carphone"):
        footage_store().pull(name)
    return Studio.opened()
