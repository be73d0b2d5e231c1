"""Small pictures of filters, on the public-domain portrait."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getfile
from pathlib import Path

import cv2
import numpy as np

from omote_filters.filter import Filter
from omote_filters.packs.filter import PackFilter
from omote_filters.packs.load import BUILTIN
from omote_filters.packs.source import PREVIEW
from omote_filters.registry import Registry
from omote_filters.words import Appearance, ChainEntry
from omote_server.frames.codec import Pixels
from omote_server.workshop.rehearsal import Take, beside, looked_at, perform, read

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


def thumbnail(
    kind: type[Filter] | None, sitting: Sitting, *, like: type[Filter] | None = None
) -> Pixels:
    """A filter after a second and a half of a smile, (180, 180, 3) uint8 RGB.

    Makeup is seen from near, a filter for two on two. Without a filter it is what that of `like`
    is drawn on.

    Raises:
        ChainError: the filter is broken.
    """
    shown = like if kind is None else kind
    crowd = shown is not None and shown.fewest_faces > 1
    take = sitting.two if crowd else sitting.one
    name = "" if shown is None else shown.id
    take = take.acted(*_ACTS.get(name, _SMILE)).aged(9 if name == "protect_the_young" else 30)
    pixels = take.pixels
    if kind is not None:
        *_, last = perform([ChainEntry(kind.id)], Registry(), [take] * _FRAMES)
        pixels = np.asarray(last.picture)
    part = pixels[:460, 90:550] if crowd else pixels[_FACE if _near(shown) else _WHOLE]
    small = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def draws(kind: type[Filter]) -> bool:
    """Whether there is anything to see of a filter, or of any part of a pack."""
    if issubclass(kind, PackFilter):
        return any(part.kind.draws for part in kind.parts)
    return kind.draws


def preview_of(kind: type[Filter]) -> Path:
    """Where the thumbnail of one of our own filters or packs is kept."""
    if issubclass(kind, PackFilter):
        return BUILTIN / kind.id / PREVIEW
    return Path(getfile(kind)).parent / "previews" / f"{kind.id}.jpg"


def _near(kind: type[Filter] | None) -> bool:
    return kind is not None and kind.appearance in _CLOSE
