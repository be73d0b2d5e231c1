"""Dark corners."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

_GRID = 96
"""The shade is computed on so many points each way, then enlarged."""


class Vignette(Filter):
    """Corners that darken as an old lens darkens them, to lead the eye to the middle."""

    id = "vignette"
    name = "Vignette"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How dark, and how far."""

        amount: float = slider(0.6, 0, 1, label="Amount", hint="How dark the corners are")
        reach: float = slider(0.5, 0, 1, label="Reach", hint="How far in the shade begins")

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._shade: tuple[tuple[int, int, float, float], NDArray[np.uint8]] | None = None

    def apply(self, scene: Scene) -> None:
        """Darken the corners."""
        settings: Vignette.Settings = self.settings
        if settings.amount == 0:
            return
        key = (scene.width, scene.height, settings.amount, settings.reach)
        if self._shade is None or self._shade[0] != key:
            self._shade = (key, _shade(*key))
        view = scene.edit()
        cv2.multiply(view, self._shade[1], dst=view, scale=1 / 255)


def _shade(width: int, height: int, amount: float, reach: float) -> NDArray[np.uint8]:
    """How much light is left, (height, width, 3), 255 for all of it: the cosine to the fourth.

    Light that falls on a film at an angle θ is weaker by cos⁴ θ.
    """
    step = (np.arange(_GRID, dtype=np.float32) + 0.5) * (2 / _GRID) - 1
    radius = np.sqrt((step * step + (step * step)[:, None]) / 2)
    start = 0.55 * (1 - reach)
    out = np.clip((radius - start) / (1 - start), 0, 1)
    light = 1 / (1 + (1.1 * out) ** 2) ** 2
    light = 1 - amount * (1 - light) / (1 - 1 / (1 + 1.1**2) ** 2)
    large = cv2.resize(np.asarray(light, np.float32), (width, height))
    # Half a level of fixed noise before rounding: no rings in a dark sky.
    noise = np.random.default_rng(1).random(large.shape, np.float32)
    grey = np.clip(large * 255 + noise - 0.5, 0, 255).round().astype(np.uint8)
    return np.asarray(cv2.merge((grey,) * 3), np.uint8)
