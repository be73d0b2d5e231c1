"""A filter put to the test: what cameras and trackers do on a bad day, and the house's rules."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

import omote_filters
from omote_filters.chain import Chain
from omote_filters.faults import place
from omote_filters.listing import Listing
from omote_filters.registry import Registry
from omote_filters.words import NOT_FOR_MINORS, ChainEntry, Reason
from omote_models.face import Box, Face, FloatArray
from omote_server.workshop.rehearsal import AGREED, Take, looked_at, portrait, scene_of

_SMILE = ("mouthSmileLeft", "mouthSmileRight", "jawOpen")
_FRAMES = 40
_SECOND = 150.0
"""How far to the right the second face of a pair stands, pixels."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one filter."""

    check: str
    good: bool
    told: str = ""


def trial(listing: Listing, registry: Registry) -> Iterator[Finding]:
    """Check a filter, one finding after the other.

    Raises:
        StoreError, RuntimeError: models or footage are missing.
    """
    if listing.lack:
        yield Finding("it can run here", False, listing.lack)
        return
    take = _sitter()
    if listing.fewest_faces > 1:
        take = replace(take, faces=_crowd(take.faces[0], listing.fewest_faces))
    yield _draws(listing, registry, take)
    for name, takes in _bad_days(take):
        yield _survives(listing, registry, name, takes)
    yield _repeats(listing, registry, take)
    if _for_adults_only(listing):
        drawn, _ = _run(listing, registry, [take.aged(9)] * 5)
        same = all(np.array_equal(picture, take.pixels) for picture in drawn)
        yield Finding("it leaves minors alone", same, "" if same else "it drew on a child")


@cache
def _sitter() -> Take:
    """The portrait, smiling, looked at once for all filters."""
    return looked_at([portrait()] * 3)[-1].acted(*_SMILE)


def _for_adults_only(listing: Listing) -> bool:
    """Whether nothing of it may be drawn on a minor; a pack's other parts may."""
    return all(part.filter.appearance in NOT_FOR_MINORS for part in listing.parts)


def _draws(listing: Listing, registry: Registry, take: Take) -> Finding:
    drawn, failures = _run(listing, registry, [take] * _FRAMES)
    if failures:
        return Finding("it draws", False, failures[0])
    changed = float((drawn[-1] != take.pixels).any(axis=2).mean())
    # A pack may wait for an event; a filter that never draws is for its author to see.
    return Finding("it draws", True, f"{changed:.1%} of the picture, on a smile")


def _survives(listing: Listing, registry: Registry, name: str, takes: Sequence[Take]) -> Finding:
    _, failures = _run(listing, registry, takes)
    return Finding(name, not failures, failures[0] if failures else "")


def _repeats(listing: Listing, registry: Registry, take: Take) -> Finding:
    one, _ = _run(listing, registry, [take] * 12)
    other, _ = _run(listing, registry, [take] * 12)
    same = all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    text = "" if same else "seed random numbers, and use scene.time, not the clock"
    return Finding("the same recording gives the same pictures", same, text)


