"""Blush."""

from __future__ import annotations

from typing import Literal

from omote_filters.draw.blend import Blend, blend, pigment
from omote_filters.draw.layers import FaceLayers, blank, dab, mirrored, spot
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import FloatArray

Placement = Literal["apples", "lifted", "sun_kissed"]
_ORDER: tuple[Placement, ...] = ("apples", "lifted", "sun_kissed")

_FULL = 0.72
"""At full strength that much of the light goes through the pigment."""


class Blush(Filter):
    """A flush on the cheeks that lets the skin's light and pores through."""

    id = "blush"
    name = "Blush"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which colour, how much, where."""

        colour: str = colour("#e8566f", label="Colour")
        strength: float = slider(0.35, 0, 1, label="Strength", hint="From a hint to doll's cheeks")
        placement: Placement = choice(
            "apples", label="Placement", hint="Round, lifted to the temples, or over the nose"
        )

    def start(self) -> None:
        """Paint every placement once: settings may change between two frames."""
        self._layers = FaceLayers(_apples(), _lifted(), _sun_kissed())

    def apply(self, scene: Scene) -> None:
        """Rouge every face."""
        settings: Blush.Settings = self.settings
        if settings.strength == 0:
            return
        for face in scene.faces:
            if (found := self._layers.on(scene, face)) is None:
                continue
            crop, masks = found
            mask, view = masks[_ORDER.index(settings.placement)], scene.edit(crop.rect)
            stain = pigment(rgb(settings.colour))
            # Blood under skin does the same: it takes green and blue away in proportion.
            blend(view, stain, Blend.MULTIPLY, mask, _FULL * settings.strength)


def _apples() -> FloatArray:
    layer = blank()
    dab(layer, spot(50, 205, 50), (0.06, 0.042), 12, 0.8)
    dab(layer, spot(123), (0.06, 0.04), 25, 0.35)
    return mirrored(layer)


def _lifted() -> FloatArray:
    layer = blank()
    dab(layer, spot(123, 117), (0.085, 0.032), 35, 0.8)
    dab(layer, spot(50), (0.05, 0.03), 20, 0.4)
    dab(layer, spot(34, 116), (0.04, 0.035), 60, 0.25)
    return mirrored(layer)


def _sun_kissed() -> FloatArray:
    layer = blank()
    dab(layer, spot(50, 101), (0.07, 0.036), -8, 0.75)
    layer = mirrored(layer)
    dab(layer, spot(195, 5), (0.085, 0.026), 0, 0.62)
    return layer
