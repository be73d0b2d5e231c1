"""The vocabulary of filters: plain values that everybody speaks of. It imports nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Need(StrEnum):
    """What the server must compute for a filter. Nothing is computed that no filter needs."""

    MESH = "mesh"
    BLENDSHAPES = "blendshapes"
    POSE = "pose"
    AGE = "age"
    GENDER = "gender"
    SEGMENTATION = "segmentation"


DEMOGRAPHICS = frozenset({Need.AGE, Need.GENDER})
FACE_NEEDS = frozenset({Need.MESH, Need.BLENDSHAPES, Need.POSE}) | DEMOGRAPHICS


class Appearance(StrEnum):
    """What a filter does to a person's appearance; it decides which safety rules hold."""

    NOVELTY = "novelty"
    MAKEUP = "makeup"
    BEAUTIFY = "beautify"
    FACE_REPLACE = "face_replace"
    AGE_ALTER = "age_alter"
    ANONYMISE = "anonymise"


NOT_FOR_MINORS = frozenset({Appearance.BEAUTIFY, Appearance.FACE_REPLACE, Appearance.AGE_ALTER})


class Stage(IntEnum):
    """When a filter runs. A warp moves the landmarks that later stages see."""

    BACKGROUND = 1
    WARP = 2
    SKIN = 3
    MAKEUP = 4
    PAINT = 5
    PROP = 6
    STICKER = 7
    PARTICLES = 8
    GRADE = 9
    MARK = 10


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person agreed to. Nothing is assumed."""

    face_effects: bool = False
    demographics: bool = False

    def __and__(self, other: Consent) -> Consent:
        return Consent(
            self.face_effects and other.face_effects, self.demographics and other.demographics
        )


class Reason(StrEnum):
    """Why a filter did not run on a frame, or was switched off.

    No frame says `OVERRUN`: a late drawing is kept. Repeated, it is why a filter is switched off.
    """

    ERROR = "error"
    OVERRUN = "overrun"
    DISABLED = "disabled"
    CONSENT = "consent"
    MINOR = "minor"


class Degradation(StrEnum):
    """Why a frame is less than was asked for."""

    RATE_LIMITED = "rate_limited"
    NO_FACE_CONSENT = "no_face_consent"
    NO_DEMOGRAPHICS_CONSENT = "no_demographics_consent"
    MASKED = "masked"
    FACE_LIMIT = "face_limit"


@dataclass(frozen=True, slots=True)
class Bypass:
    """A filter that did not run on a frame, or not on every face."""

    filter_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Restriction:
    """A class of filters that left a face alone, because its person may be a minor."""

    track_id: str
    appearance: Appearance


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the host app or in a filter."""

    name: str
    payload: Mapping[str, object] = field(default_factory=dict)
    filter_id: str = ""


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """One filter of a chain as a client asks for it: plain values, nothing loaded yet."""

    filter_id: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field: its path, and what to do."""

    field: str
    description: str


class ViolationError(ValueError):
    """Something that was asked for does not fit; `violations` lists everything that is wrong."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in violations))
        self.violations = list(violations)


class SettingsError(ViolationError):
    """Settings that do not fit."""


class ChainError(ViolationError):
    """A chain that cannot be switched on."""
