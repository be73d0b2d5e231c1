"""Generated messages to ours and back. The only module that knows both."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence, Sized
from typing import Any, TypeVar

from google.protobuf import json_format, struct_pb2

from omote.v1 import face_pb2, filter_pb2, picture_pb2, stream_pb2
from omote_filters.chain import Bypass, Consent, Reason
from omote_filters.filter import Appearance, Filter, Need
from omote_filters.registry import Broken, ChainEntry
from omote_filters.scene import Event
from omote_filters.settings import Parameter, Violation, Widget, describe
from omote_models.describe import Declared
from omote_models.face import AgeBand, Attributes, Face, FloatArray, Gender, Source
from omote_models.landmarks import BLENDSHAPE_NAMES
from omote_models.ranges import check_edges, likeliest, ranges_of
from omote_server import codec
from omote_server.errors import InvalidRequest
from omote_server.messages import (
    ChainApplied,
    ChainRefused,
    ConsentApplied,
    Degradation,
    Delivery,
    EncodedPicture,
    EventRefused,
    FilterDisabled,
    Finish,
    Frame,
    FrameRefused,
    GoingAway,
    Limits,
    Malformed,
    Open,
    OutputMode,
    OutputOptions,
    Patch,
    PictureFormat,
    Ready,
    Request,
    Response,
    Result,
    SetChain,
    SetConsent,
    Summary,
    Timings,
)
from omote_server.version import VERSION

K = TypeVar("K")

_MOST_ENTRIES = 256
_MOST_FIELDS = 64
_DEEPEST = 4

_FORMATS = {
    picture_pb2.PICTURE_FORMAT_JPEG: PictureFormat.JPEG,
    picture_pb2.PICTURE_FORMAT_PNG: PictureFormat.PNG,
    picture_pb2.PICTURE_FORMAT_RGB: PictureFormat.RGB,
    picture_pb2.PICTURE_FORMAT_RGBA: PictureFormat.RGBA,
}
_MODES = {
    stream_pb2.OUTPUT_MODE_UNSPECIFIED: OutputMode.FRAME,
    stream_pb2.OUTPUT_MODE_FRAME: OutputMode.FRAME,
    stream_pb2.OUTPUT_MODE_PATCHES: OutputMode.PATCHES,
    stream_pb2.OUTPUT_MODE_FACES_ONLY: OutputMode.FACES_ONLY,
}
_DELIVERIES = {
    stream_pb2.DELIVERY_UNSPECIFIED: Delivery.NEWEST,
    stream_pb2.DELIVERY_NEWEST: Delivery.NEWEST,
    stream_pb2.DELIVERY_EVERY: Delivery.EVERY,
}
_AGE_BANDS = {
    face_pb2.AGE_BAND_CHILD: AgeBand.CHILD,
    face_pb2.AGE_BAND_TEENAGER: AgeBand.TEENAGER,
    face_pb2.AGE_BAND_YOUNG_ADULT: AgeBand.YOUNG_ADULT,
    face_pb2.AGE_BAND_MIDDLE_AGED: AgeBand.MIDDLE_AGED,
    face_pb2.AGE_BAND_SENIOR: AgeBand.SENIOR,
}
_GENDERS = {face_pb2.GENDER_FEMALE: Gender.FEMALE, face_pb2.GENDER_MALE: Gender.MALE}
_SOURCES = {
    Source.UNKNOWN: face_pb2.ESTIMATE_SOURCE_UNKNOWN,
    Source.DECLARED: face_pb2.ESTIMATE_SOURCE_DECLARED,
    Source.INFERRED: face_pb2.ESTIMATE_SOURCE_INFERRED,
}
_DEGRADATIONS = {
    Degradation.RATE_LIMITED: stream_pb2.DEGRADATION_RATE_LIMITED,
    Degradation.NO_FACE_CONSENT: stream_pb2.DEGRADATION_NO_FACE_CONSENT,
    Degradation.NO_DEMOGRAPHICS_CONSENT: stream_pb2.DEGRADATION_NO_DEMOGRAPHICS_CONSENT,
    Degradation.MASKED: stream_pb2.DEGRADATION_MASKED,
    Degradation.FACE_LIMIT: stream_pb2.DEGRADATION_FACE_LIMIT,
}
_REASONS = {
    Reason.ERROR: stream_pb2.BYPASS_REASON_ERROR,
    Reason.OVERRUN: stream_pb2.BYPASS_REASON_OVERRUN,
    Reason.DISABLED: stream_pb2.BYPASS_REASON_DISABLED,
    Reason.CONSENT: stream_pb2.BYPASS_REASON_CONSENT,
    Reason.MINOR: stream_pb2.BYPASS_REASON_MINOR,
}
_APPEARANCES = {
    Appearance.NOVELTY: filter_pb2.APPEARANCE_CLASS_NOVELTY,
    Appearance.MAKEUP: filter_pb2.APPEARANCE_CLASS_MAKEUP,
    Appearance.BEAUTIFY: filter_pb2.APPEARANCE_CLASS_BEAUTIFY,
    Appearance.FACE_REPLACE: filter_pb2.APPEARANCE_CLASS_FACE_REPLACE,
    Appearance.AGE_ALTER: filter_pb2.APPEARANCE_CLASS_AGE_ALTER,
    Appearance.ANONYMISE: filter_pb2.APPEARANCE_CLASS_ANONYMISE,
}
_NEEDS = {
    Need.MESH: filter_pb2.NEED_MESH,
    Need.BLENDSHAPES: filter_pb2.NEED_BLENDSHAPES,
    Need.POSE: filter_pb2.NEED_POSE,
    Need.AGE: filter_pb2.NEED_AGE,
    Need.GENDER: filter_pb2.NEED_GENDER,
    Need.SEGMENTATION: filter_pb2.NEED_SEGMENTATION,
}
_PARAMETER_TYPES = {
    "number": filter_pb2.PARAMETER_TYPE_NUMBER,
    "integer": filter_pb2.PARAMETER_TYPE_INTEGER,
    "boolean": filter_pb2.PARAMETER_TYPE_BOOLEAN,
    "string": filter_pb2.PARAMETER_TYPE_STRING,
    "choice": filter_pb2.PARAMETER_TYPE_CHOICE,
    "colour": filter_pb2.PARAMETER_TYPE_COLOUR,
}
_WIDGETS = {
    Widget.SLIDER: filter_pb2.WIDGET_SLIDER,
    Widget.NUMBER: filter_pb2.WIDGET_NUMBER,
    Widget.TOGGLE: filter_pb2.WIDGET_TOGGLE,
    Widget.TEXT: filter_pb2.WIDGET_TEXT,
    Widget.SELECT: filter_pb2.WIDGET_SELECT,
    Widget.COLOUR: filter_pb2.WIDGET_COLOUR,
}


def _reverse(table: Mapping[Any, K]) -> dict[K, Any]:
    """Ours to the wire's; of several wire values for one of ours the last counts."""
    return {ours: theirs for theirs, ours in table.items()}


