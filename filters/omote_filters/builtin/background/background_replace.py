"""Another background."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from omote_filters.assets import PictureAsset
from omote_filters.draw.blend import mix
from omote_filters.draw.places import place
from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, asset, choice, colour, rgb, slider
from omote_filters.words import Appearance, Need, Stage

_STRONGEST = 0.3
"""How far the person's colours may be moved towards the place's light."""
_COARSE = 48


class BackgroundReplace(Filter):
    """Puts people in another place, or before one colour, in the light of what is there."""

    id = "background_replace"
    name = "Background replace"
    appearance = Appearance.NOVELTY
    stage = Stage.BACKGROUND
    needs = frozenset({Need.SEGMENTATION})
    in_front = True

    class Settings(FilterSettings):
        """Where."""

        place: Literal["studio", "sunset", "beach", "space", "city", "forest", "colour"] = choice(
            "sunset", label="Place"
        )
        picture: PictureAsset | None = asset(
            ".svg", ".png", label="Picture", hint="Instead of a place"
        )
        colour: str = colour("#00b140", label="Colour", hint="Where the place is a colour")
        match: float = slider(
            0.6, 0, 1, label="Match", hint="How much of the place's light falls on people"
        )

    def start(self) -> None:
        """Paint the place."""
        self._key: tuple[object, ...] = ()
        self._painted()

    def apply(self, scene: Scene) -> None:
        """Replace the background."""
        person = scene.person
        if person is None:
            return
        settings: BackgroundReplace.Settings = self.settings
        self._prepare(scene.width, scene.height)
        view = scene.edit()
        if settings.match > 0 and (settings.picture or settings.place != "colour"):
            view[:] = _lit(view, person, self._light, self.settings.match)
        mix(view, self._behind, np.asarray(cv2.bitwise_not(person), np.uint8))

    def _prepare(self, width: int, height: int) -> None:
        """Fit the place to the picture, once for each size."""
        settings: BackgroundReplace.Settings = self.settings
        key = (settings.picture, settings.place, settings.colour, width, height)
        if key == self._key:
            return
        painted = self._painted()
        if painted is None:
            self._behind = np.full((height, width, 3), rgb(settings.colour), np.uint8)
        else:
            self._behind = _covering(painted, width, height)
        small = cv2.resize(self._behind, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
        # What is bright lights people more than what is dark.
        self._light = np.power(np.mean(np.power(small / 255.0, 3.0), axis=(0, 1)), 1 / 3) * 255
        self._key = key

    def _painted(self) -> Picture | None:
        """The place, uint8 RGB of any size, or None where it is one colour."""
        settings: BackgroundReplace.Settings = self.settings
        if settings.picture is not None:
            # What is transparent in it is the colour.
            clear = 255 - settings.picture.pixels[:, :, 3:].astype(np.uint16)
            below = clear * np.array(rgb(settings.colour), np.uint16) // 255
            return np.asarray(settings.picture.pixels[:, :, :3] + below.astype(np.uint8), np.uint8)
        return None if settings.place == "colour" else place(settings.place)


def _covering(painted: Picture, width: int, height: int) -> Picture:
    """A picture scaled and cut so that it fills a size."""
    scale = max(width / painted.shape[1], height / painted.shape[0])
    across, down = width / scale, height / scale
    left, top = (painted.shape[1] - across) / 2, (painted.shape[0] - down) / 2
    part = painted[int(top) : int(top + down) or 1, int(left) : int(left + across) or 1]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=how), np.uint8)


def _lit(
    view: Picture,
    person: Picture,
    light: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    match: float,
) -> Picture:
    """The picture in a light whose tint and, a little, whose strength are the place's."""
    mean = np.array(cv2.mean(view, person)[:3]) + 1
    tint = (light + 8) / (light.mean() + 8)
    exposure = np.clip((light.mean() / mean.mean()) ** 0.35, 0.72, 1.25)
    gains = 1 + match * (np.clip(tint, 1 - _STRONGEST, 1 + _STRONGEST) * exposure - 1)
    table = np.clip(np.arange(256)[:, None] * gains, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(view, table.reshape(256, 1, 3)), np.uint8)
