"""Makes docs/filters.md, the catalogue, from the registry; `--check` says whether it is stale.

The thumbnails are of the public-domain portrait, whose face is told to smile and to be 30 years
old, so that every filter has something to show. The costs are those of the last
`omote bench --filters --json > docs/costs.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
from thumbnail import SIDE, Sitting, preview_of, thumbnail

from omote_filters.listing import Broken, Listing
from omote_filters.registry import Registry
from omote_filters.settings import Parameter
from omote_filters.words import Appearance
from omote_models.store import model_store
from omote_server.workshop.footage import footage_store

HERE = Path(__file__).parent
PAGE = HERE / "filters.md"
ROOT = HERE.parent
HEADS = {
    Appearance.NOVELTY: "Novelty and style",
    Appearance.MAKEUP: "Make-up",
    Appearance.BEAUTIFY: "Beautify",
    Appearance.AGE_ALTER: "Age",
    Appearance.FACE_REPLACE: "Face replacement",
    Appearance.ANONYMISE: "Anonymise",
}
INTRO = """# The filters

<!-- Made by `make catalogue` from the registry; do not edit. -->

Every filter that comes with Omote, with its settings. `omote filters show ID` tells the same, \
and `omote apply ID IN OUT --compare` shows it on a file of yours. Cost is CPU time a frame with \
one face at 480p and at 720p, on one machine on one day: compare the filters with each other. \
See [writing filters](writing-filters.md) and [packs](packs.md) to make your own.
"""


def main() -> None:
    """Write or check the page."""
    found = [f for f in Registry().catalogue() if not isinstance(f, Broken)]
    text = _page(found)
    if "--check" in sys.argv:
        if _without_costs(PAGE.read_text(encoding="utf-8")) != _without_costs(text):
            sys.exit("docs/filters.md is stale: run 'make catalogue' and commit")
        missing = [f.id for f in found if f.draws and not preview_of(f).is_file()]
        if missing:
            sys.exit(f"no thumbnail of {', '.join(missing)}: run 'make catalogue' and commit")
        return
    PAGE.write_text(text, encoding="utf-8")
    _pictures(found)


def _page(found: list[Listing]) -> str:
    costs = {
        cost["filters"]: cost for cost in json.loads((HERE / "costs.json").read_text())["filters"]
    }
    parts = [INTRO]
    for appearance, title in HEADS.items():
        listings = [f for f in found if f.appearance is appearance and not f.layers]
        if listings:
            parts.append(f"## {title}\n")
            parts += [_entry(listing, costs) for listing in listings]
    parts.append("## Packs\n")
    parts += [_entry(listing, costs) for listing in found if listing.layers]
    return "\n".join(parts)


def _entry(listing: Listing, costs: dict[str, dict[str, float]]) -> str:
    needs = ", ".join(sorted(listing.needs)) or "nothing"
    stage = listing.stage.name.lower()
    cost = costs.get(listing.id)
    price = f"; {cost['small']:.1f} ms, {cost['large']:.1f} ms" if cost else ""
    lines = [
        f"### `{listing.id}`",
        "",
        *_picture_of(listing),
        f"**{listing.name}.** {listing.description}",
        "",
        f"Class {listing.appearance.value}, stage {stage}, needs {needs}{price}",
    ]
    rows = [_row(parameter) for parameter in listing.parameters]
    rows += [
        f"| `{slot.name}` | | {' '.join(f'`{s}`' for s in slot.suffixes)} in a pack | "
        f"{slot.label}: {slot.hint} |"
        for slot in listing.files
    ]
    if rows:
        lines += ["", "| setting | default | values | |", "|---|---|---|---|", *rows]
    return "\n".join([*lines, ""])


def _picture_of(listing: Listing) -> list[str]:
    if not listing.draws:
        return []
    place = preview_of(listing).relative_to(ROOT)
    return [f'<img src="../{place}" width="{SIDE}" alt="{listing.name}">', ""]


def _row(p: Parameter) -> str:
    values = " ".join(f"`{choice}`" for choice in p.choices)
    if p.low is not None and p.high is not None:
        values = f"{p.low:g} to {p.high:g}"
    told = f"{p.label}: {p.hint}" if p.hint else p.label
    return f"| `{p.name}` | {p.default} | {values or p.type} | {told} |"


def _without_costs(text: str) -> str:
    """The page but for the costs, which differ between machines and days."""
    lines = text.splitlines()
    return "\n".join(li.split("; ")[0] if li.startswith("Class ") else li for li in lines)


def _pictures(found: list[Listing]) -> None:
    model_store().pull("face_landmarker")
    footage_store().pull("astronaut")
    sitting = Sitting.held()
    for listing in found:
        if not listing.draws:
            continue
        if listing.lack:
            sys.stderr.write(f"{listing.id} keeps its picture: {listing.lack}\n")
            continue
        drawn = cv2.cvtColor(thumbnail(listing, sitting), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(preview_of(listing)), drawn, [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
