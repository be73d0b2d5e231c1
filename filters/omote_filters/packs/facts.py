"""What a rule can ask about a face, and how the answer is found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.words import Need
from omote_models.face import Face

Number = float | None
DEMOGRAPHIC = ("age", "age_low", "age_high", "age_band", "gender")
"""Facts that may be unknown: a rule must say what it does then."""
FORBIDDEN = {
    **dict.fromkeys(
        ("emotion", "mood", "happy", "sad", "angry", "surprised", "afraid", "disgusted"),
        "Omote does not read emotions. Ask for a shape: smile, mouth_open, brow_raise, blink, …",
    ),
    **dict.fromkeys(
        ("ethnicity", "race", "skin_tone", "skin_colour", "origin"),
        "Omote does not sort people by origin or skin, and no rule may",
    ),
    **dict.fromkeys(("identity", "person", "who"), "Omote does not recognise who somebody is"),
}


def _mean(*names: str) -> Callable[[Face], float]:
    return lambda face: sum(face.blendshape(name) for name in names) / len(names)


SHAPES: Mapping[str, Callable[[Face], float]] = {
    "mouth_open": _mean("jawOpen"),
    "smile": _mean("mouthSmileLeft", "mouthSmileRight"),
    "pucker": _mean("mouthPucker"),
    "blink": lambda face: min(face.blendshape("eyeBlinkLeft"), face.blendshape("eyeBlinkRight")),
    "wink": lambda face: abs(face.blendshape("eyeBlinkLeft") - face.blendshape("eyeBlinkRight")),
    "brow_raise": _mean("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "brow_lower": _mean("browDownLeft", "browDownRight"),
    "eyes_wide": _mean("eyeWideLeft", "eyeWideRight"),
    "cheek_puff": _mean("cheekPuff"),
}
"""Facts from blendshapes, 0 to 1, named for the shape and nothing else."""
ANGLES = ("yaw", "pitch", "roll")
NUMBERS = ("age", "age_low", "age_high", *SHAPES, *ANGLES, "face_width")
Band = Literal["child", "teenager", "young_adult", "middle_aged", "senior"]
Sex = Literal["female", "male"]
Third = Literal["left", "middle", "right"]
WORDS: Mapping[str, tuple[str, ...]] = {
    "age_band": get_args(Band),
    "gender": get_args(Sex),
    "position": get_args(Third),
}
FACTS = (*NUMBERS, *WORDS, "largest", "event", "param")


def need_of(fact: str) -> Need | None:
    """What must be computed for a fact, None where the picture's faces are enough."""
    if fact in ("age", "age_low", "age_high", "age_band"):
        return Need.AGE
    if fact == "gender":
        return Need.GENDER
    if fact in SHAPES:
        return Need.BLENDSHAPES
    return Need.MESH if fact in (*ANGLES, "position", "largest", "face_width") else None


@dataclass(slots=True)
class Moment:
    """What is known at one frame of one face, or of none.

    Attributes:
        time: capture time in seconds.
        width: of the picture, pixels.
        face: whose rules are asked; None for a layer that belongs to the whole picture.
        largest: whether it is the largest.
        events: names of the host's events since the last frame.
        parameters: the pack's own settings.
    """

    time: float
    width: int
    face: Face | None = None
    largest: bool = False
    events: frozenset[str] = frozenset()
    parameters: Mapping[str, object] = field(default_factory=dict)

    def number(self, fact: str) -> Number:
        """A fact of `NUMBERS`; None where it is unknown."""
        face = self.face
        if face is None:
            return None
        if fact.startswith("age"):
            return _age(face, fact)
        if fact in SHAPES:
            return SHAPES[fact](face)
        if fact == "face_width":
            return face.width / max(1, self.width)
        return float(getattr(HeadFrame.of(face), fact)) if drawable(face) else None

    def word(self, fact: str) -> tuple[str | None, float]:
        """A fact of `WORDS` and its confidence; None where it is unknown."""
        face = self.face
        if face is None:
            return None, 0.0
        if fact == "position":
            third = int(3 * face.box.centre[0] / max(1, self.width))
            return ("left", "middle", "right")[min(2, max(0, third))], 1.0
        attributes = face.attributes
        if fact == "gender":
            gender = attributes.gender
            return None if gender.value is None else gender.value.value, gender.confidence
        band = attributes.age_band
        return None if band.value is None else band.value.value, band.confidence

    def confidence(self, fact: str) -> float:
        """How sure a fact of `DEMOGRAPHIC` is, 0 to 1; 1 for all others."""
        if fact in ("age_band", "gender"):
            return self.word(fact)[1]
        if fact in DEMOGRAPHIC:
            return 0.0 if self.face is None else self.face.attributes.age.confidence
        return 1.0


def _age(face: Face, fact: str) -> Number:
    """Years; where only a band was declared, the years it spans."""
    attributes = face.attributes
    if attributes.age.value is None:
        band = attributes.age_band.value
        if band is None:
            return None
        bands = list(type(band))
        index = bands.index(band)
        end = bands[index + 1].first_year if index + 1 < len(bands) else 90
        # A band goes up to the birthday at which the next begins, and does not hold it.
        ends = {"age_low": band.first_year, "age_high": math.nextafter(end, 0)}
        return float(ends.get(fact, (band.first_year + end) / 2))
    low, high = attributes.age.interval or (attributes.age.value,) * 2
    return {"age": attributes.age.value, "age_low": low, "age_high": high}[fact]
