"""Contour and highlight."""

from __future__ import annotations

from omote_filters.draw.blend import Blend, blend
from omote_filters.draw.layers import FaceLayers, blank, dab, mirrored, spot, stroke
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import FloatArray

_SHADE = (112, 70, 54)
_LIGHT = (255, 238, 218)
_DEEPEST, _BRIGHTEST = 0.9, 1.0


class Contour(Filter):
    """Soft shadow under the cheekbones and light on top of them, as with powder."""

    id = "contour"
    name = "Contour and highlight"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How much of each."""

        contour: float = slider(
            0.6, 0, 1, label="Contour", hint="Shadow under cheekbones and jaw, beside the nose"
        )
        highlight: float = slider(
            0.6, 0, 1, label="Highlight", hint="Light on cheekbones, nose, brow bone and chin"
        )

    def start(self) -> None:
        """Paint both layers once."""
        self._layers = FaceLayers(_shadows(), _lights())

    def apply(self, scene: Scene) -> None:
        """Sculpt every face."""
        settings: Contour.Settings = self.settings
        if settings.contour == settings.highlight == 0:
            return
        for face in scene.faces:
            if (found := self._layers.on(scene, face)) is None:
                continue
            crop, (shadows, lights, _) = found
            view = scene.edit(crop.rect)
            blend(view, _SHADE, Blend.MULTIPLY, shadows, _DEEPEST * settings.contour)
            # Soft light spares black and white: what shines already does not burn out.
            blend(view, _LIGHT, Blend.SOFT_LIGHT, lights, _BRIGHTEST * settings.highlight)


def _shadows() -> FloatArray:
    layer = blank()
    hollow = [spot(234, 93), spot(137), spot(123, 147), spot(187, 50), spot(205, 187)]
    stroke(layer, hollow, 0.045, 0.028, 0.95)
    jaw = [spot(58), spot(172), spot(136), spot(150), spot(149)]
    stroke(layer, jaw, 0.09, 0.035, 0.6)
    temple = [spot(162), spot(21), spot(54), spot(103)]
    stroke(layer, temple, 0.06, 0.035, 0.55)
    side = [spot(193, 55), spot(122, 188), spot(174), spot(198), spot(131, 49)]
    stroke(layer, side, 0.016, 0.014, 0.3)
    return mirrored(layer)


def _lights() -> FloatArray:
    layer = blank()
    bone = [spot(119), spot(118, 117), spot(116, 117), spot(227, 34)]
    stroke(layer, bone, 0.026, 0.016, 0.85)
    dab(layer, spot(225, 224), (0.03, 0.008), -15, 0.5)
    layer = mirrored(layer)
    stroke(layer, [spot(168), spot(197), spot(5)], 0.014, 0.009, 0.8)
    dab(layer, spot(4, 1), (0.012, 0.012), 0, 0.4)
    dab(layer, spot(9, 151), (0.06, 0.035), 0, 0.45)
    dab(layer, spot(0, 164), (0.02, 0.008), 0, 0.5)
    dab(layer, spot(199, 200), (0.03, 0.02), 0, 0.4)
    return layer
