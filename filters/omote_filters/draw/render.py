"""Draws solids on a head, with depth, light and a shadow.

OpenGL contexts belong to one thread. All of a process's 3D drawing is done by one thread of its
own, which every filter's painter shares; a frame waits for it a few milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

import cv2
import numpy as np

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.light import Light
from omote_filters.draw.masks import filled, soften
from omote_filters.draw.opengl import OpenGl
from omote_filters.draw.solid import Material, Solid, ball
from omote_filters.draw.surface import Rgba
from omote_filters.onethread import OneThread
from omote_filters.scene import Scene
from omote_models.extras import lament
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import FACE_OVAL
from omote_models.mesh import canonical_mesh

Result = TypeVar("Result")

FINEST = 320
_SKULL = ((0.0, 2.6, -2.9), (7.3, 10.4, 8.6))
"""Middle and half axes of the ellipsoid that stands for the head behind the face, cm."""
_SHADOW, _SHADOW_REACH = 0.34, 0.06
_COARSE = 128


class NoOpenGL(RuntimeError):
    """3D cannot be drawn on this machine. The text says what to install."""


class SolidPainter:
    """Draws solids on heads."""

    def __init__(self) -> None:
        """Prepare OpenGL.

        Raises:
            NoOpenGL: it cannot be had here.
        """
        _STUDIO.run(lambda _: None)

    def draw(
        self,
        scene: Scene,
        face: Face,
        head: HeadFrame,
        solids: Sequence[Solid],
        *,
        occluded: bool = True,
        shadow: bool = True,
    ) -> None:
        """Draw solids, in the head's centimetres (see `HeadFrame`), over the picture.

        Args:
            scene: where.
            face: drawable; its landmarks hide what is behind them.
            head: its frame.
            solids: what; a transparent one after those that it shows.
            occluded: whether the head hides what is behind it.
            shadow: whether a soft shadow falls on the face.
        """
        placed = [head.place(solid.points) for solid in solids]
        if not placed:
            return
        box = Box.around(np.concatenate(placed)).grown(*(0.03,) * 4)
        if shadow:
            reach = 5 * _SHADOW_REACH * face.width
            box = Box(box.x - reach, box.y, box.width + 2 * reach, box.height + reach)
        crop = Crop.of(scene, box, FINEST)
        if crop is None:
            return
        light = Light.on(scene, face)
        blockers = [_face_blocker(face), _skull_blocker(head)] if occluded else []
        parts = [
            (points, _turned(solid.normals, head), solid)
            for points, solid in zip(placed, solids, strict=True)
        ]
        unit = head.scale
        paint = _STUDIO.run(lambda gl: gl.render(crop, unit, head, blockers, parts, light))
        view = scene.edit(crop.rect)
        if shadow:
            _shade(view, crop, face, paint, light)
        over(view, np.ascontiguousarray(crop.enlarged(paint)))


def lack() -> str:
    """What is missing for 3D on this machine; empty where nothing is. Asked once, then known."""
    try:
        _STUDIO.run(lambda _: None)
    except NoOpenGL as error:
        return str(error)
    return ""


def _turned(normals: FloatArray, head: HeadFrame) -> FloatArray:
    """Normals of the head in the picture's frame: x right, y down, z away."""
    return np.asarray(normals @ head.rotation.T * np.array((1, -1, -1), np.float32), np.float32)


def _face_blocker(face: Face) -> tuple[FloatArray, Any]:
    mesh = canonical_mesh()
    return face.landmarks[: len(mesh.vertices)], mesh.triangles


@lru_cache(maxsize=1)
def _skull() -> Solid:
    middle, axes = _SKULL
    shape = ball(1.0, Material())
    points = shape.points * np.array(axes, np.float32) + np.array(middle, np.float32)
    return Solid.of(points, shape.triangles, shape.material)


def _skull_blocker(head: HeadFrame) -> tuple[FloatArray, Any]:
    skull = _skull()
    return head.place(skull.points), skull.triangles


def _shade(view: Rgba, crop: Crop, face: Face, paint: Rgba, light: Light) -> None:
    """A soft shadow of what was drawn, on the face, away from the light."""
    # It is soft: a small copy of it is enough.
    longest = max(crop.size)
    coarse = replace(
        crop,
        width=max(1, crop.width * _COARSE // max(longest, _COARSE)),
        height=max(1, crop.height * _COARSE // max(longest, _COARSE)),
    )
    reach = _SHADOW_REACH * face.width * coarse.scale
    alpha = np.ascontiguousarray(paint[:, :, 3])
    alpha = np.asarray(cv2.resize(alpha, coarse.size, interpolation=cv2.INTER_AREA), np.uint8)
    away = -light.key[:2] * 2.2 * reach + np.array((0, 0.8 * reach), np.float32)
    shift = np.array(((1, 0, away[0]), (0, 1, away[1])), np.float32)
    cast = cv2.warpAffine(alpha, shift, coarse.size)
    cast = soften(np.asarray(cast, np.uint8), max(reach, 0.5))
    on = soften(filled(face, coarse, [FACE_OVAL], grow=-0.02), 0.02 * face.width * coarse.scale)
    shade = cv2.multiply(cast, on, scale=_SHADOW / 255)
    kept = coarse.enlarged(np.asarray(cv2.bitwise_not(np.asarray(shade, np.uint8)), np.uint8))
    cv2.multiply(view, cv2.merge((kept,) * 3), dst=view, scale=1 / 255)


class _Studio:
    """OpenGL in the thread that it belongs to; it is made with the first job."""

    def __init__(self) -> None:
        self._thread = OneThread("omote-gl", self._end)
        # Both are touched in the thread only.
        self._gl: OpenGl | None = None
        self._why = ""

    def run(self, job: Callable[[OpenGl], Result]) -> Result:
        """Do a job in the thread and wait for it.

        Raises:
            NoOpenGL: it cannot be had here.
        """
        return self._thread.run(lambda: job(self._made()))

    def _made(self) -> OpenGl:
        if self._gl is None and not self._why:
            self._make()
        if self._gl is None:
            raise NoOpenGL(self._why)
        return self._gl

    def _make(self) -> None:
        # Nothing is left on a disk, not even compiled shaders.
        os.environ.setdefault("MESA_SHADER_CACHE_DISABLE", "true")
        try:
            made = OpenGl()
            made.warm()
            self._gl = made
        except ModuleNotFoundError as error:
            self._why = lament(error.name)
        # Whatever a driver raises: without OpenGL everything else still works.
        except Exception as error:
            self._why = (
                "3D needs OpenGL 3.3 by EGL, which this machine does not offer "
                f"({type(error).__name__}: {str(error)[:120]}); on Debian install libegl1, "
                "libegl-mesa0 and libgl1-mesa-dri for drawing in software"
            )

    def _end(self) -> None:
        if self._gl is not None:
            self._gl.context.release()
            self._gl = None


_STUDIO = _Studio()
"""The process's. Nothing starts before the first job."""
