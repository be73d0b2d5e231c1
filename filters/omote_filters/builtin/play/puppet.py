"""A drawn animal that plays along."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import skia

from omote_filters.cover import Cover, Covers
from omote_filters.draw.crop import drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.expression import Expression, Expressions
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice
from omote_filters.words import Appearance, Need, Stage

_LARGER = 1.04
_ROOM = 1.85
"""Ears reach so many radii from the head's middle."""
_DEEP = {"ears": -0.35, "face": 0.85, "muzzle": 1.35, "nose": 1.75}
"""How far a layer slides as the head turns: what is nearer slides farther."""

Ink = tuple[int, int, int]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Animal:
    fur: Ink
    pale: Ink
    dark: Ink
    iris: Ink
    ears: Literal["pointed", "round", "long"]
    inner_ear: Ink
    patches: bool = False
    stripes: bool = False
    whiskers: bool = True


_ANIMALS = {
    "fox": _Animal(
        (232, 118, 46), (255, 244, 230), (72, 40, 30), (196, 140, 40), "pointed", (70, 40, 34)
    ),
    "cat": _Animal(
        (142, 148, 162),
        (238, 238, 242),
        (58, 60, 72),
        (110, 190, 110),
        "pointed",
        (244, 170, 176),
        stripes=True,
    ),
    "panda": _Animal(
        (246, 246, 244),
        (255, 255, 255),
        (36, 36, 42),
        (96, 66, 46),
        "round",
        (36, 36, 42),
        patches=True,
        whiskers=False,
    ),
    "rabbit": _Animal(
        (222, 196, 170), (255, 248, 240), (92, 66, 52), (120, 80, 60), "long", (246, 182, 184)
    ),
}


@dataclass(slots=True)
class _Ears:
    """How the ears hang: they follow the head late and answer to the brows."""

    left: Spring
    right: Spring
    angle: float


class Puppet(Filter):
    """A drawn animal's head in place of the face: it looks, blinks, talks and turns with it."""

    id = "puppet"
    name = "Puppet"
    appearance = Appearance.ANONYMISE
    stage = Stage.GRADE
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """Which animal."""

        animal: Literal["fox", "cat", "panda", "rabbit"] = choice("fox", label="Animal")

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._covers = Covers()
        self._expressions = Expressions()
        self._ears = TrackMemory[_Ears]()

    def apply(self, scene: Scene) -> None:
        """Cover every face, and for a while the place where one was last seen."""
        for face in filter(drawable, scene.faces):
            self._expressions.follow(face, scene.elapsed)
        for track_id, cover in self._covers.over(scene):
            shown = self._expressions.of(track_id)
            ears = self._sway(scene, track_id, cover, shown)
            animal = _ANIMALS[self.settings.animal]
            draw = partial(_draw, shown=shown, ears=ears, animal=animal)
            cover.stand_in(scene, draw, _LARGER, _ROOM)

    def _sway(self, scene: Scene, track_id: str, cover: Cover, shown: Expression) -> _Ears:
        ears = self._ears.get(track_id)
        if ears is None:
            ears = _Ears(Spring(0.0, response=0.28), Spring(0.0, response=0.28), cover.angle)
        swing = (cover.angle - ears.angle + math.pi) % (2 * math.pi) - math.pi
        pull = max(-0.5, min(0.5, -6 * swing))
        ears.left.follow(0.5 * -shown.brow_left + pull, scene.elapsed)
        ears.right.follow(0.5 * shown.brow_right + pull, scene.elapsed)
        ears.angle = cover.angle
        self._ears.put(track_id, ears)
        return ears


