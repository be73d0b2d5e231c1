"""The filters that come with Omote, found through the same kind of entry point as any other.

A filter is a file on a shelf: `wear/hat.py` holds the class `Hat`, whose id is `hat`. The names
say all that the registry must know, so no filter is imported before somebody asks for it.
"""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules

_HERE = Path(__file__).parent


def _shelved() -> dict[str, str]:
    shelves = [shelf.name for shelf in iter_modules([str(_HERE)]) if shelf.ispkg]
    return {
        module.name: f"{__name__}.{shelf}.{module.name}:{_class_of(module.name)}"
        for shelf in shelves
        for module in iter_modules([str(_HERE / shelf)])
    }


def _class_of(filter_id: str) -> str:
    return "".join(word.capitalize() for word in filter_id.split("_"))


FILTERS = _shelved()
"""Where each filter is: id → "module:Class"."""
