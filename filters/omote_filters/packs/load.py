"""Finds packs in folders and loads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from omote_filters.listing import Listing
from omote_filters.packs.files import is_folder, shown
from omote_filters.packs.filter import Find, filter_of
from omote_filters.packs.model import Pack, read_pack
from omote_filters.packs.source import NAME, Bundle, PackError, parse_yaml

BUILTIN = Path(__file__).parent / "builtin"


def find_packs(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """Packs by id, which is the name of a pack's folder or .zip; nothing is read yet.

    A folder that cannot be listed stands for itself: loading it says why.
    """
    found: dict[str, list[Path]] = {}
    for folder in folders:
        try:
            inside = [folder] if _meant(folder) else list(filter(_meant, sorted(folder.iterdir())))
        except OSError:
            inside = [folder]
        for place in inside:
            found.setdefault(id_of(place), []).append(place)
    return found


def _meant(place: Path) -> bool:
    """Whether somebody meant it as a pack, sound or not."""
    if place.suffix.lower() == ".zip" and not is_folder(place):
        return True
    try:
        (place / NAME).lstat()
    except OSError:
        return False
    return True


def id_of(place: Path) -> str:
    """The id that a pack's place gives it."""
    named = place if place.name not in ("", "..") else place.resolve()
    return shown(Path(named.name if is_folder(place) else named.stem))


def load_pack(path: Path, find: Find) -> Listing:
    """What the catalogue shows of a pack in a folder, a .zip or a YAML file.

    Raises:
        PackError: everything that is wrong with it, each with file, line and path.
    """
    return filter_of(*open_pack(path), find)


def open_pack(path: Path) -> tuple[Pack, Bundle]:
    """A pack as it is written, and its files.

    Raises:
        PackError: everything that is wrong with it but for its filters.
    """
    bundle = Bundle(path)
    pack = read_pack(parse_yaml(*bundle.text()), bundle.asset)
    if is_folder(path) and pack.id != id_of(path):
        problem = pack.document.problem(("id",), f"must be {id_of(path)!r}, as its folder")
        raise PackError([problem])
    return pack, bundle
