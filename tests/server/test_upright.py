"""Pictures are looked at upright, and go back as they came: turned, mirrored, with their alpha."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from media import written
from numpy.typing import NDArray
from PIL import Image

from omote.v1 import filter_service_pb2, stream_pb2
from omote_client import (
    Client,
    Consent,
    Delivery,
    InvalidRequest,
    Output,
    OutputMode,
    PictureFormat,
    RawPicture,
    Upright,
)
from omote_filters import words
from omote_filters.words import ChainEntry
from omote_models.pictures import Format, Turn, write
from omote_server import messages
from omote_server.errors import InvalidRequest as InvalidStill
from omote_server.frames import codec
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.frames.pipeline import Pipeline
from omote_server.messages import EncodedPicture, Frame, OutputOptions, Result
from omote_server.serving.server import Server
from omote_server.wire import requests

Pixels = NDArray[np.uint8]
FACES = Consent(face_effects=True)
TURNS = [(degrees, mirrored) for degrees in (0, 90, 180, 270) for mirrored in (False, True)]
RAW = messages.PictureFormat.RGB
ALL = OutputOptions(format=RAW, landmarks=True, blendshapes=True, pose=True)


@pytest.fixture(scope="module")
def tall(astronaut: Pixels) -> Pixels:
    """The portrait, 512 × 400 and not square, so that a turn shows in its size."""
    return np.ascontiguousarray(astronaut[:, 50:450])


def raw(pixels: Pixels) -> EncodedPicture:
    height, width, channels = pixels.shape
    kind = messages.PictureFormat.RGBA if channels == 4 else RAW
    return EncodedPicture(kind, width, height, pixels.tobytes())


def filtered(
    tools: Toolbox,
    picture: EncodedPicture,
    *chain: str,
    output: OutputOptions = ALL,
    rotation: int = 0,
    mirrored: bool = False,
) -> Result:
    pipeline = Pipeline(tools, PipelineOptions(output))
    frame = Frame(1, 1, picture, rotation, mirrored)
    consent = words.Consent(face_effects=True, demographics=True)
    entries = tuple(ChainEntry(filter_id) for filter_id in chain)
    try:
        return pipeline.run(Job(frame, Directives(entries, 1, consent)))
    finally:
        pipeline.close()


def back(result: Result) -> Pixels:
    """The picture of a result, raw."""
    picture = result.picture
    assert picture is not None
    channels = 4 if picture.format is messages.PictureFormat.RGBA else 3
    return np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, channels)


@pytest.mark.parametrize(("rotation", "mirrored"), TURNS)
def test_a_turned_frame_is_looked_at_upright_and_goes_back_as_it_came(
    tools: Toolbox, tall: Pixels, rotation: int, mirrored: bool
) -> None:
    chain = ("face_paint", "glasses")
    upright = filtered(tools, raw(tall), *chain)
    turn = Turn.of(rotation, mirrored)
    sent = turn.back.upright(tall)
    result = filtered(tools, raw(sent), *chain, rotation=rotation, mirrored=mirrored)
    assert result.upright == messages.Upright(400, 512, rotation, mirrored)
    np.testing.assert_array_equal(result.faces[0].landmarks, upright.faces[0].landmarks)
    ours, theirs = result.faces[0].blendshapes, upright.faces[0].blendshapes
    assert ours is not None
    assert theirs is not None
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(back(result), turn.back.upright(back(upright)))


@pytest.mark.parametrize(("rotation", "mirrored"), TURNS)
def test_patches_fit_into_what_was_sent(
    tools: Toolbox, tall: Pixels, rotation: int, mirrored: bool
) -> None:
    sent = Turn.of(rotation, mirrored).back.upright(tall)
    whole = filtered(tools, raw(sent), "face_paint", rotation=rotation, mirrored=mirrored)
    output = OutputOptions(messages.OutputMode.PATCHES, RAW)
    parts = filtered(
        tools, raw(sent), "face_paint", output=output, rotation=rotation, mirrored=mirrored
    )
    assert parts.patches
    mended = sent.copy()
    for patch in parts.patches:
        part = np.frombuffer(patch.picture.data, np.uint8)
        shape = (patch.picture.height, patch.picture.width, 3)
        rows = slice(patch.y, patch.y + shape[0])
        mended[rows, patch.x : patch.x + shape[1]] = part.reshape(shape)
    np.testing.assert_array_equal(mended, back(whole))


@pytest.mark.parametrize("filter_id", ["thought_bubble", "tilt_quiz", "older"])
def test_what_is_to_be_read_can_be_read_in_the_mirror(
    tools: Toolbox, tall: Pixels, filter_id: str
) -> None:
    plain = back(filtered(tools, raw(tall), filter_id))
    sent = np.ascontiguousarray(tall[:, ::-1])
    shown = back(filtered(tools, raw(sent), filter_id, mirrored=True))
    if filter_id == "older":
        # The mark that says so: people see it at the lower left, and can read it, in both.
        corner = np.s_[490:, :70]
        drawn = (plain != tall).any(axis=2)[corner]
        assert drawn.mean() > 0.3
        assert np.median(np.abs(shown[corner].astype(int) - plain[corner])[drawn]) < 40
        return
    # All is drawn at the same place of the person, but what is to be read the other way round.
    other = (shown[:, ::-1] != plain).any(axis=2)
    assert other.sum() > 100
    assert not (other & (plain == tall).all(axis=2) & (shown[:, ::-1] == tall).all(axis=2)).any()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_in_upright_pixels_whatever_the_format(
    tools: Toolbox, tall: Pixels, form: str, orientation: int
) -> None:
    stored = Turn.of_exif(orientation).back.upright(tall)
    said = Image.Exif()
    said[0x112] = orientation
    data = written(form, stored, exif=said, quality=95)
    result = filtered(tools, EncodedPicture(None, 0, 0, data), output=ALL)
    assert result.upright == messages.Upright(400, 512)
    plain = filtered(tools, raw(tall), output=ALL)
    off = result.faces[0].landmarks[:, :2] - plain.faces[0].landmarks[:, :2]
    assert np.abs(off).max() < 8
    assert back(result).shape == tall.shape


def test_nothing_is_copied_on_the_way_of_an_upright_frame(astronaut: Pixels) -> None:
    assert np.shares_memory(Turn.of(0, False).upright(astronaut), astronaut)
    found = codec.decode(codec.encode(astronaut, messages.PictureFormat.JPEG, 90), 10**8)
    assert found.pixels.flags.owndata
    assert found.alpha is None


async def test_a_frame_may_say_otherwise_than_open_did(server: Server, tall: Pixels) -> None:
    lying = np.ascontiguousarray(np.rot90(tall))
    output = Output(mode=OutputMode.FACES_ONLY)
    async with (
        Client(server.address) as client,
        client.stream(consent=FACES, output=output, rotation=90, delivery=Delivery.EVERY) as stream,
    ):
        await stream.send(RawPicture.of(lying))
        await stream.send(RawPicture.of(tall), rotation=0)
        await stream.send(RawPicture.of(tall[:, ::-1].copy()), rotation=0, mirrored=True)
        first, second, third = [await anext(stream) for _ in range(3)]
    assert first.upright == Upright(400, 512, 90)
    assert second.upright == Upright(400, 512)
    assert third.upright == Upright(400, 512, 0, True)
    boxes = [result.faces[0].box for result in (first, second, third)]
    for box in boxes[1:]:
        assert abs(box.x - boxes[0].x) < 4
        assert abs(box.y - boxes[0].y) < 4
    # In the picture as it was sent the face of the astronaut is on the other side.
    assert third.upright.to_sent(boxes[2].x, boxes[2].y)[0] == 400 - boxes[2].x


async def test_a_still_picture_is_turned_too(server: Server, tall: Pixels) -> None:
    lying = np.ascontiguousarray(np.rot90(tall, 2))
    output = Output(format=PictureFormat.RGB, faces=True)
    async with Client(server.address) as client:
        answer = await client.apply(
            RawPicture.of(lying), "face_paint", consent=FACES, output=output, rotation=180
        )
    assert answer.upright == Upright(400, 512, 180)
    assert answer.faces[0].box.y < 256
    assert answer.picture is not None
    assert (answer.picture.width, answer.picture.height) == (400, 512)


async def test_only_quarters_are_rotations(server: Server, tall: Pixels) -> None:
    async with Client(server.address) as client:
        with pytest.raises(InvalidRequest, match="rotation"):
            client.stream(rotation=45)
        with pytest.raises(InvalidRequest, match="rotation"):
            await client.apply(RawPicture.of(tall), (), rotation=360)


@pytest.mark.parametrize("kind", ["open", "frame"])
def test_a_rotation_that_there_is_not_is_refused_by_its_path(kind: str) -> None:
    message = stream_pb2.StreamFramesRequest()
    getattr(message, kind).rotation = 45
    found = requests.parse(message.SerializeToString())
    assert isinstance(found, messages.Malformed)
    (violation,) = found.violations
    assert violation.field == f"{kind}.rotation"
    assert "0, 90, 180 or 270" in violation.description
    still = filter_service_pb2.ApplyFiltersRequest(rotation=1).SerializeToString()
    with pytest.raises(InvalidStill, match="rotation"):
        requests.still(still)


@pytest.mark.parametrize(("rotation", "mirrored"), TURNS)
def test_a_point_is_found_in_what_was_sent(rotation: int, mirrored: bool) -> None:
    upright = np.zeros((5, 7), np.uint8)
    upright[1, 2] = 255
    sent = Turn.of(rotation, mirrored).back.upright(upright)
    x, y = Upright(7, 5, rotation, mirrored).to_sent(2.5, 1.5)
    assert sent[int(y), int(x)] == 255


# Alpha.


def cut_out(astronaut: Pixels) -> Pixels:
    """The portrait, clear above the forehead and beside the shoulders, half clear below."""
    alpha = np.full(astronaut.shape[:2], 255, np.uint8)
    alpha[:60], alpha[:, :80], alpha[:, 400:], alpha[420:] = 0, 0, 0, 128
    rgba = np.dstack([astronaut, alpha])
    rgba[:60, :, :3] = 0
    return rgba


RGBA = OutputOptions(format=messages.PictureFormat.RGBA)


def test_alpha_goes_back_as_it_came(tools: Toolbox, astronaut: Pixels) -> None:
    rgba = cut_out(astronaut)
    np.testing.assert_array_equal(back(filtered(tools, raw(rgba), output=RGBA)), rgba)
    painted = back(filtered(tools, raw(rgba), "face_paint", "film_look", output=RGBA))
    np.testing.assert_array_equal(painted[:, :, 3], rgba[:, :, 3])
    clear = rgba[:, :, 3] == 0
    np.testing.assert_array_equal(painted[clear], rgba[clear])
    assert (painted[:, :, :3] != rgba[:, :, :3]).any(axis=2).mean() > 0.2


@pytest.mark.parametrize("kind", [Format.PNG, Format.WEBP])
def test_alpha_goes_through_files(tools: Toolbox, astronaut: Pixels, kind: Format) -> None:
    rgba = cut_out(astronaut)
    data = write(rgba[:, :, :3], rgba[:, :, 3], kind)
    output = OutputOptions(format=messages.PictureFormat(kind.value.lower()))
    result = filtered(tools, EncodedPicture(None, 0, 0, data), "lipstick", output=output)
    assert result.picture is not None
    found = codec.decode(result.picture, 10**8)
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, rgba[:, :, 3])


def test_what_is_drawn_in_front_shows_beyond_a_cut_out(tools: Toolbox, astronaut: Pixels) -> None:
    rgba = cut_out(astronaut)
    hat = back(filtered(tools, raw(rgba), "hat", output=RGBA))
    grown = (hat[:, :, 3] > rgba[:, :, 3]) & (rgba[:, :, 3] == 0)
    assert grown[:60].sum() > 500, "its brim and crown reach above the forehead"
    rows, columns = np.nonzero(grown)
    assert rows.max() < 300
    assert columns.min() >= 0
    assert (hat[:, :, 3] >= rgba[:, :, 3]).all()
    far = np.s_[450:, :60]
    np.testing.assert_array_equal(hat[far], rgba[far])


def test_a_warp_carries_alpha_along(tools: Toolbox, astronaut: Pixels) -> None:
    rgba = cut_out(astronaut)
    alpha = np.zeros(astronaut.shape[:2], np.uint8)
    cv2.ellipse(alpha, (223, 120), (70, 90), 0, 0, 360, 255, -1)
    rgba[:, :, 3] = alpha
    bent = back(filtered(tools, raw(rgba), "alien_head", output=RGBA))
    assert (bent[:, :, 3] != alpha).sum() > 200
    assert abs(int((bent[:, :, 3] > 0).sum()) / int((alpha > 0).sum()) - 1) < 0.6


def test_a_format_without_alpha_is_white_where_nothing_shows(
    tools: Toolbox, astronaut: Pixels
) -> None:
    rgba = cut_out(astronaut)
    shown = back(filtered(tools, raw(rgba), output=OutputOptions(format=RAW)))
    assert (shown[:60] == 255).all()
    half = (astronaut[500, 200].astype(int) * 128 + 255 * 127) / 255
    assert np.abs(shown[500, 200] - half).max() <= 1


def test_what_does_not_show_is_not_handed_on_where_faces_are_hidden(
    tools: Toolbox, astronaut: Pixels
) -> None:
    rgba = np.dstack([astronaut, np.zeros(astronaut.shape[:2], np.uint8)])
    result = back(filtered(tools, raw(rgba), "blur_face", output=RGBA))
    assert (result[:, :, 3] == 0).all()
    assert result[:, :, :3].std() < 2, "the face under it is gone"


def test_a_face_that_nobody_sees_is_not_found(tools: Toolbox, astronaut: Pixels) -> None:
    alpha = np.full(astronaut.shape[:2], 255, np.uint8)
    alpha[:260] = 0
    rgba = np.dstack([astronaut, alpha])
    output = OutputOptions(format=messages.PictureFormat.RGBA, faces=True)
    result = filtered(tools, raw(rgba), "hat", output=output)
    assert not result.faces
    np.testing.assert_array_equal(back(result), rgba)


@pytest.mark.parametrize(("rotation", "mirrored"), TURNS)
def test_alpha_is_turned_with_its_frame(
    tools: Toolbox, astronaut: Pixels, rotation: int, mirrored: bool
) -> None:
    rgba = Turn.of(rotation, mirrored).back.upright(cut_out(astronaut)[:, :450].copy())
    result = filtered(tools, raw(rgba), output=RGBA, rotation=rotation, mirrored=mirrored)
    np.testing.assert_array_equal(back(result), rgba)
