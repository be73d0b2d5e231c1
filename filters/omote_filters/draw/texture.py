"""Paint for a face: SVG art in the canonical face's texture space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import cv2
import numpy as np
import skia

from omote_filters.draw.surface import Rgba, surface_on
from omote_models.landmarks import FACE_OVAL
from omote_models.mesh import canonical_mesh

SIZES = (512, 256, 128, 64)
"""A texture is kept at these sizes, so that a small face is not drawn from a few of its texels."""
OVAL_FEATHER = 0.03
"""How wide every texture fades out along the border of the face, as a part of its own width."""


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """Paint in the canonical face's texture space, in several sizes.

    Attributes:
        levels: the same picture at `SIZES`, each (size, size, 4) uint8 RGBA, its colour already
            multiplied by its alpha, read-only; row 0 is V = 0.
    """

    levels: tuple[Rgba, ...]

    @classmethod
    def of(cls, art: Rgba) -> Texture:
        """A texture from one picture, (512, 512, 4) uint8 RGBA, multiplied by its alpha."""
        levels = [art]
        for size in SIZES[1:]:
            smaller = cv2.resize(levels[-1], (size, size), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(smaller, np.uint8))
        for level in levels:
            level.setflags(write=False)
        return cls(tuple(levels))

    @classmethod
    def of_svg(cls, svg: bytes) -> Texture:
        """A texture from an SVG picture that fills the texture space, faded out at the oval.

        Raises:
            ValueError: it is not an SVG picture.
        """
        return cls.of(faded(rasterised(svg, SIZES[0], SIZES[0])))

    def mixed(self, other: Texture, amount: float, face_width: float) -> Rgba:
        """The level for a face, `amount` of the way, 0 to 1, to another texture."""
        one, two = self.level(face_width), other.level(face_width)
        return np.asarray(cv2.addWeighted(one, 1 - amount, two, amount, 0), np.uint8)

    def level(self, face_width: float) -> Rgba:
        """The smallest level that is sharp on a face so many pixels wide."""
        return next(
            (a for a in reversed(self.levels) if len(a) >= 1.5 * face_width), self.levels[0]
        )


@lru_cache(maxsize=32)
def asset(name: str) -> Texture:
    """A texture that comes with Omote, from `assets/NAME.svg`; the same object every time."""
    return Texture.of_svg(files("omote_filters").joinpath("assets", f"{name}.svg").read_bytes())


def rasterised(svg: bytes, width: int, height: int) -> Rgba:
    """An SVG picture as (height, width, 4) uint8 RGBA, multiplied by its alpha.

    It is drawn in this process: for art that comes with the code. A stranger's goes through
    `draw.svg` and `draw.apart`.

    Raises:
        ValueError: it is not an SVG picture.
    """
    picture = skia.SVGDOM.MakeFromStream(skia.MemoryStream(svg, True))
    if picture is None:
        raise ValueError("this is not an SVG picture")
    pixels = np.zeros((height, width, 4), np.uint8)
    picture.setContainerSize(skia.Size(width, height))
    picture.render(surface_on(pixels).getCanvas())
    return pixels


def faded(art: Rgba) -> Rgba:
    """Art that ends softly before the border of the face, (size, size, 4) uint8 RGBA."""
    size = len(art)
    inside = np.zeros((size, size), np.uint8)
    ring = canonical_mesh().uv[list(FACE_OVAL)] * size
    cv2.fillPoly(inside, [np.round(ring - 0.5).astype(np.int32)], 255)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / (OVAL_FEATHER * size)
    ramp = np.clip(depth, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.asarray(np.rint(art * ramp[:, :, None]), np.uint8)
