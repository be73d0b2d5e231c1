"""A thought bubble."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import skia

from omote_filters.draw.crop import drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.sheet import Art
from omote_filters.draw.sprite import Sprite, draw_sprites
from omote_filters.draw.surface import surface_on
from omote_filters.draw.text import lettering
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, text
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_WIDTH, _HEIGHT = 512, 360
_INK = (44, 46, 58)
_LOBES = (
    *((150, 120, 92), (256, 96, 92), (364, 122, 90), (414, 190, 82), (360, 250, 88)),
    *((256, 268, 86), (150, 248, 90), (98, 188, 82), (256, 180, 130)),
)
_PUFFS = ((0.78, -0.42, 0.105), (0.6, -0.12, 0.07), (0.5, 0.08, 0.04))
"""Smaller clouds down to the head: along and above its middle, and their size, in face widths."""
_WIDE = 1.25
_ASIDE, _ABOVE = 1.02, -1.02


@dataclass(slots=True)
class _Bubble:
    """Where a bubble floats, from the face, and how far it has popped up."""

    x: Spring
    y: Spring
    size: Spring
    side: float


class ThoughtBubble(Filter):
    """A cloud beside the head with a thought in it."""

    id = "thought_bubble"
    name = "Thought bubble"
    appearance = Appearance.NOVELTY
    stage = Stage.STICKER
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """What is thought."""

        text: str = text("Coffee?", label="Thought", hint="What is written in the bubble")

    def start(self) -> None:
        """Draw the clouds."""
        self._bubbles = TrackMemory[_Bubble]()
        self._puff = Art.of(_cloud(((128, 128, 112),), 256, 256))
        self._written = ""
        self._write()

    def apply(self, scene: Scene) -> None:
        """Give every face its thought."""
        if self._written != self.settings.text:
            self._write()
        for face in filter(drawable, scene.faces):
            draw_sprites(scene, *self._sprites(scene, face))

    def _write(self) -> None:
        self._written = self.settings.text
        self._cloud = Art.of(_labelled(_cloud(_LOBES, _WIDTH, _HEIGHT), self._written))

    def _sprites(self, scene: Scene, face: Face) -> list[Sprite]:
        bubble = self._follow(scene, face)
        size, width = bubble.size.value, face.width
        x, y = bubble.x.value, bubble.y.value
        centre = face.points.mean(axis=0)
        sprites = []
        for number, (aside, above, radius) in enumerate(_PUFFS):
            part = min(1.0, max(0.0, size * 3 - (2 - number) * 0.6))
            at = (float(centre[0] + bubble.side * aside * width), float(centre[1] + above * width))
            sprites.append(Sprite(self._puff, at, 2 * radius * width * part))
        at = (x, y + 0.015 * width * math.sin(1.7 * scene.time))
        return [*sprites, Sprite(self._cloud, at, _WIDE * width * size, lettered=True)]

    def _follow(self, scene: Scene, face: Face) -> _Bubble:
        centre = face.points.mean(axis=0)
        bubble = self._bubbles.get(face.track_id)
        if bubble is None:
            side = 1.0 if centre[0] < scene.width / 2 else -1.0
            x, y = self._place(scene, face, side)
            springs = Spring(x, response=0.17), Spring(y, response=0.17), Spring(response=0.45)
            bubble = _Bubble(*springs, side)
        x, y = self._place(scene, face, bubble.side)
        bubble.x.follow(x, scene.elapsed)
        bubble.y.follow(y, scene.elapsed)
        if scene.elapsed == 0:
            bubble.size.value = 1.0  # a still picture, where nothing can pop up
        bubble.size.follow(1.0, scene.elapsed)
        self._bubbles.put(face.track_id, bubble)
        return bubble

    def _place(self, scene: Scene, face: Face, side: float) -> tuple[float, float]:
        """Up and to the side of the head, inside the picture where there is room."""
        centre = face.points.mean(axis=0)
        x = float(centre[0]) + side * _ASIDE * face.width
        y = float(centre[1]) + _ABOVE * face.width
        half = _WIDE * face.width / 2
        tall = half * _HEIGHT / _WIDTH
        if scene.width > 2 * half:
            x = min(max(x, half), scene.width - half)
        if scene.height > 2 * tall:
            y = max(y, tall)
        return x, y


def _cloud(
    lobes: tuple[tuple[float, float, float], ...], width: int, height: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = np.zeros((height, width, 4), np.uint8)
    canvas = surface_on(pixels).getCanvas()
    path = skia.Path()
    for x, y, radius in lobes:
        path = skia.Op(path, skia.Path.Circle(x, y, radius), skia.PathOp.kUnion_PathOp)
    path.offset(0, -4)
    fill = skia.GradientShader.MakeLinear(
        [(0, 0), (0, height)], [skia.Color(255, 255, 255, 245), skia.Color(226, 232, 245, 245)]
    )
    canvas.drawPath(path, skia.Paint(AntiAlias=True, Shader=fill))
    line = skia.Paint(
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=7,
        Color=skia.Color(*_INK, 235),
    )
    canvas.drawPath(path, line)
    return pixels


def _labelled(
    cloud: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], words: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Write as large as fits in the middle of the cloud."""
    for height in (76, 60, 48, 38, 30, 24):
        ink = lettering(words, height, 330)
        if ink.shape[0] <= 210:
            break
    # What is still too much is made smaller as a whole.
    scale = min(1.0, 210 / ink.shape[0], 360 / ink.shape[1])
    if scale < 1:
        ink = np.asarray(
            cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
    rows, columns = ink.shape
    top, left = (_HEIGHT - 12 - rows) // 2, (_WIDTH - columns) // 2
    view = cloud[top : top + rows, left : left + columns]
    alpha = ink[:, :, None].astype(np.float32) / 255
    colour = np.array((*_INK, 255), np.float32)
    view[:] = np.rint(view * (1 - alpha) + colour * alpha).astype(np.uint8)
    return cloud
