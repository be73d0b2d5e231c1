"""From messages of the wire to the values in `results`."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from google.protobuf import json_format

from omote.v1 import face_pb2, filter_service_pb2, stream_pb2
from omote_client.errors import Violation
from omote_client.pictures import Upright, picture_from_wire
from omote_client.private import private_message
from omote_client.requests import Limits
from omote_client.results import (
    AgeRange,
    Attributes,
    Box,
    Bypassed,
    Estimate,
    Event,
    Face,
    Filtered,
    Notice,
    Patch,
    Ready,
    Timings,
)
from omote_client.words import AgeBand, Gender, Source, known, word

Answer: TypeAlias = "stream_pb2.Result | filter_service_pb2.ApplyFiltersResponse"

# Packed floats look like bytes on the wire. Read as such they cost 1 µs instead of 80.
_Arrays: Any = private_message(
    "Arrays", landmarks=(3, "bytes"), blendshapes=(4, "bytes"), pose=(5, "bytes")
)
_NO_ATTRIBUTES = Attributes()


def filtered(answer: Answer, blendshape_names: Sequence[str]) -> dict[str, Any]:
    """The fields of `Filtered` in a result of a stream or in the answer for one picture."""
    timings = answer.timings
    return {
        "picture": picture_from_wire(answer.picture) if answer.HasField("picture") else None,
        "patches": tuple(Patch(p.x, p.y, picture_from_wire(p.picture)) for p in answer.patches),
        "faces": tuple(_face(face, blendshape_names) for face in answer.faces),
        "upright": _upright(answer),
        "applied": tuple(answer.applied_filters),
        "bypassed": tuple(
            Bypassed(each.filter_id, word(stream_pb2.BypassReason, each.reason))
            for each in answer.bypassed_filters
        ),
        "degraded": _degraded(answer.degraded),
        "events": tuple(
            Event(each.name, json_format.MessageToDict(each.payload), each.filter_id)
            for each in answer.events
        ),
        "timings": Timings(*(getattr(timings, name) for name in Timings.__slots__)),
    }


def _upright(answer: Answer) -> Upright | None:
    if not answer.HasField("upright"):
        return None
    told = answer.upright
    return Upright(told.width, told.height, told.rotation, told.mirrored)


def applied(answer: filter_service_pb2.ApplyFiltersResponse) -> Filtered:
    """The answer for one picture."""
    return Filtered(**filtered(answer, answer.blendshape_names))


def ready(message: stream_pb2.Ready) -> Ready:
    """What a server said when it opened a session."""
    return Ready(
        message.session_id,
        Limits.from_wire(message.limits),
        tuple(message.blendshape_names),
        message.chain_revision,
        message.server_version,
    )


def notice(message: stream_pb2.Notice) -> Notice:
    """A notice with the fields that its kind has."""
    kind = message.WhichOneof("kind")
    body = getattr(message, kind) if kind else None
    match body:
        case stream_pb2.ChainRefused() | stream_pb2.EventRefused():
            return Notice(kind or "", message.text, violations(body.violations))
        case stream_pb2.FrameRefused():
            return Notice(
                "frame_refused", message.text, violations(body.violations), sequence=body.sequence
            )
        case stream_pb2.FilterDisabled():
            reason = word(stream_pb2.BypassReason, body.reason)
            return Notice(
                "filter_disabled", message.text, filter_id=body.filter_id, reasons=(reason,)
            )
        case stream_pb2.Degraded():
            return Notice("degraded", message.text, reasons=_degraded(body.reasons))
    return Notice(kind or "unknown", message.text)


def violations(messages: Iterable[stream_pb2.FieldViolation]) -> tuple[Violation, ...]:
    """Field violations of a notice."""
    return tuple(Violation(each.field, each.description) for each in messages)


def _degraded(reasons: Iterable[stream_pb2.Degradation.ValueType]) -> tuple[str, ...]:
    return tuple(word(stream_pb2.Degradation, reason) for reason in reasons)


def _face(face: face_pb2.Face, blendshape_names: Sequence[str]) -> Face:
    arrays = _Arrays.FromString(face.SerializeToString())
    scores = _floats(arrays.blendshapes)
    return Face(
        track_id=face.track_id,
        box=Box(face.box.x, face.box.y, face.box.width, face.box.height),
        landmarks=_matrix(arrays.landmarks, 3),
        blendshapes=dict(zip(blendshape_names, scores, strict=False)),
        pose=_matrix(arrays.pose, 4),
        attributes=_attributes(face.attributes) if face.HasField("attributes") else _NO_ATTRIBUTES,
    )


def _floats(packed: bytes) -> memoryview[float]:
    """Little-endian 32-bit floats in this machine's order."""
    if sys.byteorder == "little":
        return memoryview(packed).cast("f")
    values = array("f", packed)
    values.byteswap()
    return memoryview(values)


def _matrix(packed: bytes, columns: int) -> memoryview[float] | None:
    if not packed:
        return None
    rows = len(packed) // (4 * columns)
    return _floats(packed).cast("B").cast("f", (rows, columns))


def _attributes(message: face_pb2.Attributes) -> Attributes:
    age, band, gender = message.age, message.age_band, message.gender
    return Attributes(
        age=Estimate(
            age.years if age.HasField("years") else None,
            (age.low, age.high) if age.HasField("low") and age.HasField("high") else None,
            age.confidence,
            _source(age.source),
        ),
        age_band=Estimate(
            known(AgeBand, word(face_pb2.AgeBand, band.band)),
            None,
            band.confidence,
            _source(band.source),
        ),
        age_ranges=tuple(
            AgeRange(
                each.first_year,
                each.last_year if each.HasField("last_year") else None,
                each.probability,
            )
            for each in message.age_ranges
        ),
        decade=band.decade or None,
        gender=Estimate(
            known(Gender, word(face_pb2.Gender, gender.gender)),
            None,
            gender.confidence,
            _source(gender.source),
        ),
    )


def _source(number: face_pb2.EstimateSource.ValueType) -> Source:
    return known(Source, word(face_pb2.EstimateSource, number)) or Source.UNKNOWN
