"""Eyeliner."""

from __future__ import annotations

import numpy as np

from omote_filters.draw.blend import Blend, blend
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.eyelids import Eye, Points, along, eye_crop, eyes_of, shapes
from omote_filters.draw.masks import Mask, soften
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_THICKEST = 0.15
_LONGEST_WING = 0.55
"""Both in widths of the eye."""
_BASE = 0.035
_WHERE = np.linspace(0.0, 0.94, 24)
_SOFT = 0.003


class Eyeliner(Filter):
    """A liquid line along the upper lashes that may end in a wing."""

    id = "eyeliner"
    name = "Eyeliner"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How it is drawn."""

        colour: str = colour("#140e12", label="Colour")
        thickness: float = slider(0.3, 0, 1, label="Thickness", hint="Of the line on the lid")
        wing: float = slider(0.5, 0, 1, label="Wing", hint="How far it sweeps out; 0 for none")
        strength: float = slider(0.9, 0, 1, label="Strength", hint="From smoky to ink")

    def apply(self, scene: Scene) -> None:
        """Line both eyes of every face."""
        if self.settings.strength == 0:
            return
        for face in filter(drawable, scene.faces):
            self._line(scene, face)

    def _line(self, scene: Scene, face: Face) -> None:
        settings: Eyeliner.Settings = self.settings
        crop = eye_crop(scene, face)
        eyes = eyes_of(face, crop) if crop else []
        if crop is None or not eyes:
            return
        mask = _mask(crop, eyes, settings.thickness, settings.wing, face.width)
        view = scene.edit(crop.rect)
        blend(view, rgb(settings.colour), Blend.MULTIPLY, mask, settings.strength)


def _mask(crop: Crop, eyes: list[Eye], thickness: float, wing: float, face_width: float) -> Mask:
    outlines = [outline for eye in eyes for outline in _outlines(eye, thickness, wing)]
    return crop.enlarged(soften(shapes(crop, outlines), _SOFT * face_width * crop.scale))


def _outlines(eye: Eye, thickness: float, wing: float) -> list[Points]:
    """The line on the lid, thin at the inner corner, and the wing that carries it on."""
    edge = along(eye.upper, _WHERE)
    swell = np.sin(np.pi * np.clip(_WHERE, 0, 1) ** 0.7) * 0.45 + (1 - _WHERE) * 0.75
    high = eye.width * (_BASE + _THICKEST * thickness * swell) * eye.seen
    high *= np.clip((1 - _WHERE) / 0.25, 0.25, 1)
    over = edge + eye.up * high[:, None]
    # The line starts a little inside the lid, so that no skin shows between it and the lashes.
    under = edge - eye.up * (0.012 * eye.width)
    line = np.vstack((under, over[::-1]))
    return [line] if wing == 0 else [line, _wing(eye, edge, over, wing)]


def _wing(eye: Eye, edge: Points, over: Points, wing: float) -> Points:
    """A curved triangle from the outer corner along the lower lid's direction."""
    reach = _LONGEST_WING * wing * eye.width * eye.seen
    tip = edge[0] + reach * (0.82 * eye.out + 0.57 * eye.up)
    below = edge[0] + 0.5 * reach * (0.88 * eye.out + 0.47 * eye.up)
    t = np.linspace(0, 1, 8)[:, None]
    lower = (1 - t) ** 2 * edge[0] + 2 * t * (1 - t) * below + t**2 * tip
    back = over[6]
    bend = over[0] + 0.25 * reach * (0.6 * eye.out + 0.8 * eye.up)
    upper = (1 - t) ** 2 * tip + 2 * t * (1 - t) * bend + t**2 * back
    return np.asarray(np.vstack((lower, upper, edge[6:0:-1])), np.float32)
