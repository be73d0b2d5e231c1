"""What every filter costs, and how still it lies: one filter at a time, without a server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from omote_filters.chain import Chain
from omote_filters.listing import Listing
from omote_filters.registry import Registry
from omote_filters.words import FACE_NEEDS, ChainEntry, Stage
from omote_models.face import FloatArray
from omote_server.frames.codec import Pixels
from omote_server.workshop.clip import clip_frames
from omote_server.workshop.rehearsal import (
    AGREED,
    RATE,
    Take,
    beside,
    looked_at,
    perform,
    portrait,
    scene_of,
)

FIVE = "smooth_skin+lipstick+blush+big_eyes+film_look"
"""A chain of five typical filters."""

_FRAMES = slice(30, 90)
_NOISE = 3.0
_STILL_FRAMES = 24
_LEAST_DRAWN = 0.15

_LONGEST_LAG = 8
_LIKE = 0.6
"""What is drawn moves with the face if their motions correlate at least so much."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time, milliseconds a frame with one face.

    Attributes:
        filters: which, as they are written on the command line.
        small, small_p95: 640×480, median and 95th percentile.
        first: the first frame after the start, 640×480.
        large: 960×720, median.
        jitter: how far what is drawn moves between two frames of a still face under camera
            noise, 95th percentile, in percent of the face's width; None where it is not meant
            to lie still, or draws too little to tell.
        lag: how many frames what is drawn follows behind the face; None where it is not meant to
            lie still, or does not move with it.
    """

    filters: str
    small: float
    small_p95: float
    first: float
    large: float
    jitter: float | None
    lag: float | None


@dataclass(frozen=True, slots=True)
class _Footage:
    small: list[Take]
    large: list[Take]
    still: list[Take]
    two: list[Take]


def measure(
    ids: Sequence[str], registry: Registry, on_step: Callable[[str], None]
) -> tuple[list[Cost], Cost]:
    """The cost of each filter, and of a chain of five.

    Raises:
        ChainError: a filter is unknown or broken.
    """
    on_step("looking at the clip")
    frames = clip_frames()[_FRAMES]
    small = looked_at(frames)
    footage = _Footage(
        small,
        [take.enlarged(1.5) for take in small],
        looked_at(_noisy_portrait()),
        looked_at([beside(frame, portrait()) for frame in frames], max_faces=2),
    )
    costs = []
    for name in ids:
        on_step(name)
        costs.append(_cost(name, registry, footage))
    on_step("five at once")
    return costs, _cost(FIVE, registry, footage)


def _cost(name: str, registry: Registry, footage: _Footage) -> Cost:
    entries = [ChainEntry(part) for part in name.split("+")]
    listings = [
        listing for e in entries if isinstance(listing := registry.find(e.filter_id), Listing)
    ]
    small, large = footage.small, footage.large
    if any(listing.fewest_faces > 1 for listing in listings):
        small, large = footage.two, [take.enlarged(1.5) for take in footage.two]
    times = _times(entries, registry, small)
    lies_still = all(map(_lies_still, listings))
    return Cost(
        filters=name,
        small=statistics.median(times[1:]),
        small_p95=float(np.percentile(times[1:], 95)),
        first=times[0],
        large=statistics.median(_times(entries, registry, large)[1:]),
        jitter=_jitter(entries, registry, footage.still) if lies_still else None,
        lag=_lag(entries, registry, small) if lies_still else None,
    )


def _times(entries: Sequence[ChainEntry], registry: Registry, takes: Sequence[Take]) -> list[float]:
    chain = Chain.build(entries, registry)
    chain.start()
    times = []
    for number, take in enumerate(takes):
        scene = scene_of(take, number)
        began = time.process_time()
        chain.apply(scene, AGREED)
        times.append((time.process_time() - began) * 1000)
    chain.stop()
    return times


def _jitter(
    entries: Sequence[ChainEntry], registry: Registry, still: Sequence[Take]
) -> float | None:
    layers = [cv2.GaussianBlur(layer, (0, 0), 1.5) for layer in _layers(entries, registry, still)]
    face = next((take.faces[0] for take in still if take.faces), None)
    if face is None or float(np.mean(layers)) < _LEAST_DRAWN:
        return None
    shifts = []
    window = cv2.createHanningWindow(layers[0].shape[::-1], cv2.CV_32F)
    for one, other in pairwise(layers[len(layers) // 3 :]):
        (x, y), _ = cv2.phaseCorrelate(one, other, window)
        shifts.append(float(np.hypot(x, y)))
    return 100 * float(np.percentile(shifts, 95)) / face.width


def _lag(entries: Sequence[ChainEntry], registry: Registry, takes: Sequence[Take]) -> float | None:
    """Where the correlation of the two motions over a shift in time is highest.

    The motions are those of the face's middle and of the middle of what is drawn, each frame's
    against the mean of a second around it, so that what is slow does not count.
    """
    if any(not take.faces for take in takes):
        return None
    drawn = []
    for layer in _layers(entries, registry, takes):
        moments = cv2.moments(np.minimum(layer, 60.0))
        if moments["m00"] <= 0:
            return None
        drawn.append((moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]))
    paths = (np.array(drawn), np.array([take.faces[0].box.centre for take in takes]))
    layer_motion, face_motion = (_motion(path) for path in paths)
    shifts = range(-_LONGEST_LAG, _LONGEST_LAG + 1)
    likeness = [_likeness(layer_motion, face_motion, shift) for shift in shifts]
    best = int(np.argmax(likeness))
    if likeness[best] < _LIKE or best in (0, len(likeness) - 1):
        return None
    before, there, after = likeness[best - 1 : best + 2]
    # The top of the parabola through the three.
    finer = 0.5 * (before - after) / (before - 2 * there + after)
    return float(shifts[best] + finer)


def _motion(path: FloatArray) -> FloatArray:
    kernel = np.ones(round(RATE)) / round(RATE)
    slow = [np.convolve(np.pad(axis, 15, "edge"), kernel, "same")[15:-15] for axis in path.T]
    return np.asarray(path - np.column_stack(slow))


def _likeness(layer: FloatArray, face: FloatArray, shift: int) -> float:
    """The correlation of a motion with an earlier one."""
    one = layer[max(shift, 0) : len(layer) + min(shift, 0)].ravel()
    other = face[max(-shift, 0) : len(face) + min(-shift, 0)].ravel()
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / size if size else 0.0


def _layers(
    entries: Sequence[ChainEntry], registry: Registry, takes: Sequence[Take]
) -> list[FloatArray]:
    """What is drawn on each frame: how far its brightness is from what it was."""
    layers = []
    for scene, take in zip(perform(entries, registry, takes, marks=False), takes, strict=True):
        drawn = cv2.absdiff(scene.picture, take.pixels)
        layers.append(np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY), np.float32))
    return layers


def _lies_still(listing: Listing) -> bool:
    moves = listing.animated or listing.stage is Stage.PARTICLES
    return bool(listing.needs & FACE_NEEDS) and listing.draws and not moves


def _noisy_portrait() -> list[Pixels]:
    """A face that holds still before a noisy camera, 640×480."""
    still = portrait().astype(np.float32)
    rng = np.random.default_rng(5)
    return [
        np.clip(still + rng.normal(0, _NOISE, still.shape), 0, 255).astype(np.uint8)
        for _ in range(_STILL_FRAMES)
    ]
