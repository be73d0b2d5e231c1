"""An older look."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.draw.blend import mix
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.hair import HairColour, hair, measured
from omote_filters.draw.layers import FaceLayers
from omote_filters.draw.masks import Mask, brows, lips
from omote_filters.draw.skin import cheek_pixels
from omote_filters.draw.wrinkles import folds
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_SHADE = (0.52, 0.66, 0.7)
"""How much less red, green and blue the bottom of a fold reflects: folds are warm."""
_SPOT = (0.22, 0.36, 0.46)
_LEVEL = np.arange(256)
_GLOW = np.clip(0.42 * (235 - _LEVEL) * _LEVEL / 200, 0, 255).astype(np.uint8)
"""How much light the lip of a fold adds to skin that is so bright."""
_SAG = ((172, 0.05), (397, 0.05), (207, 0.035), (427, 0.035))
"""Landmarks of the jowls and cheeks and how far they sink, in face widths."""
_LIDS = ((225, 0.02), (445, 0.02))
_GREY = 205.0


class Older(Filter):
    """Folds, age spots, heavier lids and jowls, and grey hair: a stylised look decades on.

    The hair is guessed by its colour; a dark background that touches it may turn grey too.
    """

    id = "older"
    name = "Older"
    appearance = Appearance.AGE_ALTER
    stage = Stage.WARP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How old."""

        strength: float = slider(0.8, 0, 1, label="Strength", hint="How many years")
        hair: float = slider(0.8, 0, 1, label="Grey hair", hint="Of hair and brows")

    def start(self) -> None:
        """Draw the folds."""
        self._layers = FaceLayers(*folds())
        self._hair = TrackMemory[HairColour]()
        # OpenCV builds its tables on the first conversion, which takes some 90 ms.
        cv2.cvtColor(np.zeros((2, 2, 3), np.uint8), cv2.COLOR_RGB2LAB)

    def apply(self, scene: Scene) -> None:
        """Age every face."""
        for face in filter(drawable, scene.faces):
            if self.settings.hair > 0:
                self._grey_hair(scene, face)
            if self.settings.strength > 0:
                self._fold(scene, face)
                self._sink(scene, face)

    def _grey_hair(self, scene: Scene, face: Face) -> None:
        now = measured(scene, face)
        colour = self._hair.get(face.track_id) or now
        if colour is None:
            return
        if now is not None:
            colour.follow(now, scene.elapsed)
        self._hair.put(face.track_id, colour)
        found = hair(scene, face, colour)
        if found is None:
            return
        crop, mask = found
        view = scene.edit(crop.rect)
        mix(view, _greyed(view, float(colour.hair[0])), crop.enlarged(mask), self.settings.hair)

    def _fold(self, scene: Scene, face: Face) -> None:
        laid = self._layers.on(scene, face)
        if laid is None:
            return
        crop, (shade, light, spots) = laid
        strength = self.settings.strength
        view = scene.edit(crop.rect)
        bare = _bare(scene, face, view)
        shade, light, spots = (_times(mask, bare) for mask in (shade, light, spots))
        self._pale(view, face, crop)
        kept = [
            cv2.bitwise_not(cv2.addWeighted(shade, strength * dark, spots, strength * brown, 0))
            for dark, brown in zip(_SHADE, _SPOT, strict=True)
        ]
        cv2.multiply(view, cv2.merge(kept), dst=view, scale=1 / 255)
        glow = cv2.multiply(cv2.LUT(view, _GLOW), cv2.merge((light,) * 3), scale=strength / 255)
        cv2.add(view, glow, dst=view)

    def _pale(self, view: Picture, face: Face, crop: Crop) -> None:
        """Brows go grey, lips lose their colour."""
        mix(
            view, _greyed(view, 70, 100), crop.enlarged(brows(face, crop)), 0.7 * self.settings.hair
        )
        flat = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        duller = np.asarray(cv2.addWeighted(flat, 0.55, view, 0.45, 6), np.uint8)
        mask = crop.enlarged(lips(face, crop))
        mix(view, duller, mask, 0.8 * self.settings.strength)

    def _sink(self, scene: Scene, face: Face) -> None:
        down = face.points[152] - face.points[10]
        down = down / max(float(np.linalg.norm(down)), 1e-6)
        strength = self.settings.strength
        for landmark, way in _SAG:
            offset = np.asarray(down * (way * strength * face.width))
            scene.warp.push(face.points[landmark], 0.22 * face.width, offset)
        for landmark, way in _LIDS:
            offset = np.asarray(down * (way * strength * face.width))
            scene.warp.push(face.points[landmark], 0.09 * face.width, offset)


def _bare(scene: Scene, face: Face, view: Picture) -> Mask:
    """Where skin is seen, (h, w) uint8: not where a fringe hangs over the forehead."""
    cheeks = cheek_pixels(scene, face, 0.05)
    skin = 128.0 if cheeks is None else float(np.median(cheeks.mean(axis=1)))
    relative = np.arange(256) / max(skin, 1.0)
    curve = np.clip((relative - 0.42) / 0.25, 0, 1) * 255
    grey = cv2.GaussianBlur(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    return np.asarray(cv2.LUT(grey, curve.astype(np.uint8)), np.uint8)


def _greyed(view: Picture, tone: float, goal: float = 138.0) -> Picture:
    """Grey with the same strands: what was as bright as `tone` becomes as bright as `goal`."""
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    level = np.arange(256, dtype=np.float32)
    # Dark hair is lifted, and its contrast with it; what is already light stays.
    lifted = level + max(0.0, goal - tone) * np.exp(-(((level - tone) / 70) ** 2) / 2)
    lifted = np.clip(tone + (lifted - tone) * 1.15, 0, _GREY + 40).astype(np.uint8)
    light = cv2.LUT(grey, lifted)
    return np.asarray(cv2.merge((light,) * 3), np.uint8)


def _times(mask: Mask, other: Mask) -> Mask:
    return np.asarray(cv2.multiply(mask, other, scale=1 / 255), np.uint8)
