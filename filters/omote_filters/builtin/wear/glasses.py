"""Glasses."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.motion import Shutter, blurred_in_motion
from omote_filters.draw.sheet import Art, Sheet, SheetPainter, bent, side_shown
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, slider
from omote_filters.words import Appearance, Need, Stage

Style = Literal["aviator", "round", "wayfarer", "cat_eye", "hearts"]

_WIDTH, _HEIGHT = 15.6, 5.85
_CENTRE = (0.0, 2.15, 6.35)
_BEND = 0.034
_HINGE_X, _HINGE_Z, _EAR_Z = 7.55, 4.35, -2.6

_SHAPES = {
    # The person's right lens (left in the picture) of a front 160 by 60; the other is mirrored.
    "aviator": "M10 14 C24 6 58 7 70 15 C73 32 62 55 42 56 C20 57 7 36 10 14 Z",
    "round": "M42 6 A25 25 0 1 1 41.9 6 Z",
    "wayfarer": "M7 10 C28 5 56 6 71 11 C71 28 66 46 56 51 C42 56 24 53 16 44 C10 36 8 24 7 10 Z",
    "cat_eye": "M2 5 C22 8 56 9 71 16 C72 32 62 50 42 51 C22 52 12 36 10 22 C9 15 6 10 2 5 Z",
    "hearts": "M41 56 C14 40 5 28 9 16 C13 6 30 5 41 18 C52 5 69 6 73 16 C77 28 68 40 41 56 Z",
}
_LOOKS = {
    # Frame's two tones, its width, lens' two tones and opacities (top and bottom).
    "aviator": ("#f4d58a", "#96702a", 2.0, "#241d12", "#7a5a24", 0.88, 0.55),
    "round": ("#5c5f66", "#1f2024", 2.0, "#1f3a4d", "#6fa3b8", 0.62, 0.3),
    "wayfarer": ("#3a3a40", "#0b0b0d", 5.2, "#0b0d10", "#2b3138", 0.93, 0.8),
    "cat_eye": ("#d1265f", "#5e0a2b", 4.4, "#2a1020", "#a2537c", 0.55, 0.22),
    "hearts": ("#ff4d6d", "#b1002f", 3.6, "#c3002f", "#ff7b9c", 0.78, 0.5),
}
_BRIDGES = {
    "aviator": '<path d="M69 15 Q80 9 91 15 M70 23 Q80 18 90 23" {line}/>',
    "round": '<path d="M66 27 Q80 14 94 27" {line}/>',
    "wayfarer": '<path d="M69 17 Q80 9 91 17" {line}/>',
    "cat_eye": '<path d="M69 21 Q80 13 91 21" {line}/>',
    "hearts": '<path d="M72 22 Q80 15 88 22" {line}/>',
}


class Glasses(Filter):
    """Glasses in five styles, with tinted lenses and temples that end behind the ears."""

    id = "glasses"
    name = "Glasses"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which ones."""

        style: Style = choice("aviator", label="Style")
        tint: float = slider(1.0, 0, 1, label="Tint", hint="How dark the lenses are")
        motion_blur: bool = blurred_in_motion()

    def start(self) -> None:
        """Draw every style once: settings may change between two frames."""
        self._painter = SheetPainter()
        self._shutter = Shutter()
        self._fronts = {style: _front(style) for style in get_args(Style)}
        self._shadows = {style: frame.shadow for style, (frame, _) in self._fronts.items()}
        self._temples = {style: _temple(style) for style in get_args(Style)}

    def apply(self, scene: Scene) -> None:
        """Put them on every face."""
        for face in filter(drawable, scene.faces):
            head = HeadFrame.of(face)
            smear = self._shutter.smear(face, scene.elapsed, self.settings.motion_blur)
            self._painter.draw(scene, face, head, self._sheets(head), smear)

    def _sheets(self, head: HeadFrame) -> list[Sheet]:
        settings: Glasses.Settings = self.settings
        frame, lenses = self._fronts[settings.style]
        front = bent(_WIDTH, _HEIGHT, _CENTRE, _BEND)
        temples = [
            Sheet(self._temples[settings.style], _side(side), side_shown(head, side))
            for side in (-1.0, 1.0)
        ]
        body = Sheet(frame, front)
        return [
            body.shadow(0.4, self._shadows[settings.style]),
            *temples,
            Sheet(lenses, front, settings.tint, lit=False),
            body,
        ]


def _side(side: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A temple's grid: from the hinge to where the ear hides it."""
    z = np.linspace(_HINGE_Z, _EAR_Z, 5)
    grid = np.empty((2, 5, 3), np.float32)
    grid[:, :, 0] = side * (_HINGE_X + 0.25 * np.sin(np.linspace(0, np.pi, 5)))
    grid[0, :, 1] = np.linspace(3.75, 3.1, 5)
    grid[1, :, 1] = np.linspace(2.95, 2.5, 5)
    grid[:, :, 2] = z
    return grid


def _front(style: Style) -> tuple[Art, Art]:
    """The frame and the lenses."""
    light, dark, width, top, bottom, above, below = _LOOKS[style]
    shape = _SHAPES[style]
    line = f'fill="none" stroke="url(#f)" stroke-width="{width}" stroke-linecap="round"'
    bridge = _BRIDGES[style].format(line=line)
    shine = (
        '<path d="M18 12 L34 10 L18 40 Q12 28 12 18 Z M40 9 L46 9 L26 47 L22 44 Z" '
        'fill="#fff" opacity="0.16"/>'
    )
    both = '<g>{0}</g><g transform="translate(160 0) scale(-1 1)">{0}</g>'
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 60"><defs>'
    frame = (
        f'{head}<linearGradient id="f" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="{light}"/><stop offset="0.45" stop-color="{dark}"/>'
        f'<stop offset="1" stop-color="{light}"/></linearGradient></defs>'
        + both.format(f'<path d="{shape}" {line}/>')
        + both.format(
            f'<path d="{shape}" fill="none" stroke="#fff" stroke-width="{0.22 * width}" '
            f'stroke-dasharray="26 200" stroke-dashoffset="-8" opacity="0.55"/>'
        )
        + f"{bridge}</svg>"
    )
    lenses = (
        f'{head}<linearGradient id="l" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="{top}" stop-opacity="{above}"/>'
        f'<stop offset="1" stop-color="{bottom}" stop-opacity="{below}"/></linearGradient>'
        f'<clipPath id="c"><path d="{shape}"/></clipPath></defs>'
        + both.format(f'<path d="{shape}" fill="url(#l)"/><g clip-path="url(#c)">{shine}</g>')
        + "</svg>"
    )
    return Art.of_svg(frame), Art.of_svg(lenses)


def _temple(style: Style) -> Art:
    light, dark, width, *_ = _LOOKS[style]
    thick = 2 + width
    return Art.of_svg(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 16"><defs>'
        '<linearGradient id="t" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="{light}"/><stop offset="1" stop-color="{dark}"/>'
        '</linearGradient><linearGradient id="m" x1="0" y1="0" x2="1" y2="0">'
        '<stop offset="0.75" stop-color="#fff"/><stop offset="1" stop-color="#fff" '
        'stop-opacity="0"/></linearGradient></defs>'
        f'<rect x="0" y="{8 - thick / 2}" width="96" height="{thick}" rx="2" fill="url(#t)"/>'
        "</svg>",
        256,
    )