_TO_FORMATS = _reverse(_FORMATS)
_TO_AGE_BANDS = _reverse(_AGE_BANDS)
_TO_GENDERS = _reverse(_GENDERS)


# In.


async def requests(
    stream: AsyncIterator[stream_pb2.StreamFramesRequest],
) -> AsyncGenerator[Request]:
    """The messages of one stream; what cannot be understood comes as `Malformed`."""
    async for message in stream:
        yield request(message)


def request(message: stream_pb2.StreamFramesRequest) -> Request:
    """One message of a stream."""
    kind = message.WhichOneof("message")
    try:
        match kind:
            case "open":
                return _open(message.open)
            case "frame":
                return _frame(message.frame)
            case "set_chain":
                return SetChain(chain(message.set_chain.chain))
            case "set_consent":
                return SetConsent(consent(message.set_consent.consent))
            case "event":
                return _event(message.event)
            case "finish":
                return Finish()
    except InvalidRequest as error:
        sequence = message.frame.sequence if kind == "frame" else None
        return Malformed(error.under(str(kind)).violations, sequence)
    return Malformed((Violation("message", "is empty; set one of its fields"),))


def _open(message: stream_pb2.Open) -> Open:
    if len(message.client) > 64:
        raise InvalidRequest.at("client", "is longer than 64 characters")
    return Open(
        consent(message.consent),
        declared(message.declared),
        chain(message.chain),
        output_options(message.output),
        _wanted_limits(message.limits) if message.HasField("limits") else None,
        _known(_DELIVERIES, message.delivery, "delivery"),
        message.client,
    )


def _frame(message: stream_pb2.Frame) -> Frame:
    return Frame(message.sequence, message.capture_time_us, picture(message.picture))


def _event(message: stream_pb2.Event) -> Event:
    if not 1 <= len(message.name) <= 64:
        raise InvalidRequest.at("name", "must have 1 to 64 characters")
    return Event(message.name, _plain(message.payload, "payload"))


