"""Bright eyes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import Mask, eyes, soften
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS

_SCLERA_LIFT, _SCLERA_PALE = 0.24, 0.5
_IRIS_LIFT, _IRIS_CRISP, _IRIS_VIVID = 0.24, 0.6, 0.06


class BrightEyes(Filter):
    """Clear whites and a crisp, luminous iris; the catchlight stays."""

    id = "bright_eyes"
    name = "Bright eyes"
    appearance = Appearance.BEAUTIFY
    stage = Stage.SKIN
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How much of each."""

        whites: float = slider(0.6, 0, 1, label="Whites", hint="Less red, a little lighter")
        iris: float = slider(0.6, 0, 1, label="Iris", hint="More light and detail")

    def apply(self, scene: Scene) -> None:
        """Clear both eyes of every face."""
        settings: BrightEyes.Settings = self.settings
        if settings.whites == settings.iris == 0:
            return
        for face in filter(drawable, scene.faces):
            _clear(scene, face, settings.whites, settings.iris)


def _clear(scene: Scene, face: Face, whites: float, iris: float) -> None:
    box = Box.around(face.landmarks[[*LEFT_EYE, *RIGHT_EYE]]).grown(0.03, 0.15, 0.03, 0.15)
    crop = Crop.of(scene, box)
    if crop is None:
        return
    view = scene.edit(crop.rect)
    open_eyes, disc = _masks(face, crop)
    picture = np.multiply(view, np.float32(1 / 255), dtype=np.float32)
    clear = _sclera(picture, _share(cv2.subtract(open_eyes, disc)) * whites)
    clear = _iris(clear, _share(cv2.min(open_eyes, disc)) * iris, 0.018 * face.width)
    result = cv2.convertScaleAbs(np.clip(clear, 0, 1), alpha=255)
    cv2.copyTo(result, open_eyes, view)


def _masks(face: Face, crop: Crop) -> tuple[Mask, Mask]:
    """The open eyes, drawn in from the lids, and the discs of both irises."""
    open_eyes = eyes(face, crop, grow=-0.004, feather=0.007)
    disc = np.zeros_like(open_eyes)
    for ring in (LEFT_IRIS, RIGHT_IRIS):
        centre, *rim = crop.place(face.landmarks[list(ring)])
        radius = float(np.linalg.norm(np.array(rim) - centre, axis=1).max())
        middle = np.round((centre - 0.5) * 16).astype(int).tolist()
        cv2.circle(disc, middle, round(radius * 16), 255, -1, cv2.LINE_AA, 4)
    disc = soften(disc, 0.006 * face.width * crop.scale)
    return crop.enlarged(open_eyes), crop.enlarged(disc)


def _share(mask: Any) -> FloatArray:
    return np.asarray(mask, np.float32)[:, :, None] / np.float32(255)


def _sclera(picture: FloatArray, amount: FloatArray) -> FloatArray:
    """Veins and yellow fade; what is already light is lifted most, lashes' shadow stays."""
    luma = (picture @ np.array((0.299, 0.587, 0.114), np.float32))[:, :, None]
    pale = picture + _SCLERA_PALE * amount * (luma - picture)
    return np.asarray(pale + _SCLERA_LIFT * amount * 4 * luma * luma * (1 - luma) * pale)


def _iris(picture: FloatArray, amount: FloatArray, sigma: float) -> FloatArray:
    """Local contrast by an unsharp mask, then light and colour; the brightest keep their place."""
    blurred = cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.6))
    # Detail of the luma only: a compressed picture's colour has none, but noise.
    detail = ((picture - blurred) @ np.array((0.299, 0.587, 0.114), np.float32))[:, :, None]
    crisp = picture + _IRIS_CRISP * amount * detail
    luma = (crisp @ np.array((0.299, 0.587, 0.114), np.float32))[:, :, None]
    vivid = crisp + _IRIS_VIVID * amount * (crisp - luma)
    # Nothing at black (the pupil) and nothing at white (the catchlight).
    lift = 1 + _IRIS_LIFT * amount * np.clip(1 - luma, 0, 1) * np.clip(luma / 0.2, 0, 1) * 2
    return np.asarray(vivid * lift, np.float32)
