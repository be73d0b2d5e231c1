"""Everything in Omote that changes a picture: the plugin API, drawing tools, filters.

What a filter author needs is here:

    from omote_filters import Appearance, Filter, FilterSettings, Need, Scene, Stage, slider
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omote_filters.filter import Filter
    from omote_filters.rect import Rect
    from omote_filters.scene import Scene
    from omote_filters.settings import FilterSettings, choice, colour, number, slider, text, toggle
    from omote_filters.words import Appearance, Event, Need, Stage

__all__ = [
    "Appearance",
    "Event",
    "Filter",
    "FilterSettings",
    "Need",
    "Rect",
    "Scene",
    "Stage",
    "choice",
    "colour",
    "number",
    "slider",
    "text",
    "toggle",
]

_HOMES = {
    "Filter": "filter",
    "Rect": "rect",
    "Scene": "scene",
    **dict.fromkeys(
        ("FilterSettings", "choice", "colour", "number", "slider", "text", "toggle"), "settings"
    ),
    **dict.fromkeys(("Appearance", "Event", "Need", "Stage"), "words"),
}


def __getattr__(name: str) -> object:
    """Import a name when it is asked for: `omote_filters.words` alone must stay light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
