"""What goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from google.protobuf import duration_pb2, json_format, struct_pb2

from omote.v1 import face_pb2, picture_pb2, stream_pb2
from omote.v1 import filter_service_pb2 as pb
from omote_filters.words import Bypass, Violation
from omote_models.face import Attributes, Face, FloatArray
from omote_models.landmarks import BLENDSHAPE_NAMES
from omote_models.ranges import likeliest, ranges_of
from omote_server.messages import (
    ChainApplied,
    ChainRefused,
    ConsentApplied,
    EncodedPicture,
    EventRefused,
    FilterDisabled,
    FrameRefused,
    GoingAway,
    Limits,
    ModelFact,
    OutputOptions,
    Patch,
    Ready,
    Response,
    Result,
    Summary,
    Timings,
)
from omote_server.version import VERSION
from omote_server.wire.enums import (
    DEGRADATIONS,
    REASONS,
    SOURCES,
    TO_AGE_BANDS,
    TO_FORMATS,
    TO_GENDERS,
)

_RESULT = stream_pb2.StreamFramesResponse.RESULT_FIELD_NUMBER


def serialized(message: Response) -> bytes:
    """One message to the client, as it goes out."""
    match message:
        case Result():
            return _framed(_RESULT, (message.packed or pack(message)) + _tail(message))
        case Ready():
            return stream_pb2.StreamFramesResponse(ready=_ready(message)).SerializeToString()
        case Summary():
            return stream_pb2.StreamFramesResponse(summary=_summary(message)).SerializeToString()
    return stream_pb2.StreamFramesResponse(notice=_notice(message)).SerializeToString()


def _ready(message: Ready) -> stream_pb2.Ready:
    return stream_pb2.Ready(
        session_id=message.session_id,
        limits=limits(message.limits),
        blendshape_names=BLENDSHAPE_NAMES,
        chain_revision=message.chain_revision,
        server_version=VERSION,
    )


def _summary(message: Summary) -> stream_pb2.Summary:
    return stream_pb2.Summary(
        frames_received=message.received,
        frames_returned=message.returned,
        frames_dropped=message.dropped,
        frames_refused=message.refused,
        tracks_seen=message.tracks,
    )


def pack(result: Result) -> bytes:
    """The large part of a result's message; `_tail` is the rest. Fields may come in any order."""
    message = stream_pb2.Result(
        sequence=result.sequence,
        capture_time_us=result.capture_time_us,
        faces=faces(result),
        bypassed_filters=bypasses(result.bypassed),
        chain_revision=result.chain_revision,
        applied_filters=result.applied,
    )
    if result.picture is not None:
        message.picture.CopyFrom(to_picture(result.picture))
    message.patches.extend(_patch(patch) for patch in result.patches)
    return message.SerializeToString()


def _tail(result: Result) -> bytes:
    """What only the session knows of a result."""
    return stream_pb2.Result(
        dropped_before=result.dropped_before,
        degraded=degradations(result),
        timings=timings(result.timings),
        events=events(result),
    ).SerializeToString()


