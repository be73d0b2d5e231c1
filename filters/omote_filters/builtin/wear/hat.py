"""Hats."""

from __future__ import annotations

from typing import Literal, get_args

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.motion import Shutter, blurred_in_motion
from omote_filters.draw.sheet import Art, Sheet, SheetPainter, bent
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice
from omote_filters.words import Appearance, Need, Stage

Style = Literal["top_hat", "party", "wizard"]

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 {height}"><defs>{defs}</defs>'
_TOP_HAT = (
    _SVG.format(
        height=190,
        defs='<linearGradient id="a" x1="0" y1="0" x2="1" y2="0"><stop offset="0" '
        'stop-color="#08080a"/><stop offset="0.3" stop-color="#3f3f48"/><stop offset="0.5" '
        'stop-color="#1a1a1f"/><stop offset="0.82" stop-color="#2b2b32"/><stop offset="1" '
        'stop-color="#050506"/></linearGradient><linearGradient id="r" x1="0" y1="0" x2="1" '
        'y2="0"><stop offset="0" stop-color="#5a0714"/><stop offset="0.35" '
        'stop-color="#d01f3c"/><stop offset="1" stop-color="#4d0511"/></linearGradient>',
    )
    + '<path d="M50 14 Q120 0 190 14 Q182 90 186 152 Q120 170 54 152 Q58 90 50 14 Z" '
    'fill="url(#a)"/><path d="M50 14 Q120 0 190 14 Q120 28 50 14 Z" fill="#4a4a54"/>'
    '<path d="M55 122 Q120 140 185 122 L186 152 Q120 170 54 152 Z" fill="url(#r)"/>'
    '<path d="M4 158 Q40 140 54 146 Q120 164 186 146 Q200 140 236 158 Q190 188 120 188 '
    'Q50 188 4 158 Z" fill="url(#a)"/><path d="M4 158 Q50 180 120 181 Q190 180 236 158 '
    'Q190 188 120 188 Q50 188 4 158 Z" fill="#55555f" opacity="0.8"/></svg>'
)
_PARTY = (
    _SVG.format(
        height=260,
        defs='<clipPath id="c"><path d="M120 22 L196 236 Q120 266 44 236 Z"/></clipPath>'
        '<linearGradient id="s" x1="0" y1="0" x2="1" y2="0"><stop offset="0.15" '
        'stop-color="#000" stop-opacity="0.4"/><stop offset="0.42" stop-color="#fff" '
        'stop-opacity="0.35"/><stop offset="0.9" stop-color="#000" stop-opacity="0.45"/>'
        "</linearGradient>",
    )
    + '<g clip-path="url(#c)"><rect width="240" height="270" fill="#ff3d7f"/>'
    '<path d="M0 120 L240 30 V70 L0 160 Z M0 200 L240 110 V150 L0 240 Z M0 280 L240 190 V230 '
    'L0 320 Z" fill="#ffd23f"/><path d="M0 150 L240 60 V76 L0 166 Z M0 230 L240 140 V156 '
    'L0 246 Z" fill="#27c4f5"/><rect width="240" height="270" fill="url(#s)"/></g>'
    '<g fill="#fff"><circle cx="120" cy="22" r="20" fill="#27c4f5"/>'
    '<circle cx="106" cy="14" r="8" fill="#8fe4ff"/><circle cx="132" cy="12" r="7" '
    'fill="#5fd4fb"/><circle cx="128" cy="32" r="8" fill="#18a6d6"/></g>'
    '<path d="M44 236 Q120 266 196 236" fill="none" stroke="#fff" stroke-width="10" '
    'stroke-dasharray="4 5"/></svg>'
)
_STARS = "".join(
    f'<path transform="translate({x} {y}) rotate({turn}) scale({size})" fill="#ffe27a" '
    'd="M0 -10 L2.6 -3.4 L9.5 -3.1 L4.1 1.3 L5.9 8.1 L0 4.2 L-5.9 8.1 L-4.1 1.3 L-9.5 -3.1 '
    'L-2.6 -3.4 Z"/>'
    for x, y, turn, size in (
        *((105, 120, 10, 0.9), (138, 165, -12, 1.2), (92, 195, 20, 1.1), (128, 225, 0, 0.8)),
        *((160, 215, 30, 0.9), (112, 70, -20, 0.6)),
    )
)
_WIZARD = (
    _SVG.format(
        height=290,
        defs='<linearGradient id="w" x1="0" y1="0" x2="1" y2="0"><stop offset="0.1" '
        'stop-color="#1b1147"/><stop offset="0.42" stop-color="#5a3fc4"/><stop offset="0.9" '
        'stop-color="#150c38"/></linearGradient>',
    )
    + '<path d="M92 6 Q112 2 132 58 Q170 170 190 250 Q120 272 50 250 Q84 150 100 70 Q104 30 '
    '92 6 Z" fill="url(#w)"/>'
    + _STARS
    + '<path d="M54 238 Q120 262 186 238 L191 254 Q120 276 49 254 Z" fill="#d9a72b"/>'
    '<path d="M2 262 Q30 244 50 250 Q120 270 190 250 Q210 244 238 262 Q190 289 120 289 '
    'Q50 289 2 262 Z" fill="url(#w)"/><path d="M2 262 Q50 282 120 283 Q190 282 238 262 '
    'Q190 289 120 289 Q50 289 2 262 Z" fill="#8f7be8" opacity="0.6"/></svg>'
)
_SVGS = {"top_hat": _TOP_HAT, "party": _PARTY, "wizard": _WIZARD}
_SIZES = {
    # Width, height, and how high the art's lower edge sits on the head; centimetres.
    "top_hat": (25.0, 19.8, 7.6),
    "party": (14.5, 15.7, 11.6),
    "wizard": (26.0, 31.4, 7.4),
}


class Hat(Filter):
    """A top hat, a party hat or a wizard's, that leans and nods with the head."""

    id = "hat"
    name = "Hat"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which one."""

        style: Style = choice("top_hat", label="Style")
        motion_blur: bool = blurred_in_motion()

    def start(self) -> None:
        """Draw every style once: settings may change between two frames."""
        self._painter = SheetPainter()
        self._shutter = Shutter()
        self._arts = {style: Art.of_svg(_SVGS[style]) for style in get_args(Style)}
        self._shadows = {style: art.shadow for style, art in self._arts.items()}

    def apply(self, scene: Scene) -> None:
        """Put it on every head."""
        style: Style = self.settings.style
        width, height, low = _SIZES[style]
        grid = bent(width, height, (0.0, height / 2, 0.0), columns=2)
        sheet = Sheet(self._arts[style], grid)
        for face in filter(drawable, scene.faces):
            head = HeadFrame.of(face).unturned(0.0, low, -0.5)
            sheets = [sheet.shadow(0.35, self._shadows[style]).moved(y=-0.4), sheet]
            smear = self._shutter.smear(face, scene.elapsed, self.settings.motion_blur)
            self._painter.draw(scene, face, head, sheets, smear)
