"""Faces for training: cut once, then seen each time as a stream might show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.calibration import lived
from omote_models.chips import PADDING, chip
from omote_models.datasets.manifest import Entry, Manifest, Split
from omote_models.evaluation.answers import decoded_picture
from omote_models.face import FloatArray, Gender
from omote_models.stills import StillFinder

Pixels = NDArray[np.uint8]

_ROOM = 1.5
"""Faces are kept with so much more around them than a network sees, so that they can be moved."""
_TURN_DEGREES, _SHIFT, _SCALE = 9.0, 0.035, 0.07
_OFTEN = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFaces:
    """One split.

    Attributes:
        pictures: (n, room, room, 3) uint8 RGB, aligned, with room around the face.
        ages: (n,) float32 years lived, NaN where it is not labelled.
        males: (n,) float32, 1 male, 0 female, NaN where it is not labelled.
        side: what a network sees, pixels.
    """

    pictures: Pixels
    ages: FloatArray
    males: FloatArray
    side: int

    def __len__(self) -> int:
        """How many."""
        return len(self.pictures)

    def plain(self, number: int) -> Pixels:
        """A face as it is, (side, side, 3)."""
        return _seen(self.pictures[number], self.side, 0.0, (0.0, 0.0), 1.0)

    def varied(self, number: int, chance: np.random.Generator) -> Pixels:
        """A face as a stream might show it, (side, side, 3).

        Moved, turned and mirrored; small and enlarged again; blurred by focus or motion; in
        other light; with noise; compressed.
        """
        turn = float(chance.uniform(-_TURN_DEGREES, _TURN_DEGREES))
        shift = tuple(chance.uniform(-_SHIFT, _SHIFT, 2).tolist())
        scale = float(chance.uniform(1 - _SCALE, 1 + _SCALE))
        picture = _seen(self.pictures[number], self.side, turn, (shift[0], shift[1]), scale)
        if chance.random() < 0.5:
            picture = np.ascontiguousarray(picture[:, ::-1])
        if chance.random() < _OFTEN:
            picture = _small(picture, float(chance.uniform(0.35, 0.9)))
        if chance.random() < _OFTEN:
            picture = _blurred(picture, chance)
        picture = _in_other_light(picture, chance)
        if chance.random() < _OFTEN:
            quality = int(chance.integers(25, 90))
            data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return picture


def cut(
    folder: Path, manifest: Manifest, split: Split, side: int, face_model: bytes
) -> TrainingFaces:
    """The labelled faces of a split. A face that is not found again is left out."""
    entries = [e for e in manifest.samples if e.split == split and e.has_label]
    kept: list[Entry] = []
    pictures: list[Pixels] = []
    with StillFinder(face_model) as finder:
        for entry in entries:
            picture = decoded_picture(folder / entry.file)
            aligned = None if isinstance(picture, str) else _aligned(picture, side, finder)
            if aligned is not None:
                pictures.append(aligned)
                kept.append(entry)
    ages = [np.nan if e.age is None else e.age for e in kept]
    males = [np.nan if e.gender is None else float(e.gender is Gender.MALE) for e in kept]
    room = round(_ROOM * side)
    return TrainingFaces(
        np.stack(pictures) if pictures else np.zeros((0, room, room, 3), np.uint8),
        lived(np.array(ages, np.float32)),
        np.array(males, np.float32),
        side,
    )


def _aligned(picture: Pixels, side: int, finder: StillFinder) -> Pixels | None:
    faces = finder.find(picture)
    if not faces:
        return None
    # More padding by the same scale: the face stays as large as the network sees it.
    padding = (_ROOM * (1 + 2 * PADDING) - 1) / 2
    return chip(picture, faces[0].landmarks, round(_ROOM * side), padding)


def _seen(
    picture: Pixels, side: int, turn: float, shift: tuple[float, float], scale: float
) -> Pixels:
    room = picture.shape[0]
    matrix = cv2.getRotationMatrix2D((room / 2 - 0.5, room / 2 - 0.5), turn, scale)
    matrix[:, 2] += np.array(shift) * side + (side - room) / 2
    cut_out = cv2.warpAffine(
        picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut_out, np.uint8)


def _small(picture: Pixels, by: float) -> Pixels:
    side = picture.shape[0]
    size = max(12, round(side * by))
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _blurred(picture: Pixels, chance: np.random.Generator) -> Pixels:
    side = picture.shape[0]
    if chance.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(chance.uniform(0.3, 1.4))))
    length = int(chance.integers(3, max(4, side // 12)))
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1 / length
    middle = ((length - 1) / 2, (length - 1) / 2)
    turn = cv2.getRotationMatrix2D(middle, float(chance.uniform(0, 180)), 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    kernel = np.asarray(kernel / max(float(kernel.sum()), 1e-3), np.float32)
    return np.asarray(cv2.filter2D(picture, -1, kernel), np.uint8)


def _in_other_light(picture: Pixels, chance: np.random.Generator) -> Pixels:
    levels = np.arange(256, dtype=np.float32) / 255
    gamma = float(np.exp(chance.normal(0, 0.25)))
    gain = np.exp(chance.normal(0, 0.16)) * np.exp(chance.normal(0, 0.05, 3))
    table = np.clip(levels[:, None] ** gamma * gain * 255, 0, 255)
    lit = cv2.LUT(picture, table.astype(np.uint8).reshape(1, 256, 3))
    noise = chance.normal(0, float(chance.uniform(0, 6)), picture.shape)
    return np.clip(lit + noise, 0, 255).astype(np.uint8)


def shuffled(count: int, size: int, chance: np.random.Generator) -> Sequence[NDArray[np.int64]]:
    """The numbers below `count` in a new order, in batches; a last batch of one joins another."""
    order = chance.permutation(count)
    batches = [order[at : at + size] for at in range(0, count, size)]
    if len(batches) > 1 and len(batches[-1]) < 2:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches
