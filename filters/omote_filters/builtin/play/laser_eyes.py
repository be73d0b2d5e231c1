"""Laser eyes."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np
import skia

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.surface import surface_on
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, colour, rgb
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS

Trigger = Literal["always", "mouth_open", "brow_raise"]

_REACH_CM = 46.0
"""How far a beam is seen."""
_FINEST = 420
_BEGIN, _END = 0.35, 0.2


class LaserEyes(Filter):
    """Beams of light that leave the eyes in the direction of the face."""

    id = "laser_eyes"
    name = "Laser eyes"
    appearance = Appearance.NOVELTY
    stage = Stage.PARTICLES
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """Their colour, and when they shine."""

        colour: str = colour("#ff2a2a", label="Colour")
        trigger: Trigger = choice("always", label="When")

    def start(self) -> None:
        """Begin in the dark."""
        self._powers = TrackMemory[tuple[bool, Spring]]()

    def apply(self, scene: Scene) -> None:
        """Let every face shoot."""
        for face in filter(drawable, scene.faces):
            power = self._power(scene, face)
            if power > 0.01:
                self._shoot(scene, face, power)

    def _power(self, scene: Scene, face: Face) -> float:
        before, spring = self._powers.get(face.track_id) or (False, Spring(response=0.12))
        now = self._fires(face, before)
        if scene.elapsed == 0:
            spring.value = float(now)
        power = spring.follow(float(now), scene.elapsed)
        self._powers.put(face.track_id, (now, spring))
        return power * (0.9 + 0.1 * math.sin(53 * scene.time))

    def _fires(self, face: Face, before: bool) -> bool:
        if self.settings.trigger == "always":
            return True
        name = "jawOpen" if self.settings.trigger == "mouth_open" else "browInnerUp"
        score = face.blendshape(name)
        return math.isfinite(score) and score > (_END if before else _BEGIN)

    def _shoot(self, scene: Scene, face: Face, power: float) -> None:
        head = HeadFrame.of(face)
        beams = [
            _beam(face, head, iris)
            for iris, eye in ((RIGHT_IRIS, RIGHT_EYE), (LEFT_IRIS, LEFT_EYE))
            if _open(face, eye)
        ]
        if not beams:
            return
        ends = np.concatenate(beams)
        reach = 0.75 * face.width
        box = Box.around(ends)
        box = Box(box.x - reach, box.y - reach, box.width + 2 * reach, box.height + 2 * reach)
        crop = Crop.of(scene, box, _FINEST)
        if crop is None:
            return
        light = np.zeros((crop.height, crop.width, 4), np.uint8)
        canvas = surface_on(light).getCanvas()
        for beam in beams:
            _shine(canvas, crop.place(beam), face.width * crop.scale, rgb(self.settings.colour))
        glow = cv2.convertScaleAbs(cv2.cvtColor(light, cv2.COLOR_RGBA2RGB), alpha=power)
        view = scene.edit(crop.rect)
        cv2.add(view, crop.enlarged(np.asarray(glow, np.uint8)), dst=view)


def _open(face: Face, eye: tuple[int, ...]) -> bool:
    """Whether an eye is open wide enough to see its iris."""
    points = face.points[list(eye)]
    middle, upper = points[[4, 12]]
    across = float(np.linalg.norm(points[8] - points[0]))
    return float(np.linalg.norm(upper - middle)) > 0.1 * across


def _beam(face: Face, head: HeadFrame, iris: tuple[int, ...]) -> FloatArray:
    """From the iris to where the beam is lost, (2, 2) pixels."""
    begin = face.points[iris[0]]
    aim = head.facing[:2] * _REACH_CM * head.scale
    # Who looks into the camera still shoots somewhere: slightly down.
    down = -head.up[:2] * 6.0 * head.scale
    return np.asarray(np.stack((begin, begin + aim + down)), np.float32)


def _shine(canvas: skia.Canvas, beam: FloatArray, unit: float, tone: tuple[int, int, int]) -> None:
    """A beam that widens towards the viewer, and the flare at the eye."""
    begin, end = beam
    along = end - begin
    length = max(float(np.linalg.norm(along)), 1e-3)
    across = np.array((-along[1], along[0])) / length
    near, far = 0.02 * unit, 0.02 * unit + 0.14 * length
    red, green, blue = tone
    pale = tuple((value + 3 * 255) // 4 for value in tone)
    for size, colours, blur in (
        (2.6, ((red, green, blue, 150), (red, green, blue, 0)), 0.035),
        (1.2, ((red, green, blue, 255), (red, green, blue, 0)), 0.012),
        (0.5, ((*pale, 255), (*pale, 0)), 0.004),
    ):
        path = skia.Path()
        corners = (
            begin + across * near * size,
            end + across * far * size,
            end - across * far * size,
            begin - across * near * size,
        )
        path.addPoly([skia.Point(float(x), float(y)) for x, y in corners], True)
        fade = skia.GradientShader.MakeLinear(
            [tuple(begin.tolist()), tuple(end.tolist())], [skia.Color(*c) for c in colours]
        )
        brush = skia.Paint(
            AntiAlias=True,
            Shader=fade,
            BlendMode=skia.BlendMode.kPlus,
            MaskFilter=skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur * unit + 0.1),
        )
        canvas.drawPath(path, brush)
    x, y = begin.tolist()
    for radius, stops in (
        (0.34, [skia.Color(red, green, blue, 190), skia.Color(red, green, blue, 0)]),
        (0.11, [skia.Color(255, 255, 255, 255), skia.Color(*pale, 0)]),
    ):
        flare = skia.GradientShader.MakeRadial((x, y), radius * unit, stops)
        brush = skia.Paint(AntiAlias=True, Shader=flare, BlendMode=skia.BlendMode.kPlus)
        canvas.drawCircle(x, y, radius * unit, brush)
    streak = skia.Paint(
        AntiAlias=True,
        Color=skia.Color(*pale, 170),
        BlendMode=skia.BlendMode.kPlus,
        MaskFilter=skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 0.008 * unit + 0.1),
    )
    half = 0.42 * unit
    canvas.drawOval(
        skia.Rect.MakeLTRB(x - half, y - 0.012 * unit, x + half, y + 0.012 * unit), streak
    )
