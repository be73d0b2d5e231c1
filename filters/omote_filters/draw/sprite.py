"""Flat pictures on the screen: placed, scaled and rolled, in the scene's light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import skia

from omote_filters.draw.blend import over
from omote_filters.draw.crop import Crop
from omote_filters.draw.sheet import FINEST, Art
from omote_filters.draw.surface import shader_of, surface_on
from omote_filters.scene import Scene
from omote_models.face import Box, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A picture to be drawn flat on the screen.

    Attributes:
        art: the picture.
        centre: x and y, pixels.
        width: pixels.
        angle: radians, clockwise.
        opacity: 0 to 1.
        light: what to multiply red, green and blue with, see `sheet.light_of`; None leaves them.
        lettered: whether there is something to read on it; where people see the picture as in a
            mirror, it is drawn the wrong way round, so that they can.
    """

    art: Art
    centre: tuple[float, float]
    width: float
    angle: float = 0.0
    opacity: float = 1.0
    light: FloatArray | None = None
    lettered: bool = False

    @property
    def height(self) -> float:
        """Pixels."""
        rows, columns = self.art.levels[0].shape[:2]
        return float(self.width * rows / columns)

    @property
    def box(self) -> Box:
        """The box around it, however it is rolled."""
        reach = float(np.hypot(self.width, self.height)) / 2 + 1
        return Box(self.centre[0] - reach, self.centre[1] - reach, 2 * reach, 2 * reach)

    @property
    def fits(self) -> bool:
        """Whether it can be drawn at all."""
        numbers = (*self.centre, self.width, self.angle, self.opacity)
        return bool(np.isfinite(numbers).all()) and self.width >= 1 and self.opacity > 0.004


def draw_sprites(scene: Scene, *sprites: Sprite) -> None:
    """Draw sprites, the first one lowest. What lies outside the picture is cut off."""
    shown = [sprite for sprite in sprites if sprite.fits]
    if not shown:
        return
    corners = [
        (x, y)
        for box in (sprite.box for sprite in shown)
        for x, y in ((box.x, box.y), (box.x + box.width, box.y + box.height))
    ]
    crop = Crop.of(scene, Box.around(np.array(corners, np.float32)), FINEST)
    if crop is None:
        return
    paint = np.zeros((crop.height, crop.width, 4), np.uint8)
    canvas = surface_on(paint).getCanvas()
    for sprite in shown:
        _draw(canvas, sprite, crop, turned=sprite.lettered and scene.mirrored)
    over(scene.edit(crop.rect), np.ascontiguousarray(crop.enlarged(paint)))


def _draw(canvas: skia.Canvas, sprite: Sprite, crop: Crop, turned: bool) -> None:
    across, down = crop.width / crop.rect.width, crop.height / crop.rect.height
    pixels = sprite.art.level(sprite.width * across)
    rows, columns = pixels.shape[:2]
    shader = shader_of(pixels)
    if sprite.light is not None:
        red, green, blue = sprite.light.tolist()
        matrix = [red, 0, 0, 0, 0, 0, green, 0, 0, 0, 0, 0, blue, 0, 0, 0, 0, 0, 1, 0]
        shader = shader.makeWithColorFilter(skia.ColorFilters.Matrix(matrix))
    canvas.save()
    canvas.scale(across, down)
    canvas.translate(sprite.centre[0] - crop.rect.left, sprite.centre[1] - crop.rect.top)
    canvas.rotate(float(np.degrees(sprite.angle)))
    canvas.scale(sprite.width / columns * (-1 if turned else 1), sprite.height / rows)
    canvas.translate(-columns / 2, -rows / 2)
    paint = skia.Paint(Shader=shader, AntiAlias=True, Alphaf=min(1.0, sprite.opacity))
    canvas.drawRect(skia.Rect.MakeWH(columns, rows), paint)
    canvas.restore()
