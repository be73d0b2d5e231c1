"""Film looks."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from omote_filters.assets import LutAsset
from omote_filters.draw.blend import faded
from omote_filters.draw.lut import Colours, Lut
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, asset, choice, slider
from omote_filters.words import Appearance, Need, Stage

Look = Literal[
    "warm_portrait", "cool_night", "bleach_bypass", "faded_70s", "noir", "blockbuster", "pastel"
]
Light = NDArray[np.float32]
"""(n, 1) float32, 0 to 1."""


class FilmLook(Filter):
    """The colours of a film stock or of a colourist, for the whole picture."""

    id = "film_look"
    name = "Film look"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """Which look, and how much."""

        look: Look = choice("warm_portrait", label="Look", hint="The colours to take on")
        table: LutAsset | None = asset(".cube", label="Table", hint="Instead of a look: a 3D LUT")
        strength: float = slider(1.0, 0, 1, label="Strength", hint="0 leaves the colours alone")

    def start(self) -> None:
        """Make every table once: settings may change between two frames."""
        for look in get_args(Look):
            _table(look)

    def apply(self, scene: Scene) -> None:
        """Grade the picture."""
        settings: FilmLook.Settings = self.settings
        if settings.strength > 0:
            table = settings.table.lut if settings.table else _table(settings.look)
            graded = table.graded(scene.picture)
            faded(scene.edit(), graded, settings.strength)


def _luma(c: Colours) -> Light:
    return np.asarray(c @ np.array([[0.299], [0.587], [0.114]], np.float32))


def _colour(values: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def _saturated(c: Colours, amount: float) -> Colours:
    grey = _luma(c)
    return np.asarray(grey + (c - grey) * amount)


def _s_curve(c: Colours, amount: float) -> Colours:
    """More contrast about the middle; black and white stay."""
    c = np.clip(c, 0, 1)
    return np.asarray(c + amount * (c * c * (3 - 2 * c) - c))


def _toned(c: Colours, shadows: tuple[float, ...], lights: tuple[float, ...]) -> Colours:
    """Split toning: colours added to the shadows and to the lights, none to black and white."""
    grey = np.clip(_luma(c), 0, 1)
    low, high = 4 * grey * (1 - grey) ** 2, 4 * grey * grey * (1 - grey)
    return np.asarray(c + low * _colour(shadows) + high * _colour(lights), np.float32)


def _range(c: Colours, black: tuple[float, ...], white: tuple[float, ...]) -> Colours:
    return np.asarray(_colour(black) + c * (_colour(white) - _colour(black)), np.float32)


def _warm_portrait(c: Colours) -> Colours:
    c = _s_curve(np.clip(_saturated(c, 1.08), 0, 1) ** np.float32(0.92), 0.3)
    c = _toned(c, (0.0, 0.005, 0.02), (0.09, 0.035, -0.06))
    return _range(c, (0.035, 0.025, 0.03), (1.0, 0.985, 0.95))


def _cool_night(c: Colours) -> Colours:
    c = _s_curve(_saturated(c, 0.62), 0.45) ** np.float32(1.3)
    c = _toned(c, (-0.07, 0.0, 0.1), (-0.09, 0.015, 0.07))
    return _range(c, (0.01, 0.025, 0.06), (0.88, 0.97, 1.0))


def _bleach_bypass(c: Colours) -> Colours:
    """Silver left in the film: a black and white picture laid over the colours."""
    grey = _luma(c)
    hard = np.where(grey < 0.5, 2 * c * grey, 1 - 2 * (1 - c) * (1 - grey))
    mixed = _saturated(0.2 * c + 0.8 * np.asarray(hard, np.float32), 0.5)
    return _range(_toned(mixed, (0.0, 0.01, 0.01), (0.01, 0.01, -0.01)), (0.0,) * 3, (0.98,) * 3)


def _faded_70s(c: Colours) -> Colours:
    c = _toned(_saturated(c, 0.82), (0.06, 0.0, 0.02), (0.07, 0.03, -0.1))
    return _range(c, (0.15, 0.105, 0.115), (0.98, 0.925, 0.78))


def _noir(c: Colours) -> Colours:
    """Black and white behind an orange filter: skin is light, the sky is dark."""
    grey = np.clip(c @ np.array([[0.52], [0.42], [0.06]], np.float32), 0, 1)
    grey = _s_curve(_s_curve(np.asarray(grey ** np.float32(1.12)), 0.75), 0.45)
    return np.repeat(grey, 3, axis=1)


def _blockbuster(c: Colours) -> Colours:
    """Teal shadows, orange skin."""
    c = _s_curve(c, 0.4)
    warmth = np.clip((c[:, :1] - c[:, 2:]) * 2.5, 0, 1)
    c = _toned(c, (-0.09, 0.02, 0.07), (0.03, 0.02, 0.0))
    lift = _colour((0.075, 0.005, -0.065)) * warmth
    return _saturated(np.asarray(c + lift * 4 * _luma(c) * (1 - _luma(c))), 1.05)


def _pastel(c: Colours) -> Colours:
    c = _saturated(c ** np.float32(0.78), 0.78)
    c = _toned(c, (0.045, 0.015, 0.075), (0.04, 0.0, 0.015))
    return _range(c, (0.09, 0.08, 0.11), (1.0, 0.985, 0.985))


_LOOKS = {
    "warm_portrait": _warm_portrait,
    "cool_night": _cool_night,
    "bleach_bypass": _bleach_bypass,
    "faded_70s": _faded_70s,
    "noir": _noir,
    "blockbuster": _blockbuster,
    "pastel": _pastel,
}


@lru_cache(maxsize=len(_LOOKS))
def _table(look: str) -> Lut:
    return Lut.of(_LOOKS[look])
