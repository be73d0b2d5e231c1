"""Tears."""

from __future__ import annotations

import math

import numpy as np
import skia

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.particles import Manner, Particles, tiles_of
from omote_filters.draw.surface import surface_on
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray

_PATHS = (
    (374, 450, 330, 425, 434, 364),
    (145, 230, 101, 205, 214, 135),
)
"""From the middle of each lower lid over the cheek to the jaw."""
_BEADS = 5
_SPEED = 0.3
"""Lengths of the way per second."""
_FALL = Manner(
    gravity=3.0, colours=((255, 255, 255, 235), (255, 255, 255, 200)), tilt=0.0, growth=(1, 1, 0.8)
)
_DROP = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><defs><radialGradient id="t" '
    'cx="0.4" cy="0.6" r="0.7"><stop offset="0" stop-color="#e8f8ff" stop-opacity="0.75"/>'
    '<stop offset="1" stop-color="#57a9e0" stop-opacity="0.95"/></radialGradient></defs>'
    '<path d="M32 4 C36 20 50 30 50 44 A18 17 0 0 1 14 44 C14 30 28 20 32 4 Z" fill="url(#t)"/>'
    '<ellipse cx="25" cy="45" rx="4" ry="7" fill="#fff" opacity="0.9"/></svg>'
)


class Crying(Filter):
    """Tears that well up, run down the cheeks and drop off the jaw."""

    id = "crying"
    name = "Crying"
    appearance = Appearance.NOVELTY
    stage = Stage.STICKER
    needs = frozenset({Need.MESH})
    animated = True

    class Settings(FilterSettings):
        """How much."""

        amount: float = slider(0.7, 0, 1, label="Amount", hint="From a tear to a flood")

    def start(self) -> None:
        """Draw a drop."""
        self._drops = Particles(tiles_of(_DROP), _FALL, most=64)

    def apply(self, scene: Scene) -> None:
        """Let every face cry."""
        self._drops.step(scene.elapsed)
        if self.settings.amount > 0:
            for face in filter(drawable, scene.faces):
                self._cry(scene, face)
        self._drops.draw(scene)

    def _cry(self, scene: Scene, face: Face) -> None:
        amount = self.settings.amount
        crop = Crop.of(scene, Box.around(face.landmarks).grown(0.04, 0.02, 0.04, 0.06), 400)
        if crop is None:
            return
        paint = np.zeros((crop.height, crop.width, 4), np.uint8)
        canvas = surface_on(paint).getCanvas()
        unit = face.width * crop.scale
        for side, path in enumerate(_PATHS):
            way = _smooth(crop.place(face.landmarks[list(path)]))
            if _hidden(face, path):
                continue
            _stream(canvas, way, unit, amount)
            for bead in range(_BEADS):
                phase = scene.time * _SPEED * (0.8 + 0.4 * amount) + (bead + 0.5 * side) / _BEADS
                _bead(canvas, way, phase % 1.0, unit, amount)
        over(scene.edit(crop.rect), np.ascontiguousarray(crop.enlarged(paint)))
        self._drip(scene, face, amount)

    def _drip(self, scene: Scene, face: Face, amount: float) -> None:
        due = self._drops.due(2 * _BEADS * _SPEED * (0.8 + 0.4 * amount) * amount, scene.elapsed)
        for number in range(due):
            path = _PATHS[(number + int(self._drops.chance.integers(0, 2))) % 2]
            if _hidden(face, path):
                continue
            at = face.points[path[-1]][None]
            size = np.array([0.035 + 0.035 * amount])
            still = np.zeros((1, 2), np.float32)
            self._drops.emit(at, still, size, np.array([0.7]), face.width)


def _hidden(face: Face, path: tuple[int, ...]) -> bool:
    """Whether a cheek is turned away: it lies beyond the nose."""
    across = face.points[454] - face.points[234]
    length = float(across @ across)
    if length <= 1e-6:
        return True
    nose = float((face.points[4] - face.points[234]) @ across) / length
    cheek = float((face.points[path[3]] - face.points[234]) @ across) / length
    return cheek < nose + 0.06 if path[0] == 374 else cheek > nose - 0.06


def _smooth(points: FloatArray, steps: int = 8) -> FloatArray:
    """A Catmull-Rom curve through points, ((n - 1) steps + 1, 2)."""
    padded = np.vstack((points[:1], points, points[-1:]))
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i][:, None] for i in range(4))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3
    )
    return np.vstack((curve.reshape(-1, 2), points[-1:])).astype(np.float32)


def _stream(canvas: skia.Canvas, way: FloatArray, unit: float, amount: float) -> None:
    """The wet track: a shine with a darker edge, wider where it is a flood."""
    path = skia.Path()
    path.addPoly([skia.Point(x, y) for x, y in way.tolist()], False)
    for width, colour, shift in (
        (0.026 + 0.05 * amount, skia.Color(70, 140, 205, 70 + round(60 * amount)), 0.0),
        (0.015 + 0.034 * amount, skia.Color(190, 226, 250, 90 + round(60 * amount)), 0.0),
        (0.006 + 0.006 * amount, skia.Color(255, 255, 255, 190), -0.005 - 0.008 * amount),
    ):
        brush = skia.Paint(
            AntiAlias=True,
            Style=skia.Paint.kStroke_Style,
            StrokeWidth=width * unit,
            StrokeCap=skia.Paint.kRound_Cap,
            StrokeJoin=skia.Paint.kRound_Join,
            Color=colour,
            MaskFilter=skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.004 * unit + 0.1),
        )
        canvas.save()
        canvas.translate(shift * unit, 0)
        canvas.drawPath(path, brush)
        canvas.restore()


def _bead(canvas: skia.Canvas, way: FloatArray, phase: float, unit: float, amount: float) -> None:
    """A drop on its way: slow at first, faster on the cheek."""
    at = (phase**1.5) * (len(way) - 1)
    index = min(int(at), len(way) - 2)
    x, y = (way[index] + (at - index) * (way[index + 1] - way[index])).tolist()
    radius = unit * (0.014 + 0.022 * amount) * math.sin(math.pi * min(0.5, phase * 2.5))
    if radius < 0.3:
        return
    body = skia.GradientShader.MakeRadial(
        (x - 0.3 * radius, y + 0.3 * radius), 1.6 * radius, [0xB0F0FBFF, 0xE04E9FDB]
    )
    canvas.drawOval(
        skia.Rect.MakeLTRB(x - radius, y - 1.25 * radius, x + radius, y + 1.15 * radius),
        skia.Paint(AntiAlias=True, Shader=body),
    )
    shine = skia.Paint(AntiAlias=True, Color=skia.Color(255, 255, 255, 230))
    canvas.drawCircle(x - 0.35 * radius, y - 0.3 * radius, 0.26 * radius, shine)
