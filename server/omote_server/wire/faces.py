"""Faces that go out."""

from __future__ import annotations

from omote.v1 import face_pb2
from omote_models.face import Attributes, Face, FloatArray
from omote_models.ranges import likeliest, ranges_of
from omote_server.messages import Result
from omote_server.wire.enums import SOURCES, TO_AGE_BANDS, TO_GENDERS


class FaceWriter:
    """Writes down the faces of one stream.

    Ranges of age are sums over a distribution that changes with an estimate, seldom; what was
    written of a track's attributes is kept until then.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Attributes, face_pb2.Attributes]] = {}

    def write(self, result: Result) -> list[face_pb2.Face]:
        """The faces with the arrays that were asked for."""
        written = [self._face(face, result) for face in result.faces]
        here = {face.track_id for face in result.faces}
        self._known = {track: known for track, known in self._known.items() if track in here}
        return written

    def _face(self, face: Face, result: Result) -> face_pb2.Face:
        box, output = face.box, result.output
        message = face_pb2.Face(
            track_id=face.track_id,
            box=face_pb2.Rectangle(x=box.x, y=box.y, width=box.width, height=box.height),
            attributes=self._attributes(face, output.age_ranges) if result.attributes else None,
        )
        arrays = (
            (face_pb2.Face.LANDMARKS_FIELD_NUMBER, output.landmarks, face.landmarks),
            (face_pb2.Face.BLENDSHAPES_FIELD_NUMBER, output.blendshapes, face.blendshapes),
            (face_pb2.Face.POSE_FIELD_NUMBER, output.pose, face.pose),
        )
        packed = [_packed(n, array) for n, asked, array in arrays if asked and array is not None]
        message.MergeFromString(b"".join(packed))
        return message

    def _attributes(self, face: Face, edges: tuple[int, ...]) -> face_pb2.Attributes:
        attributes, known = face.attributes, self._known.get(face.track_id)
        if known is not None and _same(known[0], attributes):
            return known[1]
        message = _written(attributes, edges)
        self._known[face.track_id] = attributes, message
        return message


def _same(one: Attributes, other: Attributes) -> bool:
    return one.ages is other.ages and one == other


def _written(attributes: Attributes, edges: tuple[int, ...]) -> face_pb2.Attributes:
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


def _packed(number: int, array: FloatArray) -> bytes:
    """A packed `repeated float` as bytes: 30 times faster than filling the field one by one."""
    return field_of(number, array.astype("<f4", copy=False).tobytes())


def field_of(number: int, body: bytes) -> bytes:
    """Bytes as a field of a message."""
    return field_head(number, len(body)) + body


def field_head(number: int, length: int) -> bytes:
    """What stands before the bytes of a field."""
    return _varint(number << 3 | 2) + _varint(length)


def _varint(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
