"""The vocabulary: what is known of one face in one frame.

Coordinates are pixels of the frame: the origin is the upper left corner, x grows to the
right, y grows downwards. Left and right are the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from omote_models.landmarks import BLENDSHAPE_INDEX

FloatArray = NDArray[np.float32]
T = TypeVar("T")


class Source(StrEnum):
    """Where an estimate comes from."""

    UNKNOWN = "unknown"
    DECLARED = "declared"
    INFERRED = "inferred"


class Gender(StrEnum):
    """A declared or inferred gender; an unknown one is an Estimate without a value."""

    FEMALE = "female"
    MALE = "male"


class AgeBand(StrEnum):
    """Five bands of age, in completed years: a teenager is 13 from the birthday on, up to 20."""

    CHILD = "child"
    TEENAGER = "teenager"
    YOUNG_ADULT = "young_adult"
    MIDDLE_AGED = "middle_aged"
    SENIOR = "senior"

    @property
    def first_year(self) -> int:
        """The youngest age of the band, which begins on that birthday."""
        return _FIRST_YEARS[self]

    @classmethod
    def of(cls, age: float) -> AgeBand:
        """The band of an age in years lived; 12.99 is a child."""
        return [band for band in cls if age >= band.first_year][-1]


_FIRST_YEARS = {
    AgeBand.CHILD: 0,
    AgeBand.TEENAGER: 13,
    AgeBand.YOUNG_ADULT: 20,
    AgeBand.MIDDLE_AGED: 36,
    AgeBand.SENIOR: 60,
}

ADULT_AGE = 18
_AS_LIKELY = 0.5


@dataclass(frozen=True)  # no slots: `Estimate[float]()` needs a place for its type on 3.11
class Estimate(Generic[T]):
    """A value that may be unknown.

    `interval` is a central 80 % interval where the value is a number that was inferred;
    `confidence` is the probability of the value, 0 when unknown and 1 when declared.
    """

    value: T | None = None
    interval: tuple[float, float] | None = None
    confidence: float = 0.0
    source: Source = Source.UNKNOWN

    @classmethod
    def declared(cls, value: T) -> Estimate[T]:
        """A value that the person or the host app stated."""
        return cls(value, None, 1.0, Source.DECLARED)

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def _lock(owner: object, name: str) -> None:
    """Put a read-only view in the place of an array; who passed it in may go on writing."""
    array: FloatArray | None = getattr(owner, name)
    if array is not None and array.flags.writeable:
        view = array.view()
        view.flags.writeable = False
        object.__setattr__(owner, name, view)  # the dataclass is frozen


@dataclass(frozen=True, slots=True)
class Attributes:
    """Age in years, age band and gender, each possibly unknown.

    An age is time lived, with its fraction; whoever needs whole years cuts it downwards, as people
    do. `ages` is the calibrated distribution of an inferred age over `calibration.AGES`: ages[n]
    is the probability of the year of life from n up to n + 1, (101,) float32; None otherwise.
    """

    age: Estimate[float] = Estimate()
    age_band: Estimate[AgeBand] = Estimate()
    gender: Estimate[Gender] = Estimate()
    ages: FloatArray | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _lock(self, "ages")

    @property
    def maybe_minor(self) -> bool:
        """Whether a declared or estimated age is under 18, or more likely so than not.

        Unknown is not.
        """
        if self.ages is not None and float(self.ages[:ADULT_AGE].sum()) > _AS_LIKELY:
            return True
        if self.age.value is not None:
            return self.age.value < ADULT_AGE
        return self.age_band.value in (AgeBand.CHILD, AgeBand.TEENAGER)


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in pixels; it may reach outside the picture."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def around(cls, points: NDArray[np.floating]) -> Box:
        """The bounding box of points of shape (n, 2 or more)."""
        # numpy reduces rows that lie together eight times as fast as columns.
        across = np.ascontiguousarray(points[:, :2].T)
        low, high = across.min(axis=1), across.max(axis=1)
        return cls(float(low[0]), float(low[1]), *(float(v) for v in high - low))

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    def grown(self, left: float, top: float, right: float, bottom: float) -> Box:
        """This box with each side moved outwards, in fractions of its width and height."""
        return Box(
            self.x - left * self.width,
            self.y - top * self.height,
            self.width * (1 + left + right),
            self.height * (1 + top + bottom),
        )


@dataclass(frozen=True, slots=True)
class Face:
    """What is known of one face in one frame.

    Attributes:
        track_id: random, stable while the face is followed, meaningless outside its stream.
        box: bounding box of the landmarks, in pixels.
        landmarks: (478, 3) float32. x and y in pixels; z on the same scale, smaller is
            nearer to the camera.
        blendshapes: (52,) float32 scores 0 to 1 in the order of
            `omote_models.landmarks.BLENDSHAPE_NAMES`, or None where nobody asked for them.
        pose: the facial transformation matrix, (4, 4) float32, row-major, in centimetres;
            right-handed, Y up, the camera at the origin looking down -Z. Or None.
        attributes: age, age band and gender.

    Every filter of a chain is handed the same face, so its arrays are read-only: who wants to move
    a point copies them.
    """

    track_id: str
    box: Box
    landmarks: FloatArray
    blendshapes: FloatArray | None = None
    pose: FloatArray | None = None
    attributes: Attributes = field(default=Attributes())

    def __post_init__(self) -> None:
        for name in ("landmarks", "blendshapes", "pose"):
            _lock(self, name)

    @property
    def points(self) -> FloatArray:
        """The landmarks' x and y, a (478, 2) view."""
        return self.landmarks[:, :2]

    @property
    def width(self) -> float:
        """The distance between the sides of the face, cheek to cheek, in pixels.

        Measured in three dimensions, so that a turned head keeps its size.
        """
        return float(np.linalg.norm(self.landmarks[454] - self.landmarks[234]))

    def blendshape(self, name: str) -> float:
        """One blendshape's score by name, 0 where blendshapes were not computed.

        Raises:
            KeyError: there is no blendshape of that name.
        """
        index = BLENDSHAPE_INDEX[name]
        return 0.0 if self.blendshapes is None else float(self.blendshapes[index])


@dataclass(frozen=True, slots=True)
class Declared:
    """What was stated of the person with the largest face. `age` beats `age_band`."""

    age: float | None = None
    age_band: AgeBand | None = None
    gender: Gender | None = None

    @property
    def speaks_of_age(self) -> bool:
        """Whether an age or an age band was stated."""
        return self.age is not None or self.age_band is not None

    @property
    def empty(self) -> bool:
        """Whether nothing was stated."""
        return not self.speaks_of_age and self.gender is None
