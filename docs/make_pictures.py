"""Makes the pictures of the documentation with `omote apply` from the public-domain portrait."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_server.workshop.footage import footage_store

HERE = Path(__file__).parent / "pictures"
SIDE = 230
CAPTION = 26
HEAD = (slice(0, 250), slice(98, 348))

FILTERS = [
    ("original", []),
    ("red_carpet", ["red_carpet"]),
    ("face_paint: tiger", ["face_paint:design=tiger"]),
    ("prop_3d: viking", ["prop_3d"]),
    ("older (marked)", ["older", "--age", "40"]),
    ("alien_head", ["alien_head"]),
    ("neon_outline", ["neon_outline"]),
    ("puppet", ["puppet"]),
    ("background_replace", ["background_replace"]),
    ("head_3d: gold", ["head_3d:material=gold"]),
    ("comic", ["comic"]),
    ("birthday", ["birthday", "--age", "40"]),
]
AGES = [("9", 9), ("16", 16), ("27", 27), ("45", 45), ("70", 70)]
STAGES = [(f"age {label}", ["life_stages", "--age", str(age)]) for label, age in AGES]
STAGES.append(("unknown", ["life_stages"]))

Pixels = NDArray[np.uint8]


def main() -> None:
    """Write every picture."""
    HERE.mkdir(exist_ok=True)
    portrait = footage_store().pull("astronaut")
    _sheet("filters.png", FILTERS, portrait, columns=4)
    _sheet("life_stages.png", STAGES, portrait, columns=6)


def _sheet(name: str, tiles: list[tuple[str, list[str]]], portrait: Path, columns: int) -> None:
    pictures = [_tile(caption, arguments, portrait) for caption, arguments in tiles]
    rows = [np.hstack(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    cv2.imwrite(str(HERE / name), np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _tile(caption: str, arguments: list[str], portrait: Path) -> Pixels:
    picture = _applied(arguments, portrait)[HEAD]
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    strip = np.full((CAPTION, SIDE, 3), 255, np.uint8)
    cv2.putText(
        strip, caption, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (40, 40, 40), 1, cv2.LINE_AA
    )
    return np.vstack([small, strip]).astype(np.uint8)


def _applied(arguments: list[str], portrait: Path) -> Pixels:
    if not arguments:
        return _read(portrait)
    filters, *options = arguments
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.png"
        command = [sys.executable, "-m", "omote_server", "apply", filters, str(portrait), str(out)]
        subprocess.run([*command, *options], check=True)
        return _read(out)


def _read(path: Path) -> Pixels:
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} cannot be read")
    return np.asarray(picture, np.uint8)


if __name__ == "__main__":
    main()
