"""A game: catch snacks with the mouth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.sheet import Art
from omote_filters.draw.sprite import Sprite, draw_sprites
from omote_filters.draw.surface import Rgba
from omote_filters.draw.text import inked_text, lettering
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face
from omote_models.landmarks import LIPS_INNER

_MOST = 10
_EVERY_S, _SPEED = 1.1, 1.15
"""Seconds between two snacks, and face widths per second that they fall, at pace 1."""
_SIZE = 0.34
_OPEN = 0.25
_REACH = 0.3
"""How near, in widths of the face, a snack must come to an open mouth."""
_LONGEST_S = 0.5
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><defs>{0}</defs>{1}</svg>'
_SNACKS = (
    _SVG.format(
        '<radialGradient id="a" cx="0.35" cy="0.3" r="0.8"><stop offset="0" stop-color="#ff8d7a"/>'
        '<stop offset="0.5" stop-color="#e02b2b"/><stop offset="1" stop-color="#7d0a16"/>'
        "</radialGradient>",
        '<path d="M50 30 C38 18 10 24 10 54 C10 80 34 96 50 88 C66 96 90 80 90 54 C90 24 62 18 50 '
        '30 Z" fill="url(#a)"/><path d="M50 30 Q48 16 56 6" stroke="#5b3a1c" stroke-width="5" '
        'fill="none" stroke-linecap="round"/><path d="M54 20 Q70 4 86 14 Q74 28 54 20 Z" '
        'fill="#5dbb46"/><ellipse cx="29" cy="44" rx="8" ry="12" transform="rotate(25 29 44)" '
        'fill="#fff" opacity="0.55"/>',
    ),
    _SVG.format(
        '<radialGradient id="d" cx="0.4" cy="0.3" r="0.8"><stop offset="0" stop-color="#ffc2e4"/>'
        '<stop offset="1" stop-color="#e2529f"/></radialGradient>',
        '<path d="M50 6 A44 44 0 1 0 50.1 6 Z M50 34 A16 16 0 1 1 49.9 34 Z" fill="#c98a4b" '
        'fill-rule="evenodd"/><path d="M50 10 C76 8 92 30 90 50 C92 74 74 90 50 88 C26 92 8 72 10 '
        '50 C8 28 26 8 50 10 Z M50 33 A17 17 0 1 1 49.9 33 Z" fill="url(#d)" fill-rule="evenodd"/>'
        '<g stroke-width="4" stroke-linecap="round"><path d="M28 28 l6 5" stroke="#fff"/>'
        '<path d="M70 24 l-6 6" stroke="#ffe45c"/><path d="M78 52 l-7 2" stroke="#63d2ff"/>'
        '<path d="M24 58 l8 1" stroke="#ffe45c"/><path d="M40 78 l5 -6" stroke="#63d2ff"/>'
        '<path d="M66 74 l4 5" stroke="#fff"/><path d="M48 18 l6 3" stroke="#63d2ff"/></g>',
    ),
    _SVG.format(
        '<radialGradient id="c" cx="0.35" cy="0.3" r="0.85"><stop offset="0" stop-color="#f6c98a"/>'
        '<stop offset="1" stop-color="#a8642b"/></radialGradient>',
        '<circle cx="50" cy="50" r="43" fill="url(#c)"/><g fill="#4a2412"><circle cx="34" cy="34" '
        'r="7"/><circle cx="62" cy="28" r="6"/><circle cx="70" cy="54" r="8"/><circle cx="44" '
        'cy="60" r="7"/><circle cx="28" cy="58" r="5"/><circle cx="56" cy="78" r="6"/></g>',
    ),
)


@dataclass(slots=True)
class _Snack:
    """One that falls: pixels, pixels per second, radians, and pixels across."""

    x: float
    y: float
    speed: float
    angle: float
    spin: float
    size: float
    kind: int


@dataclass(slots=True)
class _Player:
    """A person's score, and how much its badge still bounces."""

    score: int
    bounce: Spring


