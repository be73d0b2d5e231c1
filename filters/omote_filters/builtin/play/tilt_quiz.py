"""A quiz that is answered with the head."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
import skia
from numpy.typing import NDArray

from omote_filters.draw.crop import drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.sheet import Art
from omote_filters.draw.sprite import Sprite, draw_sprites
from omote_filters.draw.surface import Rgba, surface_on
from omote_filters.draw.text import lettering
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice, slider, text
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

Answer = Literal["left", "right", "none"]

_TILTED, _UPRIGHT = 13.0, 8.0
"""Degrees at which a choice begins, and at which it is taken back."""
_CARD, _CHIP = (760, 220), (380, 170)
_WIDE, _CHIP_WIDE = 2.1, 0.86
_CARDS_WIDE = 2 * 1.12 + _CHIP_WIDE
"""From the outer edge of one answer to that of the other, in widths of the face."""
_WHITE, _INK = (255, 255, 255), (28, 30, 44)
_TONES = {
    "open": ((92, 104, 255), (58, 60, 190)),
    "chosen": ((255, 190, 64), (226, 120, 20)),
    "right": ((74, 208, 124), (22, 140, 72)),
    "wrong": ((255, 104, 104), (186, 32, 48)),
}


@dataclass(slots=True)
class _Player:
    """How one person stands.

    Attributes:
        leaning: to which side the head is tilted, or none.
        held: seconds for which it has been.
        answer: what was chosen at last.
        shown: how far the cards have popped up.
    """

    leaning: Answer = "none"
    held: float = 0.0
    answer: Answer = "none"
    shown: Spring = field(default_factory=lambda: Spring(response=0.4))


class TiltQuiz(Filter):
    """A question with two answers: tilt your head to one. Sends the event `answer`."""

    id = "tilt_quiz"
    name = "Tilt quiz"
    appearance = Appearance.NOVELTY
    stage = Stage.STICKER
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """The question. A new one starts anew."""

        question: str = text("Cats or dogs?", label="Question")
        left: str = text("Cats", label="Answer on the left", longest=30)
        right: str = text("Dogs", label="Answer on the right", longest=30)
        correct: Answer = choice("none", label="Correct answer", hint="None: a matter of taste")
        hold: float = slider(0.8, 0.2, 3, label="Hold", hint="Seconds until a tilt counts")

    def start(self) -> None:
        """Print the cards."""
        self._asked: tuple[str, ...] = ()
        self._ask()

    def apply(self, scene: Scene) -> None:
        """Ask everybody."""
        self._ask()
        asked = [face for face in scene.faces if drawable(face)]
        room = _room(asked)
        for face in asked:
            player = self._follow(scene, face)
            draw_sprites(scene, *self._sprites(scene, face, player, min(face.width, room)))

    def _ask(self) -> None:
        """A changed question: new cards, and everybody may answer again."""
        settings: TiltQuiz.Settings = self.settings
        asked = (settings.question, settings.left, settings.right, settings.correct)
        if asked == self._asked:
            return
        self._asked = asked
        self._players = TrackMemory[_Player]()
        self._card = Art.of(_card(settings.question, _CARD, (_WHITE, (230, 232, 246)), _INK))
        self._chips = {
            (side, tone): Art.of(_card(words, _CHIP, tones, _WHITE))
            for side, words in (("left", settings.left), ("right", settings.right))
            for tone, tones in _TONES.items()
        }

    def _follow(self, scene: Scene, face: Face) -> _Player:
        player = self._players.get(face.track_id) or _Player()
        self._players.put(face.track_id, player)
        if scene.elapsed == 0:
            player.shown.value = 1.0
        player.shown.follow(1.0, scene.elapsed)
        if player.answer != "none":
            return player
        roll = HeadFrame.of(face).roll
        level = _UPRIGHT if player.leaning != "none" else _TILTED
        leaning: Answer = "none"
        if abs(roll) > level:
            leaning = "right" if roll > 0 else "left"
        player.held = player.held + scene.elapsed if leaning == player.leaning else 0.0
        player.leaning = leaning
        if leaning != "none" and player.held >= self.settings.hold:
            player.answer = leaning
            correct = self.settings.correct in ("none", leaning)
            scene.emit("answer", track_id=face.track_id, answer=leaning, correct=correct)
        return player

    def _sprites(self, scene: Scene, face: Face, player: _Player, unit: float) -> list[Sprite]:
        size = player.shown.value
        x, y = (float(v) for v in face.points.mean(axis=0))
        y -= 0.55 * (face.width - unit)
        top = _kept(y - 1.28 * unit, 0.31 * unit, scene.height)
        place = (_kept(x, 1.05 * unit, scene.width), top)
        card = Sprite(self._card, place, _WIDE * unit * size, lettered=True)
        sprites = [card]
        for side, sign in (("left", -1.0), ("right", 1.0)):
            chip = self._chips[side, self._tone(side, player)]
            part = min(1.0, player.held / self.settings.hold) if player.leaning == side else 0.0
            grown = 1 + 0.16 * part + 0.03 * math.sin(9 * scene.time) * (player.answer == side)
            at = (_kept(x + sign * 1.12 * unit, 0.45 * unit, scene.width), y - 0.55 * unit)
            wide = _CHIP_WIDE * unit * size * grown
            sprites.append(Sprite(chip, at, wide, sign * 0.05, lettered=True))
        return sprites

    def _tone(self, side: str, player: _Player) -> str:
        if player.answer == "none":
            return "chosen" if player.leaning == side else "open"
        correct = self.settings.correct
        if correct == "none":
            return "right" if player.answer == side else "open"
        if side == correct:
            return "right"
        return "wrong" if player.answer == side else "open"


def _room(faces: list[Face]) -> float:
    """How wide a unit may be so that the cards of neighbours do not lie over each other."""
    middles = sorted(float(face.points[:, 0].mean()) for face in faces)
    gaps = [after - before for before, after in pairwise(middles)]
    return max(min(gaps, default=math.inf) / _CARDS_WIDE, 1.0)


def _kept(at: float, half: float, size: int) -> float:
    """Inside the picture, where there is room."""
    return min(max(at, half), size - half) if size > 2 * half else at


def _card(
    words: str,
    size: tuple[int, int],
    tones: tuple[tuple[int, int, int], tuple[int, int, int]],
    ink: tuple[int, int, int],
) -> Rgba:
    """A rounded card with words on it."""
    width, height = size
    pixels = np.zeros((height, width, 4), np.uint8)
    canvas = surface_on(pixels).getCanvas()
    fill = skia.GradientShader.MakeLinear(
        [(0, 0), (0, height)], [skia.Color(*tones[0], 244), skia.Color(*tones[1], 244)]
    )
    shape = skia.Rect.MakeLTRB(8, 8, width - 8, height - 14)
    soft = skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, 5)
    canvas.drawRoundRect(
        shape.makeOffset(0, 5), 52, 52, skia.Paint(AntiAlias=True, Alphaf=0.35, MaskFilter=soft)
    )
    canvas.drawRoundRect(shape, 52, 52, skia.Paint(AntiAlias=True, Shader=fill))
    mask = _fitting(words, width - 70, height - 60)
    rows, columns = mask.shape
    top, left = (height - 6 - rows) // 2, (width - columns) // 2
    view = pixels[top : top + rows, left : left + columns]
    alpha = mask[:, :, None].astype(np.float32) / 255
    view[:] = np.rint(view * (1 - alpha) + np.array((*ink, 255), np.float32) * alpha)
    return pixels


def _fitting(words: str, width: int, height: int) -> NDArray[np.uint8]:
    """Lettering as large as the space allows."""
    for size in (84, 68, 54, 44, 34):
        mask = lettering(words, size, width)
        if mask.shape[0] <= height and mask.shape[1] <= width + 40:
            break
    scale = min(1.0, height / mask.shape[0], (width + 40) / mask.shape[1])
    if scale == 1.0:
        return mask
    smaller = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)
