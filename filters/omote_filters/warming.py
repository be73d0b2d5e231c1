"""Draws a filter once where nobody sees it, so that its first real frame is like any other."""

from __future__ import annotations

from functools import lru_cache
from weakref import WeakSet

import numpy as np

from omote_filters.listing import Listing
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import BLENDSHAPE_NAMES, LEFT_EYE, RIGHT_EYE
from omote_models.mesh import canonical_mesh

_SIZE = (160, 120)
_FACE_WIDTH = 50.0


_WARM: WeakSet[Listing] = WeakSet()
"""What was warmed up in this process. Once is enough: what takes long is kept for all instances."""


def warm(listing: Listing, settings: FilterSettings) -> None:
    """Let a filter build what it builds when it first draws: textures, tables, a GL context.

    A twin does it and is thrown away: what it remembers of a frame that never was must not show in
    those that come. It is foreign code, and may raise anything.
    """
    if listing in _WARM:
        return
    _WARM.add(listing)
    twin = listing.make(settings)
    try:
        twin.start()
        twin.apply(_dummy(max(1, listing.fewest_faces)))
    finally:
        twin.stop()


def _dummy(faces: int) -> Scene:
    """A grey picture of so many people side by side, who do everything at once."""
    width, height = _SIZE
    grey = np.full((height, width, 3), 128, np.uint8)
    people = [_face(str(n), _SIZE[0] * (n + 1) / (faces + 1)) for n in range(faces)]
    return Scene(grey, people, person=np.full((height // 4, width // 4), 128, np.uint8))


def _face(track_id: str, x: float) -> Face:
    landmarks = _landmarks() + np.array((x, _SIZE[1] / 2, 0), np.float32)
    scores = np.full(len(BLENDSHAPE_NAMES), 0.6, np.float32)
    return Face(track_id, Box.around(landmarks), landmarks, blendshapes=scores)


@lru_cache(maxsize=1)
def _landmarks() -> FloatArray:
    """The canonical face from the front, about the origin, (478, 3) float32 pixels."""
    vertices = canonical_mesh().vertices
    centred = (vertices - vertices.mean(axis=0)) * (_FACE_WIDTH / np.ptp(vertices[:, 0]))
    points = centred * np.array((1, -1, -1), np.float32)
    middles = (points[list(eye)].mean(axis=0) for eye in (RIGHT_EYE, LEFT_EYE))
    irises = [np.repeat(middle[None], 5, 0) for middle in middles]
    return np.vstack((points, *irises)).astype(np.float32)
