"""`omote filters preview`: filters as contact sheets and videos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from omote_server.cli.common import console, errors, fail


def preview(
    filters: Annotated[
        list[str] | None, typer.Argument(metavar="[FILTER]...", help="Which; or --all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every filter.")] = False,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("out/preview"),
    video: Annotated[bool, typer.Option("--video/--no-video", help="Write videos too.")] = True,
    packs: Annotated[
        list[Path] | None, typer.Option(exists=True, help="A folder of packs, or a pack. Repeat.")
    ] = None,
) -> None:
    """Show filters on the pinned clip and portrait, as a sheet (PNG) and a video (MP4) each.

    With no face, one and three, at three turns of the head, in good and in poor light.
    """
    import cv2

    from omote_filters.registry import Registry
    from omote_models.store import StoreError
    from omote_server.cli.common import pull_missing
    from omote_server.footage import footage_store
    from omote_server.inventory import used
    from omote_server.preview import Studio, chosen, film, sheet
    from omote_server.video import VideoError

    if everything is bool(filters):
        fail("name some filters, or ask for --all", code=2)
    registry = Registry(packs=packs or ())
    try:
        kinds = chosen(registry, filters or [])
    except LookupError as error:
        fail(f"{error.args[0]} `omote filters list` shows them", code=2)
    pull_missing(*used())
    cv2.setNumThreads(1)
    try:
        for name in ("astronaut", "carphone"):
            footage_store().pull(name)
        out.mkdir(parents=True, exist_ok=True)
        studio = Studio.opened()
        for kind in track(kinds, "drawing", console=errors):
            pixels = cv2.cvtColor(sheet(kind, registry, studio), cv2.COLOR_RGB2BGR)
            if not cv2.imwrite(str(out / f"{kind.id}.png"), pixels):
                fail(f"{out} cannot be written to")
            if video:
                film(kind, registry, studio, out / f"{kind.id}.mp4")
    except (StoreError, VideoError, OSError, RuntimeError) as error:
        fail(str(error))
    console.print(f"{len(kinds)} sheets in {out}")
