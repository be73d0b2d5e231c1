"""Two colours."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.blend import faded
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage


class Duotone(Filter):
    """The picture printed in two inks: one for the shadows, one for the lights."""

    id = "duotone"
    name = "Duotone"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """Which inks."""

        shadows: str = colour("#2a1a6e", label="Shadows", hint="What black becomes")
        lights: str = colour("#ffd9a0", label="Lights", hint="What white becomes")
        contrast: float = slider(0.6, 0, 1, label="Contrast", hint="How far the inks are apart")
        strength: float = slider(1.0, 0, 1, label="Strength", hint="0 leaves the colours alone")

    def apply(self, scene: Scene) -> None:
        """Print the picture."""
        settings: Duotone.Settings = self.settings
        if settings.strength == 0:
            return
        inks = _inks(rgb(settings.shadows), rgb(settings.lights), settings.contrast)
        grey = cv2.cvtColor(cv2.cvtColor(scene.picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        faded(scene.edit(), np.asarray(cv2.LUT(grey, inks), np.uint8), settings.strength)


@lru_cache(maxsize=8)
def _inks(
    dark: tuple[int, int, int], light: tuple[int, int, int], contrast: float
) -> NDArray[np.uint8]:
    """The colour of each grey, (1, 256, 3)."""
    grey = np.arange(256) / 255
    grey = grey + contrast * (grey * grey * (3 - 2 * grey) - grey)
    ends = np.array((dark, light), np.float64)
    table = np.rint(ends[0] + (ends[1] - ends[0]) * grey[:, None])
    return np.asarray(table[None], np.uint8)
