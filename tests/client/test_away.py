"""What may wait for a server that is away: bounded, and the last change wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from omote.v1 import stream_pb2
from omote_client import (
    ChainRefused,
    Client,
    Consent,
    Delivery,
    InvalidRequest,
    Notice,
    Reconnect,
    Stream,
)
from omote_client.outbox import EVENTS, Ask, Outbox
from omote_filters.words import ChainEntry
from omote_server.errors import InvalidRequest as Refused
from omote_server.testing import LightServer
from tests.client.servers import consented, received, until

EVERY = Delivery.EVERY
ENDLESS = Reconnect(attempts=100_000, first_delay=0.01, max_delay=0.01)
GRANTED = Consent(face_effects=True)


@asynccontextmanager
async def away(
    client: Client, server: LightServer, delivery: Delivery, consent: Consent = Consent()
) -> AsyncIterator[Stream]:
    """A stream whose server has just gone; `server.start()` brings it back."""
    notices: list[str] = []

    def note(notice: Notice) -> None:
        notices.append(notice.kind)

    async with client.stream(
        "echo", consent=consent, delivery=delivery, reconnect=ENDLESS, on_notice=note
    ) as stream:
        await server.stop()
        await until(lambda: "session_lost" in notices)
        yield stream


async def started(*work: asyncio.Task[object]) -> None:
    """Lets tasks run as far as they come without a server."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(task.done() for task in work)


def numbers(server: LightServer) -> list[object]:
    """Those of the events that frames brought along."""
    return [event.payload["number"] for job in server.engine.jobs for event in job.events]


@pytest.mark.parametrize("delivery", Delivery)
async def test_the_last_change_wins_and_opens_the_next_session(
    client: Client, server: LightServer, delivery: Delivery
) -> None:
    async with away(client, server, delivery) as stream:
        chains = [
            asyncio.create_task(stream.set_chain([("mirror", {"angle": angle})]))
            for angle in range(1000)
        ]
        consents = [
            asyncio.create_task(stream.set_consent(Consent(face_effects=bool(i % 2))))
            for i in range(1000)
        ]
        await started(*chains, *consents)
        await server.start()
        assert await asyncio.gather(*chains) == [stream.ready.chain_revision] * 1000
        await asyncio.gather(*consents)
        await stream.send(b"frame")
        await anext(stream)

    assert server.engine.opened[-1].chain == (ChainEntry("mirror", {"angle": 999}),)
    assert server.engine.opened[-1].consent.face_effects
    (job,) = server.engine.jobs
    assert job.directives.revision == 1  # no change came after the opening
    assert (received(server), consented(server)) == ([(1, "mirror")], [(1, True)])


async def test_a_withdrawal_that_waits_is_part_of_the_next_opening(
    client: Client, server: LightServer
) -> None:
    async with away(client, server, Delivery.NEWEST, GRANTED) as stream:
        withdrawing = asyncio.create_task(stream.set_consent(Consent()))
        await started(withdrawing)
        withdrawing.cancel()  # an impatient caller does not take it back
        await server.start()
        await stream.send(b"frame")
        await anext(stream)

    assert not server.engine.opened[-1].consent.face_effects
    assert consented(server) == [(1, False)]


async def test_changes_stay_where_they_stand_between_frames(
    client: Client, server: LightServer
) -> None:
    async with away(client, server, EVERY, GRANTED) as stream:
        await stream.send(b"granted")
        changes = [asyncio.create_task(stream.set_consent(Consent()))]
        await started(*changes)
        await stream.send(b"withdrawn")
        changes.append(asyncio.create_task(stream.set_consent(GRANTED)))
        switching = asyncio.create_task(stream.set_chain("mirror"))
        await started(*changes, switching)
        await stream.send(b"granted again")
        await server.start()
        await asyncio.gather(*changes, switching)
        await stream.finish()

    # The first was sent before the withdrawal, and is spared: that holds from its call on.
    assert consented(server) == [(1, False), (2, False), (3, True)]
    assert received(server) == [(1, "echo"), (2, "echo"), (3, "mirror")]


async def test_a_chain_that_cannot_run_does_not_cost_the_stream(
    client: Client, server: LightServer
) -> None:
    async with away(client, server, EVERY) as stream:
        asking = asyncio.create_task(stream.set_chain("nonsense"))
        await started(asking)
        await server.start()
        with pytest.raises(ChainRefused, match="nonsense"):
            await asking
        await stream.send(b"frame")
        assert (await anext(stream)).sequence == 1

    assert received(server) == [(1, "echo")]


async def test_of_live_events_the_oldest_give_way_and_are_counted(
    client: Client, server: LightServer
) -> None:
    async with away(client, server, Delivery.NEWEST) as stream:
        for number in range(1000):
            await stream.send_event("goal", number=number)
        assert stream.events_dropped == 1000 - EVENTS
        await server.start()
        await until(lambda: stream.reconnects == 1)
        await stream.send(b"frame")
        summary = await stream.finish()

    assert numbers(server) == list(range(1000 - EVENTS, 1000))
    assert summary.events_dropped == 1000 - EVENTS


async def test_large_events_give_way_sooner(client: Client, server: LightServer) -> None:
    async with away(client, server, Delivery.NEWEST) as stream:
        for number in range(10):
            await stream.send_event("goal", number=number, text="x" * 60_000)
        assert stream.events_dropped == 6  # 4 of 60 kB are all that 256 kB hold
        await server.start()
        await until(lambda: stream.reconnects == 1)
        await stream.send(b"frame")

    assert numbers(server) == [6, 7, 8, 9]


async def test_where_nothing_may_be_lost_an_event_waits(
    client: Client, server: LightServer
) -> None:
    async with away(client, server, EVERY) as stream:
        for number in range(EVENTS):
            await stream.send_event("goal", number=number)
        waiting = [
            asyncio.create_task(stream.send_event("goal", number=EVENTS + i)) for i in (0, 1)
        ]
        await started(*waiting)
        waiting[0].cancel()
        await server.start()
        await stream.send(b"first frame")  # the server keeps as many, until a frame takes them
        await waiting[1]
        await stream.send(b"second frame")
        summary = await stream.finish()

    assert numbers(server) == [*range(EVENTS), EVENTS + 1]
    assert summary.events_dropped == 0


async def test_whoever_waits_hears_of_the_end(client: Client, server: LightServer) -> None:
    async with away(client, server, EVERY) as stream:
        for _ in range(EVENTS):
            await stream.send_event("goal")
        waiting: list[asyncio.Task[object]] = [
            asyncio.create_task(stream.send_event("goal")),
            asyncio.create_task(stream.send_event("goal")),
            asyncio.create_task(stream.set_consent(Consent())),
            asyncio.create_task(anext(stream)),
        ]
        await started(*waiting)
        server.engine.refusals = [Refused.at("chain", "is not what it was")]
        await server.start()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert [str(outcome) for outcome in outcomes] == [str(outcomes[0])] * 4
    assert isinstance(outcomes[0], InvalidRequest)
    assert "is not what it was" in str(outcomes[0])


def change() -> stream_pb2.StreamFramesRequest:
    return stream_pb2.StreamFramesRequest(set_consent=stream_pb2.SetConsent())


async def test_a_server_that_answers_no_change_gets_no_more_of_them() -> None:
    outbox = Outbox(Delivery.NEWEST, 4)
    taken: list[object] = []

    async def write() -> None:
        while True:
            taken.append(await outbox.take())

    writing = asyncio.create_task(write())
    for number in range(1000):
        outbox.ask("consent", change(), number)
        await asyncio.sleep(0)
    assert len(taken) == 64
    assert len(outbox.asks()) == 65

    assert isinstance(outbox.answer_ask("consent"), Ask)
    await until(lambda: len(taken) == 65)
    assert isinstance(taken[-1], Ask)
    assert taken[-1].value == 999
    writing.cancel()
