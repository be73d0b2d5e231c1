"""A crown."""

from __future__ import annotations

from typing import Literal, get_args

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.motion import Shutter, blurred_in_motion
from omote_filters.draw.sheet import Art, Sheet, SheetPainter, around
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice
from omote_filters.words import Appearance, Need, Stage

Metal = Literal["gold", "silver", "ice"]

_TONES = {
    "gold": ("#fff0b0", "#e0a92e", "#8a5a10", "#c8102e", "#1450b8"),
    "silver": ("#ffffff", "#aab4c0", "#5a6470", "#7a1fd0", "#0f8f6a"),
    "ice": ("#f2fdff", "#8fd8f5", "#3a86b8", "#ffffff", "#c8f0ff"),
}
_BAND = around((9.1, 8.1), 9.0, 14.6, (0.0, -2.6), (-100, 100), flare=0.1)


class Crown(Filter):
    """A royal crown with stones, around the head."""

    id = "crown"
    name = "Crown"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """What it is made of."""

        metal: Metal = choice("gold", label="Metal")
        motion_blur: bool = blurred_in_motion()

    def start(self) -> None:
        """Draw every metal once: settings may change between two frames."""
        self._painter = SheetPainter()
        self._shutter = Shutter()
        self._arts = {metal: Art.of_svg(_svg(metal), 1024) for metal in get_args(Metal)}
        self._shadow = self._arts["gold"].shadow

    def apply(self, scene: Scene) -> None:
        """Crown every face."""
        body = Sheet(self._arts[self.settings.metal], _BAND)
        for face in filter(drawable, scene.faces):
            sheets = [body.shadow(0.35, self._shadow), body]
            smear = self._shutter.smear(face, scene.elapsed, self.settings.motion_blur)
            self._painter.draw(scene, face, HeadFrame.of(face), sheets, smear)


def _svg(metal: Metal) -> str:
    light, middle, dark, stone, other = _TONES[metal]
    points = []
    for i in range(9):
        x = 20 + 40 * i
        tall = 8 if i % 2 == 0 else 26
        points.append(f"L{x} {tall} L{x + 20} 62" if i < 8 else f"L{x} {tall}")
    outline = f"M4 62 {' '.join(points)} L376 62 L376 106 Q190 114 4 106 Z"
    balls = "".join(
        f'<circle cx="{20 + 40 * i}" cy="{10 if i % 2 == 0 else 28}" r="6.5" fill="url(#b)" '
        f'stroke="{dark}" stroke-width="0.8"/>'
        for i in range(9)
    )
    stones = "".join(
        f'<ellipse cx="{20 + 40 * i}" cy="86" rx="8" ry="9.5" fill="{stone if i % 2 else other}" '
        f'stroke="{dark}" stroke-width="1.6"/>'
        f'<ellipse cx="{17.5 + 40 * i}" cy="82" rx="2.6" ry="3.4" fill="#fff" opacity="0.75"/>'
        for i in range(9)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 380 116"><defs>'
        '<linearGradient id="g" x1="0" y1="0" x2="1" y2="0">'
        f'<stop offset="0" stop-color="{dark}"/><stop offset="0.22" stop-color="{middle}"/>'
        f'<stop offset="0.4" stop-color="{light}"/><stop offset="0.55" stop-color="{middle}"/>'
        f'<stop offset="0.78" stop-color="{light}"/><stop offset="1" stop-color="{dark}"/>'
        '</linearGradient><radialGradient id="b" cx="0.35" cy="0.3" r="0.8">'
        f'<stop offset="0" stop-color="{light}"/><stop offset="0.6" stop-color="{middle}"/>'
        f'<stop offset="1" stop-color="{dark}"/></radialGradient></defs>'
        f'<path d="{outline}" fill="url(#g)" stroke="{dark}" stroke-width="2"/>'
        f'<path d="M4 70 Q190 78 376 70 L376 74 Q190 82 4 74 Z" fill="{light}" opacity="0.8"/>'
        f'<path d="M4 100 Q190 108 376 100 L376 106 Q190 114 4 106 Z" fill="{dark}" '
        f'opacity="0.7"/>{stones}{balls}</svg>'
    )
