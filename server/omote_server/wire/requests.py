"""What comes in."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any, TypeVar

from google.protobuf import struct_pb2
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from omote.v1 import face_pb2, filter_pb2, picture_pb2, stream_pb2
from omote.v1 import filter_service_pb2 as pb
from omote_filters.words import ChainEntry, Consent, Event, Violation
from omote_models.face import Declared
from omote_models.ranges import check_edges
from omote_server.errors import InvalidRequest
from omote_server.messages import (
    ROTATIONS,
    EncodedPicture,
    Finish,
    Frame,
    HostEvent,
    Limits,
    Malformed,
    Open,
    OutputOptions,
    PictureFormat,
    Request,
    SetChain,
    SetConsent,
    Still,
)
from omote_server.wire.budget import bytes_beside
from omote_server.wire.enums import AGE_BANDS, DELIVERIES, FORMATS, GENDERS, MODES

K = TypeVar("K")
M = TypeVar("M", bound=ProtobufMessage)

Message = stream_pb2.StreamFramesRequest

_MOST_BYTES = 64 * 1024
"""Of a message beside its picture. A chain with all its settings has a few kilobytes; a larger
one would keep the event loop busy while it is read."""
_MOST_ENTRIES = 256
_MOST_NODES = 1024
"""Values in all of a message's settings or payloads together."""
_DEEPEST = 4


def parse(data: bytes) -> Request:
    """One message of a stream as it came; what cannot be understood comes as `Malformed`."""
    try:
        message = _read(Message, data, Message.FRAME_FIELD_NUMBER)
    except Unreadable as error:
        return Malformed(error.violations, broken=True)
    except InvalidRequest as error:
        return Malformed(error.violations)
    return request(message, len(data))


def still(data: bytes) -> Still:
    """A picture and what shall happen to it.

    Raises:
        InvalidRequest: something is wrong with it.
    """
    message = _read(pb.ApplyFiltersRequest, data, pb.ApplyFiltersRequest.PICTURE_FIELD_NUMBER)
    return Still(
        picture(message.picture),
        chain(message.chain),
        consent(message.consent),
        declared(message.declared),
        output_options(message.output),
        _rotation(message.rotation),
        message.mirrored,
    )


def list_filters(data: bytes) -> tuple[list[str], bool]:
    """Which filters are asked for, all where none is named; and whether their previews are.

    Raises:
        InvalidRequest: something is wrong with it.
    """
    message = _read(pb.ListFiltersRequest, data)
    _count(message.ids, _MOST_ENTRIES, "ids")
    return list(message.ids), message.include_previews


def server_info(data: bytes) -> bool:
    """Whether the models' cards are asked for.

    Raises:
        InvalidRequest: something is wrong with it.
    """
    return _read(pb.GetServerInfoRequest, data).include_cards


class Unreadable(InvalidRequest):
    """These bytes are no such message."""


def _read(kind: type[M], data: bytes, picture_field: int = 0) -> M:
    """A message, parsed once its size is known to be bearable."""
    name = kind.DESCRIPTOR.full_name
    try:
        if bytes_beside(data, picture_field, _MOST_BYTES) > _MOST_BYTES:
            text = f"a {name} may have {_MOST_BYTES} bytes beside its picture; this one has more"
            raise InvalidRequest.at("message", text)
        return kind.FromString(data)
    except (DecodeError, ValueError):
        text = f"this is no {name}; generate your client from the .proto"
        raise Unreadable([Violation("message", text)]) from None


def request(message: Message, size: int = 0) -> Request:
    """One message of a stream, which came in so many bytes."""
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
                return HostEvent(_event(message.event), size)
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
        _known(DELIVERIES, message.delivery, "delivery"),
        message.client,
        _rotation(message.rotation),
        message.mirrored,
    )


def _frame(message: stream_pb2.Frame) -> Frame:
    return Frame(
        message.sequence,
        message.capture_time_us,
        picture(message.picture),
        _rotation(message.rotation) if message.HasField("rotation") else None,
        message.mirrored if message.HasField("mirrored") else None,
    )


def _rotation(degrees: int) -> int:
    if degrees not in ROTATIONS:
        raise InvalidRequest.at("rotation", f"must be 0, 90, 180 or 270 degrees, not {degrees}")
    return degrees


def _event(message: stream_pb2.Event) -> Event:
    if not 1 <= len(message.name) <= 64:
        raise InvalidRequest.at("name", "must have 1 to 64 characters")
    return Event(message.name, _Plain().struct(message.payload, "payload"))


def picture(message: picture_pb2.Picture) -> EncodedPicture:
    """A picture as it came.

    Raises:
        InvalidRequest: its format is unknown to this server.
    """
    kind = None
    if message.format != picture_pb2.PICTURE_FORMAT_UNSPECIFIED:
        kind = _known(FORMATS, message.format, "picture.format")
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
        band = _known(AGE_BANDS, message.age_band, "declared.age_band")
    if message.gender != face_pb2.GENDER_UNSPECIFIED:
        gender = _known(GENDERS, message.gender, "declared.gender")
    return Declared(age, band, gender)


def chain(message: filter_pb2.Chain) -> tuple[ChainEntry, ...]:
    """A chain as it was asked for; nothing is looked up yet."""
    _count(message.entries, _MOST_ENTRIES, "chain.entries")
    plain = _Plain()
    return tuple(
        ChainEntry(e.filter_id, plain.struct(e.settings, f"chain.entries[{i}].settings"))
        for i, e in enumerate(message.entries)
    )


def output_options(message: stream_pb2.OutputOptions) -> OutputOptions:
    """What results shall carry.

    Raises:
        InvalidRequest: a value is unknown or out of range.
    """
    kind = PictureFormat.JPEG
    if message.format != picture_pb2.PICTURE_FORMAT_UNSPECIFIED:
        kind = _known(FORMATS, message.format, "output.format")
    quality = message.jpeg_quality if message.HasField("jpeg_quality") else 85
    if not 1 <= quality <= 100:
        raise InvalidRequest.at("output.jpeg_quality", f"must be 1 to 100, not {quality}")
    return OutputOptions(
        _known(MODES, message.mode, "output.mode"),
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


class _Plain:
    """Structs to plain values, with one count of all that a message holds."""

    def __init__(self) -> None:
        self._nodes = 0

    def struct(self, message: struct_pb2.Struct, path: str, depth: int = 0) -> dict[str, object]:
        """A mapping.

        Raises:
            InvalidRequest: there is too much of it, or it is nested too deep.
        """
        self._enter(message.fields, path, depth)
        return {name: self._value(value, path, depth) for name, value in message.fields.items()}

    def _value(self, message: struct_pb2.Value, path: str, depth: int) -> object:
        match message.WhichOneof("kind"):
            case "number_value":
                # A Struct knows only doubles; whole ones fit settings of both kinds of number.
                number = message.number_value
                return int(number) if number.is_integer() else number
            case "string_value":
                return message.string_value
            case "bool_value":
                return message.bool_value
            case "struct_value":
                return self.struct(message.struct_value, path, depth + 1)
            case "list_value":
                items = message.list_value.values
                self._enter(items, path, depth + 1)
                return [self._value(item, path, depth + 1) for item in items]
        return None

    def _enter(self, items: Sized, path: str, depth: int) -> None:
        self._nodes += len(items)
        if self._nodes > _MOST_NODES:
            text = f"holds more than {_MOST_NODES} values, with all that stands before it"
            raise InvalidRequest.at(path, text)
        if depth > _DEEPEST:
            raise InvalidRequest.at(path, f"is nested deeper than {_DEEPEST} levels")
