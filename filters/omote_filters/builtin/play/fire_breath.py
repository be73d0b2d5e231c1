"""Fire breath."""

from __future__ import annotations

import math

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.particles import Manner, Particles, tiles_of
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face
from omote_models.landmarks import LIPS_INNER

_BEGIN, _END = 0.35, 0.22
_RATE = 95.0
_FLAMES = Manner(
    gravity=-1.6,
    drag=1.9,
    sway=0.18,
    growth=(0.16, 0.75, 1.0),
    colours=(
        *((255, 252, 220, 230), (255, 214, 90, 205), (255, 128, 20, 150)),
        *((190, 40, 6, 90), (40, 6, 2, 0)),
    ),
    additive=True,
    along=True,
)
_SMOKE = Manner(
    gravity=-1.0,
    drag=1.2,
    sway=0.25,
    growth=(0.3, 0.8, 1.4),
    colours=((20, 18, 18, 0), (24, 22, 22, 70), (60, 58, 58, 0)),
)
_SPARK = Manner(
    gravity=0.5,
    drag=0.8,
    sway=0.5,
    colours=((255, 240, 180, 255), (255, 160, 40, 255), (255, 60, 0, 0)),
    additive=True,
    along=True,
)
_LICK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><defs><radialGradient id="f" '
    'cx="0.5" cy="{cy}" r="0.6"><stop offset="0" stop-color="#fff" stop-opacity="0.85"/>'
    '<stop offset="0.5" stop-color="#fff" stop-opacity="0.4"/><stop offset="1" '
    'stop-color="#fff" stop-opacity="0"/></radialGradient></defs><path d="{path}" '
    'fill="url(#f)"/></svg>'
)
_LICKS = (
    _LICK.format(
        cy=0.6,
        path=("M32 2 C40 16 56 24 52 44 C50 58 40 63 32 62 C20 62 12 54 13 42 C14 30 28 22 32 2 Z"),
    ),
    _LICK.format(
        cy=0.55,
        path=(
            "M40 1 C38 18 58 30 50 50 C46 60 36 63 28 61 C16 58 8 46 16 "
            "34 C20 28 24 34 26 28 C30 18 30 12 40 1 Z"
        ),
    ),
    _LICK.format(
        cy=0.6,
        path=(
            "M22 3 C26 16 34 18 38 28 C42 24 40 18 42 14 C52 28 58 40 48 "
            "54 C40 64 24 64 16 54 C6 40 18 24 22 3 Z"
        ),
    ),
)
_PUFF = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><defs><radialGradient id="s">'
    '<stop offset="0" stop-color="#fff"/><stop offset="0.5" stop-color="#fff" '
    'stop-opacity="0.5"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient>'
    '</defs><circle cx="32" cy="32" r="31" fill="url(#s)"/></svg>'
)
_DOT = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><ellipse cx="32" cy="32" rx="9" '
    'ry="28" fill="#fff"/></svg>'
)


class FireBreath(Filter):
    """Flames that shoot out of an open mouth, with sparks and smoke."""

    id = "fire_breath"
    name = "Fire breath"
    appearance = Appearance.NOVELTY
    stage = Stage.PARTICLES
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """How much."""

        amount: float = slider(0.7, 0, 1, label="Amount", hint="How much fire")

    def start(self) -> None:
        """Draw flames, smoke and sparks."""
        self._smoke = Particles(tiles_of(_PUFF), _SMOKE, most=48, seed=2)
        self._flames = Particles(tiles_of(*_LICKS), _FLAMES, most=120)
        self._sparks = Particles(tiles_of(_DOT), _SPARK, most=48, seed=3)
        self._breathing = TrackMemory[bool]()

    def apply(self, scene: Scene) -> None:
        """Let fire out of every open mouth."""
        swarms = (self._smoke, self._flames, self._sparks)
        for swarm in swarms:
            swarm.step(scene.elapsed)
        faces = [face for face in scene.faces if drawable(face) and self._breathes(face)][:6]
        rate = _RATE * (0.3 + self.settings.amount) * bool(self.settings.amount)
        for swarm, share in zip(swarms, (0.22, 1.0, 0.25), strict=True):
            due = swarm.due(rate * share * len(faces), scene.elapsed)
            for number in range(min(len(faces), due)):
                face = faces[number]
                count = due // len(faces) + (number < due % len(faces))
                self._blow(swarm, face, count, scene.elapsed)
        for swarm in swarms:
            swarm.draw(scene)

    def _breathes(self, face: Face) -> bool:
        before = self._breathing.get(face.track_id) or False
        opened = face.blendshape("jawOpen")
        now = math.isfinite(opened) and opened > (_END if before else _BEGIN)
        self._breathing.put(face.track_id, now)
        return now

    def _blow(self, swarm: Particles, face: Face, count: int, elapsed: float) -> None:
        chance = swarm.chance
        head = HeadFrame.of(face)
        mouth = face.points[list(LIPS_INNER)]
        aim = head.facing[:2] - 0.55 * head.up[:2]
        aim = aim / max(float(np.linalg.norm(aim)), 1e-3)
        turn = chance.normal(0, 0.24, count)
        cosine, sine = np.cos(turn), np.sin(turn)
        way = np.stack((cosine * aim[0] - sine * aim[1], sine * aim[0] + cosine * aim[1]), axis=-1)
        sparks, smoke = swarm is self._sparks, swarm is self._smoke
        speed = chance.uniform(1.5, 2.9, count) * (1.3 if sparks else 1.0)
        velocity = way * speed[:, None]
        at = mouth.mean(axis=0) + chance.normal(0, 0.02, (count, 2)) * face.width
        # Born between two frames, they are already on their way.
        at = at + velocity * face.width * chance.uniform(0, max(elapsed, 1e-3), count)[:, None]
        size = chance.uniform(0.3, 0.56, count) * (0.9 if smoke else 1.0)
        if sparks:
            size = chance.uniform(0.03, 0.06, count)
        life = chance.uniform(0.35, 0.75, count) * (1.7 if smoke else 1.0)
        swarm.emit(at, velocity, size, life, face.width)
