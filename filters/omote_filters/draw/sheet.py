"""Props of the head: art on bent sheets, placed in the head's own centimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import skia

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.motion import STILL, Smear, smeared
from omote_filters.draw.skin import cheek_pixels
from omote_filters.draw.surface import Rgba, shader_of, surface_on
from omote_filters.draw.texture import rasterised
from omote_filters.scene import Scene
from omote_models.face import Box, Face, FloatArray

FINEST = 640
_WHITE = 0xFFFFFFFF
_REFERENCE_LIGHT = 165.0
"""The level of skin in the light for which art is drawn."""
_DARKEST, _BRIGHTEST = 0.35, 1.08
_TINT = 0.35
"""How much of the light's colour a prop takes."""
_SKIN = np.array((1.18, 0.96, 0.86), np.float32)
"""What skin in white light has of red, green and blue, against their mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Art:
    """A picture in several sizes.

    Attributes:
        levels: (height, width, 4) uint8 RGBA, each half the one before, multiplied by its alpha.
    """

    levels: tuple[Rgba, ...]

    @classmethod
    def of_svg(cls, svg: str, width: int = 768) -> Art:
        """From an SVG picture with a viewBox.

        Raises:
            ValueError: it is not an SVG picture.
        """
        box = svg.split('viewBox="', 1)[-1].split('"', 1)[0].split()
        height = round(width * float(box[3]) / float(box[2]))
        return cls.of(rasterised(svg.encode(), width, height))

    @classmethod
    def of(cls, pixels: Rgba) -> Art:
        """From pixels, multiplied by their alpha."""
        levels = [pixels]
        while min(levels[-1].shape[:2]) >= 32:
            height, width = levels[-1].shape[:2]
            size = (max(1, width // 2), max(1, height // 2))
            smaller = cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(smaller, np.uint8))
        return cls(tuple(levels))

    @property
    def shadow(self) -> Art:
        """Its soft shadow: the same outline, black and blurred."""
        alpha = self.levels[2 if len(self.levels) > 2 else -1][:, :, 3]
        soft = cv2.GaussianBlur(alpha, (0, 0), 0.012 * alpha.shape[1])
        black = np.zeros((*alpha.shape, 4), np.uint8)
        black[:, :, 3] = soft
        return Art.of(black)

    def level(self, width: float) -> Rgba:
        """The smallest level that is sharp where it is drawn so many pixels wide."""
        sharp = [level for level in self.levels if level.shape[1] >= width]
        return sharp[-1] if sharp else self.levels[0]


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Art on a grid of points.

    Attributes:
        art: what is on it.
        points: (rows, columns, 3) float32, centimetres of the head (see `HeadFrame`); the first
            row is the art's upper edge, the first column its left one.
        opacity: of all of it, 0 to 1.
        lit: whether it takes the scene's light.
    """

    art: Art
    points: FloatArray
    opacity: float = 1.0
    lit: bool = True

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Sheet:
        """The same sheet elsewhere on the head."""
        return replace(self, points=self.points + np.array((x, y, z), np.float32))

    def shadow(self, opacity: float, art: Art) -> Sheet:
        """Its shadow, slightly below and behind it."""
        below = self.points + np.array((0, -0.35, -0.6), np.float32)
        return Sheet(art, below, opacity, lit=False)


def bent(
    width: float,
    height: float,
    centre: tuple[float, float, float],
    bend: float = 0.0,
    lean: float = 0.0,
    columns: int = 9,
) -> FloatArray:
    """A grid that bends backwards to its sides like a visor.

    Args:
        width: centimetres.
        height: centimetres.
        centre: of the grid.
        bend: how far the sides lie behind the middle, as z = -bend · x².
        lean: how far the upper edge lies behind the lower, centimetres.
        columns: of the grid; it has three rows.

    Returns:
        (3, columns, 3) float32.
    """
    x = np.linspace(-width / 2, width / 2, columns)
    y = np.linspace(height / 2, -height / 2, 3)
    grid = np.empty((3, columns, 3), np.float32)
    grid[:, :, 0] = x
    grid[:, :, 1] = y[:, None]
    grid[:, :, 2] = -bend * x**2 - lean * (y[:, None] / height + 0.5)
    return np.asarray(grid + np.array(centre, np.float32), np.float32)


def around(
    radius: tuple[float, float],
    low: float,
    high: float,
    middle: tuple[float, float],
    angles: tuple[float, float],
    flare: float = 0.0,
    columns: int = 15,
) -> FloatArray:
    """A band around the head: a piece of an upright elliptic cylinder.

    Args:
        radius: sideways and forwards, centimetres.
        low: height of its lower edge.
        high: height of its upper edge.
        middle: of the ellipse, x and z.
        angles: where it begins and ends in degrees; 0 is the front, 90 the person's left.
        flare: how much wider the upper edge is, as a part of the radius.
        columns: of the grid; it has three rows.

    Returns:
        (3, columns, 3) float32.
    """
    turn = np.radians(np.linspace(*angles, columns))
    grid = np.empty((3, columns, 3), np.float32)
    for row, part in enumerate((1.0, 0.5, 0.0)):
        wide = 1 + flare * part
        grid[row, :, 0] = middle[0] + wide * radius[0] * np.sin(turn)
        grid[row, :, 1] = low + (high - low) * part
        grid[row, :, 2] = middle[1] + wide * radius[1] * np.cos(turn)
    return grid