def _run(
    listing: Listing, registry: Registry, takes: Sequence[Take]
) -> tuple[list[np.ndarray], list[str]]:
    """The pictures, and every failure with its place in the code."""
    drawn: list[np.ndarray] = []
    with _overheard() as heard:
        chain = Chain.build([ChainEntry(listing.id)], registry)
        chain.start()
        for number, take in enumerate(takes):
            scene = scene_of(take, number)
            try:
                applied = chain.apply(scene, AGREED)
            except Exception as error:  # it broke what all filters share
                heard.append(f"it breaks its scene: {place(error)}")
                break
            for bypass in applied.bypassed:
                if bypass.reason is Reason.ERROR and not heard:
                    heard.append("it failed")
            drawn.append(scene.picture)
        chain.stop()
    return drawn, heard


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What the chain logs about filters that fail."""
    heard: list[str] = []
    log, listener = logging.getLogger(omote_filters.__name__), _Listener(heard)
    passed_on, log.propagate = log.propagate, False
    log.addHandler(listener)
    try:
        yield heard
    finally:
        log.removeHandler(listener)
        log.propagate = passed_on


def _bad_days(take: Take) -> Iterator[tuple[str, list[Take]]]:
    face, pixels = take.faces[0], take.pixels
    height, width = pixels.shape[:2]
    points = face.landmarks

    def of(*faces: Face) -> list[Take]:
        return [replace(take, faces=faces)] * 3

    def shown(changed: FloatArray) -> list[Take]:
        return of(_with(face, changed))

    nan = points.copy()
    nan[5] = np.nan
    still = np.full(52, np.nan, np.float32)
    yield "nobody", of()
    middle = np.array((face.box.centre[0], 0, 0), np.float32)
    yield "a face half outside", shown(points - middle)
    yield "a face far outside", shown(points + np.array((9e4, -9e4, 0), np.float32))
    yield "a face of 20 pixels", shown(_scaled(points, 20 / face.width))
    yield "a profile", shown(_turned(points, 88))
    yield "upside down", shown(_rolled(points, 178))
    yield "a flat face", shown(points * np.array((1, 1, 0), np.float32))
    yield "a point", shown(np.full_like(points, 50))
    yield "a landmark that is not a number", shown(nan)
    yield "landmarks without irises", shown(points[:468])
    yield "blendshapes that are not numbers", of(replace(face, blendshapes=still))
    yield "no blendshapes", of(replace(face, blendshapes=None))
    yield "eight faces", of(*_crowd(_with(face, _scaled(points, 0.3)), 8))
    yield "a track that flickers", [replace(take, faces=(face,) * (n % 2)) for n in range(12)]
    dot = np.ascontiguousarray(pixels[:1, :1])
    yield "one pixel", [replace(take, pixels=dot, person=None)] * 2
    strip = np.ascontiguousarray(pixels[:, :40])
    yield "a narrow strip", [replace(take, pixels=strip, person=None)] * 2
    large = cv2.resize(pixels, (3840, 2160), interpolation=cv2.INTER_LINEAR)
    scale = np.array((3840 / width, 2160 / height, 1), np.float32)
    grown = replace(take, pixels=np.asarray(large, np.uint8), faces=(_with(face, points * scale),))
    yield "a 4K picture", [grown] * 2


def _with(face: Face, points: FloatArray) -> Face:
    finite = points[np.isfinite(points).all(axis=1)]
    return replace(face, landmarks=np.asarray(points, np.float32), box=Box.around(finite))


def _crowd(face: Face, count: int) -> tuple[Face, ...]:
    """Copies of a face side by side."""
    first = -_SECOND * (count - 1) / 2
    apart = [np.array((first + n * _SECOND, 0, 0), np.float32) for n in range(count)]
    return tuple(
        replace(_with(face, face.landmarks + shift), track_id=str(n))
        for n, shift in enumerate(apart)
    )


def _scaled(points: FloatArray, by: float) -> FloatArray:
    middle = points.mean(axis=0)
    return np.asarray((points - middle) * np.float32(by) + middle, np.float32)


def _turned(points: FloatArray, degrees: float) -> FloatArray:
    return _rotated(points, degrees, 0, 2)


def _rolled(points: FloatArray, degrees: float) -> FloatArray:
    return _rotated(points, degrees, 0, 1)


def _rotated(points: FloatArray, degrees: float, one: int, other: int) -> FloatArray:
    """About the middle, in the plane of two axes."""
    turn = np.eye(3, dtype=np.float32)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn[one, one], turn[one, other], turn[other, one], turn[other, other] = cos, -sin, sin, cos
    middle = points.mean(axis=0)
    return np.asarray((points - middle) @ turn.T + middle, np.float32)
