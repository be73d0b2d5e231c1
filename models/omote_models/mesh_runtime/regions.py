"""The part of a picture that a network looks at: square, turned upright."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.face import Box, FloatArray

_MARGIN = 1.5
_EYES = (33, 263)
"""Outer corners of the eyes, which say how a face is turned."""


@dataclass(frozen=True, slots=True)
class Region:
    """A square in pixels: its centre, its side, its angle in radians, clockwise on the screen."""

    x: float
    y: float
    size: float
    angle: float

    @classmethod
    def of(cls, box: Box, start: NDArray[np.floating], end: NDArray[np.floating]) -> Region:
        """Around a box, upright where the line from `start` to `end` is level."""
        angle = math.atan2(float(end[1] - start[1]), float(end[0] - start[0]))
        return cls(*box.centre, _MARGIN * max(box.width, box.height), angle)

    @classmethod
    def around(cls, landmarks: FloatArray) -> Region:
        """Around a face, by its landmarks in pixels, (478, 3)."""
        return cls.of(Box.around(landmarks), *landmarks[_EYES, :2])

    @property
    def usable(self) -> bool:
        """Whether there is anything to look at."""
        return self.size >= 2 and all(map(math.isfinite, (self.x, self.y, self.size, self.angle)))

    def crop(self, picture: NDArray[np.uint8], side: int, border: int) -> NDArray[np.uint8]:
        """(side, side, 3) uint8."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = self.matrix(side)
        cropped = cv2.warpAffine(picture, matrix, (side, side), flags=flags, borderMode=border)
        return np.asarray(cropped, np.uint8)

    def matrix(self, side: int) -> NDArray[np.float64]:
        """(2, 3): of a pixel of a crop the place in the picture.

        Pixel u is at u / side of the region, as MediaPipe has it, without half a pixel more.
        """
        turn = self._turn() * (self.size / side)
        corner = np.array([self.x, self.y]) - turn @ (side / 2, side / 2)
        return np.column_stack([turn, corner])

    def place(self, points: FloatArray, side: int, width: int, height: int) -> FloatArray:
        """Points of a crop as pixels of a picture of that width and height; z on the same scale.

        MediaPipe scales z in units of the picture's width and height, so that it depends on the
        angle where they differ.
        """
        turn = (self._turn() * (self.size / side)).astype(np.float32)
        centred = points[:, :2] - np.float32(side / 2)
        placed = np.empty_like(points)
        placed[:, :2] = centred @ turn.T + np.array([self.x, self.y], np.float32)
        across = math.hypot(math.cos(self.angle), math.sin(self.angle) * width / height)
        placed[:, 2] = points[:, 2] * np.float32(self.size / side * across)
        return placed

    def _turn(self) -> NDArray[np.float64]:
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.array([[cos, -sin], [sin, cos]])