def picture(message: picture_pb2.Picture) -> EncodedPicture:
    """A picture as it came.

    Raises:
        InvalidRequest: its format is unknown to this server.
    """
    kind = None
    if message.format != picture_pb2.PICTURE_FORMAT_UNSPECIFIED:
        kind = _known(_FORMATS, message.format, "picture.format")
    return EncodedPicture(kind, message.width, message.height, message.data)


def consent(message: stream_pb2.Consent) -> Consent:
    """What was agreed to."""
    return Consent(message.face_effects, message.demographics)


def declared(message: stream_pb2.DeclaredAttributes) -> Declared:
    """What was stated.

    Raises:
        InvalidRequest: a value is out of range.
    """
    age = message.age if message.HasField("age") else None
    if age is not None and not 0 <= age <= 120:
        raise InvalidRequest.at("declared.age", f"must be 0 to 120 years, not {age:g}")
    band = gender = None
    if message.age_band != face_pb2.AGE_BAND_UNSPECIFIED:
        band = _known(_AGE_BANDS, message.age_band, "declared.age_band")
    if message.gender != face_pb2.GENDER_UNSPECIFIED:
        gender = _known(_GENDERS, message.gender, "declared.gender")
    return Declared(age, band, gender)


def chain(message: filter_pb2.Chain) -> tuple[ChainEntry, ...]:
    """A chain as it was asked for; nothing is looked up yet."""
    _count(message.entries, _MOST_ENTRIES, "chain.entries")
    return tuple(
        ChainEntry(e.filter_id, _plain(e.settings, f"chain.entries[{i}].settings"))
        for i, e in enumerate(message.entries)
    )


def output_options(message: stream_pb2.OutputOptions) -> OutputOptions:
    """What results shall carry.

    Raises:
        InvalidRequest: a value is unknown or out of range.
    """
    kind = PictureFormat.JPEG
    if message.format != picture_pb2.PICTURE_FORMAT_UNSPECIFIED:
        kind = _known(_FORMATS, message.format, "output.format")
    quality = message.jpeg_quality if message.HasField("jpeg_quality") else 85
    if not 1 <= quality <= 100:
        raise InvalidRequest.at("output.jpeg_quality", f"must be 1 to 100, not {quality}")
    return OutputOptions(
        _known(_MODES, message.mode, "output.mode"),
        kind,
        quality,
        landmarks=message.landmarks,
        blendshapes=message.blendshapes,
        pose=message.pose,
        faces=message.faces,
        attributes=message.attributes,
        age_ranges=_age_ranges(message),
    )


def _age_ranges(message: stream_pb2.OutputOptions) -> tuple[int, ...]:
    edges = tuple(message.age_ranges)
    if edges and not message.attributes:
        raise InvalidRequest.at("output.age_ranges", "needs output.attributes to be set")
    if edges:
        try:
            check_edges(edges)
        except ValueError as error:
            raise InvalidRequest.at("output.age_ranges", str(error)) from None
    return edges


def _wanted_limits(message: stream_pb2.StreamLimits) -> Limits:
    return Limits(
        message.max_message_bytes,
        message.max_pixels,
        _positive(message.max_frames_per_second, "limits.max_frames_per_second"),
        message.max_chain_length,
        message.max_faces,
        _positive(message.idle_timeout_seconds, "limits.idle_timeout_seconds"),
    )


def _positive(value: float, path: str) -> float:
    if not 0 <= value < float("inf"):
        raise InvalidRequest.at(path, f"must be a number of 0 or more, not {value:g}")
    return value


def _known(table: Mapping[Any, K], value: int, path: str) -> K:
    if value not in table:
        raise InvalidRequest.at(path, f"this server does not know the value {value}")
    return table[value]


def _count(items: Sized, most: int, path: str) -> None:
    """Refuse what would keep the event loop busy before anything is converted."""
    if len(items) > most:
        raise InvalidRequest.at(path, f"has {len(items)} items; at most {most} make sense")


def _plain(message: struct_pb2.Struct, path: str, depth: int = 0) -> dict[str, object]:
    _count(message.fields, _MOST_FIELDS, path)
    if depth > _DEEPEST:
        raise InvalidRequest.at(path, f"is nested deeper than {_DEEPEST} levels")
    return {name: _plain_value(value, path, depth) for name, value in message.fields.items()}


