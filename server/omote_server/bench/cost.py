"""What every filter costs, and how still it lies: one filter at a time, without a server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from omote_filters.chain import Chain, Consent
from omote_filters.filter import FACE_NEEDS, Filter, Stage
from omote_filters.registry import ChainEntry, Registry
from omote_filters.scene import Scene
from omote_models.face import AgeBand, Attributes, Box, Estimate, Face, Gender
from omote_models.store import model_store
from omote_models.tracker import FaceTracker, TrackerOptions
from omote_server.bench.clip import clip_frames
from omote_server.codec import Pixels
from omote_server.footage import footage_store

FIVE = "smooth_skin+lipstick+blush+big_eyes+film_look"
"""A chain of five typical filters."""

_ALL = Consent(face_effects=True, demographics=True)
_TRACKING = TrackerOptions(max_faces=1, blendshapes=True, pose=True)
_FRAMES = slice(30, 90)
_NOISE = 3.0
_STILL_FRAMES = 24
_LEAST_DRAWN = 0.15

Frames = Sequence[tuple[Pixels, list[Face]]]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time of one filter's thread, milliseconds a frame with one face.

    Attributes:
        small, small_p95: 640×480, median and 95th percentile.
        first: the first frame after the start, 640×480.
        large: 960×720, median.
        jitter: how far what is drawn moves between two frames of a still face under camera
            noise, 95th percentile, in percent of the face's width; None where it is not meant
            to lie still, or draws too little to tell.
    """

    filters: str
    small: float
    small_p95: float
    first: float
    large: float
    jitter: float | None


def measure(
    ids: Sequence[str], registry: Registry, on_step: Callable[[str], None]
) -> tuple[list[Cost], Cost]:
    """The cost of each filter, and of a chain of five.

    Raises:
        ChainError: a filter is unknown or broken.
    """
    on_step("looking at the clip")
    small = _tracked(clip_frames()[_FRAMES])
    large = [_enlarged(pixels, faces, 1.5) for pixels, faces in small]
    still = _tracked(_noisy_portrait())
    costs = []
    for name in ids:
        on_step(name)
        costs.append(_cost(name, registry, small, large, still))
    on_step("five at once")
    return costs, _cost(FIVE, registry, small, large, still)


def _cost(name: str, registry: Registry, small: Frames, large: Frames, still: Frames) -> Cost:
    entries = [ChainEntry(part) for part in name.split("+")]
    times = _times(entries, registry, small)
    return Cost(
        filters=name,
        small=statistics.median(times[1:]),
        small_p95=float(np.percentile(times[1:], 95)),
        first=times[0],
        large=statistics.median(_times(entries, registry, large)[1:]),
        jitter=_jitter(entries, registry, still),
    )


def _times(entries: Sequence[ChainEntry], registry: Registry, frames: Frames) -> list[float]:
    chain = Chain.build(entries, registry)
    chain.start()
    times = []
    for number, (pixels, faces) in enumerate(frames):
        scene = Scene(pixels.copy(), faces, time=number / 30, elapsed=1 / 30 if number else 0.0)
        began = time.thread_time()
        chain.apply(scene, _ALL)
        times.append((time.thread_time() - began) * 1000)
    chain.stop()
    return times


def _jitter(entries: Sequence[ChainEntry], registry: Registry, still: Frames) -> float | None:
    kinds = [registry.find(entry.filter_id) for entry in entries]
    if not all(isinstance(kind, type) and _lies_still(kind) for kind in kinds):
        return None
    chain = Chain.build(entries, registry)
    chain.start()
    layers, shifts = [], []
    for number, (pixels, faces) in enumerate(still):
        scene = Scene(pixels.copy(), faces, time=number / 30, elapsed=1 / 30 if number else 0.0)
        chain.apply(scene, _ALL)
        drawn = cv2.absdiff(scene.picture, pixels)
        layers.append(cv2.GaussianBlur(cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY), (0, 0), 1.5))
    chain.stop()
    face = next((faces[0] for _, faces in still if faces), None)
    if face is None or float(np.mean(layers)) < _LEAST_DRAWN:
        return None
    window = cv2.createHanningWindow(layers[0].shape[::-1], cv2.CV_32F)
    settled = [np.asarray(layer, np.float32) for layer in layers[len(layers) // 3 :]]
    for one, other in pairwise(settled):
        (x, y), _ = cv2.phaseCorrelate(one, other, window)
        shifts.append(float(np.hypot(x, y)))
    return 100 * float(np.percentile(shifts, 95)) / face.width


def _lies_still(kind: type[Filter]) -> bool:
    return bool(kind.needs & FACE_NEEDS) and kind.stage is not Stage.PARTICLES


def _tracked(frames: Sequence[Pixels]) -> list[tuple[Pixels, list[Face]]]:
    """Each frame with its faces, of which an adult's age and gender are declared."""
    known = Attributes(
        Estimate.declared(30.0),
        Estimate.declared(AgeBand.YOUNG_ADULT),
        Estimate.declared(Gender.FEMALE),
    )
    tracker = FaceTracker(model_store().path("face_landmarker"), _TRACKING)
    found = []
    for number, pixels in enumerate(frames):
        faces = [replace(face, attributes=known) for face in tracker.track(pixels, number / 30)]
        found.append((pixels, faces))
    tracker.close()
    return found


def _enlarged(pixels: Pixels, faces: list[Face], by: float) -> tuple[Pixels, list[Face]]:
    larger = cv2.resize(pixels, None, fx=by, fy=by, interpolation=cv2.INTER_CUBIC)
    grown = []
    for face in faces:
        box = face.box
        grown.append(
            replace(
                face,
                box=Box(box.x * by, box.y * by, box.width * by, box.height * by),
                landmarks=face.landmarks * np.float32(by),
            )
        )
    return np.ascontiguousarray(larger, np.uint8), grown


def _noisy_portrait() -> list[Pixels]:
    """A face that holds still before a noisy camera, 640×480."""
    picture = cv2.imread(str(footage_store().path("astronaut")), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise RuntimeError("the portrait cannot be read; run `omote models pull --footage`")
    crop = picture[:300, 40:440]
    scaled = cv2.resize(crop, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    rng = np.random.default_rng(5)
    return [
        np.clip(scaled + rng.normal(0, _NOISE, scaled.shape), 0, 255).astype(np.uint8)
        for _ in range(_STILL_FRAMES)
    ]
