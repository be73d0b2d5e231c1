"""Beards."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.sheet import Art, Sheet, SheetPainter
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, colour, rgb
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face, FloatArray

Style = Literal["stubble", "short", "full", "goatee"]

_JAW = (
    *(93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323),
)
"""From before the person's right ear along the jaw to the left one."""
_UPPER_EDGE = (
    *(137, 147, 213, 192, 214, 212, 202, 204, 201, 18),
    *(421, 424, 422, 432, 434, 416, 433, 376, 366),
)
"""Where the beard ends on the cheeks and below the lip, for each point of the jaw."""
_LIP_TOP = (216, 92, 165, 167, 164, 393, 391, 322, 436)
_LIP_EDGE = (61, 185, 40, 37, 0, 267, 270, 409, 291)
"""The strip between the nose and the upper lip, from the right to the left corner."""
_MIDDLE = np.array((0.0, -1.0, -2.0), np.float32)
"""What the hair grows away from, centimetres of the head."""
_LENGTHS = {"stubble": 0.15, "short": 0.9, "full": 3.6, "goatee": 1.9}
_LIFT_CM = 0.25


class Beard(Filter):
    """A beard of many hairs that moves with the jaw and the lip."""

    id = "beard"
    name = "Beard"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which one."""

        style: Style = choice("full", label="Style")
        colour: str = colour("#3a2415", label="Colour")

    def start(self) -> None:
        """Grow the hair that these settings ask for."""
        self._painter = SheetPainter()
        _arts(self.settings.style, rgb(self.settings.colour))

    def apply(self, scene: Scene) -> None:
        """Grow it on every jaw."""
        style: Style = self.settings.style
        jaw, lip = _arts(style, rgb(self.settings.colour))
        for face in filter(drawable, scene.faces):
            head = HeadFrame.of(face)
            sheets = [Sheet(jaw, _jaw_grid(face, head, style)), Sheet(lip, _lip_grid(face, head))]
            self._painter.draw(scene, face, head, sheets)


def _jaw_grid(face: Face, head: HeadFrame, style: Style) -> FloatArray:
    """Four rows: where the beard begins, half way, the edge of the jaw, the tips of the hair."""
    jaw = head.found(face.landmarks[list(_JAW)])
    begin = head.found(face.landmarks[list(_UPPER_EDGE)])
    along = np.linspace(-1, 1, len(_JAW))[:, None]
    away = (jaw - _MIDDLE) * (1, 1, 0.35)
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    chin = np.clip(1 - np.abs(along), 0, 1) ** 0.8
    tips = jaw + away * _LENGTHS[style] * (0.12 + 0.88 * chin)
    grid = np.stack((begin, 0.45 * begin + 0.55 * jaw, jaw, tips))
    grid[:3, :, 2] += _LIFT_CM
    return np.asarray(grid, np.float32)


def _lip_grid(face: Face, head: HeadFrame) -> FloatArray:
    top, edge = (head.found(face.landmarks[list(row)]) for row in (_LIP_TOP, _LIP_EDGE))
    high = top + 0.55 * (top - edge)
    grid = np.stack((high, (high + edge) / 2, 0.94 * edge + 0.06 * top))
    grid[:, :, 2] += _LIFT_CM
    return np.asarray(grid, np.float32)


@lru_cache(maxsize=16)
def _arts(style: Style, tone: tuple[int, int, int]) -> tuple[Art, Art]:
    """The strip along the jaw, and the one on the lip: thousands of strokes, kept for all."""
    return Art.of(_hair(style, tone, 720, 200, lip=False)), Art.of(
        _hair(style, tone, 320, 80, lip=True)
    )


def _hair(
    style: Style, tone: tuple[int, int, int], width: int, height: int, *, lip: bool
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Hair as (height, width, 4) uint8 RGBA, multiplied by its alpha; it grows downwards."""
    rng = np.random.default_rng(11)
    fine = style == "stubble"
    count = (width * height) // (34 if fine else 22)
    strokes = []
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(-0.04, 0.98) * height
        long = rng.uniform(2, 5) if fine else rng.uniform(14, 34) * (0.6 if lip else 1)
        lean = rng.normal(0, 0.25) * long
        gain = rng.choice((0.45, 0.8, 1.15, 1.7), p=(0.35, 0.3, 0.22, 0.13))
        shade = "#" + "".join(f"{round(min(255, max(12, v) * gain)):02x}" for v in tone)
        thick = rng.uniform(0.8, 1.5) if fine else rng.uniform(1.0, 2.2)
        strokes.append(
            f'<path d="M{x:.0f} {y:.0f} q{lean:.1f} {long / 2:.1f} {lean / 2:.1f} {long:.0f}" '
            f'stroke="{shade}" stroke-width="{thick:.1f}" fill="none" opacity="0.8"/>'
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f"{''.join(strokes)}</svg>"
    )
    drawn = Art.of_svg(svg, width).levels[0].astype(np.float32)
    u, v = np.linspace(-1, 1, width)[None, :], np.linspace(0, 1, height)[:, None]
    ground = np.array((*(0.62 * value for value in tone), 255), np.float32)
    thick = 0.0 if fine else 0.92
    under = ground * thick * _dense(u, v, lip=lip)[:, :, None]
    hair = drawn + under * (1 - drawn[:, :, 3:] / 255)
    shown = _shown(style, u, v, rng, lip=lip)
    return np.rint(np.clip(hair * shown[:, :, None], 0, 255)).astype(np.uint8)


def _dense(
    u: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    v: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    *,
    lip: bool,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Where no skin shows between the hairs: not at the edges."""
    edge = 0.25 if lip else 0.3
    begin = np.clip((v - 0.03) / edge, 0, 1)
    end = np.clip((1 - v) / (0.1 if lip else 0.22), 0, 1)
    sides = np.clip((1 - np.abs(u)) / 0.12, 0, 1)
    return np.asarray(begin * end * sides)


def _shown(
    style: Style,
    u: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    v: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    rng: np.random.Generator,
    *,
    lip: bool,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """How much of the hair is there: it thins out to its borders, in tufts."""
    tufts = np.interp(
        np.linspace(0, 1, u.shape[1]), np.linspace(0, 1, 60), rng.uniform(0.8, 1.0, 60)
    )
    tip = np.clip((tufts[None] - v) / 0.12, 0, 1)
    begin = np.clip(v / (0.12 if lip else 0.16), 0, 1)
    sides = np.clip((1 - np.abs(u)) / 0.16, 0, 1)
    shown = begin * sides * (1.0 if lip else tip)
    if style == "goatee" and not lip:
        shown = shown * np.clip((0.4 - np.abs(u)) / 0.1, 0, 1)
    return np.asarray(shown * (0.62 if style == "stubble" else 1.0))
