"""What a client asks for. Everything left out is the server's default, or not granted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from google.protobuf import struct_pb2

from omote.v1 import face_pb2, filter_pb2, filter_service_pb2, picture_pb2, stream_pb2
from omote_client.errors import InvalidRequest
from omote_client.pictures import check_rotation
from omote_client.words import AgeBand, Delivery, Gender, OutputMode, PictureFormat, number


@dataclass(frozen=True, slots=True)
class FilterUse:
    """One filter of a chain. Settings that are left out take the filter's defaults."""

    id: str
    settings: Mapping[str, Any] = field(default_factory=dict)


ChainLike: TypeAlias = "str | FilterUse | Iterable[str | tuple[str, Mapping[str, Any]] | FilterUse]"
"""A filter's id, or several of "id", ("id", {"setting": value}) and FilterUse."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person in front of the camera agreed to. Nothing is granted by default.

    Attributes:
        face_effects: faces may be found and changed.
        demographics: age and gender may be estimated.
    """

    face_effects: bool = False
    demographics: bool = False

    def __and__(self, other: Consent) -> Consent:
        """What both grant."""
        return Consent(
            self.face_effects and other.face_effects, self.demographics and other.demographics
        )

    def to_wire(self) -> stream_pb2.Consent:
        """The wire's message."""
        return stream_pb2.Consent(face_effects=self.face_effects, demographics=self.demographics)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the person said of themselves, or the host app knows; it beats every model.

    `age` is in years, 0 to 120; `age_band` is ignored when it is given.
    """

    age: float | None = None
    age_band: AgeBand | None = None
    gender: Gender | None = None

    def to_wire(self) -> stream_pb2.DeclaredAttributes:
        """The wire's message."""
        band, gender = self.age_band, self.gender
        return stream_pb2.DeclaredAttributes(
            age=self.age,
            age_band=None if band is None else number(face_pb2.AgeBand, band),
            gender=None if gender is None else number(face_pb2.Gender, gender),
        )


@dataclass(frozen=True, slots=True)
class Output:
    """What results carry. Ask for what you use: all of it costs time and bytes.

    Attributes:
        mode: whole frames, changed patches, or faces only.
        format: of the pictures; None is JPEG.
        jpeg_quality: 1 to 100; None is the server's default.
        faces: box and track of each face. Any of the four below brings it along.
        landmarks, blendshapes, pose: the arrays of each face.
        attributes: age and gender, even where no filter asks for them.
        age_ranges: the first year of each range of age to tell the probability of, such as
            (0, 18, 65); it brings attributes along.
    """

    mode: OutputMode = OutputMode.FRAME
    format: PictureFormat | None = None
    jpeg_quality: int | None = None
    faces: bool = False
    landmarks: bool = False
    blendshapes: bool = False
    pose: bool = False
    attributes: bool = False
    age_ranges: tuple[int, ...] = ()

    def to_wire(self) -> stream_pb2.OutputOptions:
        """The wire's message."""
        attributes = self.attributes or bool(self.age_ranges)
        parts = (self.faces, self.landmarks, self.blendshapes, self.pose, attributes)
        options = stream_pb2.OutputOptions(
            mode=number(stream_pb2.OutputMode, self.mode),
            jpeg_quality=self.jpeg_quality,
            faces=any(parts),
            landmarks=self.landmarks,
            blendshapes=self.blendshapes,
            pose=self.pose,
            attributes=attributes,
            age_ranges=self.age_ranges,
        )
        if self.format is not None:
            options.format = number(picture_pb2.PictureFormat, self.format)
        return options


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stream may use. In a request, 0 means the server's own limit.

    Attributes:
        max_message_bytes: of one request.
        max_pixels: width × height of one picture.
        max_frames_per_second: more are dropped and counted.
        max_chain_length: filters in a chain.
        max_faces: tracked at once.
        idle_timeout_seconds: without any message, until the stream is ended.
        max_sessions: served at once; only in an answer.
    """

    max_message_bytes: int = 0
    max_pixels: int = 0
    max_frames_per_second: float = 0.0
    max_chain_length: int = 0
    max_faces: int = 0
    idle_timeout_seconds: float = 0.0
    max_sessions: int = 0

    def to_wire(self) -> stream_pb2.StreamLimits:
        """The wire's message."""
        return stream_pb2.StreamLimits(**{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_wire(cls, limits: stream_pb2.StreamLimits) -> Limits:
        """What a server said."""
        return cls(**{name: getattr(limits, name) for name in cls.__slots__})


@dataclass(slots=True)
class Opening:
    """How a session is opened, now and after it was lost."""

    chain: filter_pb2.Chain
    consent: Consent = Consent()
    declared: Declared = Declared()
    output: Output = Output()
    limits: Limits = Limits()
    delivery: Delivery = Delivery.NEWEST
    client: str = ""
    rotation: int = 0
    mirrored: bool = False

    def to_wire(self) -> stream_pb2.Open:
        """The first message of a stream.

        Raises:
            InvalidRequest: something in it has the wrong type or range.
        """
        with _blaming_caller():
            return stream_pb2.Open(
                consent=self.consent.to_wire(),
                declared=self.declared.to_wire(),
                chain=self.chain,
                output=self.output.to_wire(),
                limits=self.limits.to_wire(),
                delivery=number(stream_pb2.Delivery, self.delivery),
                client=self.client,
                rotation=check_rotation(self.rotation),
                mirrored=self.mirrored,
            )

    def for_picture(self, picture: picture_pb2.Picture) -> filter_service_pb2.ApplyFiltersRequest:
        """The request for one picture.

        Raises:
            InvalidRequest: something in it has the wrong type or range.
        """
        with _blaming_caller():
            return filter_service_pb2.ApplyFiltersRequest(
                picture=picture,
                chain=self.chain,
                consent=self.consent.to_wire(),
                declared=self.declared.to_wire(),
                output=self.output.to_wire(),
                rotation=check_rotation(self.rotation),
                mirrored=self.mirrored,
            )


@contextmanager
def _blaming_caller() -> Iterator[None]:
    """Protobuf's complaints about types and ranges are the caller's mistakes."""
    try:
        yield
    except InvalidRequest:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"Invalid request: {error}") from error


def chain_to_wire(chain: ChainLike) -> filter_pb2.Chain:
    """The wire's chain.

    Raises:
        InvalidRequest: an entry is none of the accepted forms.
    """
    entries = [chain] if isinstance(chain, str | FilterUse) else chain
    return filter_pb2.Chain(entries=[_entry(i, entry) for i, entry in enumerate(entries)])


def struct(values: Mapping[str, Any], path: str) -> struct_pb2.Struct:
    """Settings or a payload as the wire carries them: text, numbers, booleans, lists, mappings.

    Raises:
        InvalidRequest: a value is something else.
    """
    message = struct_pb2.Struct()
    try:
        message.update(values)
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidRequest.at(
            path, f"Not text, number, boolean, list or mapping: {error}."
        ) from None
    return message


def _entry(position: int, entry: object) -> filter_pb2.ChainEntry:
    path = f"chain.entries[{position}]"
    match entry:
        case str(name):
            return filter_pb2.ChainEntry(filter_id=name)
        case FilterUse(id=str(name), settings=settings) | (str(name), Mapping() as settings):
            return filter_pb2.ChainEntry(
                filter_id=name, settings=struct(settings, f"{path}.settings")
            )
    raise InvalidRequest.at(path, 'Give "id", ("id", {"setting": value}) or FilterUse.')
