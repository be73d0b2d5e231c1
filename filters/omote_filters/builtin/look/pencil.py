"""Pencil."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.blend import faded
from omote_filters.draw.ink import FINEST, enlarged, reduced
from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

_GRAPHITE, _PAPER = (44, 44, 50), (250, 247, 240)
_SEED = 4


class Pencil(Filter):
    """A drawing in graphite: outlines, strokes in the shade, the grain of the paper."""

    id = "pencil"
    name = "Pencil"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How it is drawn."""

        shading: float = slider(0.6, 0, 1, label="Shading", hint="How dark the strokes are")
        grain: float = slider(0.5, 0, 1, label="Grain", hint="How rough the paper is")
        strength: float = slider(1.0, 0, 1, label="Strength", hint="0 leaves the picture alone")

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._sheet: tuple[tuple[int, int], tuple[NDArray[np.uint8], ...]] | None = None

    def apply(self, scene: Scene) -> None:
        """Draw the picture anew."""
        settings: Pencil.Settings = self.settings
        if settings.strength == 0:
            return
        work = reduced(scene.picture, FINEST)
        sketch = self._sketch(np.asarray(cv2.cvtColor(work, cv2.COLOR_RGB2GRAY), np.uint8))
        drawn = cv2.LUT(cv2.cvtColor(sketch, cv2.COLOR_GRAY2RGB), _COLOURS)
        drawn = enlarged(np.asarray(drawn, np.uint8), scene.picture)
        faded(scene.edit(), drawn, settings.strength)

    def _sketch(self, grey: NDArray[np.uint8]) -> Picture:
        """How much paper shows, (height, width) uint8.

        Outlines are the colour dodge of a picture and its blurred negative, as darkrooms did;
        the shade's strokes are noise drawn out along two directions.
        """
        size = (grey.shape[1], grey.shape[0])
        if self._sheet is None or self._sheet[0] != size:
            self._sheet = (size, _sheet(*size))
        strokes, crossed, grain = self._sheet[1]
        smooth = cv2.GaussianBlur(grey, (0, 0), len(grey) / 420 + 0.3)
        tone = _blurred(np.asarray(smooth, np.uint8), len(grey) / 32)
        outline = cv2.LUT(cv2.divide(smooth, tone, scale=255), _DODGE)
        shading = self.settings.shading
        for texture, curve in ((strokes, _FIRST), (crossed, _SECOND)):
            dark = cv2.multiply(cv2.LUT(smooth, curve), texture, scale=shading / 255)
            outline = cv2.multiply(outline, cv2.bitwise_not(dark), scale=1 / 255)
        # Graphite catches on the paper's grain; bare paper shows none.
        bare = cv2.addWeighted(outline, 1, grain, self.settings.grain, -64 * self.settings.grain)
        return np.asarray(cv2.max(outline, bare), np.uint8)


def _blurred(grey: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """A wide blur, made small."""
    height, width = grey.shape
    small = cv2.resize(
        grey, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / 4, 0.5))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _sheet(width: int, height: int) -> tuple[NDArray[np.uint8], ...]:
    """Strokes from lower left to upper right, steeper ones across, and the paper's grain."""
    length = max(5, round(height / 22)) | 1
    made = [_strokes(width, height, length, angle, seed) for angle, seed in ((-52, 0), (-18, 1))]
    noise = np.random.default_rng(_SEED).normal(64, 52, (height, width)).astype(np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), 0.6)
    return *made, np.clip(grain, 0, 255).astype(np.uint8)


def _strokes(width: int, height: int, length: int, angle: float, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng((_SEED, seed)).random((height, width), np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), max(height / 800, 0.5)))
    kernel = np.zeros((length, length), np.uint8)
    middle, step = (length - 1) / 2, np.deg2rad(angle)
    reach = np.array((np.cos(step), np.sin(step))) * middle
    ends = (np.array((middle, middle)) + np.outer((-1, 1), reach)).round().astype(int).tolist()
    cv2.line(kernel, tuple(ends[0]), tuple(ends[1]), 255, 1, cv2.LINE_AA)
    drawn = cv2.filter2D(
        noise, -1, kernel / np.float32(kernel.sum()), borderType=cv2.BORDER_REFLECT
    )
    low, high = np.percentile(drawn, (25, 88))
    return np.asarray(np.rint(255 * np.clip((drawn - low) / max(high - low, 1e-6), 0, 1)), np.uint8)


def _curve(start: float, end: float, most: float) -> NDArray[np.uint8]:
    """How dark strokes are, (256,) uint8: `most` at brightness `end`, none from `start` on."""
    dark = np.clip((start - np.arange(256) / 255) / (start - end), 0, 1)
    return np.asarray(np.rint(255 * most * dark), np.uint8)


_FIRST, _SECOND = _curve(0.72, 0.2, 1.0), _curve(0.38, 0.05, 1.0)
_DODGE = np.rint(255 * np.clip((np.arange(256) / 255 - 0.45) / 0.5, 0, 1) ** 1.2).astype(np.uint8)
_COLOURS = np.rint(np.linspace(_GRAPHITE, _PAPER, 256)).astype(np.uint8)[None]
