"""Animal ears and nose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.motion import Shutter, blurred_in_motion
from omote_filters.draw.sheet import Art, Sheet, SheetPainter, bent
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, choice
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face, FloatArray

Animal = Literal["cat", "bunny", "bear"]

_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}"><defs>{defs}</defs>{body}</svg>'
)
_FUR = (
    '<linearGradient id="f" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="{0}"/>'
    '<stop offset="1" stop-color="{1}"/></linearGradient><linearGradient id="i" x1="0" y1="0" '
    'x2="0" y2="1"><stop offset="0" stop-color="{2}"/><stop offset="1" stop-color="{3}"/>'
    "</linearGradient>"
)
_EARS = {
    # The ear on the right of the picture: art, width, height in centimetres, place, turn.
    "cat": (
        _SVG.format(
            size="100 110",
            defs=_FUR.format("#5a5560", "#1d1a22", "#ffb3c4", "#c8687f"),
            body='<path d="M8 104 C10 60 40 14 86 4 C96 36 98 76 92 106 Q50 112 8 104 Z" '
            'fill="url(#f)"/><path d="M30 100 C32 68 52 36 80 22 C86 48 86 78 80 102 Q54 106 30 '
            '100 Z" fill="url(#i)"/><path d="M34 104 Q44 70 40 62 Q52 74 52 84 Q60 66 60 56 Q68 '
            '72 66 106 Z" fill="#3b3640" opacity="0.85"/>',
        ),
        *(7.2, 7.9, (5.3, 13.7, -1.0), 8.0),
    ),
    "bunny": (
        _SVG.format(
            size="80 220",
            defs=_FUR.format("#ffffff", "#cfc7cc", "#ffc2d1", "#e58aa4"),
            body='<path d="M14 214 C-2 150 4 40 40 4 C78 40 84 150 66 214 Q40 222 14 214 Z" '
            'fill="url(#f)"/><path d="M24 206 C14 150 18 66 40 34 C63 66 68 150 56 206 Q40 210 '
            '24 206 Z" fill="url(#i)" opacity="0.9"/>',
        ),
        *(5.2, 14.3, (3.9, 17.4, -1.5), 10.0),
    ),
    "bear": (
        _SVG.format(
            size="100 100",
            defs=_FUR.format("#9a6a3f", "#4c2f18", "#e0b184", "#a8743f"),
            body='<circle cx="50" cy="50" r="46" fill="url(#f)"/><circle cx="50" cy="56" r="28" '
            'fill="url(#i)"/>',
        ),
        *(7.4, 7.4, (6.4, 13.0, -1.2), 0.0),
    ),
}
_WHISKERS = "".join(
    f'<path d="M{100 + s * 34} {44 + dy * 0.35:g} Q{100 + s * 64} {40 + dy * 0.8:g} {100 + s * 96} '
    f'{36 + dy:g}" stroke="#fff" stroke-width="1.7" fill="none" stroke-linecap="round" '
    'opacity="0.92"/>'
    for s in (-1, 1)
    for dy in (-8, 6, 20)
)
_NOSES = {
    "cat": ("#ff9db4", "#c9566f", _WHISKERS),
    "bunny": ("#ffb7c6", "#dc7089", _WHISKERS),
    "bear": ("#4a3527", "#17100b", ""),
}
_LIFT_CM = 1.1


@dataclass(slots=True)
class _Mood:
    """What springs after the face: how far the ears are lifted and how far they lag."""

    lift: Spring
    sway: Spring


class AnimalEars(Filter):
    """A cat, a bunny or a bear: ears that follow the brows, a nose that follows the mouth."""

    id = "animal_ears"
    name = "Animal ears"
    appearance = Appearance.NOVELTY
    stage = Stage.PROP
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """Which animal."""

        animal: Animal = choice("cat", label="Animal")
        motion_blur: bool = blurred_in_motion()

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self._moods = TrackMemory[_Mood]()

    def start(self) -> None:
        """Draw every animal once: settings may change between two frames."""
        self._painter = SheetPainter()
        self._shutter = Shutter()
        animals: tuple[Animal, ...] = get_args(Animal)
        self._ears = {animal: Art.of_svg(_EARS[animal][0], 512) for animal in animals}
        self._mirrored = {
            animal: Art.of(np.ascontiguousarray(art.levels[0][:, ::-1]))
            for animal, art in self._ears.items()
        }
        self._noses = {animal: Art.of_svg(_nose(animal), 512) for animal in animals}

    def apply(self, scene: Scene) -> None:
        """Give every face its ears."""
        for face in filter(drawable, scene.faces):
            head = HeadFrame.of(face)
            mood = self._follow(face, head, scene.elapsed)
            smear = self._shutter.smear(face, scene.elapsed, self.settings.motion_blur)
            self._painter.draw(scene, face, head, self._sheets(face, head, mood), smear)

    def _follow(self, face: Face, head: HeadFrame, elapsed: float) -> _Mood:
        raised = _score(face, "browInnerUp") + 0.5 * (
            _score(face, "browOuterUpLeft") + _score(face, "browOuterUpRight")
        )
        mood = self._moods.get(face.track_id)
        if mood is None:
            mood = _Mood(Spring(raised / 2), Spring(head.roll, response=0.35))
        mood.lift.follow(min(1.0, raised / 1.4), elapsed)
        mood.sway.follow(head.roll, elapsed)
        self._moods.put(face.track_id, mood)
        return mood

    def _sheets(self, face: Face, head: HeadFrame, mood: _Mood) -> list[Sheet]:
        animal: Animal = self.settings.animal
        _, width, height, (x, y, z), turn = _EARS[animal]
        lag = float(np.clip(mood.sway.value - head.roll, -18, 18))
        sheets = []
        for side, art in ((1.0, self._ears[animal]), (-1.0, self._mirrored[animal])):
            grid = bent(width, height, (0.0, 0.0, 0.0), 0.05, lean=1.0, columns=3)
            angle = math.radians(-side * (turn - 10 * mood.lift.value) - lag)
            placed = _rotated(grid, angle, -height / 2)
            lift = _LIFT_CM * mood.lift.value
            sheets.append(Sheet(art, placed).moved(side * x, y + lift, z))
        tip = head.found(face.landmarks[[1]])[0]
        across = 12.5 * (1 + 0.1 * _score(face, "jawOpen"))
        nose = bent(across, across * 0.4, (0.0, float(tip[1]) - 0.35, float(tip[2]) + 0.3), 0.045)
        return [*sheets, Sheet(self._noses[animal], nose)]


def _score(face: Face, name: str) -> float:
    value = face.blendshape(name)
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def _rotated(grid: FloatArray, angle: float, foot: float) -> FloatArray:
    """A grid turned in its plane about its foot, counter-clockwise, radians."""
    cosine, sine = math.cos(angle), math.sin(angle)
    x, y = grid[:, :, 0], grid[:, :, 1] - foot
    turned = (cosine * x - sine * y, sine * x + cosine * y + foot, grid[:, :, 2])
    return np.stack(turned, axis=-1).astype(np.float32)


def _nose(animal: Animal) -> str:
    light, dark, more = _NOSES[animal]
    defs = (
        '<radialGradient id="n" cx="0.4" cy="0.25" r="0.9">'
        f'<stop offset="0" stop-color="{light}"/><stop offset="1" stop-color="{dark}"/>'
        "</radialGradient>"
    )
    body = (
        '<path d="M78 28 Q100 18 122 28 Q124 42 104 54 Q100 57 96 54 Q76 42 78 28 Z" '
        'fill="url(#n)"/><ellipse cx="91" cy="31" rx="7" ry="3.6" fill="#fff" opacity="0.6"/>'
    )
    return _SVG.format(size="200 80", defs=defs, body=more + body)
