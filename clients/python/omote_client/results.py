"""What comes back: results, faces, notices and figures, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from omote_client.errors import Violation
from omote_client.pictures import FrameLike, Picture, Upright
from omote_client.requests import Limits
from omote_client.words import AgeBand, Gender, Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright frame; it may reach outside the frame."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Estimate(Generic[T]):
    """A value that may be unknown.

    Attributes:
        value: None when unknown.
        interval: a central 80 % interval, for a number that was inferred.
        confidence: the probability of the value: 0 when unknown, 1 when declared.
        source: where the value comes from.
    """

    value: T | None = None
    interval: tuple[float, float] | None = None
    confidence: float = 0.0
    source: Source = Source.UNKNOWN


@dataclass(frozen=True, slots=True)
class AgeRange:
    """Some years of life and how probable they are; `last` is None where the range is open."""

    first: int
    last: int | None
    probability: float


@dataclass(frozen=True, slots=True)
class Attributes:
    """Age in years, age band, decade of life ("20s") and gender, each possibly unknown.

    `age_ranges` are those that `Output.age_ranges` asked for; empty where the age is unknown.
    """

    age: Estimate[float] = Estimate()
    age_band: Estimate[AgeBand] = Estimate()
    decade: str | None = None
    gender: Estimate[Gender] = Estimate()
    age_ranges: tuple[AgeRange, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one frame.

    Attributes:
        track_id: random, stable while the face is followed, meaningless outside the stream.
        box: bounding box of the landmarks, in pixels of the upright frame: see `Upright`.
        landmarks: float32 of shape (478, 3), x and y in the same pixels, smaller z is nearer;
            or None. Index it, or hand it to `numpy.asarray`, which copies nothing.
        blendshapes: 52 scores 0 to 1 by name; empty where they were not asked for.
        pose: float32 of shape (4, 4), row-major, in centimetres; or None.
        attributes: age and gender; all unknown without consent for demographics.
    """

    track_id: str
    box: Box
    landmarks: memoryview[float] | None = None
    blendshapes: Mapping[str, float] = field(default_factory=dict)
    pose: memoryview[float] | None = None
    attributes: Attributes = Attributes()


@dataclass(frozen=True, slots=True)
class Patch:
    """A changed part: put `picture` into the frame as it was sent, at (x, y) in pixels."""

    x: int
    y: int
    picture: Picture


@dataclass(frozen=True, slots=True)
class Bypassed:
    """A filter that was left out, and why: error, disabled, consent or minor."""

    filter_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a filter reports, such as a score."""

    name: str
    payload: Mapping[str, Any]
    filter_id: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds of the server's time for one frame."""

    queue_ms: float
    decode_ms: float
    track_ms: float
    describe_ms: float
    apply_ms: float
    encode_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filtered:
    """A filtered picture and what is known of it.

    Attributes:
        picture: whole and filtered; None in the other output modes.
        patches: the changed parts, in `OutputMode.PATCHES`.
        faces: where `Output` asked for them.
        upright: which pixels `faces` are in; None where an older server does not tell.
        applied: ids of the filters that ran, in order.
        bypassed: filters that were left out.
        degraded: why this is less than was asked for, such as "no_face_consent".
        events: sent by filters.
        timings: where the server's time went.
    """

    picture: Picture | None
    patches: tuple[Patch, ...]
    faces: tuple[Face, ...]
    upright: Upright | None
    applied: tuple[str, ...]
    bypassed: tuple[Bypassed, ...]
    degraded: tuple[str, ...]
    events: tuple[Event, ...]
    timings: Timings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result(Filtered):
    """The answer to one frame of a stream.

    Attributes:
        sequence: what `Stream.send` returned for the frame.
        capture_time_us: microseconds, as sent.
        sent: the frame itself, or None where it was forgotten for younger ones.
        round_trip_ms: from `send` to this result's arrival, on the client's clock; or None.
        dropped_before: frames since the previous result that no result answers, or whose result
            was displaced by this one before anybody read it.
        chain_revision: the chain in force; `Stream.set_chain` returned it.
    """

    sequence: int
    capture_time_us: int
    sent: FrameLike | None
    round_trip_ms: float | None
    dropped_before: int
    chain_revision: int


@dataclass(frozen=True, slots=True)
class Ready:
    """What a server said when it opened a session."""

    session_id: str
    limits: Limits
    blendshape_names: tuple[str, ...]
    chain_revision: int
    server_version: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about the stream; `text` says it for people.

    Attributes:
        kind: chain_applied, chain_refused, consent_applied, frame_refused, event_refused,
            filter_disabled, degraded or going_away from the server; session_lost and
            session_reopened from this client.
        violations: what was wrong with something refused.
        sequence: of a refused frame.
        filter_id: of a disabled filter.
        reasons: why a filter was disabled or the stream is degraded.
    """

    kind: str
    text: str
    violations: tuple[Violation, ...] = ()
    sequence: int | None = None
    filter_id: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole stream in figures: frames sent = returned + dropped + refused.

    Attributes:
        tracks_seen: faces that the last session followed.
        reconnects: how often a lost session was replaced.
        events_dropped: events of the host app that gave way to later ones, unsent.
    """

    frames_sent: int
    frames_returned: int
    frames_dropped: int
    frames_refused: int
    tracks_seen: int
    reconnects: int
    events_dropped: int = 0
