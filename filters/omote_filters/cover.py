"""Where anonymise filters cover faces: with ears and hair, and for a while after a loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.surface import surface_on
from omote_filters.mask import mask_picture
from omote_filters.memory import TrackMemory
from omote_filters.rect import Rect
from omote_filters.scene import Scene
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import CHIN, FOREHEAD_TOP

HOLD_S = 1.0
"""How long a face that is no longer found stays covered, in capture time."""
_GROWTH = 0.25
"""How much larger its cover is by then."""
_HALF_WIDTH, _HALF_HEIGHT, _RAISED = 0.72, 0.74, 0.08
"""The cover's half axes in widths and heights of the face, and how much higher than the face its
middle lies: with ears, hair and chin."""
_GRID = 160
"""A soft mask is computed on at most so many points each way, then enlarged."""


@dataclass(frozen=True, slots=True)
class Cover:
    """An ellipse that hides a face, and when that was last seen.

    Attributes:
        centre: x and y, pixels.
        axes: half the width and half the height, pixels.
        angle: of the face, radians, clockwise on the screen.
        width: the face's, pixels.
        seen: capture time, seconds.
    """

    centre: tuple[float, float]
    axes: tuple[float, float]
    angle: float
    width: float
    seen: float

    @classmethod
    def of(cls, face: Face, time: float) -> Cover | None:
        """A cover from the landmarks, else from the box, else None."""
        if drawable(face):
            return _around_head(face, time)
        box = face.box
        numbers = (box.x, box.y, box.width, box.height)
        if not all(map(math.isfinite, numbers)) or min(box.width, box.height) <= 0:
            return None
        return cls(box.centre, (0.9 * box.width, 0.9 * box.height), 0.0, box.width, time)

    @property
    def box(self) -> Box:
        """The box around the ellipse."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        across = math.hypot(self.axes[0] * cos, self.axes[1] * sin)
        down = math.hypot(self.axes[0] * sin, self.axes[1] * cos)
        return Box(self.centre[0] - across, self.centre[1] - down, 2 * across, 2 * down)

    def at(self, time: float) -> Cover:
        """The cover as it is some time after the face was lost: larger."""
        return self.scaled(1 + _GROWTH * max(time - self.seen, 0) / HOLD_S)

    def scaled(self, size: float) -> Cover:
        """A cover of other axes about the same centre."""
        return replace(self, axes=(self.axes[0] * size, self.axes[1] * size))

    def distance(self, x: FloatArray, y: FloatArray, reach: float = 0.0) -> FloatArray:
        """The squared elliptical distance from the centre, 1 on the edge; (x, y) broadcast.

        Args:
            x: pixels of the picture.
            y: the same.
            reach: pixels added to both axes.
        """
        x, y = x - self.centre[0], y - self.centre[1]
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        along = (x * cos + y * sin) / (self.axes[0] + reach)
        across = (y * cos - x * sin) / (self.axes[1] + reach)
        return np.asarray(along**2 + across**2)

    def mask(self, rect: Rect, feather: float) -> NDArray[np.uint8]:
        """The cover over a rectangle, (height, width) uint8: 255 in all of it, soft beyond.

        It falls to 0 over `feather` half axes outside the ellipse; nothing inside is clear.
        """
        across, down = min(rect.width, _GRID), min(rect.height, _GRID)
        x = rect.left + (np.arange(across, dtype=np.float32) + 0.5) * (rect.width / across)
        y = rect.top + (np.arange(down, dtype=np.float32) + 0.5) * (rect.height / down)
        radius = np.sqrt(self.distance(x, y[:, None]))
        ramp = np.clip((1 + feather - radius) / feather, 0, 1)
        soft = np.rint(255 * ramp * ramp * (3 - 2 * ramp)).astype(np.uint8)
        size = (rect.width, rect.height)
        return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def stand_in(
        self, scene: Scene, draw: Callable[[Any], None], larger: float, room: float = 1.0
    ) -> None:
        """Draw a head in place of the face.

        Args:
            scene: on which.
            draw: draws on a Skia canvas. Its origin is the cover's centre, its unit the radius of
                the disc that hides the face, and down is down for the face.
            larger: the disc's radius, in the cover's longer half axis.
            room: how far from the centre it may draw, in radii.
        """
        radius = larger * max(self.axes) + 1
        (x, y), reach = self.centre, room * radius
        crop = Crop.of(scene, Box(x - reach, y - reach, 2 * reach, 2 * reach))
        if crop is None:
            return
        paint = np.zeros((crop.height, crop.width, 4), np.uint8)
        canvas = surface_on(paint).getCanvas()
        left, top = crop.place(np.array([[x, y]], np.float32))[0].tolist()
        canvas.translate(left, top)
        canvas.rotate(math.degrees(self.angle))
        canvas.scale(radius * crop.width / crop.rect.width, radius * crop.height / crop.rect.height)
        draw(canvas)
        over(scene.edit(crop.rect), crop.enlarged(paint))


class Covers:
    """The covers of one stream: one for each face, held for a while where a face was lost."""

    def __init__(self) -> None:
        self._covers = TrackMemory[Cover]()

    def over(self, scene: Scene) -> list[tuple[str, Cover]]:
        """Every track that must be hidden now, and its cover.

        A face that is nowhere (its landmarks and box are not numbers, and it was never seen)
        could be anywhere: then all of the picture is hidden at once.
        """
        for face in scene.faces:
            cover = Cover.of(face, scene.time) or self._covers.get(face.track_id)
            if cover is None:
                mask_picture(scene)
            else:
                self._covers.put(face.track_id, replace(cover, seen=scene.time))
        held = [(track, self._held(scene, track, cover)) for track, cover in self._covers.items()]
        return [(track, cover) for track, cover in held if cover is not None]

    def _held(self, scene: Scene, track_id: str, cover: Cover) -> Cover | None:
        if cover.seen > scene.time:
            # The clock was set back: hold the cover from now on, not until its old time.
            cover = replace(cover, seen=scene.time)
            self._covers.put(track_id, cover)
        if scene.time - cover.seen > HOLD_S:
            self._covers.forget(track_id)
            return None
        return cover.at(scene.time)


def _around_head(face: Face, time: float) -> Cover:
    right, down, far = (face.landmarks[CHIN] - face.landmarks[FOREHEAD_TOP]).tolist()
    height, seen_height = math.hypot(right, down, far), math.hypot(right, down)
    # A head that nods far has no clear direction in the picture; its cover is nearly round.
    upright = seen_height < 0.3 * height
    angle = 0.0 if upright else math.atan2(down, right) - math.pi / 2
    x, y = face.box.centre
    centre = (x + _RAISED * height * math.sin(angle), y - _RAISED * height * math.cos(angle))
    axes = (_HALF_WIDTH * face.width, _HALF_HEIGHT * height)
    return Cover(centre, axes, angle, face.width, time)
