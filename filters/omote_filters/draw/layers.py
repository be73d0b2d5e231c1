"""Soft masks painted once in the canonical texture space and carried to a face by its mesh.

A layer sticks to the skin: it turns, speaks and frowns with it, and fades where the skin turns
away. Three layers travel together, for the price of one, as the colours of one texture.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import Mask
from omote_filters.draw.mesh import FaceMesh
from omote_filters.draw.texture import SIZES, Texture, faded
from omote_filters.scene import Scene
from omote_models.face import Box, Face, FloatArray
from omote_models.mesh import canonical_mesh

Spot = tuple[float, float]
"""U and V, 0 to 1; V grows downwards."""

SIZE = SIZES[0]
_FINENESS = 0.7
"""Layers are soft: a coarser level than paint's is enough, and does not glitter."""


def spot(*landmarks: int) -> Spot:
    """The middle of some landmarks in texture space."""
    u, v = canonical_mesh().uv[list(landmarks)].mean(axis=0).tolist()
    return u, v


def blank() -> FloatArray:
    """An empty layer, (512, 512) float32, 0 to 1."""
    return np.zeros((SIZE, SIZE), np.float32)


def dab(layer: FloatArray, at: Spot, radii: Spot, angle: float = 0.0, amount: float = 1.0) -> None:
    """Add a soft ellipse: a Gaussian that is nearly gone at twice its radii.

    Args:
        layer: (512, 512) float32, changed in place.
        at: its middle.
        radii: standard deviations along its own axes, in parts of the texture.
        angle: of the first axis, degrees, clockwise.
        amount: at the middle; less than 0 takes away.
    """
    u = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE - at[0]
    v = ((np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE - at[1])[:, None]
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    along, across = (u * cos + v * sin) / radii[0], (v * cos - u * sin) / radii[1]
    layer += np.float32(amount) * np.exp(-0.5 * (along * along + across * across))


def stroke(
    layer: FloatArray, path: Sequence[Spot], width: float, feather: float, amount: float = 1.0
) -> None:
    """Add a soft brush stroke.

    Args:
        layer: (512, 512) float32, changed in place.
        path: the places it runs through.
        width: of the brush, in parts of the texture.
        feather: standard deviation of its edge's blur, in parts of the texture.
        amount: how much it adds where it is whole.
    """
    line = np.zeros((SIZE, SIZE), np.float32)
    points = np.round((np.array(path) * SIZE - 0.5) * 16).astype(np.int32)
    cv2.polylines(line, [points], False, 1.0, max(1, round(width * SIZE)), cv2.LINE_8, 4)
    layer += np.float32(amount) * cv2.GaussianBlur(line, (0, 0), feather * SIZE)


def mirrored(layer: FloatArray) -> FloatArray:
    """A layer and its mirror image: what was painted on one half of the face is on both."""
    return np.maximum(layer, layer[:, ::-1])


class FaceLayers:
    """Up to three layers that are laid on faces. It keeps arrays, so it belongs to one filter."""

    def __init__(self, *layers: FloatArray) -> None:
        """Take over one to three layers, each (512, 512) float32, 0 to 1."""
        empty = [blank()] * (3 - len(layers))
        opaque = np.ones((SIZE, SIZE), np.float32)
        art = np.dstack((*layers, *empty, opaque))
        self._texture = Texture.of(faded(np.rint(np.clip(art, 0, 1) * 255).astype(np.uint8)))
        self._mesh = FaceMesh(canonical_mesh())

    def on(self, scene: Scene, face: Face) -> tuple[Crop, tuple[Mask, Mask, Mask]] | None:
        """Where a face is seen and the layers on it, each as large as the window and uint8.

        None where there is nothing of the face to draw on.
        """
        if not drawable(face):
            return None
        crop = Crop.of(scene, Box.around(face.landmarks).grown(0.02, 0.02, 0.02, 0.02))
        if crop is None:
            return None
        drawn = crop.enlarged(
            self._mesh.draw(self._texture.level(_FINENESS * face.width), face, crop)
        )
        one, two, three, _ = cv2.split(drawn)
        return crop, (np.asarray(one), np.asarray(two), np.asarray(three))
