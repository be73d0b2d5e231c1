"""Freckles."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from omote_filters.draw.blend import Blend, blend
from omote_filters.draw.layers import SIZE, FaceLayers, blank, dab, mirrored, spot
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import FloatArray

_BROWN = (150, 92, 66)
_MOST = 650
_FINE = 4
"""Freckles are drawn on a canvas this many times as fine."""


class Freckles(Filter):
    """A natural sprinkle of freckles over nose and cheeks that sits in the skin."""

    id = "freckles"
    name = "Freckles"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How many, how dark, and which."""

        density: float = slider(0.5, 0, 1, label="Density", hint="From a few to very many")
        strength: float = slider(0.6, 0, 1, label="Strength", hint="How dark they are")
        seed: float = slider(
            3, 1, 50, label="Pattern", hint="Each number is another sprinkle", step=1
        )

    def start(self) -> None:
        """Sow the pattern."""
        self._sow()

    def apply(self, scene: Scene) -> None:
        """Give every face its freckles."""
        settings: Freckles.Settings = self.settings
        if settings.strength == 0 or settings.density == 0:
            return
        if self._sown != (settings.seed, settings.density):
            self._sow()
        for face in scene.faces:
            if (found := self._layers.on(scene, face)) is None:
                continue
            crop, (mask, _, _) = found
            blend(scene.edit(crop.rect), _BROWN, Blend.MULTIPLY, mask, settings.strength)

    def _sow(self) -> None:
        settings: Freckles.Settings = self.settings
        self._layers = FaceLayers(_pattern(round(settings.seed), settings.density))
        self._sown = (settings.seed, settings.density)


def _pattern(seed: int, density: float) -> FloatArray:
    """Freckles, more where the sun falls, each a blot of its own size and depth."""
    rng = np.random.default_rng(seed)
    where = _likelihood()
    spots = rng.random((_MOST * 6, 2))
    likely = where[tuple((spots[:, ::-1] * SIZE).astype(int).T)]
    # The likelihood decides in the order they were drawn, so that more density only adds.
    spots = spots[likely > rng.random(len(spots))][: round(_MOST * density)]
    canvas = np.zeros((SIZE * _FINE, SIZE * _FINE), np.uint8)
    for u, v in spots.tolist():
        _blot(canvas, (u, v), rng)
    soft = cv2.GaussianBlur(canvas, (0, 0), 4.5)
    small = cv2.resize(soft, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.multiply(small, np.float32(1 / 255), dtype=np.float32)


def _blot(canvas: Any, at: tuple[float, float], rng: np.random.Generator) -> None:
    size = SIZE * _FINE
    radius = size * rng.lognormal(-5.45, 0.4)
    axes = (max(2, round(radius * rng.uniform(0.8, 1.3))), max(2, round(radius)))
    middle = (round(at[0] * size), round(at[1] * size))
    depth = round(215 * rng.beta(1.8, 3.2))
    cv2.ellipse(canvas, middle, axes, rng.uniform(0, 180), 0, 360, depth, -1)


def _likelihood() -> FloatArray:
    layer = blank()
    dab(layer, spot(101, 50, 118), (0.085, 0.05), -10, 0.9)
    dab(layer, spot(205), (0.06, 0.05), 0, 0.18)
    layer = mirrored(layer)
    dab(layer, spot(195, 5), (0.05, 0.06), 0, 0.8)
    dab(layer, spot(9, 151), (0.16, 0.06), 0, 0.03)
    dab(layer, spot(199), (0.1, 0.05), 0, 0.02)
    dab(layer, spot(0, 13), (0.10, 0.028), 0, -1.0)
    return np.clip(layer, 0, 1)