class SnackCatch(Filter):
    """Snacks fall from above: catch them with your mouth. Sends the event `score`."""

    id = "snack_catch"
    name = "Snack catch"
    appearance = Appearance.NOVELTY
    stage = Stage.STICKER
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})
    animated = True

    class Settings(FilterSettings):
        """How fast."""

        pace: float = slider(1.0, 0.5, 2.5, label="Pace", hint="How fast and how many")

    def start(self) -> None:
        """Lay the table."""
        self._arts = [Art.of_svg(svg, 192) for svg in _SNACKS]
        self._chance = np.random.default_rng(4)
        self._snacks: list[_Snack] = []
        self._wait = 0.0
        self._players = TrackMemory[_Player]()
        self._badges: dict[int, Art] = {}

    def apply(self, scene: Scene) -> None:
        """Let snacks fall, and see who catches them."""
        faces = [face for face in scene.faces if drawable(face)]
        if not 0 <= scene.elapsed <= _LONGEST_S:
            self._snacks.clear()
        self._serve(scene, faces)
        for snack in self._snacks:
            snack.y += snack.speed * scene.elapsed
            snack.angle += snack.spin * scene.elapsed
        self._snacks = [snack for snack in self._snacks if snack.y < scene.height + snack.size]
        for face in faces:
            self._eat(scene, face)
        sprites = [
            Sprite(self._arts[snack.kind], (snack.x, snack.y), snack.size, snack.angle)
            for snack in self._snacks
        ]
        for sprite in sprites:
            draw_sprites(scene, sprite)
        for face in faces:
            self._praise(scene, face)

    def _serve(self, scene: Scene, faces: list[Face]) -> None:
        self._wait -= scene.elapsed * self.settings.pace
        if self._wait > 0 or not faces or len(self._snacks) >= _MOST:
            return
        self._wait = _EVERY_S * self._chance.uniform(0.7, 1.3)
        face = faces[int(self._chance.integers(len(faces)))]
        size = _SIZE * face.width
        aside = self._chance.uniform(-1.1, 1.1) * face.width
        x = min(max(float(face.points[:, 0].mean()) + aside, size / 2), scene.width - size / 2)
        speed = _SPEED * self.settings.pace * self._chance.uniform(0.85, 1.2) * face.width
        spin = self._chance.uniform(-2.5, 2.5)
        kind = int(self._chance.integers(len(_SNACKS)))
        self._snacks.append(_Snack(x, -size / 2, speed, 0.0, spin, size, kind))

    def _eat(self, scene: Scene, face: Face) -> None:
        player = self._players.get(face.track_id) or _Player(0, Spring(response=0.35))
        player.bounce.follow(0.0, scene.elapsed)
        self._players.put(face.track_id, player)
        opened = face.blendshape("jawOpen")
        if not (math.isfinite(opened) and opened > _OPEN):
            return
        x, y = face.points[list(LIPS_INNER)].mean(axis=0).tolist()
        reach = _REACH * face.width
        caught = [s for s in self._snacks if math.hypot(s.x - x, s.y - y) < reach]
        if not caught:
            return
        self._snacks = [snack for snack in self._snacks if snack not in caught]
        player.score += len(caught)
        player.bounce.value = 1.0
        scene.emit("score", track_id=face.track_id, score=player.score)

    def _praise(self, scene: Scene, face: Face) -> None:
        player = self._players.get(face.track_id)
        if player is None or player.score == 0:
            return
        x, y = (float(v) for v in face.points.mean(axis=0))
        size = face.width * (0.42 + 0.14 * player.bounce.value)
        at = (x + 0.7 * face.width, max(y - 0.9 * face.width, size / 2))
        draw_sprites(scene, Sprite(self._badge(player.score), at, size, lettered=True))

    def _badge(self, score: int) -> Art:
        if score not in self._badges:
            if len(self._badges) >= 16:
                self._badges.clear()
            self._badges[score] = Art.of(_numbered(score))
        return self._badges[score]


def _numbered(score: int) -> Rgba:
    """A medal with a number, (192, 192, 4)."""
    star = (
        '<radialGradient id="m" cx="0.4" cy="0.3" r="0.8"><stop offset="0" stop-color="#fff2b0"/>'
        '<stop offset="0.6" stop-color="#ffc21f"/><stop offset="1" stop-color="#c07a00"/>'
        "</radialGradient>"
    )
    disc = (
        '<circle cx="50" cy="50" r="46" fill="url(#m)" stroke="#fff" stroke-width="4"/>'
        '<circle cx="50" cy="50" r="37" fill="none" stroke="#fff" stroke-opacity="0.6" '
        'stroke-width="2"/>'
    )
    pixels = Art.of_svg(_SVG.format(star, disc), 192).levels[0]
    digits = str(min(score, 9999))
    ink = inked_text(lettering(digits, 84 if len(digits) < 3 else 54, 190, 800), (90, 48, 0))
    rows, columns = ink.shape[:2]
    top, left = max(0, (192 - rows) // 2), max(0, (192 - columns) // 2)
    view = pixels[top : top + rows, left : left + columns]
    ink = ink[: view.shape[0], : view.shape[1]]
    view[:] = ink + np.rint(view * (1 - ink[:, :, 3:].astype(np.float32) / 255)).astype(np.uint8)
    return pixels
