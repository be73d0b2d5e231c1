"""What happens when the server goes away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from omote.v1 import stream_pb2
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
from omote_filters.words import ChainEntry
from omote_server.errors import Busy
from omote_server.testing import LightServer
from tests.client.servers import (
    Requests,
    Responses,
    Script,
    answer,
    cut,
    notice,
    ready,
    received,
    scripted,
    summary,
    until,
    until_finish,
)

EVERY = Delivery.EVERY
QUICK = Reconnect(attempts=50, first_delay=0.01, max_delay=0.05)
FRAMES = [b"%d" % number for number in range(1, 31)]


async def test_nothing_is_lost_when_sessions_break(client: Client, server: LightServer) -> None:
    server.engine.faults = cut(3, 10, 11)
    async with client.stream("echo", delivery=EVERY, in_flight=4, reconnect=QUICK) as stream:
        results = [result async for result in stream.process(FRAMES)]
        summary = await stream.finish()

    assert [r.sent for r in results] == FRAMES
    assert [r.sequence for r in results] == list(range(1, 31))
    assert stream.reconnects == summary.reconnects == 3
    assert summary.frames_dropped == 0


async def test_a_restarted_server_gets_everything(client: Client, server: LightServer) -> None:
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
    client: Client, server: LightServer
) -> None:
    notices: list[Notice] = []
    async with client.stream(
        "echo", delivery=EVERY, reconnect=QUICK, on_notice=notices.append
    ) as stream:
        await stream.set_chain([("mirror", {"angle": 90})])
        await stream.set_consent(Consent(face_effects=True, demographics=True))
        server.engine.faults = cut(1)
        await stream.send(b"frame")
        assert (await anext(stream)).sent == b"frame"

    again = server.engine.opened[1]
    assert again.chain == (ChainEntry("mirror", {"angle": 90}),)
    assert again.consent.face_effects
    assert again.consent.demographics
    kinds = [notice.kind for notice in notices]
    assert kinds == ["chain_applied", "consent_applied", "session_lost", "session_reopened"]


def deaf_at_first(breaks_at: int, seen: list[tuple[int, str, bool]]) -> Script:
    """A first session that answers no change and breaks at a frame; the next ones do all.

    `seen` gets the sequence, the first filter and the consent of each frame and, with sequence 0,
    of each opening.
    """

    async def script(session: int, requests: Requests) -> Responses:
        opening = (await anext(requests)).open
        chain, consent = opening.chain, opening.consent
        yield ready()
        seen.append((0, chain.entries[0].filter_id, consent.face_effects))
        async for request in until_finish(requests):
            match request.WhichOneof("message"):
                case "frame":
                    sequence = request.frame.sequence
                    seen.append((sequence, chain.entries[0].filter_id, consent.face_effects))
                    if session == 1 and sequence == breaks_at:
                        return  # without a summary: the session is lost
                    if session > 1:
                        yield answer(request.frame)
                case "set_chain" if session > 1:
                    chain = request.set_chain.chain
                    yield notice(chain_applied=stream_pb2.ChainApplied(chain_revision=2))
                case "set_consent" if session > 1:
                    consent = request.set_consent.consent
                    yield notice(consent_applied=stream_pb2.ConsentApplied())
        yield summary()

    return script


async def test_what_was_asked_is_asked_again() -> None:
    seen: list[tuple[int, str, bool]] = []
    async with (
        scripted(deaf_at_first(1, seen)) as address,
        Client(address) as client,
        client.stream("echo", delivery=EVERY, reconnect=QUICK) as stream,
    ):
        asking = asyncio.create_task(stream.set_chain("mirror"))
        await asyncio.sleep(0)
        await stream.send(b"frame")
        assert await asking == stream.ready.chain_revision
        await anext(stream)

    assert seen == [
        (0, "echo", False),
        (1, "echo", False),
        (0, "mirror", False),
        (1, "mirror", False),
    ]


async def test_withdrawn_consent_stays_withdrawn() -> None:
    seen: list[tuple[int, str, bool]] = []
    granted = Consent(face_effects=True, demographics=True)
    async with (
        scripted(deaf_at_first(1, seen)) as address,
        Client(address) as client,
        client.stream("echo", consent=granted, delivery=EVERY, reconnect=QUICK) as stream,
    ):
        withdrawing = asyncio.create_task(stream.set_consent(Consent(demographics=True)))
        await asyncio.sleep(0)
        await stream.send(b"frame")
        await anext(stream)
        await withdrawing

    assert seen == [(0, "echo", True), (1, "echo", True), (0, "echo", False), (1, "echo", False)]


async def test_a_grant_does_not_reach_frames_that_were_taken_before_it() -> None:
    seen: list[tuple[int, str, bool]] = []
    async with (
        scripted(deaf_at_first(2, seen)) as address,
        Client(address) as client,
        client.stream("echo", delivery=EVERY, reconnect=QUICK) as stream,
    ):
        await stream.send(b"without")
        granting = asyncio.create_task(stream.set_consent(Consent(face_effects=True)))
        await asyncio.sleep(0)
        await stream.send(b"with")
        await granting
        await stream.finish()

    again = [(0, "echo", False), (1, "echo", False), (2, "echo", True)]
    assert seen == [(0, "echo", False), (1, "echo", False), (2, "echo", False), *again]


async def test_a_server_that_goes_away_answers_what_it_holds(
    client: Client, server: LightServer
) -> None:
    async with client.stream("echo", delivery=EVERY, in_flight=4, reconnect=QUICK) as stream:
        results = []
        async for result in stream.process(FRAMES):
            results.append(result)
            if result.sequence == 5:
                await server.go_away()
                await server.start()

    assert [r.sent for r in results] == FRAMES
    assert len({sequence for sequence, _ in received(server)}) == len(received(server))
    assert stream.reconnects == 1


async def test_a_live_stream_counts_what_a_lost_session_took(
    client: Client, server: LightServer
) -> None:
    server.engine.faults = cut(2)
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


async def test_patience_ends(client: Client, server: LightServer) -> None:
    async with client.stream("echo", reconnect=Reconnect(2, 0.001, 0.001)) as stream:
        await server.stop()
        with pytest.raises(SessionLost, match="is lost") as caught:
            await anext(stream)
        for attempt in (stream.send(b"frame"), stream.finish(), stream.set_chain("echo")):
            with pytest.raises(SessionLost):
                await attempt

    assert isinstance(caught.value.__cause__, ServerUnavailable)
    assert stream.reconnects == 0


async def test_whoever_waits_hears_that_patience_ended(client: Client, server: LightServer) -> None:
    server.engine.gate.clear()
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
    client: Client, server: LightServer
) -> None:
    class Always(dict[int, Exception]):
        def pop(self, key: int, default: Any = None) -> Any:
            return self.get(key, default)

    server.engine.faults = Always(cut(2))
    async with client.stream(
        "echo", delivery=EVERY, reconnect=Reconnect(3, 0.001, 0.001)
    ) as stream:
        await stream.send(b"good")
        await stream.send(b"poison")
        await anext(stream)
        with pytest.raises(SessionLost):
            await anext(stream)

    assert len(server.engine.opened) == 4


async def test_no_session_is_opened_only_to_say_goodbye(
    client: Client, server: LightServer
) -> None:
    server.engine.gate.clear()
    async with client.stream("echo", reconnect=QUICK) as stream:
        await stream.send(b"frame")
        await until(lambda: server.engine.held == 1)
        finishing = asyncio.create_task(stream.finish())
        await asyncio.sleep(0.01)
        await server.stop()
        summary = await finishing

    assert (summary.frames_sent, summary.frames_dropped) == (1, 1)
    assert len(server.engine.opened) == 1


async def test_a_full_server_is_asked_again(client: Client, server: LightServer) -> None:
    server.engine.refusals = [Busy("all seats are taken", 0.01)] * 2
    async with client.stream("echo", reconnect=QUICK):
        pass
    assert (server.engine.refusals, len(server.engine.opened)) == ([], 1)


async def test_a_full_server_says_when_to_come_back(client: Client, server: LightServer) -> None:
    server.engine.refusals = [Busy("all seats are taken", 0.01)]
    with pytest.raises(ServerFull, match="all seats") as caught:
        async with client.stream("echo", reconnect=None):
            pass
    assert caught.value.retry_after == 0.01


async def test_a_server_that_asks_for_an_hour_is_not_waited_for(
    client: Client, server: LightServer
) -> None:
    server.engine.refusals = [Busy("all seats are taken", 3600)]
    with pytest.raises(ServerFull) as caught:
        async with client.stream("echo", reconnect=QUICK):
            pass
    assert caught.value.retry_after == 3600


def test_waits_grow_and_are_bounded() -> None:
    waits = list(Reconnect(attempts=6, first_delay=1, max_delay=10).delays())

    due = [1, 2, 4, 8, 10, 10]
    assert all(d / 2 <= wait <= d for d, wait in zip(due, waits, strict=True))
    with pytest.raises(InvalidRequest):
        Reconnect(attempts=0)
