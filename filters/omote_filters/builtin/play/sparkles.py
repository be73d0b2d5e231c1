"""Sparkles."""

from __future__ import annotations

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.particles import Manner, Particles, tiles_of
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_RATE = 26.0
_MANNER = Manner(
    gravity=0.05,
    growth=(0.0, 1.0, 0.1),
    colours=((255, 255, 255, 0), (255, 250, 225, 255), (255, 226, 150, 220), (255, 190, 90, 0)),
    additive=True,
)
_STAR = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><defs><radialGradient id="g">'
    '<stop offset="0" stop-color="#fff"/><stop offset="0.25" stop-color="#fff" '
    'stop-opacity="0.45"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient>'
    '</defs><circle cx="32" cy="32" r="{0}" fill="url(#g)"/>{1}</svg>'
)
_RAYS = (
    '<path d="M32 1 Q33.5 30.5 63 32 Q33.5 33.5 32 63 Q30.5 33.5 1 32 Q30.5 30.5 32 1 Z" '
    'fill="#fff"/>'
)


class Sparkles(Filter):
    """Stars that twinkle in the hair and around the face."""

    id = "sparkles"
    name = "Sparkles"
    appearance = Appearance.NOVELTY
    stage = Stage.PARTICLES
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """How many."""

        amount: float = slider(0.6, 0, 1, label="Amount", hint="How many stars")

    def start(self) -> None:
        """Draw the stars."""
        tiles = tiles_of(_STAR.format(22, _RAYS), _STAR.format(18, _RAYS), _STAR.format(14, ""))
        self._swarm = Particles(tiles, _MANNER, most=160)

    def apply(self, scene: Scene) -> None:
        """Sprinkle every face."""
        self._swarm.step(scene.elapsed)
        faces = [face for face in scene.faces if drawable(face)][:6]
        if faces:
            due = self._swarm.due(_RATE * 2 * self.settings.amount * len(faces), scene.elapsed)
            for number in range(due):
                self._twinkle(faces[number % len(faces)])
        self._swarm.draw(scene)

    def _twinkle(self, face: Face) -> None:
        chance = self._swarm.chance
        turn = chance.uniform(-2.3, 2.3)
        reach = chance.uniform(0.52, 0.95)
        centre = face.points.mean(axis=0)
        at = centre + reach * face.width * np.array((np.sin(turn), -1.12 * np.cos(turn)))
        still = np.zeros((1, 2), np.float32)
        size = np.array([chance.uniform(0.06, 0.24) * chance.uniform(0.5, 1)])
        life = np.array([chance.uniform(0.45, 0.95)])
        self._swarm.emit(at[None].astype(np.float32), still, size, life, face.width)
