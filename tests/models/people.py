"""Pictures of people who do not exist: the public-domain portrait, drawn upon.

How many lines lie on forehead and cheeks says the age, a moustache the gender: a network can
learn it, and no real person's label is needed. Each picture has a texture of its own, so that
none counts as a copy of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.datasets.manifest import Entry, Manifest, write_manifest
from omote_models.face import Face

Pixels = NDArray[np.uint8]
_SIDE = 300


def person(portrait: Pixels, face: Face, age: float, male: bool, seed: int) -> Pixels:
    chance = np.random.default_rng(seed)
    points = face.landmarks[:, :2]
    picture = portrait.copy()
    for n in range(round(age / 6)):
        # From the hairline down to the brows, then beside the nose.
        one, other = (points[68], points[298]) if n % 2 else (points[123], points[352])
        drop = np.array((0, (n // 2 - 3) * 5.0))
        start, end = (tuple(np.round(p + drop).astype(int).tolist()) for p in (one, other))
        cv2.line(picture, start, end, (95, 62, 50), 1, cv2.LINE_AA)
    if male:
        middle = tuple(np.round((points[164] + points[0]) / 2).astype(int).tolist())
        cv2.ellipse(picture, middle, (20, 6), 0, 0, 360, (25, 15, 12), -1)
    x, y = (int(v) for v in face.box.centre)
    half = _SIDE // 2
    part = picture[max(0, y - half) : y + half, max(0, x - half) : x + half]
    grain = chance.normal(0, 30, (30, 30)).astype(np.float32)
    size = (part.shape[1], part.shape[0])
    grain = np.asarray(cv2.resize(grain, size, interpolation=cv2.INTER_CUBIC), np.float32)
    shown = part.astype(np.float32) * float(chance.uniform(0.8, 1.15)) + grain[:, :, None]
    return np.asarray(np.clip(shown, 0, 255), np.uint8)


def crowd(
    folder: Path, portrait: Pixels, face: Face, people: int, each: int = 2, first: int = 0
) -> Path:
    """A folder named as UTKFace is, with a folder for each person."""
    chance = np.random.default_rng(3)
    for number in range(first, first + people):
        place = folder / f"p{number:03d}"
        place.mkdir(parents=True)
        age, male = int(chance.integers(8, 80)), bool(number % 2)
        for n in range(each):
            pixels = person(portrait, face, age, male, 1000 * number + n)
            name = f"{age}_{int(not male)}_0_{number:04d}{n}.jpg"
            data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
            (place / name).write_bytes(bytes(data))
    return folder


def squares(folder: Path, ages: Sequence[float | None]) -> Path:
    """A data set of grey squares, one for each age, where nobody looks at the faces."""
    (folder / "faces").mkdir(parents=True)
    entries = []
    for n, age in enumerate(ages):
        pixels = np.full((40, 40, 3), 60 * n, np.uint8)
        data = bytes(cv2.imencode(".jpg", pixels)[1])
        (folder / "faces" / f"{n}.jpg").write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        entries.append(
            Entry(file=f"faces/{n}.jpg", sha256=digest, identity=str(n), split="train", age=age)
        )
    manifest = Manifest(name="squares", licence="CC0-1.0", consent="nobody", samples=entries)
    manifest.changed("2026-11-24", "built")
    write_manifest(folder, manifest)
    return folder
