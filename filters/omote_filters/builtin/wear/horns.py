"""Horns."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.motion import Shutter, blurred_in_motion
from omote_filters.draw.sheet import Art, Sheet, SheetPainter, bent
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice
from omote_filters.words import Appearance, Need, Stage

Style = Literal["devil", "ram", "unicorn"]

_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}"><defs>'
    '<linearGradient id="h" x1="0" y1="0" x2="1" y2="0.2"><stop offset="0" stop-color="{light}"/>'
    '<stop offset="0.45" stop-color="{middle}"/><stop offset="1" stop-color="{dark}"/>'
    '</linearGradient><clipPath id="c"><path d="{shape}"/></clipPath></defs>'
    '<path d="{shape}" fill="url(#h)" stroke="{dark}" stroke-width="1.5"/>'
    '<g clip-path="url(#c)">{ridges}</g></svg>'
)
_RAM = (
    "M14 112 C6 76 20 34 62 20 C104 8 142 34 142 74 C142 106 118 128 92 124 C72 121 62 104 70 90 "
    "C76 80 90 80 94 89 C88 90 86 98 94 101 C106 105 118 92 116 74 C113 52 90 44 70 54 "
    "C48 66 44 92 50 116 Q32 124 14 112 Z"
)


def _devil() -> str:
    shape = "M6 96 C4 66 18 34 58 4 C54 40 62 62 50 94 Q28 104 6 96 Z"
    ridges = "".join(
        f'<path d="M0 {84 - 15 * i} Q30 {94 - 15 * i} 66 {78 - 16 * i}" stroke="#3d0008" '
        f'stroke-width="2.6" fill="none" opacity="0.5"/>'
        for i in range(5)
    )
    tones = {"light": "#ff6b5e", "middle": "#b3121d", "dark": "#4a000b"}
    return _SVG.format(size="70 104", shape=shape, ridges=ridges, **tones)


def _ram() -> str:
    ridges = []
    for i in range(18):
        # Ridges stand across the coil, about its middle.
        turn = np.radians(-205 + 24 * i)
        x, y = 88 + 80 * np.cos(turn), 84 + 80 * np.sin(turn)
        ridges.append(
            f'<path d="M88 84 L{x:.1f} {y:.1f}" stroke="#4a3418" stroke-width="3" opacity="0.42"/>'
        )
    tones = {"light": "#f1dfb6", "middle": "#b48d54", "dark": "#5a3e1b"}
    return _SVG.format(size="150 132", shape=_RAM, ridges="".join(ridges), **tones)


def _unicorn() -> str:
    shape = "M6 136 Q20 60 28 4 Q36 60 50 136 Q28 146 6 136 Z"
    ridges = "".join(
        f'<path d="M0 {132 - 17 * i} Q30 {138 - 17 * i} 58 {112 - 17 * i}" stroke="#a46bb5" '
        f'stroke-width="{3.2 - 0.25 * i:g}" fill="none" opacity="0.75"/>'
        for i in range(9)
    )
    tones = {"light": "#fffaf0", "middle": "#ffd6ec", "dark": "#c88ad6"}
    return _SVG.format(size="56 144", shape=shape, ridges=ridges, **tones)


_HORNS = {
    # Art, width and height in centimetres, where its middle lies, whether there are two.
    "devil": (_devil, 4.6, 6.8, (4.7, 12.7, 0.6), True),
    "ram": (_ram, 9.6, 8.45, (8.4, 9.6, -1.6), True),
    "unicorn": (_unicorn, 4.1, 10.5, (0.0, 13.2, 3.6), False),
}


class Horns(Filter):
    """Horns that grow from the hairline: a devil's, a ram's or a unicorn's."""

    id = "horns"
    name = "Horns"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Whose."""

        style: Style = choice("devil", label="Style")
        motion_blur: bool = blurred_in_motion()

    def start(self) -> None:
        """Draw every style once: settings may change between two frames."""
        self._painter = SheetPainter()
        self._shutter = Shutter()
        self._sheets = {style: _sheets(style) for style in get_args(Style)}

    def apply(self, scene: Scene) -> None:
        """Grow them on every head."""
        for face in filter(drawable, scene.faces):
            sheets = self._sheets[self.settings.style]
            smear = self._shutter.smear(face, scene.elapsed, self.settings.motion_blur)
            self._painter.draw(scene, face, HeadFrame.of(face), sheets, smear)


def _sheets(style: Style) -> list[Sheet]:
    svg, width, height, (x, y, z), pair = _HORNS[style]
    art = Art.of_svg(svg(), 512)
    grid = bent(width, height, (0.0, 0.0, 0.0), 0.05, lean=1.2, columns=5)
    one = Sheet(art, grid)
    sheets = [one.moved(x, y, z)]
    if pair:
        mirrored = Art.of(np.ascontiguousarray(art.levels[0][:, ::-1]))
        sheets.append(Sheet(mirrored, grid).moved(-x, y, z))
    shadows = [sheet.shadow(0.35, sheet.art.shadow) for sheet in sheets]
    return [*shadows, *sheets]