def _draw(canvas: Any, shown: Expression, ears: _Ears, animal: _Animal) -> None:
    with _layer(canvas, shown, "ears"):
        _ear(canvas, animal, 1, ears.left.value)
        _ear(canvas, animal, -1, ears.right.value)
    _head(canvas, animal, shown)
    with _layer(canvas, shown, "face"):
        _markings(canvas, animal)
        _eye(canvas, animal, 0.36, shown.blink_left, shown)
        _eye(canvas, animal, -0.36, shown.blink_right, shown)
        _brow(canvas, animal, 1, shown.brow_left)
        _brow(canvas, animal, -1, shown.brow_right)
    with _layer(canvas, shown, "muzzle"):
        _mouth(canvas, shown)
        _muzzle(canvas, animal, shown)
    with _layer(canvas, shown, "nose"):
        _nose(canvas, animal)


@contextmanager
def _layer(canvas: Any, shown: Expression, name: str) -> Iterator[None]:
    """Draws at a depth: shifted, and narrower where it turns away."""
    canvas.save()
    canvas.translate(_DEEP[name] * shown.turn, _DEEP[name] * shown.nod)
    canvas.scale(math.sqrt(1 - shown.turn**2), math.sqrt(1 - shown.nod**2))
    yield
    canvas.restore()


def _ear(canvas: Any, animal: _Animal, side: int, sway: float) -> None:
    canvas.save()
    if animal.ears == "round":
        canvas.translate(0.74 * side, -0.78)
        canvas.rotate(math.degrees(0.5 * sway))
        canvas.drawCircle(0, 0, 0.34, _ball(animal.inner_ear, 0.34))
    else:
        tall = 1.15 if animal.ears == "long" else 0.92
        wide = 0.24 if animal.ears == "long" else 0.4
        canvas.translate(0.56 * side, -0.62)
        canvas.rotate(math.degrees(0.2 * side + 0.55 * sway))
        tip = (0.02 * side, -tall)
        outer = _smooth(
            [(-wide, 0.2), (-0.9 * wide, -0.5 * tall), tip, (0.9 * wide, -0.5 * tall), (wide, 0.2)]
        )
        canvas.drawPath(outer, _fill(animal.fur))
        inner = _smooth(
            [
                (-0.55 * wide, 0.1),
                (-0.52 * wide, -0.45 * tall),
                (tip[0], -0.82 * tall),
                (0.52 * wide, -0.45 * tall),
                (0.55 * wide, 0.1),
            ]
        )
        canvas.drawPath(inner, _fill(animal.inner_ear))
    canvas.restore()


def _head(canvas: Any, animal: _Animal, shown: Expression) -> None:
    """The head and its cheeks: at least the whole disc, for it hides a face."""
    drop = 0.1 * shown.mouth
    tufts = skia.Path()
    for side in (-1, 1):
        tufts.moveTo(0.8 * side, -0.05)
        tufts.cubicTo(1.2 * side, 0.2, 1.12 * side, 0.42, 1.28 * side, 0.56 + drop)
        tufts.cubicTo(1.02 * side, 0.6, 0.98 * side, 0.7, 1.0 * side, 0.86 + drop)
        tufts.cubicTo(0.7 * side, 0.92, 0.4 * side, 1.02, 0, 1.0 + drop)
        tufts.lineTo(0, 0)
    canvas.drawPath(tufts, _fill(animal.fur))
    canvas.drawCircle(0, 0, 1.0, _ball(animal.fur, 1.0))
    with _layer(canvas, shown, "face"):
        bib = skia.Path()
        bib.moveTo(0, 0.02)
        bib.cubicTo(0.35, 0.12, 0.75, 0.05, 0.86, 0.3)
        bib.cubicTo(0.8, 0.75, 0.4, 0.96, 0, 0.97)
        bib.cubicTo(-0.4, 0.96, -0.8, 0.75, -0.86, 0.3)
        bib.cubicTo(-0.75, 0.05, -0.35, 0.12, 0, 0.02)
        canvas.drawPath(bib, _fill(animal.pale))


