"""The part of a picture around a face, and the size at which it is worked on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.rect import Rect
from omote_filters.scene import Scene
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import LANDMARK_COUNT

Scalar = TypeVar("Scalar", np.uint8, np.float32)

FINEST = 512
"""Masks and paint are made at most this many pixels across; a larger crop enlarges them."""
_SMALLEST_FACE = 4.0
_FURTHEST = 16_000.0


def drawable(face: Face) -> bool:
    """Whether a face is complete, finite and large enough (4 pixels) to draw on."""
    shaped = face.landmarks.shape == (LANDMARK_COUNT, 3)
    return shaped and bool(np.isfinite(face.landmarks).all()) and face.width >= _SMALLEST_FACE


@dataclass(frozen=True, slots=True)
class Crop:
    """A window on a picture.

    Attributes:
        rect: the window, in pixels of the picture; not empty.
        width, height: working pixels, fewer than the window's where it is larger than asked for.
    """

    rect: Rect
    width: int
    height: int

    @classmethod
    def of(cls, scene: Scene, box: Box, finest: float = FINEST) -> Crop | None:
        """The part of a box inside the picture, or None where there is nothing of it.

        Args:
            scene: the picture.
            box: what to look at, in pixels.
            finest: how many working pixels the box's longer side may have; a box that is cut by
                the picture's border keeps its scale.
        """
        rect = scene.rect(box)
        if rect.empty:
            return None
        scale = min(1.0, finest / max(box.width, box.height))
        size = (max(1, round(side * scale)) for side in (rect.width, rect.height))
        return cls(rect, *size)

    @property
    def scale(self) -> float:
        """Working pixels per pixel of the picture."""
        return math.sqrt(self.width * self.height / (self.rect.width * self.rect.height))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in working pixels, as OpenCV wants them."""
        return self.width, self.height

    def place(self, points: FloatArray) -> FloatArray:
        """Points of the picture, (n, 2 or more), as (n, 2) float32 in working pixels.

        The origin is the window's corner, as for landmarks: the first pixel's centre is (½, ½).
        Points far away are drawn nearer, so that nothing overflows.
        """
        ratio = (self.width / self.rect.width, self.height / self.rect.height)
        placed = (points[:, :2] - (self.rect.left, self.rect.top)) * ratio
        return np.asarray(np.clip(placed, -_FURTHEST, _FURTHEST), np.float32)

    def reduced(self, view: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The window's pixels, (h, w) or (h, w, c) uint8, at working size."""
        if view.shape[:2] == (self.height, self.width):
            return view
        return np.asarray(cv2.resize(view, self.size, interpolation=cv2.INTER_AREA), np.uint8)

    def enlarged(self, work: NDArray[Scalar]) -> NDArray[Scalar]:
        """An array of working size, (h, w) or (h, w, c), at the window's size."""
        if work.shape[:2] == (self.rect.height, self.rect.width):
            return work
        size = (self.rect.width, self.rect.height)
        return np.asarray(cv2.resize(work, size, interpolation=cv2.INTER_LINEAR), work.dtype)
