"""What goes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from google.protobuf import duration_pb2, json_format, struct_pb2

from omote.v1 import filter_service_pb2 as pb
from omote.v1 import picture_pb2, stream_pb2
from omote_filters.words import Bypass, Reason, Violation
from omote_models.landmarks import BLENDSHAPE_NAMES
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
    TO_FORMATS,
)
from omote_server.wire.faces import FaceWriter, field_head

_RESULT = stream_pb2.StreamFramesResponse.RESULT_FIELD_NUMBER


def serialized(message: Response) -> bytes:
    """One message to the client, as it goes out."""
    match message:
        case Result():
            return _result(message.packed or Packer()(message), _tail(message))
        case Ready():
            return stream_pb2.StreamFramesResponse(ready=_ready(message)).SerializeToString()
        case Summary():
            return stream_pb2.StreamFramesResponse(summary=_summary(message)).SerializeToString()
    return stream_pb2.StreamFramesResponse(notice=_notice(message)).SerializeToString()


def _ready(message: Ready) -> stream_pb2.Ready:
    return stream_pb2.Ready(
        session_id=message.session_id,
        limits=_limits(message.limits),
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


class Packer:
    """Writes down what is large of the results of one stream; `_tail` is the rest of each.

    The fields of a message may come in any order, and a picture's bytes stay where the encoder
    put them until the whole is joined. One thread at a time may use it.
    """

    def __init__(self) -> None:
        self._faces = FaceWriter()

    def __call__(self, result: Result) -> list[bytes]:
        """The first parts of a result's message."""
        message = stream_pb2.Result(
            sequence=result.sequence,
            capture_time_us=result.capture_time_us,
            faces=self._faces.write(result),
            upright=_upright(result),
            bypassed_filters=_bypasses(result.bypassed),
            chain_revision=result.chain_revision,
            applied_filters=result.applied,
        )
        parts = [message.SerializeToString()]
        if result.picture is not None:
            parts += _within(stream_pb2.Result.PICTURE_FIELD_NUMBER, *_picture(result.picture))
        for patch in result.patches:
            head = picture_pb2.Patch(x=patch.x, y=patch.y).SerializeToString()
            picture = _within(picture_pb2.Patch.PICTURE_FIELD_NUMBER, *_picture(patch.picture))
            parts += _within(stream_pb2.Result.PATCHES_FIELD_NUMBER, head, *picture)
        return parts


def _result(parts: Sequence[bytes], tail: bytes) -> bytes:
    """A response that is a result; the one place where a picture's bytes are copied."""
    return b"".join(_within(_RESULT, *parts, tail))


def _picture(picture: EncodedPicture) -> list[bytes]:
    head = to_picture(replace(picture, data=b"")).SerializeToString()
    return [head, *_within(picture_pb2.Picture.DATA_FIELD_NUMBER, picture.data)]


def _within(number: int, *parts: bytes) -> list[bytes]:
    """Parts of a message as a field of another."""
    return [field_head(number, sum(map(len, parts))), *parts]


def _tail(result: Result) -> bytes:
    """What only the session knows of a result."""
    return stream_pb2.Result(
        dropped_before=result.dropped_before,
        degraded=_degradations(result),
        timings=_timings(result.timings),
        events=events(result),
    ).SerializeToString()


def to_picture(picture: EncodedPicture) -> picture_pb2.Picture:
    """A picture that goes out."""
    assert picture.format is not None  # noqa: S101 - what we encoded has a format
    return picture_pb2.Picture(
        format=TO_FORMATS[picture.format],
        width=picture.width,
        height=picture.height,
        data=picture.data,
    )


def _upright(result: Result) -> picture_pb2.Upright | None:
    ours = result.upright
    if ours is None:
        return None
    return picture_pb2.Upright(
        width=ours.width, height=ours.height, rotation=ours.rotation, mirrored=ours.mirrored
    )


def _patches(result: Result) -> list[picture_pb2.Patch]:
    """The changed parts of a frame."""
    return [_patch(patch) for patch in result.patches]


def _patch(patch: Patch) -> picture_pb2.Patch:
    return picture_pb2.Patch(x=patch.x, y=patch.y, picture=to_picture(patch.picture))


def still(result: Result) -> list[bytes]:
    """One still picture, as it goes out."""
    message = pb.ApplyFiltersResponse(
        picture=to_picture(result.picture) if result.picture else None,
        patches=_patches(result),
        faces=FaceWriter().write(result),
        upright=_upright(result),
        bypassed_filters=_bypasses(result.bypassed),
        degraded=_degradations(result),
        timings=_timings(result.timings),
        applied_filters=result.applied,
        blendshape_names=BLENDSHAPE_NAMES if result.output.blendshapes else (),
        events=events(result),
    )
    return [message.SerializeToString()]


def _timings(ours: Timings) -> stream_pb2.StageTimings:
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


def _degradations(result: Result) -> list[stream_pb2.Degradation.ValueType]:
    """Why a result is less than was asked for."""
    return [DEGRADATIONS[reason] for reason in result.degraded]


def _bypasses(ours: Iterable[Bypass]) -> list[stream_pb2.BypassedFilter]:
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


def _told_off(bypass: Bypass) -> str:
    if bypass.reason is Reason.OVERRUN:
        return "takes more CPU time than its budget"
    return "failed repeatedly"


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
                text=f"the filter {bypass.filter_id} {_told_off(bypass)} and is switched off",
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


def _limits(ours: Limits) -> stream_pb2.StreamLimits:
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
        limits=_limits(ours),
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
        runtime=fact.runtime,
    )
