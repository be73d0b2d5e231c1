"""Faces behind an emoji that makes the same face."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import skia

from omote_filters.cover import Covers
from omote_filters.draw.crop import drawable
from omote_filters.draw.expression import Expression, Expressions
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, colour, rgb
from omote_filters.words import Appearance, Need, Stage

_LARGER = 1.03
_INK, _WARM = skia.Color(72, 44, 20), skia.Color(255, 96, 70)


class EmojiFace(Filter):
    """Hides a face behind an emoji that smiles, blinks, talks and turns with it."""

    id = "emoji_face"
    name = "Emoji face"
    appearance = Appearance.ANONYMISE
    stage = Stage.GRADE
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """Which colour."""

        colour: str = colour("#ffcb3d", label="Colour", hint="Of the emoji's skin")

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._covers = Covers()
        self._expressions = Expressions()

    def apply(self, scene: Scene) -> None:
        """Cover every face, and for a while the place where one was last seen."""
        for face in filter(drawable, scene.faces):
            self._expressions.follow(face, scene.elapsed)
        for track_id, cover in self._covers.over(scene):
            shown, skin = self._expressions.of(track_id), rgb(self.settings.colour)
            cover.stand_in(scene, partial(_draw, shown=shown, skin=skin), _LARGER)


def _draw(canvas: Any, shown: Expression, skin: tuple[int, int, int]) -> None:
    _head(canvas, skin)
    # Features slide on a ball: those that turn away are seen narrower.
    canvas.translate(shown.turn, shown.nod)
    canvas.scale(math.sqrt(1 - shown.turn**2), math.sqrt(1 - shown.nod**2))
    _cheeks(canvas, shown)
    _eye(canvas, 0.33, shown.blink_left, shown.smile)
    _eye(canvas, -0.33, shown.blink_right, shown.smile)
    _brow(canvas, 1, shown.brow_left)
    _brow(canvas, -1, shown.brow_right)
    _mouth(canvas, shown)


def _head(canvas: Any, skin: tuple[int, int, int]) -> None:
    light = [min(255, round(c + (255 - c) * 0.45)) for c in skin]
    dark = [round(c * factor) for c, factor in zip(skin, (0.86, 0.68, 0.5), strict=True)]
    stops = [skia.Color(*light), skia.Color(*skin), skia.Color(*dark)]
    shader = skia.GradientShader.MakeRadial((-0.3, -0.42), 1.5, stops, [0.0, 0.5, 1.0])
    canvas.drawCircle(0, 0, 1, skia.Paint(AntiAlias=True, Shader=shader))


def _cheeks(canvas: Any, shown: Expression) -> None:
    strength = max(0.0, shown.smile) * 0.45
    for side in (-1, 1):
        centre = (0.56 * side, 0.2)
        stops = [_WARM, skia.ColorSetA(_WARM, 0)]
        shader = skia.GradientShader.MakeRadial(centre, 0.26, stops)
        paint = skia.Paint(AntiAlias=True, Shader=shader, Alphaf=strength)
        canvas.drawCircle(*centre, 0.26, paint)


def _eye(canvas: Any, x: float, blink: float, smile: float) -> None:
    closed = min(1.0, blink + 0.18 * max(smile, 0.0))
    half = 0.205 * (1 - closed)
    if half < 0.05:
        path = skia.Path()
        path.moveTo(x - 0.15, -0.13)
        bend = -0.16 if smile > 0.2 else 0.12
        path.quadTo(x, -0.13 + bend, x + 0.15, -0.13)
        canvas.drawPath(path, _line(0.07))
        return
    box = skia.Rect.MakeLTRB(x - 0.125, -0.16 - half, x + 0.125, -0.16 + half)
    canvas.drawOval(box, skia.Paint(AntiAlias=True, Color=_INK))
    canvas.save()
    canvas.clipPath(skia.Path.Oval(box), doAntiAlias=True)
    glint = skia.Paint(AntiAlias=True, Color=skia.Color(255, 255, 255, 225))
    canvas.drawCircle(x - 0.04, -0.16 - 0.5 * half, 0.042, glint)
    canvas.restore()


def _brow(canvas: Any, side: int, raised: float) -> None:
    inner = -0.5 - 0.15 * raised + (0.1 * -raised if raised < 0 else 0.0)
    inner = inner + (0.2 * -raised if raised < 0 else 0.0)
    outer = -0.47 - 0.12 * raised - (0.05 * -raised if raised < 0 else 0.0)
    path = skia.Path()
    path.moveTo(side * 0.2, inner)
    path.quadTo(side * 0.34, min(inner, outer) - 0.09, side * 0.5, outer)
    canvas.drawPath(path, _line(0.062))


def _mouth(canvas: Any, shown: Expression) -> None:
    wide = 0.4 + 0.12 * max(shown.smile, 0.0) - 0.24 * shown.pucker
    corner = 0.37 - 0.13 * shown.smile - 0.03 * shown.mouth
    middle = 0.37 + 0.13 * shown.smile - 0.1 * shown.mouth
    lower = middle + 0.72 * shown.mouth * (1 - 0.2 * shown.pucker)
    path = skia.Path()
    path.moveTo(-wide, corner)
    path.cubicTo(-0.5 * wide, middle, 0.5 * wide, middle, wide, corner)
    if shown.mouth < 0.08:
        canvas.drawPath(path, _line(0.068))
        return
    path.cubicTo(0.85 * wide, lower, -0.85 * wide, lower, -wide, corner)
    path.close()
    canvas.drawPath(path, skia.Paint(AntiAlias=True, Color=skia.Color(94, 22, 26)))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    floor = 0.25 * corner + 0.75 * lower
    tongue = skia.Rect.MakeLTRB(-0.62 * wide, floor - 0.13, 0.62 * wide, floor + 0.3)
    canvas.drawOval(tongue, skia.Paint(AntiAlias=True, Color=skia.Color(236, 92, 92)))
    roof = 0.25 * corner + 0.75 * middle
    teeth = skia.Rect.MakeLTRB(-0.8 * wide, roof - 0.3, 0.8 * wide, roof + 0.075)
    canvas.drawRoundRect(teeth, 0.06, 0.06, skia.Paint(AntiAlias=True, Color=skia.ColorWHITE))
    canvas.restore()
    canvas.drawPath(path, _line(0.03))


def _line(width: float) -> Any:
    return skia.Paint(
        AntiAlias=True,
        Color=_INK,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )
