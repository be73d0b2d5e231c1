"""A real server, a real channel, real frames: the life of a stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from numpy.typing import NDArray

from omote.v1 import (
    face_pb2,
    filter_pb2,
    filter_service_pb2,
    filter_service_pb2_grpc,
    picture_pb2,
    stream_pb2,
)
from omote_server.frames import codec
from omote_server.frames.engine import ThreadEngine
from omote_server.frames.job import Toolbox
from omote_server.frames.pool import Account
from omote_server.messages import PictureFormat
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings

Pixels = NDArray[np.uint8]
Request = stream_pb2.StreamFramesRequest
Response = stream_pb2.StreamFramesResponse

ALL = stream_pb2.Consent(face_effects=True, demographics=True)
FACES = stream_pb2.Consent(face_effects=True)


def chain(*ids: str, **settings: Any) -> filter_pb2.Chain:
    message = filter_pb2.Chain(entries=[filter_pb2.ChainEntry(filter_id=i) for i in ids])
    if settings:
        message.entries[0].settings.update(settings)
    return message


def opening(**fields: Any) -> Request:
    return Request(open=stream_pb2.Open(**fields))


def frame(number: int, pixels: Pixels | None = None, data: bytes | None = None) -> Request:
    if data is None:
        assert pixels is not None
        data = codec.encode(pixels, PictureFormat.JPEG, 90).data
    return Request(
        frame=stream_pb2.Frame(
            sequence=number,
            capture_time_us=number * 33_333,
            picture=picture_pb2.Picture(data=data),
        )
    )


FINISH = Request(finish=stream_pb2.Finish())


class Peer:
    """One end of a stream, used step by step."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def say(self, *requests: Request) -> None:
        for request in requests:
            await self.call.write(request)

    async def hear(self) -> Response:
        answer = await asyncio.wait_for(self.call.read(), 60)
        assert answer is not grpc.aio.EOF, await self.call.details()
        assert isinstance(answer, Response)
        return answer

    async def result(self) -> stream_pb2.Result:
        answer = await self.hear()
        assert answer.WhichOneof("message") == "result", answer
        return answer.result

    async def notice(self) -> stream_pb2.Notice:
        answer = await self.hear()
        assert answer.WhichOneof("message") == "notice", answer
        return answer.notice

    async def ask(self, request: Request) -> stream_pb2.Result:
        await self.say(request)
        return await self.result()

    async def finish(self) -> stream_pb2.Summary:
        await self.say(FINISH)
        answer = await self.hear()
        assert answer.WhichOneof("message") == "summary", answer
        assert await self.call.read() is grpc.aio.EOF
        assert await self.call.code() is grpc.StatusCode.OK
        return answer.summary

    async def failure(self) -> tuple[grpc.StatusCode, str, list[str]]:
        try:
            while await self.call.read() is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or "", violated(error)
        raise AssertionError("the stream ended without an error")


def violated(error: grpc.aio.AioRpcError) -> list[str]:
    """The field paths of an error's BadRequest detail."""
    status = rpc_status.from_call(error)
    paths = []
    for detail in status.details if status else ():
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            paths += [violation.field for violation in bad.field_violations]
    return paths


@asynccontextmanager
async def connected(
    server: Server,
) -> AsyncIterator[filter_service_pb2_grpc.FilterServiceAsyncStub]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        yield filter_service_pb2_grpc.FilterServiceStub(channel)


@asynccontextmanager
async def talking(server: Server, *first: Request) -> AsyncIterator[Peer]:
    async with connected(server) as stub:
        call = stub.StreamFrames()
        peer = Peer(call)
        await peer.say(*first)
        yield peer
        call.cancel()


@pytest.fixture
def talk(server: Server) -> Callable[..., Any]:
    """Open a stream to the server of this test; `ready` has been heard."""

    @asynccontextmanager
    async def _talk(**fields: Any) -> AsyncIterator[Peer]:
        async with talking(server, opening(**fields)) as peer:
            answer = await peer.hear()
            assert answer.WhichOneof("message") == "ready"
            yield peer

    return _talk


def pixels_of(picture: picture_pb2.Picture) -> Pixels:
    assert picture.format == picture_pb2.PICTURE_FORMAT_JPEG
    return codec.decode_own(picture.data)


def difference(first: Pixels, second: Pixels) -> float:
    return float(np.abs(first.astype(int) - second).mean())


async def test_a_clip_comes_back_painted(talk: Callable[..., Any], carphone: list[Pixels]) -> None:
    async with talk(
        consent=ALL,
        chain=chain("face_paint"),
        output=stream_pb2.OutputOptions(faces=True, attributes=True),
        delivery=stream_pb2.DELIVERY_EVERY,
    ) as peer:
        sent = carphone[:30]

        async def speak() -> None:
            await peer.say(*(frame(i, pixels) for i, pixels in enumerate(sent)))

        speaking = asyncio.create_task(speak())
        results = [await peer.result() for _ in sent]
        await speaking
        summary = await peer.finish()
    assert [r.sequence for r in results] == list(range(30))
    assert [r.capture_time_us for r in results] == [i * 33_333 for i in range(30)]
    for result, before in zip(results, sent, strict=True):
        assert list(result.applied_filters) == ["face_paint"]
        assert difference(pixels_of(result.picture), before) > 4
        (face,) = result.faces
        assert 100 < face.box.width < 400
        assert not face.landmarks
        assert result.timings.track_ms > 0
        assert result.timings.total_ms >= result.timings.track_ms
    assert len({r.faces[0].track_id for r in results}) == 1
    last = results[-1].faces[0].attributes
    assert last.age.source == face_pb2.ESTIMATE_SOURCE_INFERRED
    assert last.age.low < last.age.years < last.age.high
    assert last.gender.gender == face_pb2.GENDER_MALE
    assert (summary.frames_received, summary.frames_returned) == (30, 30)
    assert summary.tracks_seen == 1


