"""Echoes of a face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.masks import oval
from omote_filters.draw.surface import Rgba
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Box, Face

_MOST_FACES = 4
_FIRST, _STEP = 0.12, 0.66
"""How far the first echo lies outside, and each from the one before it, in face widths."""
_SHRINK = 0.82
_FINEST = 256


@dataclass(slots=True)
class _Trail:
    """Where the echoes of one face are, pixels: the outer ones follow later."""

    x: list[Spring]
    y: list[Spring]


class FaceEcho(Filter):
    """Smaller and fainter echoes of a face on both sides, which follow it late.

    They are copies of this frame's picture as it is by now: what hides a face hides its echoes,
    and nothing of an earlier frame is kept.
    """

    id = "face_echo"
    name = "Face echo"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset({Need.MESH})
    animated = True

    class Settings(FilterSettings):
        """How many, how strong."""

        echoes: int = slider(3, 1, 5, label="Echoes", hint="On each side", step=1)
        strength: float = slider(0.9, 0, 1, label="Strength")

    def start(self) -> None:
        """Forget every face."""
        self._trails = TrackMemory[_Trail]()

    def apply(self, scene: Scene) -> None:
        """Let every face echo."""
        faces = [face for face in scene.faces if drawable(face)][:_MOST_FACES]
        copies = [(face, _copy(scene, face)) for face in faces]
        for face, copy in copies:
            trail = self._follow(scene, face)
            if copy is not None and self.settings.strength > 0:
                self._draw(scene, face, copy, trail)

    def _follow(self, scene: Scene, face: Face) -> _Trail:
        x, y = face.box.centre
        trail = self._trails.get(face.track_id)
        if trail is None:
            trail = _Trail(
                [Spring(x, response=0.16 * (n + 1)) for n in range(5)],
                [Spring(y, response=0.16 * (n + 1)) for n in range(5)],
            )
        for spring in trail.x:
            spring.follow(x, scene.elapsed)
        for spring in trail.y:
            spring.follow(y, scene.elapsed)
        self._trails.put(face.track_id, trail)
        return trail

    def _draw(self, scene: Scene, face: Face, copy: Rgba, trail: _Trail) -> None:
        shrink, aside = 1.0, _FIRST * face.width
        steps = []
        for number in range(self.settings.echoes):
            shrink *= _SHRINK
            aside += _STEP * face.width * (0.4 + 0.6 * shrink)
            steps.append((number, shrink, aside))
        for number, size, away in reversed(steps):
            opacity = self.settings.strength * (1 - 0.15 * number)
            for sign in (-1, 1):
                middle = (trail.x[number].value + sign * away, trail.y[number].value)
                _paste(scene, copy, face.box, middle, size, opacity)
        _paste(scene, copy, face.box, face.box.centre, 1.0, 1.0)


def _copy(scene: Scene, face: Face) -> Rgba | None:
    """The face as it looks now, cut out along its oval, multiplied by its alpha."""
    crop = Crop.of(scene, face.box, _FINEST)
    if crop is None:
        return None
    mask = oval(face, crop, grow=-0.02, feather=0.03)
    pixels = crop.reduced(scene.picture[crop.rect.slices])
    alpha = cv2.merge((mask,) * 3)
    return np.dstack((cv2.multiply(pixels, alpha, scale=1 / 255), mask)).astype(np.uint8)


def _paste(
    scene: Scene, copy: Rgba, box: Box, middle: tuple[float, float], size: float, opacity: float
) -> None:
    width, height = round(box.width * size), round(box.height * size)
    left, top = round(middle[0] - width / 2), round(middle[1] - height / 2)
    rect = scene.rect(Box(left, top, width, height))
    if rect.empty or min(width, height) < 2 or max(width, height) > 4096:
        return
    scaled = cv2.resize(copy, (width, height), interpolation=cv2.INTER_LINEAR)
    part = scaled[rect.top - top : rect.bottom - top, rect.left - left : rect.right - left]
    faint = cv2.convertScaleAbs(np.ascontiguousarray(part), alpha=opacity)
    over(scene.edit(rect), np.asarray(faint, np.uint8))