def _plain_value(value: struct_pb2.Value, path: str, depth: int) -> object:
    match value.WhichOneof("kind"):
        case "number_value":
            # A Struct knows only doubles; whole ones fit settings of both kinds of number.
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _plain(value.struct_value, path, depth + 1)
        case "list_value":
            items = value.list_value.values
            _count(items, _MOST_FIELDS, path)
            if depth > _DEEPEST:
                raise InvalidRequest.at(path, f"is nested deeper than {_DEEPEST} levels")
            return [_plain_value(item, path, depth + 1) for item in items]
    return None


# Out.


def response(message: Response) -> stream_pb2.StreamFramesResponse:
    """One message to the client."""
    match message:
        case Result():
            return stream_pb2.StreamFramesResponse(result=_result(message))
        case Ready():
            return stream_pb2.StreamFramesResponse(ready=_ready(message))
        case Summary():
            return stream_pb2.StreamFramesResponse(summary=_summary(message))
    return stream_pb2.StreamFramesResponse(notice=_notice(message))


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


def _result(result: Result) -> stream_pb2.Result:
    message = stream_pb2.Result(
        sequence=result.sequence,
        capture_time_us=result.capture_time_us,
        faces=faces(result),
        dropped_before=result.dropped_before,
        degraded=degradations(result),
        bypassed_filters=bypasses(result.bypassed),
        timings=timings(result.timings),
        chain_revision=result.chain_revision,
        events=events(result),
        applied_filters=result.applied,
    )
    if result.picture is not None:
        message.picture.CopyFrom(to_picture(result.picture))
    message.patches.extend(_patch(patch) for patch in result.patches)
    return message


def to_picture(picture: EncodedPicture) -> picture_pb2.Picture:
    """A picture that goes out."""
    assert picture.format is not None  # noqa: S101 - what we encoded has a format
    return picture_pb2.Picture(
        format=_TO_FORMATS[picture.format],
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
    data = array.astype("<f4", copy=False).tobytes()
    return varint(number << 3 | 2) + varint(len(data)) + data


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
        age=face_pb2.AgeEstimate(confidence=age.confidence, source=_SOURCES[age.source]),
        age_band=face_pb2.AgeBandEstimate(
            band=_TO_AGE_BANDS[band.value] if band.value else face_pb2.AGE_BAND_UNSPECIFIED,
            confidence=band.confidence,
            source=_SOURCES[band.source],
            decade=_decade(attributes),
        ),
        gender=face_pb2.GenderEstimate(
            gender=_TO_GENDERS[gender.value] if gender.value else face_pb2.GENDER_UNSPECIFIED,
            confidence=gender.confidence,
            source=_SOURCES[gender.source],
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
    return [_DEGRADATIONS[reason] for reason in result.degraded]


def bypasses(ours: Iterable[Bypass]) -> list[stream_pb2.BypassedFilter]:
    """Filters that did not run."""
    return [
        stream_pb2.BypassedFilter(filter_id=b.filter_id, reason=_REASONS[b.reason]) for b in ours
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
                    filter_id=bypass.filter_id, reason=_REASONS[bypass.reason]
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


def filter_info(found: type[Filter] | Broken, preview: bool = False) -> filter_pb2.FilterInfo:
    """A catalogue entry, with its preview picture where that is wanted."""
    if isinstance(found, Broken):
        # Not its text: it may hold paths of the server. `omote filters list` shows it.
        return filter_pb2.FilterInfo(id=found.id, error="it cannot be loaded on this server")
    shown = codec.jpeg(found.preview()) if preview else None
    return filter_pb2.FilterInfo(
        id=found.id,
        name=found.name,
        description=found.summary(),
        version=found.version,
        appearance=_APPEARANCES[found.appearance],
        stage=found.stage.name.lower(),
        needs=[_NEEDS[need] for need in sorted(found.needs)],
        parameters=[_parameter(parameter) for parameter in describe(found.Settings)],
        preview=to_picture(shown) if shown else None,
    )


def _parameter(parameter: Parameter) -> filter_pb2.Parameter:
    default = struct_pb2.Struct()
    default.update({"default": parameter.default})
    return filter_pb2.Parameter(
        name=parameter.name,
        type=_PARAMETER_TYPES[parameter.type],
        default_value=default.fields["default"],
        minimum=parameter.low,
        maximum=parameter.high,
        step=parameter.step,
        choices=parameter.choices,
        widget=_WIDGETS[parameter.widget],
        label=parameter.label,
        hint=parameter.hint,
    )
