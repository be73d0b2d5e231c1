"""Colour profiles: whatever a camera means by its numbers becomes sRGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[np.uint8]

_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "LAB": "LAB"}
"""What profiles call their space, and Pillow the pictures that fit it."""
_SAME = 1
"""Of 255: a profile that is nowhere further from sRGB is sRGB, by whatever name."""
_STEPS = 7
_LONGEST_NAME = 60
_MOST_BYTES = 4 << 20
"""Of a profile. Those of printing presses have two megabytes."""

DAMAGED = "its colour profile is damaged and was ignored"
UNFIT = "its colour profile is of another kind of picture and was ignored"


@dataclass(frozen=True, slots=True)
class Profile:
    """An ICC profile that can be read.

    Attributes:
        mode: of the pictures that it fits, in Pillow's words.
        name: as its maker calls it, in printable letters.
        to_srgb: None where it is sRGB already.
    """

    mode: str
    name: str
    to_srgb: ImageCms.ImageCmsTransform | None


# Phones and cameras use a handful, and each takes no more than `_MOST_BYTES`. A transform may be
# used by several threads at once.
@lru_cache(maxsize=8)
def profile_of(icc: bytes) -> Profile | None:
    """A profile, made ready; None where it is damaged, or of no space that pictures have."""
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        mode = _SPACES.get(read.profile.xcolor_space.strip().upper())
        if mode is None:
            return None
        transform = ImageCms.buildTransform(read, ImageCms.createProfile("sRGB"), mode, "RGB")
        name = ImageCms.getProfileDescription(read)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    same = mode == "RGB" and _is_srgb(transform)
    told = "".join(letter for letter in name if letter.isprintable())[:_LONGEST_NAME].strip()
    return Profile(mode, told or "a profile without a name", None if same else transform)


def _is_srgb(transform: ImageCms.ImageCmsTransform) -> bool:
    """By what it does to a cube of colours: names are written by anybody."""
    ramp = np.linspace(0, 255, _STEPS).astype(np.uint8)
    cube = np.stack(np.meshgrid(ramp, ramp, ramp), axis=-1).reshape(1, -1, 3)
    shown = np.asarray(transform.apply(Image.fromarray(cube)))
    return int(np.abs(shown.astype(int) - cube).max()) <= _SAME


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, list[str]]:
    """A picture in sRGB, mode RGB, and what is to be told of it.

    Args:
        image: of a mode that Pillow turns into RGB; without alpha.
        icc: its profile, empty where it has none, None where it cannot be unpacked.
    """
    profile = _known(icc)
    if profile is None:
        return _plain(image), [] if icc == b"" else [DAMAGED]
    if profile.mode != image.mode:
        return _plain(image), [UNFIT]
    if profile.to_srgb is None:
        return image, []
    return profile.to_srgb.apply(image), [f"its colours were {profile.name}, and are sRGB now"]


def array_to_srgb(pixels: Pixels, icc: bytes | None) -> tuple[Pixels, list[str]]:
    """The same for (height, width, 3) uint8; the array itself where there is nothing to do."""
    if icc == b"":
        return pixels, []
    profile = _known(icc)
    if profile is not None and profile.mode == "RGB" and profile.to_srgb is None:
        return pixels, []
    image, told = to_srgb(Image.fromarray(pixels), icc)
    return np.array(image, np.uint8), told


def _known(icc: bytes | None) -> Profile | None:
    return profile_of(icc) if icc and len(icc) <= _MOST_BYTES else None


def _plain(image: Image.Image) -> Image.Image:
    """Without a profile: what everybody takes such numbers for."""
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        shown = ImageCms.profileToProfile(
            image, lab, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        return image.convert("L").convert("RGB") if shown is None else shown
    return image if image.mode == "RGB" else image.convert("RGB")
