"""When a face is read, and whom a declared value belongs to.

A few good pictures of a track are read, then seldom one more: the estimate belongs to the
track, and most frames cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.chips import alignment, chip
from omote_models.demographics import DemographicsEstimator
from omote_models.evidence import Evidence
from omote_models.face import AgeBand, Attributes, Declared, Estimate, Face, FloatArray

_LEAST_EYE_DISTANCE = 20.0
_MOST_YAW = math.radians(35)
_MOST_PITCH = math.radians(30)
_LEAST_SHARPNESS = 8.0
_DARKEST, _BRIGHTEST = 35.0, 235.0
_MOST_CUT_OFF, _MOST_COVERED = 0.12, 0.15
"""Of the landmarks: outside the picture, and inside the box of a larger face."""

_FIRST_READINGS = 8
_FIRST_INTERVAL_S = 0.1
_LATER_INTERVAL_S = 2.0
_RETRY_S = 0.1
_FORGET_AFTER_S = 2.0

_GLANCE = 32
_MOMENT_S = 0.2
_LEAST_ALIKE = 0.45
"""Two frames of one face are alike by 0.8 and more, those of two people by 0.2."""


@dataclass(slots=True)
class _Subject:
    evidence: Evidence
    seen: float
    next_look: float = -math.inf
    glance: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """One frame: its picture before any filter, all its faces, its capture time in seconds."""

    picture: NDArray[np.uint8]
    faces: Sequence[Face]
    time: float


class Describer:
    """Gives the faces of one session their attributes."""

    def __init__(self, estimator: DemographicsEstimator, declared: Declared = Declared()) -> None:
        self._estimator = estimator
        self._declared = declared
        self._declared_track: str | None = None
        self._bystanders: set[str] = set()
        self._subjects: dict[str, _Subject] = {}

    def describe(
        self,
        picture: NDArray[np.uint8],
        faces: Sequence[Face],
        time: float,
        *,
        age: bool,
        gender: bool,
    ) -> list[Face]:
        """The faces with attributes.

        Args:
            picture: (height, width, 3) uint8 RGB, before any filter.
            faces: largest first.
            time: capture time in seconds.
            age: whether age may be inferred; without consent neither may.
            gender: whether gender may be inferred.
        """
        self._forget(time)
        self._settle_declared(faces)
        look = _Look(picture, faces, time)
        return [self._described(look, face, age=age, gender=gender) for face in faces]

    def forget_everything(self) -> None:
        """Drop every inferred value, as when consent is withdrawn."""
        self._subjects.clear()

    def _described(self, look: _Look, face: Face, *, age: bool, gender: bool) -> Face:
        declared = self._declared if face.track_id == self._declared_track else Declared()
        age, gender = age and not declared.speaks_of_age, gender and declared.gender is None
        inferred = Attributes()
        if age or gender:
            inferred = self._inferred(look, face, age=age, gender=gender)
        return replace(face, attributes=_combined(declared, inferred))

    def _inferred(self, look: _Look, face: Face, *, age: bool, gender: bool) -> Attributes:
        subject = self._subjects.get(face.track_id)
        seen_now = glance(look.picture, face.landmarks)
        if subject is None or _another(subject, seen_now, look.time):
            subject = _Subject(Evidence(self._estimator.calibration), look.time)
            self._subjects[face.track_id] = subject
        subject.seen, subject.glance = look.time, seen_now
        if look.time >= subject.next_look:
            good = good_enough(look.picture, face, look.faces)
            if good:
                reading = self._estimator.read(look.picture, face.landmarks, age=age, gender=gender)
                subject.evidence.add(reading)
            subject.next_look = look.time + _wait(subject.evidence.count, good)
        found = subject.evidence.attributes()
        return Attributes(
            found.age if age else Estimate(),
            found.age_band if age else Estimate(),
            found.gender if gender else Estimate(),
            found.ages if age else None,
        )

    def _settle_declared(self, faces: Sequence[Face]) -> None:
        """Pin what was declared to the largest face, and never hand it to a bystander.

        When its face is lost it passes to a face that comes new, not to one that was already
        there: a child beside an adult must not inherit the adult's age.
        """
        ids = [face.track_id for face in faces]
        if self._declared.empty or not ids:
            return
        if self._declared_track not in ids:
            newcomers = [i for i in ids if i not in self._bystanders]
            self._declared_track = newcomers[0] if newcomers else None
        self._bystanders &= set(ids)
        self._bystanders |= {i for i in ids if i != self._declared_track}

    def _forget(self, time: float) -> None:
        gone = [t for t, s in self._subjects.items() if time - s.seen > _FORGET_AFTER_S]
        for track_id in gone:
            del self._subjects[track_id]


def glance(picture: NDArray[np.uint8], landmarks: FloatArray) -> FloatArray:
    """What a face looks like just now: a tiny grey picture, (1024,) float32 of length 1.

    It changes little from one frame to the next, and at once when somebody else takes the place,
    as at a cut of a video. It is kept for one frame and tells nobody from anybody.
    """
    matrix = alignment(landmarks, _GLANCE)
    size = (_GLANCE, _GLANCE)
    small = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey -= grey.mean()
    return np.asarray(grey.ravel() / max(float(np.linalg.norm(grey)), 1e-6), np.float32)


def _another(subject: _Subject, seen_now: FloatArray, time: float) -> bool:
    """Whether somebody else is where a face was a moment ago."""
    if subject.glance is None or time - subject.seen > _MOMENT_S:
        return False
    return float(subject.glance @ seen_now) < _LEAST_ALIKE


def _wait(readings: int, good: bool) -> float:
    if not good:
        return _RETRY_S
    return _FIRST_INTERVAL_S if readings < _FIRST_READINGS else _LATER_INTERVAL_S


def _combined(declared: Declared, inferred: Attributes) -> Attributes:
    age, band, gender = inferred.age, inferred.age_band, inferred.gender
    if declared.age is not None:
        age = Estimate.declared(declared.age)
        band = Estimate.declared(AgeBand.of(declared.age))
    elif declared.age_band is not None:
        band = Estimate.declared(declared.age_band)
    if declared.gender is not None:
        gender = Estimate.declared(declared.gender)
    ages = None if declared.speaks_of_age else inferred.ages
    return Attributes(age, band, gender, ages)


def good_enough(picture: NDArray[np.uint8], face: Face, others: Sequence[Face] = ()) -> bool:
    """Whether a picture of a face is good enough to be read; see `why_not`."""
    return not why_not(picture, face, others)


def why_not(picture: NDArray[np.uint8], face: Face, others: Sequence[Face] = ()) -> str:
    """Why a face cannot be read: too small, turned, cut off, covered, dark, bright or blurred.

    Args:
        picture: (height, width, 3) uint8 RGB.
        face: whose landmarks.
        others: faces of the same picture; a larger one may hide this one.

    Returns:
        Words, empty where it can be read.
    """
    points = face.landmarks
    if not float(np.linalg.norm(points[263, :2] - points[33, :2])) >= _LEAST_EYE_DISTANCE:
        return "too small"
    yaw, pitch = turn(points)
    if abs(yaw) > _MOST_YAW or abs(pitch) > _MOST_PITCH:
        return "turned away"
    height, width = picture.shape[:2]
    x, y = points[:, 0], points[:, 1]
    if float(((x < 0) | (y < 0) | (x >= width) | (y >= height)).mean()) > _MOST_CUT_OFF:
        return "cut off by the border"
    if any(_covers(other, face) for other in others):
        return "covered by another face"
    grey = cv2.cvtColor(chip(picture, points, 64), cv2.COLOR_RGB2GRAY)
    light = float(grey.mean())
    if not _DARKEST <= light <= _BRIGHTEST:
        return "too dark" if light < _DARKEST else "too bright"
    sharp = float(cv2.Laplacian(grey, cv2.CV_32F).std()) >= _LEAST_SHARPNESS
    return "" if sharp else "blurred"


def _covers(other: Face, face: Face) -> bool:
    """Whether a larger face lies over this one: nearer faces look larger."""
    if other.track_id == face.track_id or other.box.area <= face.box.area:
        return False
    box, points = other.box, face.landmarks
    inside = (
        (points[:, 0] > box.x)
        & (points[:, 0] < box.x + box.width)
        & (points[:, 1] > box.y)
        & (points[:, 1] < box.y + box.height)
    )
    return float(inside.mean()) > _MOST_COVERED


def turn(landmarks: FloatArray) -> tuple[float, float]:
    """Yaw and pitch of a face in radians, from the depth of its sides, brow and chin.

    0 is frontal; yaw is positive when the person turns to their left, pitch when they look up.
    """
    across = landmarks[454] - landmarks[234]
    along = landmarks[152] - landmarks[10]
    yaw = math.atan2(float(across[2]), max(float(np.hypot(across[0], across[1])), 1e-6))
    pitch = math.atan2(-float(along[2]), max(float(np.hypot(along[0], along[1])), 1e-6))
    return yaw, pitch
