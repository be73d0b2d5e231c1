"""Neon outline."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.crop import Crop, drawable
from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import (
    FACE_OVAL,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    LIPS_INNER,
    LIPS_OUTER,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
)

Line = tuple[tuple[int, ...], bool]
"""Landmarks along a line, and whether it closes."""

_FIRST: tuple[Line, ...] = (
    (FACE_OVAL, True),
    (LIPS_OUTER, True),
    (LIPS_INNER, True),
    ((168, 6, 197, 195, 5, 4), False),
)
_SECOND: tuple[Line, ...] = (
    (LEFT_EYE, True),
    (RIGHT_EYE, True),
    (LEFT_BROW, True),
    (RIGHT_BROW, True),
    (LEFT_IRIS[1:], True),
    (RIGHT_IRIS[1:], True),
    ((48, 64, 98, 97, 2, 326, 327, 294, 278), False),
)
_FINEST = 320
_CURVE = 4
_BITS = 4
_CORE, _NEAR, _WIDE = 0.011, 0.022, 0.075
"""Width of the tube and sigmas of its glow, in widths of the face."""
_FLICKER_HZ = 1.7


class NeonOutline(Filter):
    """The face drawn in glowing tubes over a darkened picture."""

    id = "neon_outline"
    name = "Neon outline"
    appearance = Appearance.NOVELTY
    stage = Stage.STICKER
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """Which gas is in the tubes."""

        outline: str = colour("#ff2fa8", label="Outline", hint="Of the face, nose and lips")
        features: str = colour("#27d8ff", label="Features", hint="Of the eyes and brows")
        glow: float = slider(0.7, 0, 1, label="Glow", hint="How brightly the tubes shine")
        darkness: float = slider(0.75, 0, 1, label="Darkness", hint="How dark the picture gets")

    def apply(self, scene: Scene) -> None:
        """Darken the picture where there is a face, and light the tubes."""
        faces = list(filter(drawable, scene.faces))
        settings: NeonOutline.Settings = self.settings
        if faces and settings.darkness > 0:
            _darken(scene.edit(), settings.darkness)
        # A calm hum, never off.
        hum = 1 + 0.06 * math.sin(2 * math.pi * _FLICKER_HZ * (scene.time % 1000))
        for face in faces if settings.glow > 0 else ():
            self._light(scene, face, settings.glow * hum)

    def _light(self, scene: Scene, face: Face, glow: float) -> None:
        box = Box.around(face.landmarks).grown(0.3, 0.3, 0.3, 0.3)
        crop = Crop.of(scene, box, _FINEST)
        if crop is None:
            return
        unit = face.width * crop.scale
        tubes = np.zeros((crop.height, crop.width, 3), np.uint8)
        cores = np.zeros((crop.height, crop.width), np.uint8)
        shades = (rgb(self.settings.outline), rgb(self.settings.features))
        for lines, shade in zip((_FIRST, _SECOND), shades, strict=True):
            _trace(tubes, lines, face, crop, shade, max(round(1.7 * _CORE * unit), 1))
            _trace(cores, lines, face, crop, (255, 255, 255), max(round(0.7 * _CORE * unit), 1))
        light = _shining(tubes, cores, unit, glow)
        view = scene.edit(crop.rect)
        view[:] = cv2.add(view, crop.enlarged(light))


def _darken(view: Picture, darkness: float) -> None:
    """Night: less light, and what is left is blue."""
    left = 1 - 0.9 * darkness
    tint = np.array((left * (1 - 0.25 * darkness), left * (1 - 0.2 * darkness), left))
    table = np.rint(np.arange(256)[:, None] * tint).astype(np.uint8)[None]
    cv2.LUT(view, table, dst=view)


def _trace(
    canvas: NDArray[np.uint8],
    lines: tuple[Line, ...],
    face: Face,
    crop: Crop,
    shade: tuple[int, int, int],
    width: int,
) -> None:
    for ring, closed in lines:
        points = _smooth(crop.place(face.landmarks[list(ring)]), closed)
        fixed = np.round((points - 0.5) * (1 << _BITS)).astype(np.int32)
        cv2.polylines(canvas, [fixed], closed, shade, width, cv2.LINE_AA, _BITS)


def _smooth(points: FloatArray, closed: bool) -> FloatArray:
    """A Catmull-Rom curve through points, (n, 2), as (about 4 n, 2)."""
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    p = np.vstack((ends[0], points, ends[1]))
    t = (np.arange(_CURVE, dtype=np.float32) / _CURVE)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    flat = curve.reshape(-1, 2)
    return np.asarray(flat if closed else np.vstack((flat, points[-1:])), np.float32)


def _shining(tubes: Picture, cores: NDArray[np.uint8], unit: float, glow: float) -> Picture:
    """The tubes' light: white-hot in the middle, coloured beside it, a haze around."""
    near = cv2.GaussianBlur(tubes, (0, 0), max(_NEAR * unit, 0.4))
    small = (
        cv2.resize(near, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        if (min(near.shape[:2]) >= 8)
        else near
    )
    wide = cv2.GaussianBlur(small, (0, 0), max(_WIDE * unit * small.shape[1] / near.shape[1], 0.4))
    wide = cv2.resize(wide, (near.shape[1], near.shape[0]), interpolation=cv2.INTER_LINEAR)
    haze = cv2.addWeighted(near, 1.3 * glow, wide, 2.0 * glow, 0)
    white = cv2.merge((cores,) * 3)
    tube = cv2.addWeighted(tubes, min(1.0, 0.5 + glow), white, 0.65 * min(glow, 1.0), 0)
    return np.asarray(cv2.add(haze, tube), np.uint8)