async def test_without_consent_no_face_is_looked_for(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(
        chain=chain("face_paint"), output=stream_pb2.OutputOptions(faces=True, attributes=True)
    ) as peer:
        result = await peer.ask(frame(1, astronaut))
    assert not result.faces
    assert difference(pixels_of(result.picture), astronaut) < 4
    (bypassed,) = result.bypassed_filters
    assert bypassed.reason == stream_pb2.BYPASS_REASON_CONSENT
    assert stream_pb2.DEGRADATION_NO_FACE_CONSENT in result.degraded


async def test_without_consent_for_demographics_there_are_no_attributes(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(
        consent=FACES,
        chain=chain("life_stages"),
        output=stream_pb2.OutputOptions(attributes=True),
    ) as peer:
        result = await peer.ask(frame(1, astronaut))
    assert len(result.faces) == 1
    assert not result.faces[0].HasField("attributes")
    assert stream_pb2.DEGRADATION_NO_DEMOGRAPHICS_CONSENT in result.degraded
    assert list(result.applied_filters) == ["life_stages"]


async def test_a_pack_draws_by_what_the_models_say_and_by_consent(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    """Two faces, real estimates: the look for unknown at first, then each her own."""
    one = astronaut[:280, 120:360]
    pair = np.ascontiguousarray(np.hstack([one, one[:, ::-1]]))
    output = stream_pb2.OutputOptions(faces=True, attributes=True)
    async with talk(chain=chain("hero_paint"), consent=ALL, output=output) as peer:
        for number in range(1, 12):
            known = await peer.ask(frame(number, pair))
        assert list(known.applied_filters) == ["hero_paint"]
        genders = {face.attributes.gender.gender for face in known.faces}
        assert len(known.faces) == 2
        assert genders == {face_pb2.GENDER_FEMALE}
        await peer.say(Request(set_consent=stream_pb2.SetConsent(consent=FACES)))
        assert (await peer.notice()).HasField("consent_applied")
        for number in range(12, 36):
            unknown = await peer.ask(frame(number, pair))
    assert list(unknown.applied_filters) == ["hero_paint"]
    for face in known.faces:
        left, top = int(face.box.x), int(face.box.y)
        area = np.s_[top : top + int(face.box.height), left : left + int(face.box.width)]
        painted, neon = pixels_of(known.picture)[area], pixels_of(unknown.picture)[area]
        assert difference(painted, pair[area]) > 15
        assert difference(painted, neon) > 15


async def test_withdrawn_consent_is_in_force_on_the_next_frame(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(
        consent=ALL, output=stream_pb2.OutputOptions(faces=True, attributes=True)
    ) as peer:
        before = await peer.ask(frame(1, astronaut))
        await peer.say(Request(set_consent=stream_pb2.SetConsent(consent=FACES)))
        assert (await peer.notice()).HasField("consent_applied")
        faces_only = await peer.ask(frame(2, astronaut))
        await peer.say(Request(set_consent=stream_pb2.SetConsent()))
        await peer.notice()
        nothing = await peer.ask(frame(3, astronaut))
    assert before.faces[0].HasField("attributes")
    assert len(faces_only.faces) == 1
    assert not faces_only.faces[0].HasField("attributes")
    assert not nothing.faces


async def test_a_declared_adult_needs_no_model(talk: Callable[..., Any], astronaut: Pixels) -> None:
    async with talk(
        consent=FACES,
        declared=stream_pb2.DeclaredAttributes(age=41, gender=face_pb2.GENDER_FEMALE),
        output=stream_pb2.OutputOptions(attributes=True),
    ) as peer:
        result = await peer.ask(frame(1, astronaut))
    attributes = result.faces[0].attributes
    assert attributes.age.years == 41
    assert not attributes.age.HasField("low")
    assert attributes.age.source == face_pb2.ESTIMATE_SOURCE_DECLARED
    assert attributes.age_band.band == face_pb2.AGE_BAND_MIDDLE_AGED
    assert attributes.age_band.decade == "40s"
    assert attributes.gender.gender == face_pb2.GENDER_FEMALE


async def test_a_declared_minor_is_not_beautified(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(
        consent=FACES,
        declared=stream_pb2.DeclaredAttributes(age=16),
        chain=chain("smooth_skin", strength=1.0),
    ) as peer:
        result = await peer.ask(frame(1, astronaut))
    assert result.bypassed_filters[0].reason == stream_pb2.BYPASS_REASON_MINOR
    assert difference(pixels_of(result.picture), astronaut) < 4


async def test_the_chain_is_switched_in_mid_stream(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(consent=FACES, chain=chain("lipstick")) as peer:
        first = await peer.ask(frame(1, astronaut))
        await peer.say(Request(set_chain=stream_pb2.SetChain(chain=chain("pixelate_face"))))
        notice = await peer.notice()
        second = await peer.ask(frame(2, astronaut))
        await peer.say(Request(set_chain=stream_pb2.SetChain()))
        await peer.notice()
        third = await peer.ask(frame(3, astronaut))
    assert list(first.applied_filters) == ["lipstick"]
    assert notice.chain_applied.chain_revision == first.chain_revision + 1
    assert list(second.applied_filters) == ["pixelate_face"]
    assert second.chain_revision == notice.chain_applied.chain_revision
    assert list(third.applied_filters) == []
    assert difference(pixels_of(third.picture), astronaut) < 4


async def test_a_refused_chain_leaves_the_old_one(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(consent=FACES, chain=chain("lipstick")) as peer:
        await peer.say(
            Request(set_chain=stream_pb2.SetChain(chain=chain("lipstick", coverage=7))),
        )
        refused = (await peer.notice()).chain_refused
        await peer.say(Request(set_chain=stream_pb2.SetChain(chain=chain("lipstik"))))
        unknown = (await peer.notice()).chain_refused
        result = await peer.ask(frame(1, astronaut))
    assert refused.violations[0].field == "set_chain.chain.entries[0].settings.coverage"
    assert unknown.violations[0].field == "set_chain.chain.entries[0].filter_id"
    assert "did you mean 'lipstick'?" in unknown.violations[0].description
    assert list(result.applied_filters) == ["lipstick"]
    assert result.chain_revision == 1


async def test_faces_only_with_every_array(talk: Callable[..., Any], astronaut: Pixels) -> None:
    async with talk(
        consent=FACES,
        chain=chain("face_paint"),
        output=stream_pb2.OutputOptions(
            mode=stream_pb2.OUTPUT_MODE_FACES_ONLY, landmarks=True, blendshapes=True, pose=True
        ),
    ) as peer:
        result = await peer.ask(frame(1, astronaut))
    (face,) = result.faces
    landmarks = np.array(face.landmarks).reshape(478, 3)
    assert not result.HasField("picture")
    assert len(face.blendshapes) == 52
    assert len(face.pose) == 16
    assert list(face.pose[12:]) == [0, 0, 0, 1]
    assert face.box.x == pytest.approx(landmarks[:, 0].min(), abs=1e-3)
    assert not result.applied_filters, "no filter runs where there is no picture"


async def test_raw_in_and_raw_out(talk: Callable[..., Any], astronaut: Pixels) -> None:
    raw = picture_pb2.Picture(
        format=picture_pb2.PICTURE_FORMAT_RGB, width=512, height=512, data=astronaut.tobytes()
    )
    request = Request(frame=stream_pb2.Frame(sequence=1, capture_time_us=1, picture=raw))
    async with talk(
        output=stream_pb2.OutputOptions(format=picture_pb2.PICTURE_FORMAT_RGBA)
    ) as peer:
        result = await peer.ask(request)
    back = np.frombuffer(result.picture.data, np.uint8).reshape(512, 512, 4)
    np.testing.assert_array_equal(back[..., :3], astronaut)
    assert (back[..., 3] == 255).all()


async def test_patches_paint_to_the_same_picture(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async def painted(mode: int) -> stream_pb2.Result:
        output = stream_pb2.OutputOptions(
            mode=mode,  # type: ignore[arg-type]
            format=picture_pb2.PICTURE_FORMAT_PNG,
        )
        data = codec.encode(astronaut, PictureFormat.PNG, 0).data
        async with talk(consent=FACES, chain=chain("lipstick", "big_eyes"), output=output) as peer:
            found: stream_pb2.Result = await peer.ask(frame(1, data=data))
            return found

    def decoded(picture: picture_pb2.Picture) -> Pixels:
        return codec.decode_own(picture.data)

    whole = decoded((await painted(stream_pb2.OUTPUT_MODE_FRAME)).picture)
    parts = (await painted(stream_pb2.OUTPUT_MODE_PATCHES)).patches
    patched = astronaut.copy()
    for patch in parts:
        piece = decoded(patch.picture)
        height, width = piece.shape[:2]
        patched[patch.y : patch.y + height, patch.x : patch.x + width] = piece
    np.testing.assert_array_equal(patched, whole)
    assert sum(p.picture.width * p.picture.height for p in parts) < 512 * 512 / 4


async def test_no_face_is_no_change(talk: Callable[..., Any]) -> None:
    wall = np.full((240, 320, 3), 120, np.uint8)
    async with talk(consent=ALL, chain=chain("face_paint", "pixelate_face")) as peer:
        result = await peer.ask(frame(1, wall))
    assert difference(pixels_of(result.picture), wall) < 1


def bad_frames(astronaut: Pixels) -> Sequence[tuple[Request, str]]:
    jpeg = codec.encode(astronaut, PictureFormat.JPEG, 90).data
    raw = picture_pb2.Picture(format=picture_pb2.PICTURE_FORMAT_RGB, data=b"abc")
    odd = picture_pb2.Picture(format=99, data=b"abc")  # type: ignore[arg-type]
    return [
        (frame(11, data=b"Dear server, this is a text file."), "frame.picture.data"),
        (frame(12, data=b""), "frame.picture.data"),
        (frame(13, data=jpeg[: len(jpeg) // 2]), "frame.picture.data"),
        (frame(3, data=jpeg), "frame.sequence"),
        (
            Request(frame=stream_pb2.Frame(sequence=14, capture_time_us=14 * 33_333, picture=raw)),
            "frame.picture.width",
        ),
        (
            Request(frame=stream_pb2.Frame(sequence=15, capture_time_us=15 * 33_333, picture=odd)),
            "frame.picture.format",
        ),
        (frame(16, np.zeros((1200, 1100, 3), np.uint8)), "frame.picture.data"),
        (
            Request(frame=stream_pb2.Frame(sequence=17, capture_time_us=2**62)),
            "frame.capture_time_us",
        ),
    ]


async def test_a_bad_frame_costs_that_frame(talk: Callable[..., Any], astronaut: Pixels) -> None:
    limits = stream_pb2.StreamLimits(max_pixels=1_000_000)
    async with talk(consent=FACES, limits=limits) as peer, talk(consent=FACES) as other:
        await peer.ask(frame(10, astronaut))
        for served, (request, path) in enumerate(bad_frames(astronaut)):
            await peer.say(request)
            notice = await peer.notice()
            assert notice.frame_refused.sequence == request.frame.sequence
            assert notice.frame_refused.violations[0].field == path
            assert path in notice.text
            assert (await other.ask(frame(served, astronaut))).picture.data
        assert (await peer.ask(frame(20, astronaut))).sequence == 20
        summary = await peer.finish()
    assert summary.frames_refused == len(bad_frames(astronaut))
    assert summary.frames_received == summary.frames_refused + summary.frames_returned


async def test_an_oversize_message_is_refused_by_its_field(
    tools: Toolbox, astronaut: Pixels
) -> None:
    server = Server(Settings(port=0, workers=1, max_message_bytes=200_000), tools)
    await server.start()
    try:
        noise = np.random.default_rng(0).integers(0, 255, (256, 384, 3), np.uint8)
        async with talking(server, opening(consent=FACES)) as peer:
            await peer.hear()
            await peer.say(frame(1, data=codec.encode(noise, PictureFormat.PNG, 0).data))
            notice = await peer.notice()
            assert notice.frame_refused.violations[0].field == "frame.picture.data"
            assert "limits.max_message_bytes" in notice.text
            assert (await peer.ask(frame(2, astronaut))).sequence == 2
            # Far beyond the limit the transport itself ends the stream.
            await peer.say(frame(3, data=b"x" * 600_000))
            code, text, _ = await peer.failure()
            assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "larger than max" in text
        async with talking(server, opening(consent=FACES)) as peer:
            await peer.hear()
            assert (await peer.ask(frame(1, astronaut))).sequence == 1
    finally:
        await server.stop()


async def test_a_frame_before_open(server: Server, astronaut: Pixels) -> None:
    async with talking(server, frame(1, astronaut)) as peer:
        code, text, _ = await peer.failure()
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "`open`" in text


async def test_a_second_open(talk: Callable[..., Any]) -> None:
    async with talk() as peer:
        await peer.say(opening())
        code, _, _ = await peer.failure()
    assert code is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"chain": chain("no_such_filter")}, "open.chain.entries[0].filter_id"),
        ({"chain": chain("lipstick", coverage=9)}, "open.chain.entries[0].settings.coverage"),
        ({"chain": chain("lipstick", coverage="much")}, "open.chain.entries[0].settings.coverage"),
        ({"chain": chain("lipstick", shine=1)}, "open.chain.entries[0].settings.shine"),
        ({"chain": chain(*["lipstick"] * 17)}, "open.chain.entries"),
        ({"output": stream_pb2.OutputOptions(jpeg_quality=0)}, "open.output.jpeg_quality"),
        ({"declared": stream_pb2.DeclaredAttributes(age=300)}, "open.declared.age"),
        ({"client": "x" * 65}, "open.client"),
    ],
)
async def test_an_open_that_does_not_fit_says_where(
    server: Server, fields: dict[str, Any], path: str
) -> None:
    async with talking(server, opening(**fields)) as peer:
        code, text, paths = await peer.failure()
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert paths == [path]
    assert path in text


async def test_an_empty_message_is_refused(talk: Callable[..., Any], astronaut: Pixels) -> None:
    async with talk() as peer:
        await peer.say(Request())
        assert (await peer.notice()).HasField("event_refused")
        assert (await peer.ask(frame(1, astronaut))).sequence == 1


async def test_half_closing_without_finish_ends_quietly(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk() as peer:
        await peer.say(frame(1, astronaut))
        await peer.call.done_writing()
        assert (await peer.result()).sequence == 1
        assert await peer.call.read() is grpc.aio.EOF


async def test_frames_that_come_too_fast_are_dropped_and_counted(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(consent=FACES, output=stream_pb2.OutputOptions(faces=True)) as peer:
        await peer.say(*(frame(i, astronaut) for i in range(40)))
        await peer.say(FINISH)
        results = []
        while (answer := await peer.hear()).WhichOneof("message") == "result":
            results.append(answer.result)
    summary = answer.summary
    assert results[-1].sequence == 39, "the newest wins"
    assert sum(r.dropped_before for r in results) == summary.frames_dropped > 0
    assert summary.frames_returned == len(results)
    assert summary.frames_received == summary.frames_returned + summary.frames_dropped == 40


async def test_the_rate_limit_is_held_and_said(talk: Callable[..., Any], astronaut: Pixels) -> None:
    limits = stream_pb2.StreamLimits(max_frames_per_second=1)
    small = np.ascontiguousarray(astronaut[::8, ::8])
    async with talk(limits=limits) as peer:
        await peer.say(*(frame(i, small) for i in range(30)), FINISH)
        results = []
        while (answer := await peer.hear()).WhichOneof("message") == "result":
            results.append(answer.result)
    assert len(results) <= 4, "a burst of two, then one a second"
    assert answer.summary.frames_dropped == 30 - len(results)


async def test_a_full_server_says_when_to_try_again(tools: Toolbox) -> None:
    server = Server(Settings(port=0, workers=1, max_sessions=1), tools)
    await server.start()
    try:
        async with talking(server, opening()) as first:
            await first.hear()
            async with talking(server, opening()) as second:
                code, _, _ = await second.failure()
                assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
            await first.finish()
        async with talking(server, opening()) as third:
            assert (await third.hear()).HasField("ready")
    finally:
        await server.stop()


async def test_an_idle_stream_is_closed(talk: Callable[..., Any]) -> None:
    async with talk(limits=stream_pb2.StreamLimits(idle_timeout_seconds=0.2)) as peer:
        code, text, _ = await peer.failure()
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "0.2 seconds" in text


async def test_a_client_that_vanishes_leaves_nothing_behind(
    server: Server, astronaut: Pixels
) -> None:
    for _ in range(5):
        async with talking(server, opening(consent=FACES, chain=chain("face_paint"))) as peer:
            await peer.hear()
            await peer.say(*(frame(i, astronaut) for i in range(3)))
    async with connected(server) as stub:
        for _ in range(1200):
            info = await stub.GetServerInfo(filter_service_pb2.GetServerInfoRequest())
            if info.active_sessions == 0:
                break
            await asyncio.sleep(0.05)
    assert info.active_sessions == 0


async def test_a_stopping_server_answers_what_it_holds(tools: Toolbox, astronaut: Pixels) -> None:
    server = Server(Settings(port=0, workers=1, grace_seconds=10), tools)
    await server.start()
    async with talking(server, opening(consent=FACES)) as peer:
        await peer.hear()
        await peer.ask(frame(1, astronaut))
        stopping = asyncio.create_task(server.stop())
        notice = await peer.notice()
        assert notice.going_away.grace_seconds == 10
        assert (await peer.ask(frame(2, astronaut))).sequence == 2
        async with talking(server, opening()) as late:
            code, _, _ = await late.failure()
            assert code is grpc.StatusCode.UNAVAILABLE
        summary = await peer.finish()
        assert summary.frames_returned == 2
        await stopping


async def test_events_reach_filters_and_too_many_are_refused(talk: Callable[..., Any]) -> None:
    event = Request(event=stream_pb2.Event(name="goal"))
    async with talk() as peer:
        await peer.say(*[event] * 64)
        await peer.say(event)
        assert (await peer.notice()).HasField("event_refused")
        await peer.say(Request(event=stream_pb2.Event(name="")))
        notice = await peer.notice()
        assert notice.event_refused.violations[0].field == "event.name"


async def test_a_client_that_never_reads_leaves_no_session(
    tools: Toolbox, carphone: list[Pixels]
) -> None:
    server = Server(Settings(port=0, workers=2, idle_timeout_seconds=0.5), tools)
    await server.start()
    raw = stream_pb2.OutputOptions(format=picture_pb2.PICTURE_FORMAT_RGBA)
    try:
        async with talking(server, opening(consent=FACES, output=raw)) as peer:

            async def flood() -> None:
                for i in range(400):
                    await peer.say(frame(i, carphone[i % 120]))

            flooding = asyncio.create_task(flood())
            await asyncio.sleep(1.5)
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)
            assert server._host is not None
            for _ in range(600):
                if server._host.active == 0:
                    break
                await asyncio.sleep(0.1)
            assert server._host.active == 0, "idle, and not even reading: it is ended"
    finally:
        await server.stop()


async def test_finish_does_not_wait_for_the_rate_limit(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk(limits=stream_pb2.StreamLimits(max_frames_per_second=0.01)) as peer:
        await peer.ask(frame(1, astronaut))
        await peer.ask(frame(2, astronaut))
        summary = await asyncio.wait_for(peer.finish(), 60)
    assert summary.frames_returned == 2


async def test_drops_before_a_refused_frame_are_told_with_the_next_result(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    async with talk() as peer:
        await peer.say(*(frame(i, astronaut) for i in range(1, 30)), frame(30, data=b"text"))
        dropped = returned = 0
        while (answer := await peer.hear()).WhichOneof("message") == "result":
            dropped += answer.result.dropped_before
            returned += 1
        assert answer.notice.HasField("frame_refused")
        last = await peer.ask(frame(31, astronaut))
        summary = await peer.finish()
    assert dropped + last.dropped_before == summary.frames_dropped == 29 - returned


@pytest.mark.parametrize("size", [300_000, 5_000])
async def test_an_enormous_open_is_refused_at_once(server: Server, size: int) -> None:
    many = filter_pb2.Chain(entries=[filter_pb2.ChainEntry(filter_id="x" * 30)] * (size // 100))
    wide = chain("lipstick")
    wide.entries[0].settings.update({f"setting_{i}": 1 for i in range(size)})
    for enormous in (many, wide) if size < 10_000 else (wide,):
        async with talking(server, opening(chain=enormous)) as peer:
            code, text, paths = await peer.failure()
        assert code is grpc.StatusCode.INVALID_ARGUMENT, text
        assert paths[0] == "message" or paths[0].startswith("open.chain.entries")


async def test_a_long_name_keeps_its_status(server: Server) -> None:
    async with talking(server, opening(chain=chain("x" * 50_000))) as peer:
        code, text, paths = await peer.failure()
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert paths == ["open.chain.entries[0].filter_id"]
    assert len(text) < 2000


async def test_who_must_be_hidden_is_not_left_to_the_clients_limit(
    talk: Callable[..., Any], astronaut: Pixels
) -> None:
    head = astronaut[20:260, 100:340]
    pair = np.ascontiguousarray(np.hstack([head, head]))
    async with talk(
        consent=FACES,
        chain=chain("pixelate_face"),
        limits=stream_pb2.StreamLimits(max_faces=1),
    ) as peer:
        result = await peer.ask(frame(1, pair))
    hidden = np.abs(pixels_of(result.picture).astype(int) - pair)
    for left in (0, 240):
        assert hidden[60:160, left + 60 : left + 160].mean() > 8


class Blocker:
    """A turn that keeps its worker until the gate opens."""

    def __init__(self) -> None:
        self.account = Account()
        self.gate = threading.Event()

    def run(self) -> None:
        self.gate.wait()

    def give_up(self) -> None:
        raise AssertionError("it did not take that long")


async def test_withdrawn_consent_binds_a_frame_that_is_already_waiting(
    tools: Toolbox, carphone: list[Pixels]
) -> None:
    server = Server(Settings(port=0, workers=1), tools)
    await server.start()
    output = stream_pb2.OutputOptions(faces=True, landmarks=True, attributes=True)
    try:
        async with talking(server, opening(consent=ALL, output=output)) as peer:
            await peer.hear()
            await peer.ask(frame(1, carphone[0]))
            assert server._engine is not None
            blocker = Blocker()
            assert isinstance(server._engine, ThreadEngine)
            server._engine._pool.submit(blocker)
            await peer.say(frame(2, carphone[1]))
            await asyncio.sleep(0.1)
            await peer.say(Request(set_consent=stream_pb2.SetConsent()))
            assert (await peer.notice()).HasField("consent_applied")
            blocker.gate.set()
            await peer.say(frame(3, carphone[2]))
            result = await peer.result()
            assert not result.faces
    finally:
        await server.stop()
