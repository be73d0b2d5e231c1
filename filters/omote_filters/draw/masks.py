"""Soft masks of the regions of a face, drawn from rings of landmarks.

Every mask is (height, width) uint8 at a crop's working size, 255 inside. Outlines are curves
drawn to a sixteenth of a pixel, so that a mask moves as smoothly as the landmarks do. Distances
(`grow`, `feather`) are in widths of the face, so that a mask looks the same at every size.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.crop import Crop
from omote_models.face import Face, FloatArray
from omote_models.landmarks import (
    FACE_OVAL,
    LEFT_BROW,
    LEFT_EYE,
    LIPS_INNER,
    LIPS_OUTER,
    RIGHT_BROW,
    RIGHT_EYE,
)

Mask = NDArray[np.uint8]
Ring = Sequence[int]

LEFT_LID = (263, 466, 388, 387, 386, 385, 384, 398, 362, 413, 441, 442, 443, 444, 445, 342)
RIGHT_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133, 189, 221, 222, 223, 224, 225, 113)
"""From the lashes of the upper lid to below the brow."""
LEFT_UNDER_EYE = (255, 339, 254, 253, 252, 256, 341, 453, 452, 451, 450, 449, 448)
RIGHT_UNDER_EYE = (25, 110, 24, 23, 22, 26, 112, 233, 232, 231, 230, 229, 228)
"""Below the lower lashes, down to where the cheek begins."""
LEFT_CHEEK_RING = (346, 347, 330, 266, 425, 411, 376, 352)
RIGHT_CHEEK_RING = (117, 118, 101, 36, 205, 187, 147, 123)

_SUBPIXEL_BITS = 4
_CURVE = 4
_SHARP = 0.3


def filled(face: Face, crop: Crop, rings: Sequence[Ring], grow: float = 0.0) -> Mask:
    """What any of some rings of landmarks surrounds, with a clean, hard edge.

    The edge lies about half a pixel outside the landmarks: so OpenCV fills.

    Args:
        face: whose landmarks.
        crop: where to draw.
        rings: indices of landmarks, in order around a region.
        grow: how far each point is moved away from its ring's middle; negative for inwards.
    """
    mask = np.zeros((crop.height, crop.width), np.uint8)
    distance = grow * face.width * crop.scale
    for ring in rings:
        points = crop.place(face.landmarks[list(ring)])
        outline = _fixed_point(_spline(len(ring)) @ _grown(points, distance))
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return mask


def soften(mask: Mask, sigma: float) -> Mask:
    """A mask whose edge is blurred by `sigma` working pixels; a very small blur is left out."""
    if sigma < _SHARP:
        return mask
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.uint8)


def lips(face: Face, crop: Crop, feather: float = 0.012) -> Mask:
    """Upper and lower lip, without what the mouth opens on: teeth, tongue, dark."""
    sigma = feather * face.width * crop.scale
    outer = soften(filled(face, crop, [LIPS_OUTER]), sigma)
    opening = soften(filled(face, crop, [LIPS_INNER], grow=0.002), sigma / 2)
    return _without(outer, opening)


def openings(face: Face, crop: Crop) -> Mask:
    """Eyes and the inside of the mouth, a little wider than they are: never to be painted."""
    return filled(face, crop, [LEFT_EYE, RIGHT_EYE, LIPS_INNER], grow=0.005)


def eyes(face: Face, crop: Crop, grow: float = 0.0, feather: float = 0.01) -> Mask:
    """Both eyes, between the lids."""
    rings = [LEFT_EYE, RIGHT_EYE]
    return soften(filled(face, crop, rings, grow), feather * face.width * crop.scale)


def brows(face: Face, crop: Crop, feather: float = 0.01) -> Mask:
    """Both eyebrows."""
    return soften(filled(face, crop, [LEFT_BROW, RIGHT_BROW]), feather * face.width * crop.scale)


def under_eyes(face: Face, crop: Crop, grow: float = 0.0, feather: float = 0.02) -> Mask:
    """Where dark circles and bags are; not the open eye."""
    mask = _region(face, crop, [LEFT_UNDER_EYE, RIGHT_UNDER_EYE], grow, feather)
    return _without(mask, filled(face, crop, [LEFT_EYE, RIGHT_EYE], grow=0.004))


def cheeks(face: Face, crop: Crop, grow: float = 0.0, feather: float = 0.05) -> Mask:
    """Both cheeks, from the cheekbone to beside the mouth."""
    return _region(face, crop, [LEFT_CHEEK_RING, RIGHT_CHEEK_RING], grow, feather)


def mouth_opening(face: Face, crop: Crop, grow: float = 0.0, feather: float = 0.006) -> Mask:
    """What the lips leave open: teeth, tongue, dark; nothing where the mouth is closed."""
    return _region(face, crop, [LIPS_INNER], grow, feather)


def oval(face: Face, crop: Crop, grow: float = 0.0, feather: float = 0.03) -> Mask:
    """The whole face, from the hairline to the chin and from ear to ear."""
    return soften(filled(face, crop, [FACE_OVAL], grow), feather * face.width * crop.scale)


def skin(face: Face, crop: Crop, feather: float = 0.025) -> Mask:
    """The face without eyes, brows and lips, drawn in from the hair.

    The blurred features count twice before they are taken away, so that of them nothing is left
    and the edge lies outside them.
    """
    rings = [LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, LIPS_OUTER]
    features = filled(face, crop, rings, grow=feather)
    features = soften(features, feather * face.width * crop.scale)
    inner = oval(face, crop, grow=-1.5 * feather, feather=feather)
    return _without(_without(inner, features), features)


def _region(face: Face, crop: Crop, rings: Sequence[Ring], grow: float, feather: float) -> Mask:
    return soften(filled(face, crop, rings, grow), feather * face.width * crop.scale)


def _without(mask: Mask, other: Mask) -> Mask:
    return np.asarray(cv2.subtract(mask, other), np.uint8)


def _grown(points: FloatArray, distance: float) -> FloatArray:
    if not distance:
        return points
    out = points - points.mean(axis=0)
    length = np.maximum(np.hypot(out[:, 0], out[:, 1]), 1e-6)
    return np.asarray(points + out * (np.maximum(distance, -length) / length)[:, None], np.float32)


@lru_cache(maxsize=16)
def _spline(count: int) -> FloatArray:
    """Multiplied with a ring of points, (n, 2), it gives a smooth curve through them, (4 n, 2).

    A closed Catmull-Rom spline, written as a matrix.
    """
    t = np.arange(_CURVE)[:, None] / _CURVE
    weights = 0.5 * np.hstack(
        (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
    )
    rows = np.zeros((count, _CURVE, count))
    for start in range(count):
        rows[start][:, [(start + k - 1) % count for k in range(4)]] = weights
    return rows.reshape(-1, count).astype(np.float32)


def _fixed_point(outline: FloatArray) -> NDArray[np.int32]:
    """Coordinates of landmarks as those of OpenCV, whose whole numbers are pixels' centres."""
    return np.round((outline - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
