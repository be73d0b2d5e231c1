"""Solid props on the head."""

from __future__ import annotations

from typing import Literal

from omote_filters.assets import SolidAsset
from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.props import prop
from omote_filters.draw.render import SolidPainter, lack
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, asset, choice, slider
from omote_filters.words import Appearance, Need, Stage

_MOST_FACES = 4
_LIFTED = ("halo",)


class Prop3d(Filter):
    """A solid helmet, hat, headphones, halo or clown's nose: lit by the scene, hidden by the head.

    It needs OpenGL 3.3, in software or on a GPU.
    """

    id = "prop_3d"
    name = "3D prop"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which, and how large."""

        prop: Literal["viking", "witch_hat", "headphones", "halo", "clown_nose"] = choice(
            "viking", label="Prop"
        )
        model: SolidAsset | None = asset(
            ".glb",
            label="Model",
            hint="Instead of a prop: a model in cm of the head, Y up, Z ahead",
        )
        size: float = slider(1.0, 0.7, 1.4, label="Size")

    @classmethod
    def lack(cls) -> str:
        """What this machine lacks for it."""
        return lack()

    def start(self) -> None:
        """Prepare OpenGL and build the prop."""
        self._painter = SolidPainter()
        if self.settings.model is None:
            prop(self.settings.prop)

    def apply(self, scene: Scene) -> None:
        """Put it on every face."""
        settings: Prop3d.Settings = self.settings
        model = settings.model.solids if settings.model else prop(settings.prop)
        solids = [solid.moved(size=settings.size) for solid in model]
        for face in [face for face in scene.faces if drawable(face)][:_MOST_FACES]:
            head = HeadFrame.of(face)
            shadow = settings.model is not None or settings.prop not in _LIFTED
            self._painter.draw(scene, face, head, solids, shadow=shadow)
