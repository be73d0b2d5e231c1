"""Pictures and requests on their way out, values on their way back."""

from __future__ import annotations

import array

import numpy as np
import pytest

from omote.v1 import face_pb2, filter_pb2, picture_pb2, stream_pb2
from omote_client import (
    AgeBand,
    Attributes,
    ChainLike,
    Consent,
    Declared,
    FilterUse,
    Gender,
    InvalidRequest,
    Output,
    PictureFormat,
    RawPicture,
    Source,
    reading,
)
from omote_client.pictures import FrameLike, write_picture
from omote_client.requests import Opening, chain_to_wire
from omote_client.words import word


def sent(frame: FrameLike) -> picture_pb2.Picture:
    """A frame as the wire carries it."""
    picture = picture_pb2.Picture()
    write_picture(picture, frame)
    return picture


def test_encoded_pictures_are_any_bytes() -> None:
    data = b"\xff\xd8 jpeg"
    for frame in (data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        assert sent(frame) == picture_pb2.Picture(data=data)  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "name"), [(3, "RGB"), (4, "RGBA")])
def test_arrays_are_raw_pictures(channels: int, name: str) -> None:
    pixels = np.arange(2 * 5 * channels, dtype=np.uint8).reshape(2, 5, channels)

    picture = sent(RawPicture.of(pixels))

    assert picture.format == picture_pb2.PictureFormat.Value(f"PICTURE_FORMAT_{name}")
    assert (picture.width, picture.height) == (5, 2)
    assert picture.data == pixels.tobytes()


def test_a_raw_picture_is_what_it_was_when_it_was_sent() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    picture = sent(RawPicture.of(pixels))
    pixels[:] = 255
    assert picture.data == bytes(12)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.uint8)[:, ::2],
        np.zeros((0, 4, 3), np.uint8),
        [[1, 2, 3]],
    ],
)
def test_other_arrays_are_refused(pixels: object) -> None:
    with pytest.raises(InvalidRequest, match="picture"):
        RawPicture.of(pixels)


