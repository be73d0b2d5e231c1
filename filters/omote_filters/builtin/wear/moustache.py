"""Moustaches."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.sheet import Art, Sheet, SheetPainter, bent
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, colour, rgb
from omote_filters.words import Appearance, Need, Stage

Style = Literal["handlebar", "walrus", "pencil"]

_SHAPES = {
    # The right half of a moustache 200 by 80, its middle at x = 100, and how many hairs it has.
    "handlebar": (
        "M100 30 C118 18 140 30 158 40 C174 48 186 42 190 24 C198 48 182 64 160 60 "
        "C136 56 122 52 100 46 Z"
    ),
    "walrus": "M100 22 C130 16 160 30 172 70 C150 66 126 68 100 52 Z",
    "pencil": "M102 28 C126 24 152 36 174 54 C150 52 126 48 102 46 Z",
}
_SIZES = {"handlebar": (10.6, 4.24), "walrus": (8.6, 3.44), "pencil": (7.4, 2.96)}
_PHILTRUM = 164


class Moustache(Filter):
    """A moustache of many hairs that moves with the upper lip."""

    id = "moustache"
    name = "Moustache"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which one."""

        style: Style = choice("handlebar", label="Style")
        colour: str = colour("#3a2415", label="Colour")

    def start(self) -> None:
        """Draw every style once: settings may change between two frames."""
        self._painter = SheetPainter()
        self._colour = ""
        self._dye()

    def apply(self, scene: Scene) -> None:
        """Grow it on every lip."""
        if self._colour != self.settings.colour:
            self._dye()
        style: Style = self.settings.style
        for face in filter(drawable, scene.faces):
            head = HeadFrame.of(face)
            x, y, z = head.found(face.landmarks[[_PHILTRUM]])[0].tolist()
            width, height = _SIZES[style]
            grid = bent(width, height, (x, y - 0.25, z + 0.5), 0.055)
            body = Sheet(self._arts[style], grid)
            sheets = [body.shadow(0.35, self._shadows[style]), body]
            self._painter.draw(scene, face, head, sheets)

    def _dye(self) -> None:
        self._colour = self.settings.colour
        styles: tuple[Style, ...] = get_args(Style)
        self._arts = {style: Art.of_svg(_svg(style, rgb(self._colour)), 512) for style in styles}
        self._shadows = {style: art.shadow for style, art in self._arts.items()}


def _svg(style: Style, tone: tuple[int, int, int]) -> str:
    half = _SHAPES[style]
    dark, light = (
        "#" + "".join(f"{round(min(255, value * gain)):02x}" for value in tone)
        for gain in (0.55, 1.7)
    )
    rng = np.random.default_rng(7)
    hairs = []
    for _ in range(150):
        x, y = rng.uniform(98, 188), rng.uniform(16, 66)
        run, drop = rng.uniform(9, 20), rng.uniform(1, 10)
        shade = light if rng.random() < 0.45 else dark
        hairs.append(
            f'<path d="M{x:.1f} {y:.1f} q{run / 2:.1f} {drop / 3:.1f} {run:.1f} {drop:.1f}" '
            f'stroke="{shade}" stroke-width="{rng.uniform(0.7, 1.5):.2f}" fill="none" '
            f'opacity="{rng.uniform(0.35, 0.8):.2f}"/>'
        )
    one = f'<path d="{half}" fill="url(#h)"/><g clip-path="url(#c)">{"".join(hairs)}</g>'
    plain = "#" + "".join(f"{value:02x}" for value in tone)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 80"><defs>'
        '<linearGradient id="h" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="{plain}"/><stop offset="1" stop-color="{dark}"/>'
        f'</linearGradient><clipPath id="c"><path d="{half}"/></clipPath></defs>'
        f'{one}<g transform="translate(200 0) scale(-1 1)">{one}</g></svg>'
    )
