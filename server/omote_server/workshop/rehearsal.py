"""Filters without a server, on footage that was looked at before: for previews and measurements."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from omote_filters.chain import Chain
from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.policy import Policy
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent
from omote_models.face import AgeBand, Attributes, Box, Estimate, Face, FloatArray, Gender
from omote_models.landmarks import BLENDSHAPE_INDEX
from omote_models.segmenter import PersonSegmenter
from omote_models.store import model_store
from omote_models.tracker import FaceTracker, TrackerOptions
from omote_server.errors import InvalidRequest
from omote_server.frames.codec import Pixels, decode_own
from omote_server.workshop.footage import footage_store

RATE = 30.0
"""Frames a second of capture time."""
WIDTH, HEIGHT = 640, 480

AGREED = Consent(face_effects=True, demographics=True)
"""What the people of the footage are taken to have agreed to."""


@dataclass(frozen=True, slots=True)
class Take:
    """A frame and what was found in it.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        faces: largest first.
        person: a coarse mask of the people, (h, w) uint8.
    """

    pixels: Pixels
    faces: tuple[Face, ...] = ()
    person: Pixels | None = None

    def enlarged(self, by: float) -> Take:
        """The same, larger."""
        larger = cv2.resize(self.pixels, None, fx=by, fy=by, interpolation=cv2.INTER_CUBIC)
        faces = tuple(
            replace(face, box=_scaled(face.box, by), landmarks=face.landmarks * np.float32(by))
            for face in self.faces
        )
        return replace(self, pixels=np.ascontiguousarray(larger, np.uint8), faces=faces)

    def dimmed(self, by: float = 0.28, noise: float = 6.0) -> Take:
        """The same in poor light: dark, and noisy as a small camera is then."""
        chance = np.random.default_rng(9)
        dark = self.pixels * by + chance.normal(0, noise, self.pixels.shape)
        return replace(self, pixels=np.clip(dark, 0, 255).astype(np.uint8))

    def acted(self, *names: str, score: float = 0.9) -> Take:
        """The same with blendshapes that are set, and all others at rest."""
        scores = np.zeros(len(BLENDSHAPE_INDEX), np.float32)
        scores[[BLENDSHAPE_INDEX[name] for name in names]] = score
        return replace(self, faces=tuple(replace(f, blendshapes=scores) for f in self.faces))

    def aged(self, years: float, gender: Gender = Gender.FEMALE) -> Take:
        """The same people, who say how old they are and of which gender."""
        known = Attributes(
            Estimate.declared(years),
            Estimate.declared(AgeBand.of(years)),
            Estimate.declared(gender),
        )
        return replace(self, faces=tuple(replace(f, attributes=known) for f in self.faces))


def looked_at(frames: Iterable[Pixels], max_faces: int = 1) -> list[Take]:
    """Consecutive frames with the faces and people in them; the faces are those of adults."""
    options = TrackerOptions(max_faces, blendshapes=True, pose=True)
    store = model_store()
    tracker = FaceTracker(store.read("face_landmarker"), options)
    segmenter = PersonSegmenter(store.read("person"), store.read("person-wide"))
    takes = []
    for number, pixels in enumerate(frames):
        faces = tuple(tracker.track(pixels, number / RATE))
        person = segmenter.segment(pixels, number / RATE)
        takes.append(Take(pixels, faces, person).aged(30))
    tracker.close()
    segmenter.close()
    return takes


def portrait() -> Pixels:
    """The public-domain portrait, head and shoulders, 640×480."""
    crop = read("astronaut")[:300, 20:420]
    scaled = cv2.resize(crop, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(scaled, np.uint8)


def read(name: str) -> Pixels:
    """A still of the footage.

    Raises:
        RuntimeError: it cannot be read.
    """
    try:
        return decode_own(footage_store().read(name))
    except InvalidRequest:
        text = f"{name} cannot be read; run `omote models pull --footage`"
        raise RuntimeError(text) from None


def beside(*pictures: Pixels) -> Pixels:
    """Pictures side by side in 640×480, each cut to its share around the middle."""
    share = WIDTH // len(pictures)
    parts = []
    for picture in pictures:
        scale = max(share / picture.shape[1], HEIGHT * 0.75 / picture.shape[0])
        scaled = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        left = (scaled.shape[1] - share) // 2
        part = scaled[:HEIGHT, left : left + share]
        below = HEIGHT - len(part)
        parts.append(cv2.copyMakeBorder(part, 0, below, 0, 0, cv2.BORDER_REFLECT))
    joined = np.hstack(parts)
    rest = WIDTH - joined.shape[1]
    return np.ascontiguousarray(cv2.copyMakeBorder(joined, 0, 0, 0, rest, cv2.BORDER_REPLICATE))


def turned(takes: Sequence[Take]) -> tuple[Take, Take, Take]:
    """The takes in which the head is turned most to one side, least, and most to the other."""
    seen = [take for take in takes if take.faces and drawable(take.faces[0])]
    yaws: FloatArray = np.array([HeadFrame.of(take.faces[0]).yaw for take in seen], np.float32)
    chosen = (int(yaws.argmin()), int(np.abs(yaws).argmin()), int(yaws.argmax()))
    one, middle, other = (seen[number] for number in chosen)
    return one, middle, other


def perform(
    entries: Sequence[ChainEntry], registry: Registry, takes: Iterable[Take], marks: bool = True
) -> Generator[Scene]:
    """Each take as a chain draws it, one after the other.

    Raises:
        ChainError: a filter is unknown, broken or has settings that do not fit.
    """
    chain = Chain.build(entries, registry, policy=Policy(marks=marks))
    try:
        chain.start()
        for number, take in enumerate(takes):
            scene = scene_of(take, number)
            chain.apply(scene, AGREED)
            yield scene
    finally:
        chain.stop()


def performed(entries: Sequence[ChainEntry], registry: Registry, takes: Iterable[Take]) -> Scene:
    """The last take as a chain draws it after all the others, which are not kept.

    Raises:
        ChainError: as `perform`.
        ValueError: there is no take.
    """
    last = deque(perform(entries, registry, takes), maxlen=1)
    if not last:
        raise ValueError("there is no take to perform on")
    return last[0]


def scene_of(take: Take, number: int) -> Scene:
    """A take as the frame of that number."""
    return Scene(
        take.pixels.copy(),
        take.faces,
        time=number / RATE,
        elapsed=1 / RATE if number else 0.0,
        person=take.person,
    )


def _scaled(box: Box, by: float) -> Box:
    return Box(box.x * by, box.y * by, box.width * by, box.height * by)
