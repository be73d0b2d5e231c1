"""The facial transformation matrix: how the canonical face lies in front of the camera.

MediaPipe's rules: a pinhole camera of 63°, depth from the landmarks' own z, scale found in two
passes, then the best rigid fit of a few weighted vertices (a Procrustes problem).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray
from omote_models.mesh import VERTEX_COUNT, canonical_mesh

_NEAR = 1.0
_TALL = 2 * _NEAR * math.tan(math.radians(63) / 2)
"""Height of the picture on the near plane, in centimetres."""

Matrix = NDArray[np.float64]


class PoseSolver:
    """Fits the canonical face to landmarks."""

    def __init__(self, basis: dict[int, float]) -> None:
        """The vertices that count, and how much each does."""
        self._basis = np.array(sorted(basis))
        weights = np.array([basis[index] for index in self._basis])
        self._root = np.sqrt(weights)[:, None]
        source = canonical_mesh().vertices[self._basis].astype(np.float64)
        self._centre = (weights @ source) / weights.sum()
        self._weights = weights[:, None] / weights.sum()
        self._source = (source - self._centre) * self._root
        self._power = float((self._source**2).sum())

    def solve(self, landmarks: FloatArray, width: int, height: int) -> FloatArray:
        """(4, 4) float32, in centimetres.

        Args:
            landmarks: (478, 3) in pixels.
            width: of the picture.
            height: of the picture.
        """
        scale = _TALL / height  # of a pixel, on the near plane
        points = landmarks[self._basis].astype(np.float64) * scale
        points[:, 0] -= _TALL * width / height / 2
        points[:, 1] = _TALL / 2 - points[:, 1]
        mean_depth = float(landmarks[:VERTEX_COUNT, 2].mean(dtype=np.float64)) * scale
        first = self._scale(points * (1, 1, -1))
        second = self._scale(_unprojected(points, mean_depth, first))
        target = _unprojected(points, mean_depth, first * second)
        turn, size = self._fit(target)
        pose = np.eye(4, dtype=np.float32)
        pose[:3, :3] = size * turn
        pose[:3, 3] = (target * self._weights).sum(axis=0) - size * turn @ self._centre
        return pose

    def _scale(self, target: Matrix) -> float:
        return self._fit(target)[1]

    def _fit(self, target: Matrix) -> tuple[Matrix, float]:
        """Rotation and scale of the best fit."""
        weighted = target * self._root
        left, _, right = np.linalg.svd(weighted.T @ self._source)
        if np.linalg.det(left) * np.linalg.det(right) < 0:
            left[:, 2] *= -1  # never a mirror image
        turn: Matrix = left @ right
        size = float(((self._source @ turn.T) * weighted).sum()) / self._power
        return turn, size


def _unprojected(points: Matrix, mean_depth: float, scale: float) -> Matrix:
    """Points of the near plane at their depth, right-handed."""
    depth = (points[:, 2:] - mean_depth + _NEAR) / scale
    return np.hstack([points[:, :2] * depth / _NEAR, -depth])


def read_basis(metadata: bytes) -> dict[int, float]:
    """The weighted vertices in `geometry_pipeline_metadata_landmarks.binarypb`.

    It is a protocol buffer: field 2, repeated, holds a vertex (1) and its weight (2).

    Raises:
        ValueError: there are none, or it is another message.
    """
    try:
        entries = [dict(_fields(value)) for field, value in _fields(metadata) if field == 2]
        basis = {entry[1]: struct.unpack("<f", entry[2])[0] for entry in entries}
    except (IndexError, KeyError, TypeError, struct.error):
        basis = {}
    if not basis or not all(0 <= index < VERTEX_COUNT for index in basis):
        raise ValueError("the geometry metadata are not those that are known")
    return basis


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a message's fields: whole numbers, or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        size, at = (4, at) if kind == 5 else _varint(message, at)
        if kind not in (2, 5) or at + size > len(message):
            raise IndexError
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