def _framed(number: int, body: bytes) -> bytes:
    """A message as a field of another."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def to_picture(picture: EncodedPicture) -> picture_pb2.Picture:
    """A picture that goes out."""
    assert picture.format is not None  # noqa: S101 - what we encoded has a format
    return picture_pb2.Picture(
        format=TO_FORMATS[picture.format],
        width=picture.width,
        height=picture.height,
        data=picture.data,
    )


def patches(result: Result) -> list[picture_pb2.Patch]:
    """The changed parts of a frame."""
    return [_patch(patch) for patch in result.patches]


def _patch(patch: Patch) -> picture_pb2.Patch:
    return picture_pb2.Patch(x=patch.x, y=patch.y, picture=to_picture(patch.picture))


def faces(result: Result) -> list[face_pb2.Face]:
    """The faces with the arrays that were asked for."""
    return [_face(face, result.output, result.attributes) for face in result.faces]


def _face(face: Face, output: OutputOptions, attributes: bool) -> face_pb2.Face:
    box = face.box
    message = face_pb2.Face(
        track_id=face.track_id,
        box=face_pb2.Rectangle(x=box.x, y=box.y, width=box.width, height=box.height),
        attributes=_attributes(face.attributes, output.age_ranges) if attributes else None,
    )
    arrays = (
        (face_pb2.Face.LANDMARKS_FIELD_NUMBER, face.landmarks if output.landmarks else None),
        (face_pb2.Face.BLENDSHAPES_FIELD_NUMBER, face.blendshapes if output.blendshapes else None),
        (face_pb2.Face.POSE_FIELD_NUMBER, face.pose if output.pose else None),
    )
    packed = b"".join(_packed(number, array) for number, array in arrays if array is not None)
    message.MergeFromString(packed)
    return message


def _packed(number: int, array: FloatArray) -> bytes:
    """A packed `repeated float` as bytes: 30 times faster than filling the field one by one."""
    return _framed(number, array.astype("<f4", copy=False).tobytes())


def varint(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _attributes(attributes: Attributes, edges: Sequence[int]) -> face_pb2.Attributes:
    age, band, gender = attributes.age, attributes.age_band, attributes.gender
    message = face_pb2.Attributes(
        age=face_pb2.AgeEstimate(confidence=age.confidence, source=SOURCES[age.source]),
        age_band=face_pb2.AgeBandEstimate(
            band=TO_AGE_BANDS[band.value] if band.value else face_pb2.AGE_BAND_UNSPECIFIED,
            confidence=band.confidence,
            source=SOURCES[band.source],
            decade=_decade(attributes),
        ),
        gender=face_pb2.GenderEstimate(
            gender=TO_GENDERS[gender.value] if gender.value else face_pb2.GENDER_UNSPECIFIED,
            confidence=gender.confidence,
            source=SOURCES[gender.source],
        ),
    )
    if age.value is not None:
        message.age.years = age.value
    if age.interval is not None:
        message.age.low, message.age.high = age.interval
    for found in ranges_of(attributes, edges) if edges else ():
        message.age_ranges.add(
            first_year=found.first, last_year=found.last, probability=found.probability
        )
    return message


def _decade(attributes: Attributes) -> str:
    """The likeliest decade, which need not be that of the mean."""
    found = likeliest(attributes)
    return "" if found is None else f"{found.first}s"


def still(result: Result) -> bytes:
    """One still picture, as it goes out."""
    return pb.ApplyFiltersResponse(
        picture=to_picture(result.picture) if result.picture else None,
        patches=patches(result),
        faces=faces(result),
        bypassed_filters=bypasses(result.bypassed),
        degraded=degradations(result),
        timings=timings(result.timings),
        applied_filters=result.applied,
        blendshape_names=BLENDSHAPE_NAMES if result.output.blendshapes else (),
        events=events(result),
    ).SerializeToString()


def timings(ours: Timings) -> stream_pb2.StageTimings:
    """Milliseconds per stage."""
    return stream_pb2.StageTimings(
        queue_ms=ours.queue,
        decode_ms=ours.decode,
        track_ms=ours.track,
        describe_ms=ours.describe,
        apply_ms=ours.apply,
        encode_ms=ours.encode,
        total_ms=ours.total,
    )


def degradations(result: Result) -> list[stream_pb2.Degradation.ValueType]:
    """Why a result is less than was asked for."""
    return [DEGRADATIONS[reason] for reason in result.degraded]


def bypasses(ours: Iterable[Bypass]) -> list[stream_pb2.BypassedFilter]:
    """Filters that did not run."""
    return [
        stream_pb2.BypassedFilter(filter_id=b.filter_id, reason=REASONS[b.reason]) for b in ours
    ]


def events(result: Result) -> list[stream_pb2.Event]:
    """What filters sent to the host app."""
    return [
        stream_pb2.Event(name=e.name, payload=_struct(e.payload), filter_id=e.filter_id)
        for e in result.events
    ]


def _struct(values: Mapping[str, object]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    json_format.ParseDict(dict(values), message)
    return message


def _violations(ours: Iterable[Violation]) -> list[stream_pb2.FieldViolation]:
    return [stream_pb2.FieldViolation(field=v.field, description=v.description) for v in ours]


def _told(ours: Iterable[Violation]) -> str:
    return "; ".join(f"{v.field}: {v.description}" for v in ours)


def _notice(message: Response) -> stream_pb2.Notice:
    match message:
        case ChainApplied(revision):
            return stream_pb2.Notice(
                text=f"chain {revision} is in force on the next frame",
                chain_applied=stream_pb2.ChainApplied(chain_revision=revision),
            )
        case ChainRefused(violations):
            return stream_pb2.Notice(
                text=f"the chain was refused, the old one stays: {_told(violations)}",
                chain_refused=stream_pb2.ChainRefused(violations=_violations(violations)),
            )
        case ConsentApplied(given):
            kept = stream_pb2.Consent(
                face_effects=given.face_effects, demographics=given.demographics
            )
            return stream_pb2.Notice(
                text="the consent is in force on the next frame",
                consent_applied=stream_pb2.ConsentApplied(consent=kept),
            )
        case FrameRefused(sequence, violations):
            return stream_pb2.Notice(
                text=f"frame {sequence} was refused: {_told(violations)}",
                frame_refused=stream_pb2.FrameRefused(
                    sequence=sequence, violations=_violations(violations)
                ),
            )
        case EventRefused(violations):
            return stream_pb2.Notice(
                text=f"a message was refused: {_told(violations)}",
                event_refused=stream_pb2.EventRefused(violations=_violations(violations)),
            )
        case FilterDisabled(bypass):
            return stream_pb2.Notice(
                text=f"the filter {bypass.filter_id} failed repeatedly and is switched off",
                filter_disabled=stream_pb2.FilterDisabled(
                    filter_id=bypass.filter_id, reason=REASONS[bypass.reason]
                ),
            )
        case GoingAway(grace):
            return stream_pb2.Notice(
                text=f"the server stops in {grace:g} seconds; finish and open a new stream",
                going_away=stream_pb2.GoingAway(grace_seconds=grace),
            )
    raise TypeError(f"{type(message).__name__} is not a notice")


def limits(ours: Limits) -> stream_pb2.StreamLimits:
    """What holds for a stream."""
    return stream_pb2.StreamLimits(
        max_message_bytes=ours.max_message_bytes,
        max_pixels=ours.max_pixels,
        max_frames_per_second=ours.max_frames_per_second,
        max_chain_length=ours.max_chain_length,
        max_faces=ours.max_faces,
        idle_timeout_seconds=ours.idle_timeout_seconds,
        max_sessions=ours.max_sessions,
    )


def server_info(
    ours: Limits, facts: Iterable[ModelFact], *, cards: bool, uptime_s: float, active_sessions: int
) -> bytes:
    """What a server says of itself, as it goes out."""
    uptime = duration_pb2.Duration()
    uptime.FromMilliseconds(int(uptime_s * 1000))
    return pb.GetServerInfoResponse(
        server_version=VERSION,
        api_version="omote.v1",
        limits=limits(ours),
        models=[_model(fact, cards) for fact in facts],
        uptime=uptime,
        active_sessions=active_sessions,
    ).SerializeToString()


def _model(fact: ModelFact, with_card: bool) -> pb.ModelInfo:
    return pb.ModelInfo(
        name=fact.name,
        file=fact.file,
        sha256=fact.sha256,
        size_bytes=fact.size_bytes,
        licence=fact.licence,
        purpose=fact.purpose,
        loaded=fact.loaded,
        card=fact.card if with_card else "",
    )