def _markings(canvas: Any, animal: _Animal) -> None:
    if animal.patches:
        for side in (-1, 1):
            canvas.save()
            canvas.translate(0.38 * side, -0.1)
            canvas.rotate(28 * side)
            canvas.drawOval(skia.Rect.MakeXYWH(-0.27, -0.33, 0.54, 0.68), _fill(animal.dark))
            canvas.restore()
    if animal.stripes:
        for x, length in ((-0.17, 0.22), (0, 0.32), (0.17, 0.22)):
            stripe = skia.Path()
            stripe.moveTo(x - 0.045, -0.92)
            stripe.lineTo(x + 0.045, -0.92)
            stripe.lineTo(0.8 * x, -0.92 + length)
            stripe.close()
            canvas.drawPath(stripe, _fill(animal.dark))
        for side in (-1, 1):
            for y in (0.12, 0.28):
                canvas.drawLine(0.92 * side, y, 0.68 * side, y + 0.05, _line(animal.dark, 0.06))


def _eye(canvas: Any, animal: _Animal, x: float, blink: float, shown: Expression) -> None:
    closed = min(1.0, blink + 0.22 * max(shown.smile, 0.0))
    middle = -0.13
    white = skia.Rect.MakeLTRB(x - 0.185, middle - 0.22, x + 0.185, middle + 0.22)
    canvas.save()
    canvas.clipPath(skia.Path.Oval(white), doAntiAlias=True)
    canvas.drawOval(white, _fill((255, 255, 255)))
    at = (x + 0.085 * shown.look_right, middle + 0.02 - 0.09 * shown.look_up)
    stops = [skia.Color(*animal.iris), skia.Color(*(round(0.45 * c) for c in animal.iris))]
    iris = skia.GradientShader.MakeRadial((at[0], at[1] + 0.06), 0.2, stops)
    canvas.drawCircle(*at, 0.15, skia.Paint(AntiAlias=True, Shader=iris))
    canvas.drawCircle(*at, 0.085, _fill((18, 16, 20)))
    canvas.drawCircle(at[0] - 0.05, at[1] - 0.06, 0.042, _fill((255, 255, 255)))
    canvas.drawCircle(at[0] + 0.05, at[1] + 0.06, 0.02, _fill((255, 255, 255)))
    lid = animal.dark if animal.patches else animal.fur
    down = middle - 0.24 + 0.42 * closed
    canvas.drawRect(skia.Rect.MakeLTRB(x - 0.3, middle - 0.4, x + 0.3, down), _fill(lid))
    up = middle + 0.24 - 0.1 * closed
    canvas.drawRect(skia.Rect.MakeLTRB(x - 0.3, up, x + 0.3, middle + 0.4), _fill(lid))
    canvas.restore()
    edge = max(down, middle - 0.19)
    half = 0.185 * math.sqrt(max(0.2, 1 - ((edge - middle) / 0.22) ** 2))
    lash = skia.Path()
    lash.moveTo(x - half, edge)
    lash.quadTo(x, edge + (0.06 if closed > 0.6 else -0.09), x + half, edge)
    canvas.drawPath(lash, _line(animal.dark, 0.045))


def _brow(canvas: Any, animal: _Animal, side: int, raised: float) -> None:
    lowered = max(-raised, 0.0)
    inner = -0.46 - 0.13 * max(raised, 0.0) + 0.14 * lowered
    outer = -0.45 - 0.12 * max(raised, 0.0) - 0.04 * lowered
    path = skia.Path()
    path.moveTo(side * 0.22, inner)
    path.quadTo(side * 0.36, min(inner, outer) - 0.08, side * 0.52, outer)
    canvas.drawPath(path, _line(animal.dark, 0.055))


