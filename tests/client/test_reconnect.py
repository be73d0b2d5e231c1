"""What happens when the server goes away."""

from __future__ import annotations

import asyncio

import pytest

from omote_client import (
    Client,
    Consent,
    Delivery,
    InvalidRequest,
    Notice,
    Reconnect,
    ServerFull,
    ServerUnavailable,
    SessionLost,
)
from tests.client.fake_server import FakeServer, until

EVERY = Delivery.EVERY
QUICK = Reconnect(attempts=50, first_delay=0.01, max_delay=0.05)
FRAMES = [b"%d" % number for number in range(1, 31)]


async def test_nothing_is_lost_when_sessions_break(client: Client, server: FakeServer) -> None:
    server.breaks = {3, 10, 11}
    async with client.stream("echo", delivery=EVERY, in_flight=4, reconnect=QUICK) as stream:
        results = [result async for result in stream.process(FRAMES)]
        summary = await stream.finish()

    assert [r.sent for r in results] == FRAMES
    assert [r.sequence for r in results] == list(range(1, 31))
    assert stream.reconnects == summary.reconnects == 3
    assert summary.frames_dropped == 0


async def test_a_restarted_server_gets_everything(client: Client, server: FakeServer) -> None:
    async with client.stream("echo", delivery=EVERY, in_flight=4, reconnect=QUICK) as stream:
        results = []
        async for result in stream.process(FRAMES):
            results.append(result)
            if result.sequence == 7:
                await server.stop()
                await server.start()

    assert [r.sent for r in results] == FRAMES
    assert stream.reconnects == 1


async def test_a_new_session_opens_with_chain_and_consent_of_now(
    client: Client, server: FakeServer
) -> None:
    notices: list[Notice] = []
    async with client.stream(
        "echo", delivery=EVERY, reconnect=QUICK, on_notice=notices.append
    ) as stream:
        await stream.set_chain([("mirror", {"angle": 90})])
        await stream.set_consent(Consent(face_effects=True, demographics=True))
        server.breaks = {1}
        await stream.send(b"frame")
        assert (await anext(stream)).sent == b"frame"

    again = server.opens[1]
    assert again.chain.entries[0].filter_id == "mirror"
    assert again.chain.entries[0].settings["angle"] == 90
    assert again.consent.face_effects
    assert again.consent.demographics
    kinds = [notice.kind for notice in notices]
    assert kinds == ["chain_applied", "consent_applied", "session_lost", "session_reopened"]


async def test_what_was_asked_is_asked_again(client: Client, server: FakeServer) -> None:
    async with client.stream("echo", delivery=EVERY, reconnect=QUICK) as stream:
        server.deaf, server.breaks = 1, {1}
        asking = asyncio.create_task(stream.set_chain("mirror"))
        await asyncio.sleep(0)
        await stream.send(b"frame")
        assert await asking == stream.ready.chain_revision
        await anext(stream)

    assert [o.chain.entries[0].filter_id for o in server.opens] == ["echo", "mirror"]
    assert server.received == [(1, "echo"), (1, "mirror")]


async def test_withdrawn_consent_stays_withdrawn(client: Client, server: FakeServer) -> None:
    granted = Consent(face_effects=True, demographics=True)
    server.deaf, server.breaks = 1, {1}
    async with client.stream("echo", consent=granted, delivery=EVERY, reconnect=QUICK) as stream:
        withdrawing = asyncio.create_task(stream.set_consent(Consent(face_effects=True)))
        await asyncio.sleep(0)
        await stream.send(b"frame")
        await anext(stream)
        await withdrawing

    consents = [(o.consent.face_effects, o.consent.demographics) for o in server.opens]
    assert consents == [(True, True), (True, False)]


async def test_a_grant_does_not_reach_frames_that_were_taken_before_it(
    client: Client, server: FakeServer
) -> None:
    server.deaf, server.breaks = 1, {2}
    async with client.stream("echo", delivery=EVERY, reconnect=QUICK) as stream:
        server.answering.clear()
        await stream.send(b"without")
        granting = asyncio.create_task(stream.set_consent(Consent(face_effects=True)))
        await asyncio.sleep(0)
        await stream.send(b"with")
        server.answering.set()
        await granting

    assert [o.consent.face_effects for o in server.opens] == [False, True]
    assert [sequence for sequence, _ in server.received] == [1, 2, 2]


