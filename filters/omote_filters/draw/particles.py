"""Particles: many small pictures with a life of their own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import skia
from numpy.typing import NDArray

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop
from omote_filters.draw.surface import Rgba, shader_of, surface_on
from omote_filters.draw.texture import rasterised
from omote_filters.scene import Scene
from omote_models.face import Box, FloatArray

Numbers = NDArray[np.floating]

TILE = 64
_LONGEST_STEP_S = 0.1
_LONGEST_PAUSE_S = 1.0
_FINEST = 720
_CORNERS = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)), np.float32)


@dataclass(frozen=True, slots=True)
class Manner:
    """How particles move and look. Lengths are in units, which each particle has from its birth.

    Attributes:
        gravity: units per second squared, downwards.
        drag: the part of the velocity that is lost in a second, as a rate.
        sway: how far they swing sideways, units per second.
        growth: size at birth, in the middle and at the end of life, against their own size.
        colours: red, green, blue, alpha over life, (n, 4), 0 to 255, n at least 2.
        additive: whether they are light and not matter.
        tilt: how far from upright they may be born, radians.
        along: whether they point to where they move, upwards being forwards.
    """

    gravity: float = 0.0
    drag: float = 0.0
    sway: float = 0.0
    growth: tuple[float, float, float] = (1.0, 1.0, 1.0)
    colours: tuple[tuple[int, int, int, int], ...] = ((255, 255, 255, 255), (255, 255, 255, 0))
    additive: bool = False
    tilt: float = 0.4
    along: bool = False


class Particles:
    """A bounded swarm on the scene's clock.

    The same recording gives the same swarm: its chance is seeded. Positions are pixels.
    """

    def __init__(self, tiles: Rgba, manner: Manner, most: int = 128, seed: int = 1) -> None:
        """Make an empty swarm.

        Args:
            tiles: `TILE` high, a multiple of it wide: RGBA multiplied by alpha, side by side.
            manner: how they move.
            most: how many there are at once; the oldest make room.
            seed: of its chance.
        """
        self.chance = np.random.default_rng(seed)
        self._tiles = tiles
        self._manner = manner
        self._most = most
        self._owed = 0.0
        self._at: FloatArray
        self._velocity: FloatArray
        self._size: FloatArray
        self._life: FloatArray
        self._age: FloatArray
        self._unit: FloatArray
        self._angle: FloatArray
        self._phase: FloatArray
        self._tile: FloatArray
        self._clear()

    def __len__(self) -> int:
        return len(self._age)

    def due(self, rate: float, elapsed: float) -> int:
        """How many are to be born now, at so many a second; parts are carried over."""
        if elapsed > _LONGEST_PAUSE_S:
            return 0
        self._owed += rate * max(0.0, elapsed)
        count = int(self._owed)
        self._owed -= count
        return min(count, self._most)

    def emit(
        self,
        at: Numbers,
        velocity: Numbers,
        size: Numbers,
        life: Numbers,
        unit: float,
    ) -> None:
        """Give birth to n particles.

        Args:
            at: (n, 2) pixels.
            velocity: (n, 2) units per second.
            size: (n,) units across.
            life: (n,) seconds.
            unit: pixels, such as the width of the face.
        """
        count = len(at)
        if not count or not np.isfinite(at).all() or not np.isfinite(unit):
            return
        kinds = max(1, self._tiles.shape[1] // TILE)
        born = {
            "_at": at,
            "_velocity": velocity,
            "_size": size,
            "_life": np.maximum(life, 1e-3),
            "_age": np.zeros(count),
            "_unit": np.full(count, unit),
            "_angle": self.chance.uniform(-self._manner.tilt, self._manner.tilt, count),
            "_phase": self.chance.uniform(0, 2 * np.pi, count),
            "_tile": self.chance.integers(0, kinds, count),
        }
        for name, values in born.items():
            joined = np.concatenate((getattr(self, name), np.asarray(values, np.float32)))
            setattr(self, name, joined[-self._most :])

    def step(self, elapsed: float) -> None:
        """Live on for so many seconds; after a long pause nothing is left."""
        if elapsed > _LONGEST_PAUSE_S:
            self._clear()
        while elapsed > 0 and len(self):
            self._step(min(elapsed, _LONGEST_STEP_S))
            elapsed -= _LONGEST_STEP_S

    def draw(self, scene: Scene) -> None:
        """Draw all of them, the oldest lowest."""
        if not len(self):
            return
        part = np.clip(self._age / self._life, 0, 1)
        first, middle, last = self._manner.growth
        grown = np.interp(part, (0, 0.25, 1), (first, middle, last))
        half = np.asarray(0.5 * self._size * self._unit * grown, np.float32)
        reach = 1.5 * float(half.max()) + 1
        box = Box.around(self._at)
        box = Box(box.x - reach, box.y - reach, box.width + 2 * reach, box.height + 2 * reach)
        crop = Crop.of(scene, box, _FINEST)
        if crop is None:
            return
        paint = np.zeros((crop.height, crop.width, 4), np.uint8)
        vertices = self._vertices(crop, half, self._packed(part))
        canvas = surface_on(paint).getCanvas()
        canvas.drawVertices(vertices, skia.Paint(Shader=shader_of(self._tiles)))
        view, drawn = scene.edit(crop.rect), np.ascontiguousarray(crop.enlarged(paint))
        if self._manner.additive:
            cv2.add(view, cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB), dst=view)
        else:
            over(view, drawn)

    def _vertices(self, crop: Crop, half: FloatArray, colours: list[int]) -> skia.Vertices:
        angle = self._angle
        if self._manner.along:
            angle = np.arctan2(self._velocity[:, 0], -self._velocity[:, 1])
        sine, cosine = np.sin(angle), np.cos(angle)
        turn = np.stack((cosine, -sine, sine, cosine), axis=-1).reshape(-1, 2, 2)
        corners = np.einsum("nij,kj->nki", turn, _CORNERS) * half[:, None, None]
        places = crop.place((self._at[:, None] + corners).reshape(-1, 2).astype(np.float32))
        texels = (_CORNERS + 1) / 2 * TILE
        spots = texels[None] + np.stack((self._tile * TILE, 0 * self._tile), axis=-1)[:, None]
        count = len(self)
        order = np.array((0, 1, 2, 0, 2, 3)) + 4 * np.arange(count)[:, None]
        return skia.Vertices(
            skia.Vertices.kTriangles_VertexMode,
            [skia.Point(x, y) for x, y in places.tolist()],
            [skia.Point(u, v) for u, v in spots.reshape(-1, 2).tolist()],
            [colour for colour in colours for _ in range(4)],
            order.ravel().tolist(),
        )

    def _packed(self, part: NDArray[np.floating]) -> list[int]:
        """A colour for each, as Skia's 0xAARRGGBB."""
        stops = np.array(self._manner.colours, np.float64)
        at = np.linspace(0, 1, len(stops))
        red, green, blue, alpha = (
            np.rint(np.interp(part, at, stops[:, channel])).astype(np.uint32)
            for channel in range(4)
        )
        packed: list[int] = ((alpha << 24) | (red << 16) | (green << 8) | blue).tolist()
        return packed

    def _step(self, elapsed: float) -> None:
        manner = self._manner
        self._age = self._age + np.float32(elapsed)
        alive = self._age < self._life
        for name in ("_at", "_velocity", "_size", "_life", "_age", "_unit", "_angle", "_phase"):
            setattr(self, name, getattr(self, name)[alive])
        self._tile = self._tile[alive]
        self._velocity = self._velocity * np.float32(np.exp(-manner.drag * elapsed))
        self._velocity[:, 1] += manner.gravity * elapsed
        moved = self._velocity.copy()
        moved[:, 0] += manner.sway * np.sin(self._phase + 5 * self._age)
        self._at = self._at + moved * self._unit[:, None] * np.float32(elapsed)

    def _clear(self) -> None:
        self._at = np.zeros((0, 2), np.float32)
        self._velocity = np.zeros((0, 2), np.float32)
        self._size = np.zeros(0, np.float32)
        self._life = np.zeros(0, np.float32)
        self._age = np.zeros(0, np.float32)
        self._unit = np.zeros(0, np.float32)
        self._angle = np.zeros(0, np.float32)
        self._phase = np.zeros(0, np.float32)
        self._tile = np.zeros(0, np.float32)


def tiles_of(*svgs: str) -> Rgba:
    """SVG pictures as tiles side by side.

    Raises:
        ValueError: one is not an SVG picture.
    """
    return np.ascontiguousarray(np.hstack([rasterised(svg.encode(), TILE, TILE) for svg in svgs]))
