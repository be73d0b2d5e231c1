"""Hearts."""

from __future__ import annotations

import math

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.particles import Manner, Particles, tiles_of
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_BEGIN, _END = 0.45, 0.3
"""The smile at which hearts begin to rise, and at which no more come."""
_RATE = 9.0
_MANNER = Manner(
    gravity=-0.35,
    drag=0.6,
    sway=0.16,
    growth=(0.2, 1.0, 1.15),
    colours=((255, 255, 255, 255), (255, 255, 255, 255), (255, 255, 255, 230), (255, 255, 255, 0)),
)
_HEART = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><defs>'
    '<radialGradient id="h" cx="0.35" cy="0.25" r="0.9"><stop offset="0" stop-color="{0}"/>'
    '<stop offset="0.55" stop-color="{1}"/><stop offset="1" stop-color="{2}"/></radialGradient>'
    '</defs><path d="M32 57 C8 40 4 26 8 17 C13 6 27 6 32 17 C37 6 51 6 56 17 C60 26 56 40 32 57 '
    'Z" fill="url(#h)" stroke="#fff" stroke-opacity="0.55" stroke-width="1.5"/>'
    '<ellipse cx="20" cy="19" rx="6" ry="4" transform="rotate(-35 20 19)" fill="#fff" '
    'opacity="0.7"/></svg>'
)
_TONES = (("#ff9fb4", "#ff2d5f", "#a80034"), ("#ffc2e2", "#ff5fb0", "#b01a72"))


class Hearts(Filter):
    """Hearts that rise around a face while it smiles."""

    id = "hearts"
    name = "Hearts"
    appearance = Appearance.NOVELTY
    stage = Stage.PARTICLES
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """How many."""

        amount: float = slider(0.6, 0, 1, label="Amount", hint="How many hearts")

    def start(self) -> None:
        """Draw the hearts."""
        self._swarm = Particles(tiles_of(*(_HEART.format(*tone) for tone in _TONES)), _MANNER)
        self._smiling = TrackMemory[bool]()

    def apply(self, scene: Scene) -> None:
        """Let hearts rise from every face that smiles."""
        self._swarm.step(scene.elapsed)
        faces = [face for face in scene.faces if drawable(face) and self._smiles(face)]
        due = self._swarm.due(_RATE * 2 * self.settings.amount * len(faces), scene.elapsed)
        for face, count in zip(faces, _shared(due, len(faces)), strict=True):
            self._rise(face, count)
        self._swarm.draw(scene)

    def _smiles(self, face: Face) -> bool:
        smile = (face.blendshape("mouthSmileLeft") + face.blendshape("mouthSmileRight")) / 2
        before = self._smiling.get(face.track_id) or False
        now = math.isfinite(smile) and smile > (_END if before else _BEGIN)
        self._smiling.put(face.track_id, now)
        return now

    def _rise(self, face: Face, count: int) -> None:
        chance = self._swarm.chance
        turn = chance.uniform(-1.25, 1.25, count)  # from the left side over the top to the right
        around = np.stack((np.sin(turn), -np.cos(turn)), axis=-1)
        centre = face.points.mean(axis=0)
        at = centre + around * (0.62, 0.72) * face.width
        velocity = np.stack((0.15 * around[:, 0], chance.uniform(-0.55, -0.3, count)), axis=-1)
        size, life = chance.uniform(0.13, 0.26, count), chance.uniform(1.1, 1.7, count)
        self._swarm.emit(at, velocity, size, life, face.width)


def _shared(count: int, among: int) -> list[int]:
    return [count // among + (i < count % among) for i in range(among)]
