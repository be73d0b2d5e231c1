"""Lashes."""

from __future__ import annotations

import numpy as np

from omote_filters.draw.blend import Blend, blend
from omote_filters.draw.crop import drawable
from omote_filters.draw.eyelids import Eye, Points, along, eye_crop, eyes_of, shapes, tapered
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, colour, rgb, slider, toggle
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_COUNT = 34
_LONGEST = 0.36
_THICK, _THICK_BELOW = 0.026, 0.011
"""All in widths of the eye."""
_FULL = 0.85


class Lashes(Filter):
    """Long curved lashes that lift and fall with the lid."""

    id = "lashes"
    name = "Lashes"
    appearance = Appearance.MAKEUP
    stage = Stage.MAKEUP
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How long and how full."""

        length: float = slider(0.55, 0, 1, label="Length")
        volume: float = slider(0.5, 0, 1, label="Volume", hint="How thick each lash is")
        lower: bool = toggle(False, label="Lower lashes")
        colour: str = colour("#120c0c", label="Colour")

    def start(self) -> None:
        """Grow a set: every lash keeps its own length and lean."""
        rng = np.random.default_rng(11)
        self._where = np.linspace(0.03, 0.9, _COUNT) + rng.normal(0, 0.006, _COUNT)
        self._vary = rng.uniform(0.8, 1.1, _COUNT)
        self._lean = rng.normal(0, 0.07, _COUNT)

    def apply(self, scene: Scene) -> None:
        """Give every face its lashes."""
        settings: Lashes.Settings = self.settings
        if settings.length == 0:
            return
        for face in filter(drawable, scene.faces):
            self._draw(scene, face)

    def _draw(self, scene: Scene, face: Face) -> None:
        settings: Lashes.Settings = self.settings
        crop = eye_crop(scene, face)
        eyes = eyes_of(face, crop) if crop else []
        if crop is None or not eyes:
            return
        hairs = [self._upper(eye) for eye in eyes]
        if settings.lower:
            hairs += [self._lower(eye) for eye in eyes]
        mask = crop.enlarged(shapes(crop, np.concatenate(hairs)))
        blend(scene.edit(crop.rect), rgb(settings.colour), Blend.MULTIPLY, mask, _FULL)

    def _upper(self, eye: Eye) -> Points:
        """From the upper lid: forwards first, then up; down where the eye is shut."""
        where = np.clip(self._where, 0, 1)
        # Longest two thirds of the way out, short at the inner corner.
        profile = (0.45 + 0.55 * np.sin(np.pi * (1 - where) ** 0.8 * 0.72)) * self._vary
        lift = _lift(eye.openness)
        fan = 0.95 - 1.55 * where + self._lean
        return self._hairs(eye, eye.upper, where, profile * _LONGEST, lift, fan, _THICK)

    def _lower(self, eye: Eye) -> Points:
        where = np.clip(self._where[::2], 0, 1)
        profile = 0.42 * self._vary[::2] * (1 - 0.5 * where) * _LONGEST
        fan = 0.8 - 1.3 * where + self._lean[::2]
        return self._hairs(eye, eye.lower, where, profile, -0.85, fan, _THICK_BELOW)

    def _hairs(
        self,
        eye: Eye,
        lid: Points,
        where: Points,
        profile: Points,
        lift: float,
        fan: Points,
        thick: float,
    ) -> Points:
        settings: Lashes.Settings = self.settings
        length = (profile * settings.length * eye.width * eye.seen)[:, None]
        rise = abs(lift) * np.sign(lift) * eye.up
        root = along(lid, where)
        heading = fan[:, None] * eye.out
        tip = root + length * (rise + 0.75 * heading)
        # The bend lies sideways and low: the hair leaves the lid forwards and curls up.
        bend = root + length * (0.32 * rise + 0.62 * heading)
        thick *= (0.5 + settings.volume) * eye.width
        return tapered(root, bend, tip, thick)


def _lift(openness: float) -> float:
    """How far lashes point up, -0.85 for a shut eye to 1 for an open one."""
    t = min(max((openness - 0.1) / 0.5, 0.0), 1.0)
    return -0.85 + 1.85 * t * t * (3 - 2 * t)
