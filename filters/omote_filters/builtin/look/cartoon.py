"""Cartoon."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.blend import faded
from omote_filters.draw.ink import FINEST, enlarged, flattened, inked, reduced, stepped
from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

_LINE = 1 / 140
"""How wide lines are, in heights of the picture."""


class Cartoon(Filter):
    """The picture painted in flat, cheerful colours with ink lines around things."""

    id = "cartoon"
    name = "Cartoon"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How it is drawn."""

        lines: float = slider(0.6, 0, 1, label="Lines", hint="How many edges are inked")
        colour: float = slider(0.5, 0, 1, label="Colour", hint="How cheerful the colours are")
        steps: float = slider(7, 3, 12, label="Steps", hint="Steps from dark to light", step=1)
        strength: float = slider(1.0, 0, 1, label="Strength", hint="0 leaves the picture alone")

    def apply(self, scene: Scene) -> None:
        """Redraw the picture: after Winnemöller, Olsen and Gooch, 2006."""
        settings: Cartoon.Settings = self.settings
        if settings.strength == 0:
            return
        painted = enlarged(_painted(scene.picture, settings), scene.picture)
        if settings.lines > 0:
            lines = enlarged(_lines(scene.picture, settings.lines), scene.picture)
            painted = np.asarray(cv2.multiply(painted, cv2.merge((lines,) * 3), scale=1 / 255))
        faded(scene.edit(), painted, settings.strength)


def _painted(picture: Picture, settings: Cartoon.Settings) -> Picture:
    ycc = cv2.cvtColor(flattened(picture), cv2.COLOR_RGB2YCrCb)
    small = np.asarray(cv2.LUT(ycc, _curves(round(settings.steps), settings.colour)), np.uint8)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_YCrCb2RGB), np.uint8)


def _lines(picture: Picture, amount: float) -> NDArray[np.uint8]:
    grey = reduced(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8), FINEST)
    return inked(grey, len(grey) * _LINE, amount)


@lru_cache(maxsize=8)
def _curves(steps: int, colour: float) -> NDArray[np.uint8]:
    """Luma in steps and a little lighter, chroma stronger, (1, 256, 3) of Y, Cr, Cb."""
    luma = stepped(steps)[np.rint(255 * (np.arange(256) / 255) ** 0.85).astype(int)]
    chroma = np.clip(128 + (np.arange(256) - 128) * (1 + 0.9 * colour), 0, 255).astype(np.uint8)
    return np.stack((luma, chroma, chroma), axis=1)[None]
