"""Comic."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.blend import faded
from omote_filters.draw.ink import FINEST, enlarged, flattened, inked, reduced, stepped
from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

_ANGLE = np.deg2rad(30.0)
_DOTTED = (0.20, 0.62)
"""Dots are largest at this brightness and gone at that one."""
_SOLID = (0.07, 0.16)
"""What is darker is ink."""
_LINE = 1 / 170


class Comic(Filter):
    """An old printed comic: few colours, dots in the half tones, black ink in the shadows."""

    id = "comic"
    name = "Comic"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How it is printed."""

        dots: float = slider(0.5, 0, 1, label="Dots", hint="How large the dots are")
        lines: float = slider(0.6, 0, 1, label="Lines", hint="How many edges are inked")
        strength: float = slider(1.0, 0, 1, label="Strength", hint="0 leaves the picture alone")

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._screen: tuple[tuple[int, int, float], NDArray[np.uint8]] | None = None

    def start(self) -> None:
        """Make the table of inks."""
        self._inks = _inks()

    def apply(self, scene: Scene) -> None:
        """Print the picture."""
        settings: Comic.Settings = self.settings
        if settings.strength == 0:
            return
        work = reduced(scene.picture, FINEST)
        plain = cv2.cvtColor(work, cv2.COLOR_RGB2GRAY)
        grey = np.asarray(cv2.GaussianBlur(plain, (0, 0), len(work) / 400), np.uint8)
        small = cv2.cvtColor(flattened(work, 1), cv2.COLOR_RGB2YCrCb)
        colours = cv2.cvtColor(cv2.LUT(small, self._inks), cv2.COLOR_YCrCb2RGB)
        printed = enlarged(np.asarray(colours, np.uint8), work)
        printed = self._dotted(printed, grey)
        ink = cv2.min(inked(grey, len(work) * _LINE, settings.lines), cv2.LUT(grey, _shadows()))
        drawn = cv2.multiply(printed, cv2.merge((ink,) * 3), scale=1 / 255)
        done = enlarged(np.asarray(drawn, np.uint8), scene.picture)
        faded(scene.edit(), done, settings.strength)

    def _dotted(self, printed: Picture, grey: NDArray[np.uint8]) -> Picture:
        """Print the half tones' dots with a darker ink of the same colour."""
        height, width = grey.shape
        key = (width, height, self.settings.dots)
        if self._screen is None or self._screen[0] != key:
            self._screen = (key, _screen(*key))
        tone = cv2.LUT(grey, _coverage())
        # 128 is a dot's edge; the gain is what makes it sharp, but not jagged.
        edge = cv2.addWeighted(tone, 5.0, self._screen[1], -5.0, 128)
        paper = cv2.LUT(np.asarray(edge, np.uint8), _PAPER)
        return np.asarray(cv2.multiply(printed, cv2.merge((paper,) * 3), scale=1 / 255), np.uint8)


_PAPER = np.rint(255 - np.arange(256) * 0.36).astype(np.uint8)
"""How much of a colour's light is left under so much of a dot, (256,) uint8."""


def _inks() -> NDArray[np.uint8]:
    """Four steps of luma, strong chroma, (1, 256, 3) of Y, Cr, Cb."""
    value = np.arange(256)
    luma = 52 + stepped(4, 0.25)[np.rint(255 * (value / 255) ** 0.68).astype(int)] * (203 / 255)
    chroma = np.clip(128 + (value - 128) * 1.75, 0, 255)
    # Paper is warm and never quite white.
    table = np.rint(np.stack((0.97 * luma, chroma + 1, chroma - 4), axis=1))
    return np.asarray(np.clip(table, 0, 255)[None], np.uint8)


def _coverage() -> NDArray[np.uint8]:
    low, high = _DOTTED
    return np.rint(235 * np.clip((high - np.arange(256) / 255) / (high - low), 0, 1)).astype(
        np.uint8
    )


def _shadows() -> NDArray[np.uint8]:
    low, high = _SOLID
    return np.rint(255 * np.clip((np.arange(256) / 255 - low) / (high - low), 0, 1)).astype(
        np.uint8
    )


def _screen(width: int, height: int, dots: float) -> NDArray[np.uint8]:
    """How much tone a dot needs to reach a pixel, (height, width) uint8: a turned dot screen."""
    period = max(height / 480 * (4.5 + 6 * dots), 3.0)
    x = np.arange(width, dtype=np.float32) * np.float32(2 * np.pi / period)
    y = np.arange(height, dtype=np.float32)[:, None] * np.float32(2 * np.pi / period)
    cos, sin = np.float32(np.cos(_ANGLE)), np.float32(np.sin(_ANGLE))
    wave = 2 - np.cos(x * cos + y * sin) - np.cos(y * cos - x * sin)
    return np.asarray(np.rint(8 + wave * (247 / 4)), np.uint8)
