"""Small pictures of filters, on the public-domain portrait."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from omote_filters.listing import Listing
from omote_filters.packs.source import PREVIEW
from omote_filters.registry import Registry
from omote_filters.words import Appearance, ChainEntry
from omote_server.frames.codec import Pixels
from omote_server.workshop.rehearsal import Take, beside, looked_at, performed, read

SIDE = 180
_WHOLE = (slice(0, 330), slice(60, 390))
_FACE = (slice(35, 205), slice(140, 310))
_FRAMES = 45
_LOOKS = 3
_SMILE = ("mouthSmileLeft", "mouthSmileRight")
_ACTS = {
    "shout_tiger": ("jawOpen",),
    "fire_breath": ("jawOpen",),
    "wide_awake": ("browInnerUp", "browOuterUpLeft"),
}
_CLOSE = frozenset({Appearance.MAKEUP, Appearance.BEAUTIFY})


@dataclass(frozen=True, slots=True)
class Sitting:
    """The portrait, looked at once: alone, and beside its mirror image."""

    one: Take
    two: Take

    @classmethod
    def held(cls) -> Sitting:
        """Look at it.

        Raises:
            StoreError, RuntimeError: models or footage are missing.
        """
        portrait = read("astronaut")
        person = portrait[:330, 60:390]
        pair = beside(person, np.ascontiguousarray(person[:, ::-1]))
        return cls(looked_at([portrait] * _LOOKS)[-1], looked_at([pair] * _LOOKS, 2)[-1])


def thumbnail(listing: Listing | None, sitting: Sitting, *, like: Listing | None = None) -> Pixels:
    """A filter after a second and a half of a smile, (180, 180, 3) uint8 RGB.

    Makeup is seen from near, a filter for two on two. Without a filter it is what that of `like`
    is drawn on.

    Raises:
        ChainError: the filter is broken.
    """
    shown = like if listing is None else listing
    crowd = shown is not None and shown.fewest_faces > 1
    take = sitting.two if crowd else sitting.one
    name = "" if shown is None else shown.id
    take = take.acted(*_ACTS.get(name, _SMILE)).aged(9 if name == "protect_the_young" else 30)
    pixels = take.pixels
    if listing is not None:
        last = performed([ChainEntry(listing.id)], Registry(), [take] * _FRAMES)
        pixels = np.asarray(last.picture)
    part = pixels[:460, 90:550] if crowd else pixels[_FACE if _near(shown) else _WHOLE]
    small = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def preview_of(listing: Listing) -> Path:
    """Where the thumbnail of one of our own filters or packs is kept."""
    if listing.home.is_dir():
        return listing.home / PREVIEW
    return listing.home.parent / "previews" / f"{listing.id}.jpg"


def _near(listing: Listing | None) -> bool:
    return listing is not None and listing.appearance in _CLOSE
