"""Swapped faces."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import Mask, filled, mouth_opening, soften
from omote_filters.draw.mesh import FaceMesh
from omote_filters.draw.surface import Rgba
from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.mesh import canonical_mesh

_MOST_FACES = 6
_FINEST = 256
_COARSE = 48
_WORN = (
    *(151, 337, 299, 333, 298, 301, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 71, 68, 104, 69, 108),
)
"""What is put on: the oval without the upper forehead, where a fringe may hang."""
_INWARDS = -0.025
_FEATHER = 0.035
_LIGHT_REACH = 0.16
"""What of the light changes over less than this part of the face belongs to the features."""


class FaceSwap(Filter):
    """Two people wear each other's face; with more, each wears that of the next to the right.

    A face moves with the head that it is put on and takes on its light and skin tone.
    """

    id = "face_swap"
    name = "Face swap"
    appearance = Appearance.FACE_REPLACE
    stage = Stage.SKIN
    needs = frozenset({Need.MESH})
    fewest_faces = 2

    class Settings(FilterSettings):
        """How well it blends."""

        match: float = slider(
            0.9, 0, 1, label="Match", hint="How much of the other head's light and tone it takes on"
        )

    def start(self) -> None:
        """Prepare the mesh."""
        self._mesh = FaceMesh(canonical_mesh(), whole=True)

    def apply(self, scene: Scene) -> None:
        """Swap the faces that are seen, from left to right."""
        faces = [face for face in scene.faces if drawable(face)][:_MOST_FACES]
        faces.sort(key=lambda face: (face.box.centre[0], face.track_id))
        taken = [(face, crop) for face in faces if (crop := _window(scene, face)) is not None]
        if len(taken) < 2:
            return
        pictures = [_opaque(crop, scene.picture) for _, crop in taken]
        for number, (face, crop) in enumerate(taken):
            source = (number + 1) % len(taken)
            worn = self._mesh.carry(pictures[source], *taken[source], face, crop)
            self._wear(scene, worn, pictures[number], face, crop)

    def _wear(self, scene: Scene, worn: Rgba, own: Rgba, face: Face, crop: Crop) -> None:
        feather = _FEATHER * face.width * crop.scale
        edge = soften(filled(face, crop, [_WORN], grow=_INWARDS), feather)
        # Each keeps the inside of the own mouth: teeth and tongue do not stretch.
        edge = np.asarray(cv2.subtract(edge, mouth_opening(face, crop)), np.uint8)
        alpha = np.asarray(cv2.multiply(edge, worn[:, :, 3], scale=1 / 255), np.uint8)
        reach = _LIGHT_REACH * face.width * crop.scale
        shift = _light_between(worn, own, alpha, reach) * np.float32(self.settings.match)
        lit = cv2.add(_unmultiplied(worn).astype(np.float32), shift, dtype=cv2.CV_8U)
        view = scene.edit(crop.rect)
        cover = cv2.merge((crop.enlarged(alpha),) * 3)
        change = cv2.subtract(crop.enlarged(np.asarray(lit, np.uint8)), view, dtype=cv2.CV_16S)
        change = cv2.multiply(change, cover, scale=1 / 255, dtype=cv2.CV_16S)
        view[:] = cv2.add(view, change, dtype=cv2.CV_8U)


def _window(scene: Scene, face: Face) -> Crop | None:
    return Crop.of(scene, Box.around(face.landmarks), _FINEST)


def _opaque(crop: Crop, picture: Picture) -> Rgba:
    pixels = crop.reduced(picture[crop.rect.slices])
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), np.uint8)


def _unmultiplied(paint: Rgba) -> Picture:
    alpha = np.maximum(paint[:, :, 3:], 1).astype(np.float32)
    colours = paint[:, :, :3] * (np.float32(255) / alpha)
    return np.asarray(np.minimum(np.rint(colours), 255), np.uint8)


def _light_between(worn: Rgba, own: Rgba, alpha: Mask, reach: float) -> FloatArray:
    """What must be added to a worn face so that its broad light is that of the own one.

    Both are blurred within the mask (a normalised convolution), coarsely.
    """
    height, width = alpha.shape
    shrink = min(1.0, _COARSE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    weight = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    sigma = max(reach * shrink, 0.5)
    within = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)

    def broad(pixels: Picture) -> FloatArray:
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) * weight[:, :, None]
        return np.asarray(cv2.GaussianBlur(small, (0, 0), sigma) / within[:, :, None])

    own_colours = np.ascontiguousarray(own[:, :, :3])
    apart = broad(own_colours) - broad(_unmultiplied(worn))
    return np.asarray(cv2.resize(apart, (width, height), interpolation=cv2.INTER_LINEAR))
