"""Finds packs in folders and loads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from omote_filters.packs.filter import Find, PackFilter, filter_of
from omote_filters.packs.model import read_pack
from omote_filters.packs.source import NAME, Bundle, PackError, parse_yaml

BUILTIN = Path(__file__).parent / "builtin"


def find_packs(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """Packs by id, which is the name of a pack's folder or .zip; nothing is read yet."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        inside = sorted(folder.iterdir()) if folder.is_dir() else [folder]
        places = [folder] if (folder / NAME).is_file() else inside
        for place in places:
            if (place / NAME).is_file() or (place.suffix == ".zip" and place.is_file()):
                found.setdefault(place.stem, []).append(place)
    return found


def load_pack(path: Path, find: Find) -> type[PackFilter]:
    """The catalogue's class for a pack in a folder, a .zip or a YAML file.

    Raises:
        PackError: everything that is wrong with it, each with file, line and path.
    """
    bundle = Bundle(path)
    pack = read_pack(parse_yaml(*bundle.text()), bundle.asset)
    if path.name != NAME and path.is_dir() and pack.id != path.resolve().name:
        problem = pack.document.problem(("id",), f"must be {path.resolve().name!r}, as its folder")
        raise PackError([problem])
    return filter_of(pack, bundle, find)
