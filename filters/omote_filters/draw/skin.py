"""A look at a person's own skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote_filters.scene import Scene
from omote_models.face import Box, Face
from omote_models.landmarks import LEFT_CHEEK, RIGHT_CHEEK

_ACROSS = 16


def cheek_pixels(scene: Scene, face: Face, reach: float) -> NDArray[np.uint8] | None:
    """Some pixels of both cheeks, or None where neither is in the picture.

    Args:
        scene: the picture.
        face: drawable, see `omote_filters.draw.crop.drawable`.
        reach: how far from the middle of a cheek they may lie, in widths of the face.

    Returns:
        (n, 3) uint8 RGB, n at most a few hundred.
    """
    samples: list[NDArray[np.uint8]] = []
    for cheek in (LEFT_CHEEK, RIGHT_CHEEK):
        x, y = face.points[cheek].tolist()
        half = reach * face.width
        rect = scene.rect(Box(x - half, y - half, 2 * half, 2 * half))
        if not rect.empty:
            step = 1 + rect.width // _ACROSS
            samples.append(scene.picture[rect.slices][::step, ::step].reshape(-1, 3))
    return np.concatenate(samples) if samples else None