def _mouth(canvas: Any, shown: Expression) -> None:
    """The open mouth below the muzzle; nothing where it is closed."""
    if shown.mouth < 0.06:
        return
    wide = 0.3 + 0.08 * max(shown.smile, 0) - 0.14 * shown.pucker
    lower = 0.5 + 0.5 * shown.mouth
    path = skia.Path()
    path.moveTo(-wide, 0.46)
    path.cubicTo(-wide, lower, -0.5 * wide, lower + 0.06, 0, lower + 0.06)
    path.cubicTo(0.5 * wide, lower + 0.06, wide, lower, wide, 0.46)
    path.close()
    canvas.drawPath(path, _fill((96, 24, 30)))
    canvas.save()
    canvas.clipPath(path, doAntiAlias=True)
    tongue = skia.Rect.MakeLTRB(-0.7 * wide, lower - 0.14, 0.7 * wide, lower + 0.25)
    canvas.drawOval(tongue, _fill((238, 112, 118)))
    canvas.restore()


def _muzzle(canvas: Any, animal: _Animal, shown: Expression) -> None:
    lift = 0.05 * shown.smile
    for side in (-1, 1):
        cheek = skia.Rect.MakeXYWH(side * 0.17 - 0.24, 0.2 - lift, 0.48, 0.36)
        canvas.drawOval(cheek, _fill(animal.pale))
    lip = skia.Path()
    wide = 0.3 - 0.12 * shown.pucker
    lip.moveTo(-wide, 0.47 - 0.14 * shown.smile)
    lip.quadTo(-0.14, 0.6 + 0.03 * shown.smile, 0, 0.46)
    lip.quadTo(0.14, 0.6 + 0.03 * shown.smile, wide, 0.47 - 0.14 * shown.smile)
    canvas.drawPath(lip, _line(animal.dark, 0.042))
    canvas.drawLine(0, 0.3, 0, 0.46, _line(animal.dark, 0.042))
    if animal.whiskers:
        for side in (-1, 1):
            for tilt in (-0.1, 0.0, 0.1):
                start, end = (side * 0.34, 0.38 + 0.4 * tilt), (side * 0.86, 0.36 + 1.2 * tilt)
                canvas.drawLine(*start, *end, _line((252, 252, 252), 0.016))


def _nose(canvas: Any, animal: _Animal) -> None:
    nose = skia.Path()
    nose.moveTo(-0.14, 0.17)
    nose.cubicTo(-0.08, 0.11, 0.08, 0.11, 0.14, 0.17)
    nose.cubicTo(0.13, 0.26, 0.05, 0.31, 0, 0.32)
    nose.cubicTo(-0.05, 0.31, -0.13, 0.26, -0.14, 0.17)
    canvas.drawPath(nose, _fill(animal.dark))
    canvas.drawOval(skia.Rect.MakeXYWH(-0.075, 0.155, 0.1, 0.045), _fill((255, 255, 255), 110))


def _smooth(points: Points) -> Any:
    """A closed outline that is rounded at its inner points."""
    path = skia.Path()
    path.moveTo(*points[0])
    for (x, y), (next_x, next_y) in pairwise(points[1:]):
        path.quadTo(x, y, (x + next_x) / 2, (y + next_y) / 2)
    path.lineTo(*points[-1])
    path.close()
    return path


def _ball(colour: Ink, radius: float) -> Any:
    light = [min(255, round(c + (255 - c) * 0.25)) for c in colour]
    dark = [round(0.8 * c) for c in colour]
    stops = [skia.Color(*light), skia.Color(*colour), skia.Color(*dark)]
    middle = (-0.25 * radius, -0.4 * radius)
    shader = skia.GradientShader.MakeRadial(middle, 1.6 * radius, stops, [0.0, 0.55, 1.0])
    return skia.Paint(AntiAlias=True, Shader=shader)


def _fill(colour: Ink, alpha: int = 255) -> Any:
    return skia.Paint(AntiAlias=True, Color=skia.Color(*colour, alpha))


def _line(colour: Ink, width: float) -> Any:
    return skia.Paint(
        AntiAlias=True,
        Color=skia.Color(*colour),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeJoin=skia.Paint.kRound_Join,
    )
