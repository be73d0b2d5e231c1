"""Contact sheets and short videos of filters, to be judged by eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from omote_filters.draw.text import lettering
from omote_filters.listing import Listing
from omote_filters.registry import Registry
from omote_filters.words import ChainEntry
from omote_server.frames.codec import Pixels
from omote_server.media.video import VideoWriter
from omote_server.workshop.clip import clip_frames
from omote_server.workshop.rehearsal import (
    HEIGHT,
    RATE,
    WIDTH,
    Take,
    beside,
    looked_at,
    perform,
    performed,
    portrait,
    read,
    turned,
)

_CELL = (400, 300)
_COLUMNS = 4
_SETTLE = 40
"""Frames that a still is shown for, so that springs rest and particles fly."""
_VIDEO = slice(0, 240)
_FOUND = 3
_SMILE = ("mouthSmileLeft", "mouthSmileRight")


@dataclass(frozen=True, slots=True)
class Studio:
    """The footage that every filter is shown on.

    Attributes:
        stills: what each picture of a sheet shows, and the take.
        clip: consecutive takes for the video.
    """

    stills: tuple[tuple[str, Take], ...]
    clip: tuple[Take, ...]

    @classmethod
    def opened(cls) -> Studio:
        """Look at all of it; takes some seconds.

        Raises:
            StoreError, RuntimeError: models or footage are missing.
        """
        frames = clip_frames()[_VIDEO]
        clip = looked_at(frames)
        left, front, right = turned(clip)
        person = portrait()
        smiling = _still(person).acted(*_SMILE)
        nobody = cv2.resize(read("astronaut")[330:500, 60:290], (WIDTH, HEIGHT))
        trio = beside(read("astronaut")[:300, 80:380], _flipped(frames[0]), _flipped(person))
        return cls(
            (
                ("portrait, smiling", smiling),
                ("turned one way", left),
                ("to the front", front),
                ("turned the other way", right),
                ("mouth open", _still(person).acted("jawOpen", "browInnerUp")),
                ("poor light", smiling.dimmed()),
                ("three faces", _still(trio, 3).acted(*_SMILE)),
                ("nobody", Take(np.ascontiguousarray(nobody, np.uint8))),
            ),
            tuple(clip),
        )


def sheet(listing: Listing, registry: Registry, studio: Studio) -> Pixels:
    """A filter on every still, two rows of four pictures with captions, uint8 RGB.

    Raises:
        ChainError: the filter is broken.
    """
    cells = []
    for caption, take in studio.stills:
        last = performed([ChainEntry(listing.id)], registry, [take] * _SETTLE)
        cell = cv2.resize(last.picture, _CELL, interpolation=cv2.INTER_AREA)
        cells.append(_captioned(np.asarray(cell, np.uint8), caption))
    rows = [np.hstack(cells[i : i + _COLUMNS]) for i in range(0, len(cells), _COLUMNS)]
    return _captioned(np.vstack(rows), f"{listing.name} ({listing.id})")


def film(listing: Listing, registry: Registry, studio: Studio, path: Path) -> None:
    """A filter on the clip, before and after side by side, as an MP4 file.

    Raises:
        ChainError: the filter is broken.
        VideoError: the file cannot be written.
    """
    with VideoWriter(path, RATE) as writer:
        takes = studio.clip
        if listing.fewest_faces > 1:
            pairs = [beside(take.pixels, portrait()) for take in takes]
            takes = tuple(looked_at(pairs, max_faces=2))
        scenes = perform([ChainEntry(listing.id)], registry, takes)
        for number, (scene, take) in enumerate(zip(scenes, takes, strict=True)):
            writer.write(np.hstack((take.pixels, scene.picture)), number / RATE)


def _still(picture: Pixels, faces: int = 1) -> Take:
    """A picture as it is seen after some frames, when every face was found."""
    return looked_at([picture] * _FOUND, max_faces=faces)[-1]


def _flipped(picture: Pixels) -> Pixels:
    return np.ascontiguousarray(picture[:, ::-1])


def _captioned(picture: Pixels, caption: str) -> Pixels:
    """A picture with a line of text above it."""
    text = lettering(caption, 18)
    bar = np.full((len(text), picture.shape[1], 3), 24, np.uint8)
    width = min(text.shape[1], bar.shape[1])
    bar[:, :width] = np.maximum(bar[:, :width], text[:, :width, None])
    return np.vstack((bar, picture))


def chosen(registry: Registry, ids: Sequence[str]) -> list[Listing]:
    """Filters by id; all that work where none is named.

    Raises:
        LookupError: there is no such filter, or it is broken; the text says which.
    """
    wanted = ids or registry.ids
    listings = []
    for filter_id in wanted:
        found = registry.find(filter_id)
        if isinstance(found, Listing):
            listings.append(found)
        elif ids:
            why = registry.lament(filter_id) if found is None else f"it is broken: {found.error}"
            raise LookupError(f"{filter_id}: {why}")
    return listings