class SheetPainter:
    """Draws sheets on faces; it keeps nothing of a face."""

    def __init__(self) -> None:
        self._grids: dict[tuple[int, int], list[int]] = {}

    def draw(
        self,
        scene: Scene,
        face: Face,
        head: HeadFrame,
        sheets: Sequence[Sheet],
        smear: Smear = STILL,
    ) -> None:
        """Lay sheets over a face, the first one lowest. What lies outside is cut off.

        With a `smear` they are blurred along it, see `draw.motion.Shutter`.
        """
        placed = [head.place(sheet.points.reshape(-1, 3)) for sheet in sheets]
        if not placed:
            return
        box = Box.around(np.concatenate(placed))
        if smear != STILL:
            apart = (np.array((*smear, 0.0), np.float32) / 2, np.zeros(3, np.float32))
            box = Box.around(np.concatenate([p + s for p in placed for s in (*apart, -apart[0])]))
        crop = Crop.of(scene, box.grown(0.02, 0.02, 0.02, 0.02), FINEST)
        if crop is None:
            return
        light = light_of(scene, face)
        paint = np.zeros((crop.height, crop.width, 4), np.uint8)
        canvas = surface_on(paint).getCanvas()
        for sheet, points in zip(sheets, placed, strict=True):
            if sheet.opacity > 0.004:
                self._sheet(canvas, sheet, crop.place(points), light)
        if smear != STILL:
            across, down = crop.width / crop.rect.width, crop.height / crop.rect.height
            paint = smeared(paint, (smear[0] * across, smear[1] * down))
        over(scene.edit(crop.rect), np.ascontiguousarray(crop.enlarged(paint)))

    def _sheet(self, canvas: Any, sheet: Sheet, points: FloatArray, light: FloatArray) -> None:
        rows, columns = sheet.points.shape[:2]
        span = np.ptp(points[:, 0]) + np.ptp(points[:, 1]) / 2
        art = sheet.art.level(1.5 * float(span))
        height, width = art.shape[:2]
        across, down = np.linspace(0, width, columns), np.linspace(0, height, rows)
        texels = [skia.Point(x, y) for y in down.tolist() for x in across.tolist()]
        vertices = skia.Vertices(
            skia.Vertices.kTriangles_VertexMode,
            [skia.Point(x, y) for x, y in points.tolist()],
            texels,
            [_WHITE] * len(texels),
            self._triangles(rows, columns),
        )
        shader = shader_of(art)
        if sheet.lit:
            red, green, blue = light.tolist()
            matrix = [red, 0, 0, 0, 0, 0, green, 0, 0, 0, 0, 0, blue, 0, 0, 0, 0, 0, 1, 0]
            shader = shader.makeWithColorFilter(skia.ColorFilters.Matrix(matrix))
        paint = skia.Paint(Shader=shader, AntiAlias=True, Alphaf=min(1.0, sheet.opacity))
        canvas.drawVertices(vertices, paint)

    def _triangles(self, rows: int, columns: int) -> list[int]:
        if (rows, columns) not in self._grids:
            at = np.arange(rows * columns).reshape(rows, columns)
            a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
            corners = np.stack((a, b, c, b, d, c), axis=-1)
            self._grids[rows, columns] = corners.ravel().tolist()
        return self._grids[rows, columns]


def light_of(scene: Scene, face: Face) -> FloatArray:
    """The light on a face, (3,) float32: what to multiply art's red, green and blue with.

    The level of both cheeks against that of skin in good light, and a part of their cast.
    """
    cheeks = cheek_pixels(scene, face, 0.06)
    if cheeks is None:
        return np.ones(3, np.float32)
    colour = cheeks.mean(axis=0, dtype=np.float32) + 1
    level = float(np.clip((colour.mean() / _REFERENCE_LIGHT) ** 0.75, _DARKEST, _BRIGHTEST))
    cast = colour / colour.mean() / _SKIN
    cast = np.clip(cast / cast.mean(), 0.75, 1.25)
    return np.asarray(level * (1 + _TINT * (cast - 1)), np.float32)


def side_shown(head: HeadFrame, side: float) -> float:
    """How far a side of the head (1 the person's left, -1 the right) faces the viewer, 0 to 1."""
    return float(np.clip((side * head.rotation[2, 0] + 0.12) / 0.2, 0, 1))
