"""Cuts an upright, aligned picture of a face out of a frame, as the age networks expect it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray

_POINTS = [263, 362, 33, 133, 2]
"""Corners of the left and right eye, and where the nose meets the lip."""

_TEMPLATE = np.array(
    [
        (0.85957, 0.21350),
        (0.64606, 0.22897),
        (0.12058, 0.21373),
        (0.33409, 0.22906),
        (0.49011, 0.62780),
    ],
    np.float64,
)
"""Where dlib's five-point face template has these points, in a square of side 1."""

PADDING = 0.2
_EYES = (33, 263)
"""The outer corners of the right and the left eye: from left to right in the picture."""


def chip(
    picture: NDArray[np.uint8], landmarks: FloatArray, size: int, padding: float = PADDING
) -> NDArray[np.uint8]:
    """An aligned face.

    The least-squares similarity (Umeyama, 1991) from five landmarks to dlib's template with
    some padding; anti-aliased where it shrinks, the border replicated.

    Args:
        picture: (height, width, 3) uint8 RGB.
        landmarks: (478, 2 or more) pixels.
        size: side of the chip in pixels.
        padding: around the template, as a part of it.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    return _cut(picture, alignment(landmarks, size, padding), size)


def alignment(landmarks: FloatArray, size: int, padding: float = PADDING) -> NDArray[np.float64]:
    """The similarity from a picture to a chip of it, (2, 3); see `chip`."""
    target = (_TEMPLATE + padding) / (1 + 2 * padding) * size
    return similarity(landmarks[_POINTS, :2].astype(np.float64), target)


def boxed(
    picture: NDArray[np.uint8], landmarks: FloatArray, size: int, grow: float, lower: float
) -> NDArray[np.uint8]:
    """A face upright by the line of the eyes, in a square about its landmarks.

    Args:
        picture: (height, width, 3) uint8 RGB.
        landmarks: (478, 2 or more) pixels.
        size: side of the square in pixels.
        grow: the square's side against the longer side of the landmarks' upright box.
        lower: how far its middle lies below the box's, as a part of its side.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    points = landmarks[:, :2].astype(np.float64)
    across = points[_EYES[1]] - points[_EYES[0]]
    length = max(float(np.hypot(*across)), 1e-9)
    cos, sin = across / length
    turn = np.array([[cos, sin], [-sin, cos]])
    upright = points @ turn.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    side = grow * max(float((high - low).max()), 1e-9)
    corner = (low + high) / 2 + (0, lower * side) - side / 2
    scale = size / side
    return _cut(picture, np.column_stack([scale * turn, -scale * corner]), size)


def _cut(picture: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    shrink = 1 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-9)
    # Whole-number oversampling, then an area average: sharp, without aliasing.
    factor = int(np.clip(np.ceil(shrink), 1, 8))
    large = cv2.warpAffine(
        picture,
        matrix * factor + np.array([[0, 0, (factor - 1) / 2], [0, 0, (factor - 1) / 2]]),
        (size * factor, size * factor),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if factor == 1:
        return large.astype(np.uint8, copy=False)
    return cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation, uniform scale and shift that best take `source` to `target`, (2, 3).

    Args:
        source: (n, 2) points.
        target: (n, 2) points.
    """
    s, t = source - source.mean(axis=0), target - target.mean(axis=0)
    spread = max(float((s**2).sum()), 1e-12)
    a = float((s * t).sum()) / spread
    b = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / spread
    turn = np.array([[a, -b], [b, a]])
    shift = target.mean(axis=0) - turn @ source.mean(axis=0)
    return np.column_stack([turn, shift])
