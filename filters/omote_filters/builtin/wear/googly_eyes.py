"""Googly eyes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import skia

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.sheet import light_of
from omote_filters.draw.surface import surface_on
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face
from omote_models.landmarks import LEFT_EYE, RIGHT_EYE

_PUPIL = 0.52
"""The pupil's radius against the eye's."""
_GRAVITY = 26.0
"""Radii of the eye per second squared."""
_BOUNCE, _DRAG = 0.55, 1.4
_INERTIA = 1.0
"""How much of the eye's own acceleration the loose pupil feels."""
_LONGEST_S, _STEP_S = 0.25, 1 / 120


@dataclass(slots=True)
class _Loose:
    """A pupil in its cup; lengths are radii of the eye.

    Attributes:
        at: where the pupil lies, from the middle.
        velocity: radii per second.
        eye: where the eye was, pixels.
        moving: how fast the eye moved, radii per second.
    """

    at: tuple[float, float]
    velocity: tuple[float, float]
    eye: tuple[float, float]
    moving: tuple[float, float]

    def step(self, eye: tuple[float, float], radius: float, elapsed: float) -> None:
        """Fall, and be thrown about by the eye that moved."""
        if not 0 < elapsed <= _LONGEST_S:
            self.eye, self.moving = eye, (0.0, 0.0)
            return
        moving = [(new - old) / radius / elapsed for new, old in zip(eye, self.eye, strict=True)]
        jolt = [
            -_INERTIA * max(-40.0, min(40.0, new - old))
            for new, old in zip(moving, self.moving, strict=True)
        ]
        self.eye, self.moving = eye, (moving[0], moving[1])
        x, y = self.at
        vx, vy = self.velocity[0] + jolt[0], self.velocity[1] + jolt[1]
        for _ in range(max(1, round(elapsed / _STEP_S))):
            vy += _GRAVITY * _STEP_S
            kept = math.exp(-_DRAG * _STEP_S)
            vx, vy = vx * kept, vy * kept
            x, y = x + vx * _STEP_S, y + vy * _STEP_S
            x, y, vx, vy = _held(x, y, vx, vy)
        self.at, self.velocity = (x, y), (vx, vy)


class GooglyEyes(Filter):
    """Big plastic eyes whose loose pupils fall and are thrown about as the head moves."""

    id = "googly_eyes"
    name = "Googly eyes"
    appearance = Appearance.NOVELTY
    stage = Stage.STICKER
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How large."""

        size: float = slider(1.0, 0.6, 1.6, label="Size")

    def start(self) -> None:
        """Forget every pupil."""
        self._pupils = TrackMemory[tuple[_Loose, _Loose]]()

    def apply(self, scene: Scene) -> None:
        """Stick a pair on every face."""
        for face in filter(drawable, scene.faces):
            self._stick(scene, face)

    def _stick(self, scene: Scene, face: Face) -> None:
        radius = 0.165 * face.width * self.settings.size
        middles = [face.points[list(ring)].mean(axis=0) for ring in (RIGHT_EYE, LEFT_EYE)]
        places = [(float(x), float(y)) for x, y in middles]
        pair = self._pupils.get(face.track_id)
        if pair is None:
            one, two = (_Loose((0.0, 0.4), (0.0, 0.0), at, (0.0, 0.0)) for at in places)
            pair = one, two
        self._pupils.put(face.track_id, pair)
        for pupil, at in zip(pair, places, strict=True):
            pupil.step(at, radius, scene.elapsed)
        reach = 1.25 * radius
        box = Box.around(np.array(places, np.float32))
        box = Box(box.x - reach, box.y - reach, box.width + 2 * reach, box.height + 2 * reach)
        crop = Crop.of(scene, box)
        if crop is None:
            return
        paint = np.zeros((crop.height, crop.width, 4), np.uint8)
        canvas = surface_on(paint).getCanvas()
        for pupil, at in zip(pair, places, strict=True):
            x, y = crop.place(np.array([at], np.float32))[0].tolist()
            canvas.save()
            canvas.translate(x, y)
            canvas.scale(radius * crop.scale, radius * crop.scale)
            _draw(canvas, pupil.at)
            canvas.restore()
        light = np.append(np.minimum(light_of(scene, face), 1), 1)
        lit = np.asarray(cv2.multiply(paint, light.astype(np.float64)), np.uint8)
        over(scene.edit(crop.rect), np.ascontiguousarray(crop.enlarged(lit)))


def _held(x: float, y: float, vx: float, vy: float) -> tuple[float, float, float, float]:
    """Kept inside the cup: what runs against its wall bounces off."""
    room = 1 - _PUPIL - 0.06
    away = math.hypot(x, y)
    if away <= room:
        return x, y, vx, vy
    nx, ny = x / away, y / away
    into = vx * nx + vy * ny
    if into > 0:
        vx, vy = vx - (1 + _BOUNCE) * into * nx, vy - (1 + _BOUNCE) * into * ny
    return room * nx, room * ny, vx, vy


def _draw(canvas: skia.Canvas, pupil: tuple[float, float]) -> None:
    """An eye of radius 1 about the origin."""
    soft = skia.Paint(
        AntiAlias=True,
        Color=skia.Color(0, 0, 0, 90),
        MaskFilter=skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.08),
    )
    canvas.drawCircle(0.03, 0.09, 1.0, soft)
    shine = skia.GradientShader.MakeRadial(
        (-0.25, -0.3), 1.5, [0xFFFFFFFF, 0xFFF4F5F7, 0xFFB9BEC8], [0.0, 0.55, 1.0]
    )
    canvas.drawCircle(0, 0, 1.0, skia.Paint(AntiAlias=True, Shader=shine))
    rim = skia.Paint(
        AntiAlias=True,
        Color=skia.Color(70, 74, 84),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=0.05,
    )
    canvas.drawCircle(0, 0, 0.98, rim)
    x, y = pupil
    canvas.drawCircle(x + 0.02, y + 0.05, _PUPIL, soft)
    black = skia.GradientShader.MakeRadial((x - 0.12, y - 0.15), 0.8, [0xFF3A3A40, 0xFF060608])
    canvas.drawCircle(x, y, _PUPIL, skia.Paint(AntiAlias=True, Shader=black))
    glint = skia.Paint(AntiAlias=True, Color=skia.Color(255, 255, 255, 190))
    canvas.drawOval(skia.Rect.MakeXYWH(-0.62, -0.72, 0.52, 0.34), glint)
