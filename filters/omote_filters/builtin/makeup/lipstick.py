"""Lipstick."""

from __future__ import annotations

from typing import Literal

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import lips
from omote_filters.draw.paint import GLOSS, MATTE, SATIN, coat, lay
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face
from omote_models.landmarks import LIPS_OUTER

_FINISHES = {"matte": MATTE, "satin": SATIN, "gloss": GLOSS}


class Lipstick(Filter):
    """Colour on the lips, with their own shade and shine."""

    id = "lipstick"
    name = "Lipstick"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which colour, and how it is put on."""

        colour: str = colour("#b3123f", label="Colour")
        coverage: float = slider(0.75, 0, 1, label="Coverage", hint="From a tint to full colour")
        finish: Literal["matte", "satin", "gloss"] = choice("satin", label="Finish")

    def apply(self, scene: Scene) -> None:
        """Colour the lips of every face."""
        for face in filter(drawable, scene.faces):
            self._colour(scene, face)

    def _colour(self, scene: Scene, face: Face) -> None:
        settings: Lipstick.Settings = self.settings
        box = Box.around(face.landmarks[list(LIPS_OUTER)])
        crop = Crop.of(scene, box.grown(0.1, 0.2, 0.1, 0.2))
        if crop is None or settings.coverage == 0:
            return
        mask = crop.enlarged(lips(face, crop))
        paint = coat(mask, rgb(settings.colour), settings.coverage)
        lay(scene.edit(crop.rect), paint, finish=_FINISHES[settings.finish])