async def test_a_server_that_goes_away_answers_what_it_holds(
    client: Client, server: FakeServer
) -> None:
    server.leaves = {5}
    async with client.stream("echo", delivery=EVERY, in_flight=4, reconnect=QUICK) as stream:
        results = [result async for result in stream.process(FRAMES)]

    assert [r.sent for r in results] == FRAMES
    assert len({sequence for sequence, _ in server.received}) == len(server.received)
    assert stream.reconnects == 1


async def test_a_live_stream_counts_what_a_lost_session_took(
    client: Client, server: FakeServer
) -> None:
    server.breaks = {2}
    async with client.stream("echo", reconnect=QUICK) as stream:
        await stream.send(b"1")
        first = await anext(stream)
        await stream.send(b"2")
        await until(lambda: stream.reconnects == 1)
        await stream.send(b"3")
        second = await anext(stream)
        summary = await stream.finish()

    assert (first.sequence, first.dropped_before) == (1, 0)
    assert (second.sequence, second.dropped_before, second.sent) == (3, 1, b"3")
    assert (summary.frames_sent, summary.frames_returned, summary.frames_dropped) == (3, 2, 1)


async def test_patience_ends(client: Client, server: FakeServer) -> None:
    async with client.stream("echo", reconnect=Reconnect(2, 0.001, 0.001)) as stream:
        await server.stop()
        with pytest.raises(SessionLost, match="is lost") as caught:
            await anext(stream)
        for attempt in (stream.send(b"frame"), stream.finish(), stream.set_chain("echo")):
            with pytest.raises(SessionLost):
                await attempt

    assert isinstance(caught.value.__cause__, ServerUnavailable)
    assert stream.reconnects == 0


async def test_whoever_waits_hears_that_patience_ended(client: Client, server: FakeServer) -> None:
    server.answering.clear()
    async with client.stream("echo", delivery=EVERY, in_flight=1, reconnect=None) as stream:
        await stream.send(b"frame")
        waiting = [
            asyncio.create_task(stream.send(b"frame")),
            asyncio.create_task(stream.send(b"frame")),
            asyncio.create_task(stream.finish()),
        ]
        await asyncio.sleep(0.01)
        await server.stop()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [SessionLost] * 3


async def test_a_frame_that_kills_every_server_does_not_go_round_for_ever(
    client: Client, server: FakeServer
) -> None:
    class Always(set[int]):
        def discard(self, element: object) -> None:
            pass

    server.breaks = Always({2})
    async with client.stream(
        "echo", delivery=EVERY, reconnect=Reconnect(3, 0.001, 0.001)
    ) as stream:
        await stream.send(b"good")
        await stream.send(b"poison")
        await anext(stream)
        with pytest.raises(SessionLost):
            await anext(stream)

    assert len(server.opens) == 4


async def test_no_session_is_opened_only_to_say_goodbye(client: Client, server: FakeServer) -> None:
    server.answering.clear()
    async with client.stream("echo", reconnect=QUICK) as stream:
        await stream.send(b"frame")
        await until(lambda: bool(server.received))
        finishing = asyncio.create_task(stream.finish())
        await asyncio.sleep(0.01)
        await server.stop()
        summary = await finishing

    assert (summary.frames_sent, summary.frames_dropped) == (1, 1)
    assert len(server.opens) == 1


async def test_a_full_server_is_asked_again(client: Client, server: FakeServer) -> None:
    server.full = 2
    async with client.stream("echo", reconnect=QUICK):
        pass
    assert len(server.opens) == 3


async def test_a_full_server_says_when_to_come_back(client: Client, server: FakeServer) -> None:
    server.full = 1
    with pytest.raises(ServerFull, match="All seats") as caught:
        async with client.stream("echo", reconnect=None):
            pass
    assert caught.value.retry_after == 0.01


def test_waits_grow_and_are_bounded() -> None:
    waits = list(Reconnect(attempts=6, first_delay=1, max_delay=10).delays())

    due = [1, 2, 4, 8, 10, 10]
    assert all(d / 2 <= wait <= d for d, wait in zip(due, waits, strict=True))
    with pytest.raises(InvalidRequest):
        Reconnect(attempts=0)
