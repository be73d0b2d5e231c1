"""The detector's boxes and scores, read: anchors, threshold, weighted suppression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.face import Box, FloatArray
from omote_models.mesh_runtime.regions import Region

SIDE = 128
_SAME = 0.3
"""Boxes that share more than this part of their union are one face."""


def _anchors() -> FloatArray:
    """(896, 2): centres, 2 in each of 16 × 16 and 6 in each of 8 × 8 places, from 0 to 1."""
    grids = []
    for count, repeat in ((16, 2), (8, 6)):
        y, x = np.divmod(np.arange(count * count), count)
        grids.append(np.repeat((np.column_stack([x, y]) + 0.5) / count, repeat, axis=0))
    return np.concatenate(grids).astype(np.float32)


_ANCHORS = _anchors()


def letterbox(picture: NDArray[np.uint8]) -> tuple[FloatArray, Region]:
    """The whole picture as the detector takes it, (131, 131, 3) from -1 to 1, and what it shows."""
    height, width = picture.shape[:2]
    whole = Region(width / 2, height / 2, max(width, height), 0.0)
    framed = np.zeros((SIDE + 3, SIDE + 3, 3), np.float32)
    small = whole.crop(picture, SIDE, cv2.BORDER_CONSTANT)
    framed[1 : SIDE + 1, 1 : SIDE + 1] = small * np.float32(1 / 127.5) - 1
    return framed, whole


def regions(boxes: FloatArray, scores: FloatArray, whole: Region) -> list[Region]:
    """Where faces are, the surest first.

    Args:
        boxes: (896, 16) of the detector: centre, size, six points, in its pixels.
        scores: (896,) logits.
        whole: what it looked at.
    """
    sure = np.flatnonzero(scores >= 0)  # a probability of a half
    if not len(sure):
        return []
    probability = (1 / (1 + np.exp(-scores[sure]))).astype(np.float32)
    points = boxes[sure].reshape(-1, 8, 2) / SIDE
    half = points[:, 1] / 2
    points[:, [0, *range(2, 8)]] += _ANCHORS[sure, None]
    # Corners, then the six points.
    corners = np.stack([points[:, 0] - half, points[:, 0] + half], axis=1)
    found = _merged(np.concatenate([corners, points[:, 2:]], axis=1), probability)
    shift = np.array([whole.x, whole.y]) - whole.size / 2
    placed = [face * whole.size + shift for face in found]
    return [Region.of(Box.around(face[:2]), face[2], face[3]) for face in placed]


def _merged(faces: FloatArray, scores: FloatArray) -> list[FloatArray]:
    """One of each cluster: the mean, weighted by score, of all that overlap the surest."""
    left = np.argsort(-scores, kind="stable")
    merged = []
    while len(left):
        overlap = _overlap(faces[left[0], :2], faces[left, :2])
        same = overlap > _SAME
        same[0] = True  # a box without area overlaps nothing, and must go as well
        weights = scores[left[same]]
        merged.append(np.tensordot(weights, faces[left[same]], 1) / weights.sum())
        left = left[~same]
    return merged


def _overlap(one: FloatArray, many: FloatArray) -> FloatArray:
    """Intersection over union of corners (2, 2) with corners (n, 2, 2)."""
    shared = np.minimum(one[1], many[:, 1]) - np.maximum(one[0], many[:, 0])
    inner = np.maximum(shared, 0).prod(axis=1)
    union = (one[1] - one[0]).prod() + (many[:, 1] - many[:, 0]).prod(axis=1) - inner
    return np.asarray(inner / np.maximum(union, np.float32(1e-9)), np.float32)
