"""Face paint."""

from __future__ import annotations

from typing import Literal, get_args

from omote_filters.assets import PictureAsset
from omote_filters.draw import texture
from omote_filters.draw.paint import FacePainter
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, asset, choice, slider
from omote_filters.words import Appearance, Need, Stage

Design = Literal["kumadori", "tiger", "skull", "butterfly"]


class FacePaint(Filter):
    """Stage make-up and animal faces that move with the skin and stay in its light."""

    id = "face_paint"
    name = "Face paint"
    appearance = Appearance.NOVELTY
    stage = Stage.PAINT
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """What is painted, and how."""

        design: Design = choice("kumadori", label="Design")
        art: PictureAsset | None = asset(
            ".svg", ".png", label="Art", hint="Instead of a design: a picture of the unfolded face"
        )
        opacity: float = slider(1.0, 0, 1, label="Opacity", hint="How thick the paint is")
        light: float = slider(
            0.85, 0, 1, label="Light", hint="How much of the face's own light and shade shows"
        )

    def start(self) -> None:
        """Draw every design once: settings may change between two frames."""
        self._painter = FacePainter()
        for design in get_args(Design):
            texture.asset(design)

    def apply(self, scene: Scene) -> None:
        """Paint every face."""
        settings: FacePaint.Settings = self.settings
        paint = settings.art.texture if settings.art else texture.asset(settings.design)
        for face in scene.faces:
            self._painter.paint(
                scene, face, paint.level(face.width), settings.opacity, settings.light
            )
