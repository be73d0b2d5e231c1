"""What a pack brings beside its text: pictures, solids and colour tables, decoded once, safely."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

import cv2
import numpy as np

from omote_filters.draw.apart import rasterised_apart
from omote_filters.draw.glb import read_glb
from omote_filters.draw.gltf import GlbError
from omote_filters.draw.lut import CubeError, Lut
from omote_filters.draw.picture import PictureError, decoded
from omote_filters.draw.sheet import Art
from omote_filters.draw.solid import Solid
from omote_filters.draw.surface import Rgba
from omote_filters.draw.svg import SvgError, plain_svg
from omote_filters.draw.texture import SIZES, Texture, faded

LARGEST_ASSET = 4 * 2**20
"""Bytes of one file."""
_LARGEST_SIDE = 1024
"""Pixels: larger pictures are made smaller."""


class AssetError(ValueError):
    """A file that cannot be used; the text says why."""


@dataclass(frozen=True, eq=False)
class PictureAsset:
    """An SVG or PNG picture.

    Attributes:
        pixels: (height, width, 4) uint8 RGBA, multiplied by its alpha.
    """

    pixels: Rgba = field(repr=False)

    @cached_property
    def art(self) -> Art:
        """For sheets and sprites."""
        return Art.of(self.pixels)

    @cached_property
    def texture(self) -> Texture:
        """As paint that fills the canonical face's texture space and fades out at the oval."""
        side = SIZES[0]
        shrinks = min(self.pixels.shape[:2]) >= side
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        square = cv2.resize(self.pixels, (side, side), interpolation=how)
        return Texture.of(faded(np.asarray(square, np.uint8)))


@dataclass(frozen=True, eq=False)
class SolidAsset:
    """A GLB model in centimetres of the head, see `draw.head.HeadFrame`."""

    solids: tuple[Solid, ...] = field(repr=False)


@dataclass(frozen=True, eq=False)
class LutAsset:
    """A .cube table."""

    lut: Lut = field(repr=False)


Asset = PictureAsset | SolidAsset | LutAsset

SUFFIXES = (".svg", ".png", ".glb", ".cube")


def read_asset(name: str, data: bytes) -> Asset:
    """A file's content; the name's suffix says what it is.

    Files come from strangers: whatever the bytes are, it ends in time, with an asset or an error.

    Raises:
        AssetError: it is of another kind, too large or damaged.
    """
    if len(data) > LARGEST_ASSET:
        raise AssetError(f"it is larger than {LARGEST_ASSET // 2**20} MiB")
    try:
        match PurePosixPath(name).suffix.lower():
            case ".svg":
                return PictureAsset(_svg(data))
            case ".png":
                return PictureAsset(_png(data))
            case ".glb":
                return SolidAsset(tuple(read_glb(data)))
            case ".cube":
                return LutAsset(Lut.of_cube(data.decode("utf-8", "replace")))
    except (GlbError, CubeError, PictureError, SvgError) as error:
        raise AssetError(str(error)) from None
    raise AssetError(f"an asset is one of {', '.join(SUFFIXES)}")


def _png(data: bytes) -> Rgba:
    if not data.startswith(b"\x89PNG"):
        raise AssetError("it is not a PNG picture")
    pixels = decoded(data)
    scale = _LARGEST_SIDE / max(pixels.shape[:2])
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    colours = cv2.multiply(pixels, cv2.merge([pixels[:, :, 3]] * 4), scale=1 / 255)
    colours[:, :, 3] = pixels[:, :, 3]
    return np.asarray(colours, np.uint8)


def _svg(data: bytes) -> Rgba:
    plain = plain_svg(data)
    across = round(_LARGEST_SIDE * min(1.0, plain.aspect))
    down = round(_LARGEST_SIDE * min(1.0, 1 / plain.aspect))
    try:
        return rasterised_apart(plain.text, across, down)
    except ValueError as error:
        raise AssetError(str(error)) from None
