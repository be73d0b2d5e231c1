"""Stickers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from omote_filters.assets import PictureAsset
from omote_filters.draw.crop import drawable
from omote_filters.draw.easing import Spring, smoothstep
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.motion import Shutter, blurred_in_motion
from omote_filters.draw.sheet import Art, Sheet, SheetPainter, bent
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, asset, choice, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face, FloatArray
from omote_models.mesh import canonical_mesh

Anchor = Literal["forehead", "nose", "left_cheek", "right_cheek", "chin", "above"]
Design = Literal["star", "heart", "flower", "bolt"]

_POINTS: Mapping[str, tuple[int, ...]] = {
    # The first point's surface is what the sticker lies on; their mean moves it.
    "forehead": (151, 9, 337, 108, 10),
    "nose": (5, 4, 195, 45, 275),
    "left_cheek": (280, 425, 352, 346, 330),
    "right_cheek": (50, 205, 123, 117, 101),
    "chin": (199, 200, 175, 428, 208),
}
_ABOVE = (0.0, 9.3, -2.0)
"""Where what is above the head stands, cm of the head."""
_OFF_SKIN = 0.15
_BEND = 0.035
_POP_S = 0.35

_HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
_SVGS: Mapping[str, str] = {
    "star": '<path d="M50 6 L62 37 L95 39 L69 60 L78 92 L50 74 L22 92 L31 60 L5 39 L38 37 Z" '
    'fill="#ffc928" stroke="#fff" stroke-width="7" stroke-linejoin="round" '
    'paint-order="stroke"/><path d="M50 18 L58 41 L74 44 L50 50 Z" fill="#fff2b0"/>',
    "heart": '<path d="M50 90 C20 66 6 50 6 32 C6 16 18 8 29 8 C39 8 47 14 50 22 C53 14 61 8 71 8 '
    'C82 8 94 16 94 32 C94 50 80 66 50 90 Z" fill="#ff3566" stroke="#fff" stroke-width="6"/>'
    '<ellipse cx="29" cy="28" rx="9" ry="6" transform="rotate(-35 29 28)" fill="#ffb3c6"/>',
    "flower": "".join(
        f'<ellipse cx="50" cy="25" rx="16" ry="21" transform="rotate({turn} 50 50)" '
        'fill="#ff8fc7" stroke="#fff" stroke-width="3"/>'
        for turn in range(0, 360, 72)
    )
    + '<circle cx="50" cy="50" r="15" fill="#ffd84d"/><circle cx="46" cy="46" r="4" '
    'fill="#fff3bf"/>',
    "bolt": '<path d="M60 4 L16 56 L44 56 L34 96 L84 38 L54 38 Z" fill="#27c4f5" stroke="#fff" '
    'stroke-width="6" stroke-linejoin="round"/><path d="M56 14 L30 50 L44 50 Z" '
    'fill="#b4efff"/>',
}


class Sticker(Filter):
    """A sticker on the forehead, nose, cheek or chin, or above the head; a pack brings its own."""

    id = "sticker"
    name = "Sticker"
    appearance = Appearance.NOVELTY
    stage = Stage.STICKER
    needs = frozenset({Need.MESH})

    class Settings(FilterSettings):
        """What, where, and how large."""

        design: Design = choice("star", label="Design")
        art: PictureAsset | None = asset(
            ".svg", ".png", label="Art", hint="Instead of a design: a picture"
        )
        anchor: Anchor = choice("left_cheek", label="Where", hint="Sides are the person's own")
        size: float = slider(3.6, 0.5, 30, label="Size", hint="Its width in cm, on a head of 15")
        x: float = slider(0, -12, 12, label="Sideways", hint="Centimetres to the person's left")
        y: float = slider(0, -12, 12, label="Up", hint="Centimetres")
        turn: float = slider(0, -180, 180, label="Turn", hint="Degrees, clockwise", step=1)
        opacity: float = slider(1.0, 0, 1, label="Opacity")
        motion_blur: bool = blurred_in_motion()

    def start(self) -> None:
        """Draw every design once: settings may change between two frames."""
        self._painter = SheetPainter()
        self._shutter = Shutter()
        self._springs: TrackMemory[Spring] = TrackMemory()
        for design in get_args(Design):
            _drawn(design)

    def apply(self, scene: Scene) -> None:
        """Stick it on every face."""
        settings: Sticker.Settings = self.settings
        art = settings.art.art if settings.art is not None else _drawn(settings.design)
        for face in filter(drawable, scene.faces):
            popped = self._popped(face, scene.elapsed)
            head = HeadFrame.of(face)
            if settings.anchor == "above":
                head = head.unturned(*_ABOVE)
                tall = settings.size * art.levels[0].shape[0] / art.levels[0].shape[1]
                centre = np.array((0, tall / 2, 0), np.float32)
                normal = np.array((0, 0, 1), np.float32)
            else:
                numbers = _POINTS[settings.anchor]
                centre = head.found(face.landmarks[list(numbers)]).mean(axis=0)
                normal = _normal(numbers[0])
            shown = smoothstep(float((head.rotation @ normal)[2]), 0.02, 0.3)
            grid = self._grid(art, centre, normal, popped)
            sheet = Sheet(art, grid, settings.opacity * shown)
            if sheet.opacity > 0 and popped > 0.02:
                smear = self._shutter.smear(face, scene.elapsed, self.settings.motion_blur)
                self._painter.draw(scene, face, head, [sheet], smear)

    def _popped(self, face: Face, elapsed: float) -> float:
        """It pops up on a face that is new; a still shows it whole."""
        spring = self._springs.get(face.track_id)
        if spring is None:
            spring = Spring(0.0 if elapsed > 0 else 1.0, response=_POP_S)
            self._springs.put(face.track_id, spring)
        return spring.follow(1.0, elapsed)

    def _grid(self, art: Art, centre: FloatArray, normal: FloatArray, size: float) -> FloatArray:
        settings: Sticker.Settings = self.settings
        rows, columns = art.levels[0].shape[:2]
        width = settings.size * size
        bend = _BEND if settings.anchor != "above" else 0.0
        grid = bent(width, width * rows / columns, (0, 0, 0), bend, columns=5)
        turn = np.radians(-settings.turn)
        across: FloatArray = np.cross((0.0, 1.0, 0.0), normal).astype(np.float32)
        across /= max(float(np.linalg.norm(across)), 1e-6)
        up = np.cross(normal, across)
        right = np.cos(turn) * across + np.sin(turn) * up
        above = -np.sin(turn) * across + np.cos(turn) * up
        middle = centre + settings.x * across + settings.y * up + _OFF_SKIN * normal
        axes = np.stack((right, above, normal))
        return np.asarray(grid @ axes + middle, np.float32)


@lru_cache(maxsize=8)
def _drawn(design: str) -> Art:
    return Art.of_svg(f"{_HEAD}{_SVGS[design]}</svg>", 384)


@lru_cache(maxsize=16)
def _normal(number: int) -> FloatArray:
    """The canonical face's normal at a landmark, the mean of the triangles there, pointing out."""
    mesh = canonical_mesh()
    mine = mesh.triangles[(mesh.triangles == number).any(axis=1)]
    one, two, three = (mesh.vertices[mine[:, i]] for i in range(3))
    normal = np.cross(two - one, three - one).sum(axis=0)
    normal *= np.sign(normal[2]) or 1.0
    return np.asarray(normal / np.linalg.norm(normal), np.float32)