def test_sizes_must_fit() -> None:
    with pytest.raises(InvalidRequest, match="11 bytes are not 2 × 2 × 3 pixels"):
        RawPicture(bytes(11), 2, 2)
    with pytest.raises(InvalidRequest, match=r"RawPicture\.of"):
        sent(np.zeros((4, 4, 3), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="not str"):
        sent("photo.jpg")  # type: ignore[arg-type]


def test_chains() -> None:
    settings = {"strength": 0.5, "colours": ["#ff0000"], "on": True}
    chain = chain_to_wire(["a", ("b", settings), FilterUse("c", settings)])

    assert [entry.filter_id for entry in chain.entries] == ["a", "b", "c"]
    assert chain.entries[1].settings == chain.entries[2].settings
    assert chain.entries[1].settings["on"] is True
    assert chain_to_wire("a") == chain_to_wire(["a"])


@pytest.mark.parametrize(
    ("chain", "path"),
    [
        (["a", 7], "chain.entries[1]"),
        ([("a",)], "chain.entries[0]"),
        ([("a", {"image": object()})], "chain.entries[0].settings"),
    ],
)
def test_bad_chains(chain: ChainLike, path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chain_to_wire(chain)
    assert [violation.field for violation in caught.value.violations] == [path]


def test_openings() -> None:
    opening = Opening(
        filter_pb2.Chain(),
        declared=Declared(age=0, gender=Gender.FEMALE),
        output=Output(landmarks=True, format=PictureFormat.RGB),
    ).to_wire()

    assert opening.declared.HasField("age")
    assert opening.declared.gender == face_pb2.GENDER_FEMALE
    assert not opening.declared.HasField("age_band")
    assert opening.output.faces
    assert opening.output.format == picture_pb2.PICTURE_FORMAT_RGB
    assert opening.delivery == stream_pb2.DELIVERY_NEWEST
    for wrong in (Output(jpeg_quality=-1), Output(mode="sideways")):  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest):
            Opening(filter_pb2.Chain(), output=wrong).to_wire()


def test_consents_meet() -> None:
    both = Consent(face_effects=True, demographics=True)
    assert both & Consent(face_effects=True) == Consent(face_effects=True)


@pytest.fixture
def face() -> face_pb2.Face:
    return face_pb2.Face(
        track_id="k3",
        box=face_pb2.Rectangle(x=-1, y=2, width=3, height=4),
        landmarks=np.arange(478 * 3, dtype=np.float32),
        blendshapes=[0.25, 0.5],
        pose=np.eye(4, dtype=np.float32).ravel(),
    )


def test_arrays_of_a_face_have_shapes(face: face_pb2.Face) -> None:
    message = stream_pb2.Result(faces=[face, face_pb2.Face(track_id="plain")])
    first, second = reading.filtered(message, ["jawOpen", "cheekPuff"])["faces"]

    assert first.landmarks.shape == (478, 3)
    assert first.landmarks[477, 2] == 478 * 3 - 1
    assert np.asarray(first.landmarks).dtype == np.float32
    assert np.array_equal(np.asarray(first.pose), np.eye(4))
    assert first.blendshapes == {"jawOpen": 0.25, "cheekPuff": 0.5}
    assert (first.box.x, first.box.height) == (-1, 4)
    assert (second.landmarks, second.pose, second.blendshapes) == (None, None, {})
    assert second.attributes == Attributes()


def test_floats_are_read_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.byteorder", "big")
    pose = array.array("f", range(16))
    swapped = array.array("f", pose)
    swapped.byteswap()
    message = face_pb2.Face.FromString(b"\x2a\x40" + swapped.tobytes())
    (found,) = reading.filtered(stream_pb2.Result(faces=[message]), ())["faces"]
    assert found.pose.tobytes() == pose.tobytes()


def test_estimates(face: face_pb2.Face) -> None:
    age = face_pb2.AgeEstimate(
        years=34, low=28, high=40, confidence=0.6, source=face_pb2.ESTIMATE_SOURCE_INFERRED
    )
    band = face_pb2.AgeBandEstimate(band=face_pb2.AGE_BAND_YOUNG_ADULT, decade="30s")
    unknown = face_pb2.GenderEstimate(source=face_pb2.ESTIMATE_SOURCE_UNKNOWN)
    face.attributes.CopyFrom(face_pb2.Attributes(age=age, age_band=band, gender=unknown))
    (found,) = reading.filtered(stream_pb2.Result(faces=[face]), ())["faces"]

    attributes = found.attributes
    assert (attributes.age.value, attributes.age.interval) == (34, (28, 40))
    assert attributes.age.source is Source.INFERRED
    assert (attributes.age_band.value, attributes.decade) == (AgeBand.YOUNG_ADULT, "30s")
    assert (attributes.gender.value, attributes.gender.source) == (None, Source.UNKNOWN)


def test_a_newer_server_is_understood_as_far_as_possible() -> None:
    assert word(stream_pb2.BypassReason, stream_pb2.BYPASS_REASON_MINOR) == "minor"
    assert word(stream_pb2.BypassReason, 99) == "99"
    picture = stream_pb2.Result(picture=picture_pb2.Picture(format=77, data=b"x"))  # type: ignore[arg-type]
    assert reading.filtered(picture, ())["picture"].format is None
    assert reading.notice(stream_pb2.Notice(text="News")).kind == "unknown"


def test_notices() -> None:
    disabled = stream_pb2.FilterDisabled(filter_id="glow", reason=stream_pb2.BYPASS_REASON_OVERRUN)
    notice = reading.notice(stream_pb2.Notice(text="Off.", filter_disabled=disabled))
    assert (notice.kind, notice.filter_id, notice.reasons) == (
        "filter_disabled",
        "glow",
        ("overrun",),
    )
    degraded = stream_pb2.Degraded(reasons=[stream_pb2.DEGRADATION_MASKED])
    assert reading.notice(stream_pb2.Notice(degraded=degraded)).reasons == ("masked",)
