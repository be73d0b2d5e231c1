"""Everything in Omote that changes a picture: the plugin API, drawing tools, filters.

What a filter author needs is here:

    from omote_filters import Appearance, Filter, FilterSettings, Need, Scene, Stage, slider
"""

from omote_filters.filter import Appearance, Filter, Need, Stage
from omote_filters.rect import Rect
from omote_filters.scene import Event, Scene
from omote_filters.settings import FilterSettings, choice, colour, number, slider, text, toggle

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
