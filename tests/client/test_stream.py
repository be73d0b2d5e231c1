"""Frames in, results out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from omote_client import (
    ChainRefused,
    Client,
    Consent,
    Delivery,
    InvalidRequest,
    Notice,
    Result,
    ServerError,
    Stream,
    Violation,
)
from omote_client.feeding import Frames
from omote_server.testing import LightServer
from tests.client.servers import (
    Requests,
    Responses,
    Script,
    answer,
    ready,
    received,
    refused,
    scripted,
    summary,
    until,
    until_finish,
)

EVERY = Delivery.EVERY


async def rest(stream: Stream) -> list[Result]:
    """Finishes a stream and returns the results that were not read yet."""
    await stream.finish()
    return [result async for result in stream]


async def run_through(client: Client, frames: Frames) -> None:
    async with client.stream("echo", delivery=EVERY, in_flight=2) as stream:
        async for _ in stream.process(frames):
            pass


async def test_results_belong_to_what_was_sent(client: Client) -> None:
    frames = [b"one", b"two", b"three"]
    async with client.stream("echo", delivery=EVERY) as stream:
        sequences = [await stream.send(frame) for frame in frames]
        results = await rest(stream)

    assert [r.sequence for r in results] == sequences == [1, 2, 3]
    assert all(r.sent is frame for r, frame in zip(results, frames, strict=True))
    assert [r.picture.data for r in results if r.picture] == frames
    assert all(r.round_trip_ms is not None and r.round_trip_ms > 0 for r in results)
    times = [r.capture_time_us for r in results]
    assert times == sorted(set(times))


async def test_finish_sums_up(client: Client, server: LightServer) -> None:
    server.engine.faults = refused(3)
    async with client.stream("echo", delivery=EVERY, on_notice=lambda _: None) as stream:
        for _ in range(5):
            await stream.send(b"frame")
        summary = await stream.finish()

        assert summary == await stream.finish()
        assert (summary.frames_sent, summary.frames_returned) == (5, 4)
        assert (summary.frames_dropped, summary.frames_refused) == (0, 1)
        assert summary.tracks_seen == 0
        with pytest.raises(InvalidRequest, match="finished"):
            await stream.send(b"late")


def answering(*sequences: int) -> Script:
    """A server that answers these frames only, once all have come."""

    async def script(_: int, requests: Requests) -> Responses:
        yield ready()
        kept = [each.frame async for each in until_finish(requests) if each.HasField("frame")]
        for frame in kept:
            if frame.sequence in sequences:
                yield answer(frame)
        yield summary()

    return script


async def test_dropped_frames_are_counted_and_forgotten() -> None:
    async with (
        scripted(answering(4)) as address,
        Client(address) as client,
        client.stream("echo") as stream,
    ):
        for number in range(1, 6):
            await stream.send(b"%d" % number)
        summary = await stream.finish()
        results = [result async for result in stream]

    assert [(r.sequence, r.sent) for r in results] == [(4, b"4")]
    assert (summary.frames_sent, summary.frames_returned, summary.frames_dropped) == (5, 1, 4)
    assert summary.tracks_seen == 1


async def test_every_frame_waits_for_room(client: Client, server: LightServer) -> None:
    server.engine.gate.clear()
    async with client.stream("echo", delivery=EVERY, in_flight=3) as stream:
        for _ in range(3):
            await stream.send(b"frame")
        fourth = asyncio.create_task(stream.send(b"frame"))
        await asyncio.sleep(0.05)
        assert not fourth.done()

        server.engine.gate.set()
        await asyncio.sleep(0.05)
        assert not fourth.done()  # an unread result takes room, too
        await anext(stream)
        assert await fourth == 4


@pytest.mark.parametrize(("answered", "known"), [(1, False), (3, False), (4, True), (5, True)])
async def test_live_frames_in_flight_are_bounded(answered: int, known: bool) -> None:
    async with (
        scripted(answering(answered)) as address,
        Client(address) as client,
        client.stream("echo", in_flight=2) as stream,
    ):
        for _ in range(5):
            await stream.send(b"frame")
        (result,) = await rest(stream)

    assert result.sent == (b"frame" if known else None)


def arrived(server: LightServer, number: int) -> bool:
    """Whether more frames than this have come to the server."""
    return len(server.engine.jobs) > number


async def test_a_slow_reader_of_a_live_stream_sees_only_the_newest(
    client: Client, server: LightServer
) -> None:
    async with client.stream("echo", in_flight=100) as stream:
        for number in range(30):
            await stream.send(b"frame")
            await until(partial(arrived, server, number))  # none is dropped on the way
        summary = await stream.finish()
        (result,) = [result async for result in stream]

    assert (result.sequence, result.dropped_before) == (30, 29)
    assert (summary.frames_returned, summary.frames_dropped) == (1, 29)
    assert [event.name for event in result.events] == ["caught"] * 30  # they happened all the same


async def test_frames_that_a_server_drops_give_their_room_back() -> None:
    async def script(_: int, requests: Requests) -> Responses:
        yield ready()
        async for request in until_finish(requests):
            if request.frame.sequence % 20 == 0:
                yield answer(request.frame)
        yield summary()

    async with (
        scripted(script) as address,
        Client(address) as client,
        client.stream("echo", delivery=EVERY, in_flight=20) as stream,
    ):
        results = [result async for result in stream.process([b"frame"] * 80)]

    assert [result.sequence for result in results] == [20, 40, 60, 80]


async def test_chain_and_consent_change_in_mid_stream(client: Client, server: LightServer) -> None:
    async with client.stream("echo", delivery=EVERY) as stream:
        await stream.send(b"frame")
        assert await stream.set_chain([("mirror", {"angle": 90})]) == 2
        await stream.set_consent(Consent(face_effects=True))
        await stream.send(b"frame")
        results = await rest(stream)

    assert received(server) == [(1, "echo"), (2, "mirror")]
    assert [r.chain_revision for r in results] == [1, 2]


async def test_a_refused_chain_leaves_the_old_one(client: Client, server: LightServer) -> None:
    async with client.stream("echo") as stream:
        with pytest.raises(ChainRefused, match="nonsense") as caught:
            await stream.set_chain(["mirror", "nonsense"])
        await stream.send(b"frame")
        await stream.finish()

    paths = [each.field for each in caught.value.violations]
    assert paths == ["set_chain.chain.entries[1].filter_id"]
    assert received(server) == [(1, "echo")]


async def test_changes_after_the_last_frame_change_nothing(client: Client) -> None:
    async with client.stream("echo", delivery=EVERY) as stream:
        async for _ in stream.process([b"frame"]):
            await stream.set_chain("mirror")
            await stream.set_consent(Consent())
            await stream.send_event("goal")
        await stream.finish()
        await stream.set_chain("mirror")


async def test_an_impatient_caller_does_not_confuse_the_next(
    client: Client, server: LightServer
) -> None:
    async with client.stream("echo") as stream:
        impatient = asyncio.create_task(stream.set_chain("nonsense"))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await stream.set_chain("mirror") == 2


async def test_events_reach_the_server(client: Client, server: LightServer) -> None:
    async with client.stream() as stream:
        await stream.send_event("goal", name="Ada", minute=90, scorers=["a", "b"])
        await stream.send(b"frame")

    ((event,),) = [job.events for job in server.engine.jobs]
    assert event.name == "goal"
    assert event.payload == {"name": "Ada", "minute": 90, "scorers": ["a", "b"]}


async def test_a_bad_frame_costs_that_frame(client: Client, server: LightServer) -> None:
    server.engine.faults = refused(1, 2)
    notices: list[Notice] = []
    async with client.stream(
        "echo", delivery=EVERY, in_flight=1, on_notice=notices.append
    ) as stream:
        for _ in range(3):
            await stream.send(b"frame")
        assert (await anext(stream)).sequence == 3

    assert [(n.kind, n.sequence) for n in notices] == [("frame_refused", 1), ("frame_refused", 2)]
    assert notices[0].violations == (Violation("frame.picture.data", "is no picture"),)


async def test_notices_nobody_asked_for_are_logged(
    client: Client, server: LightServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.engine.faults = refused(1)
    async with client.stream("echo") as stream:
        await stream.send(b"frame")

    assert "picture.data: is no picture" in caplog.text


async def test_what_cannot_be_sent_does_not_end_the_stream(client: Client) -> None:
    async with client.stream("echo", delivery=EVERY, in_flight=1) as stream:
        with pytest.raises(InvalidRequest, match="empty"):
            await stream.send(b"")
        with pytest.raises(InvalidRequest, match="Larger than 100000 bytes"):
            await stream.send(b"x" * 100_000)
        await stream.send(b"frame", capture_time_us=500)
        await anext(stream)
        with pytest.raises(InvalidRequest, match=r"frame\.capture_time_us: 500 does not grow"):
            await stream.send(b"frame", capture_time_us=500)
        with pytest.raises(InvalidRequest, match=r"event\.payload"):
            await stream.send_event("goal", ball=object())
        assert await stream.send(b"frame", capture_time_us=501) == 2
        assert [r.capture_time_us for r in await rest(stream)] == [501]


async def test_a_server_bug_carries_its_reference(client: Client, server: LightServer) -> None:
    server.engine.faults = {2: RuntimeError("a bug")}
    async with client.stream("echo", delivery=EVERY) as stream:
        await stream.send(b"frame")
        await stream.send(b"frame")
        assert (await anext(stream)).sequence == 1
        with pytest.raises(ServerError) as caught:
            await anext(stream)
        for attempt in (stream.send(b"frame"), stream.finish(), stream.set_chain("echo")):
            with pytest.raises(ServerError):
                await attempt

    assert caught.value.reference


async def test_the_servers_words_survive_a_busy_sender(client: Client, server: LightServer) -> None:
    for _ in range(20):
        server.engine.faults = {3: RuntimeError("a bug")}
        with pytest.raises(ServerError, match="its operator finds it"):
            await run_through(client, [b"frame"] * 50)


async def test_an_open_with_an_unknown_filter_is_refused(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        async with client.stream("nonsense"):
            pass
    assert [v.field for v in caught.value.violations] == ["open.chain.entries[0].filter_id"]


async def test_process_loses_nothing_and_keeps_order(client: Client) -> None:
    frames = [b"%d" % number for number in range(60)]
    async with client.stream("echo", delivery=EVERY, in_flight=4) as stream:
        results = [result async for result in stream.process(frames)]
        summary = await stream.finish()

    assert [r.sent for r in results] == frames
    assert summary.frames_returned == 60


async def test_capture_times_follow_the_footage(client: Client) -> None:
    async def footage() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"frame"

    async with client.stream("echo", delivery=EVERY) as stream:
        results = [r async for r in stream.process(footage(), pace=1000, fps=25)]

    assert [r.capture_time_us for r in results] == [0, 40_000, 80_000]


async def test_an_error_in_the_source_ends_the_stream(client: Client) -> None:
    def footage() -> Iterator[bytes]:
        yield b"frame"
        raise OSError("The camera is gone.")

    with pytest.raises(OSError, match="camera"):
        await run_through(client, footage())


@pytest.mark.parametrize("bad", [[b"frame", b""], b"bytes are not frames", [None]])
async def test_a_bad_source_is_the_callers_mistake(client: Client, bad: list[bytes]) -> None:
    with pytest.raises(InvalidRequest):
        await run_through(client, bad)


async def test_leaving_early_finishes_the_stream(client: Client, server: LightServer) -> None:
    async with client.stream("echo", delivery=EVERY, in_flight=2) as stream:
        async for result in stream.process(b"frame" for _ in range(1000)):
            if result.sequence == 5:
                break

    assert len(server.engine.jobs) < 20


async def test_cancellation_leaves_no_tasks(client: Client, server: LightServer) -> None:
    server.engine.gate.clear()
    before = asyncio.all_tasks()
    work = run_through(client, (b"frame" for _ in range(1000)))
    working = asyncio.create_task(work, name="omote-client-user")
    await until(lambda: server.engine.held == 1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    left = asyncio.all_tasks() - before
    assert not [task for task in left if task.get_name().startswith("omote-client")]


async def test_impossible_arguments(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="in_flight"):
        client.stream(in_flight=0)
    with pytest.raises(InvalidRequest, match=r"Delivery: Unknown: 'soon'"):
        client.stream(delivery="soon")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match=r"chain\.entries\[0\]"):
        client.stream([42])  # type: ignore[list-item]
    async with client.stream() as stream:
        with pytest.raises(InvalidRequest, match="pace"):
            await anext(stream.process([], pace=0))


async def test_a_stream_must_be_entered(client: Client) -> None:
    stream = client.stream("echo")
    for attempt in (stream.send(b"frame"), stream.finish(), stream.set_chain("echo")):
        with pytest.raises(InvalidRequest, match="async with"):
            await attempt
    with pytest.raises(InvalidRequest, match="async with"):
        _ = stream.ready


async def test_ready_tells_the_limits(client: Client) -> None:
    async with client.stream() as stream:
        assert stream.ready.session_id
        assert stream.ready.limits.max_message_bytes == 100_000
