"""A flag painted on the face."""

from __future__ import annotations

from typing import Literal

import numpy as np

from omote_filters.draw.paint import FacePainter
from omote_filters.draw.texture import Texture
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, colour, slider
from omote_filters.words import Appearance, Need, Stage

Layout = Literal["vertical", "horizontal", "cross", "disc", "halves"]
Place = Literal["face", "cheeks"]

_SIZE = 512
_CHEEKS = ((148, 326), (364, 326))
_PATCH = (128, 88)


class FaceFlag(Filter):
    """A flag of your own colours, brushed over the face or on both cheeks."""

    id = "face_flag"
    name = "Face flag"
    appearance = Appearance.NOVELTY
    stage = Stage.PAINT
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which flag, where."""

        first: str = colour("#0055a4", label="First colour")
        second: str = colour("#ffffff", label="Second colour")
        third: str = colour("#ef4135", label="Third colour", hint="Not used by disc and halves")
        layout: Layout = choice("vertical", label="Layout")
        place: Place = choice("face", label="Place")
        opacity: float = slider(0.85, 0, 1, label="Opacity", hint="How thick the paint is")

    def start(self) -> None:
        """Paint the flag."""
        self._painter = FacePainter()
        self._painted: tuple[str, ...] = ()
        self._paint()

    def apply(self, scene: Scene) -> None:
        """Paint every face."""
        settings: FaceFlag.Settings = self.settings
        self._paint()
        for face in scene.faces:
            texture = self._texture.level(face.width)
            self._painter.paint(scene, face, texture, settings.opacity, 0.9)

    def _paint(self) -> None:
        settings: FaceFlag.Settings = self.settings
        colours = (settings.first, settings.second, settings.third)
        wanted = (*colours, settings.layout, settings.place)
        if wanted != self._painted:
            self._painted = wanted
            self._texture = Texture.of_svg(_svg(colours, settings.layout, settings.place).encode())


def _svg(colours: tuple[str, str, str], layout: Layout, place: Place) -> str:
    """The flag in the canonical face's texture space, drawn with a dry brush."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}"><defs>'
    if place == "face":
        return (
            f"{head}</defs>{_field(colours, layout, 0, 0, _SIZE, _SIZE)}"
            f"{_dry(colours[1], 0, 0, _SIZE, _SIZE)}</svg>"
        )
    width, height = _PATCH
    patches = "".join(
        f'<g transform="translate({x - width / 2} {y - height / 2}) rotate({lean} {width / 2} '
        f'{height / 2})"><g clip-path="url(#p)">{_field(colours, layout, 0, 0, width, height)}</g>'
        "</g>"
        for (x, y), lean in zip(_CHEEKS, (10, -10), strict=True)
    )
    clip = f'<clipPath id="p"><path d="{_ragged(width, height)}"/></clipPath>'
    return f"{head}{clip}</defs>{patches}</svg>"


def _field(
    colours: tuple[str, str, str], layout: Layout, x: float, y: float, width: float, height: float
) -> str:
    def bar(left: float, top: float, across: float, down: float, tone: str) -> str:
        return (
            f'<rect x="{x + left * width:g}" y="{y + top * height:g}" '
            f'width="{across * width:g}" height="{down * height:g}" fill="{tone}"/>'
        )

    first, second, third = colours
    if layout == "vertical":
        thirds = zip((0, 0.36, 0.64), (0.36, 0.28, 0.36), colours, strict=True)
        return "".join(bar(left, 0, across, 1, tone) for left, across, tone in thirds)
    if layout == "horizontal":
        thirds = zip((0, 0.36, 0.64), (0.36, 0.28, 0.36), colours, strict=True)
        return "".join(bar(0, top, 1, down, tone) for top, down, tone in thirds)
    if layout == "cross":
        return (
            bar(0, 0, 1, 1, first)
            + bar(0.39, 0, 0.22, 1, second)
            + bar(0, 0.39, 1, 0.22, second)
            + bar(0.445, 0, 0.11, 1, third)
            + bar(0, 0.445, 1, 0.11, third)
        )
    if layout == "disc":
        radius = 0.25 * min(width, height)
        return bar(0, 0, 1, 1, first) + (
            f'<circle cx="{x + width / 2:g}" cy="{y + height / 2:g}" r="{radius:g}" '
            f'fill="{second}"/>'
        )
    return bar(0, 0, 1, 0.5, first) + bar(0, 0.5, 1, 0.5, second)


def _dry(tone: str, x: float, y: float, width: float, height: float) -> str:
    """Fine strokes of another colour where two meet, as a brush leaves them."""
    rng = np.random.default_rng(5)
    strokes = []
    for _ in range(260):
        at = rng.uniform((x, y), (x + width, y + height))
        run, drop = rng.normal(0, 6), rng.uniform(14, 40)
        strokes.append(
            f'<path d="M{at[0]:.0f} {at[1]:.0f} q{run:.1f} {drop / 2:.1f} {run / 2:.1f} '
            f'{drop:.0f}" '
            f'stroke="{tone}" stroke-width="1.1" fill="none" opacity="0.16"/>'
        )
    return "".join(strokes)


def _ragged(width: float, height: float) -> str:
    """The outline of a patch whose ends show the brush's bristles."""
    rng = np.random.default_rng(3)
    down = np.linspace(0, height, 15)
    right = [f"L{width - rng.uniform(0, 0.1) * width:.1f} {y:.1f}" for y in down]
    left = [f"L{rng.uniform(0, 0.1) * width:.1f} {y:.1f}" for y in down[::-1]]
    return f"M{0.05 * width:.1f} 0 {' '.join(right + left)} Z"
