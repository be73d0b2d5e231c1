"""Where frames, events and responses wait: bounds, policies, and what is dropped."""

from __future__ import annotations

import asyncio

from omote_filters.words import Event, Violation
from omote_server.messages import (
    Delivery,
    EncodedPicture,
    FrameRefused,
    HostEvent,
    PictureFormat,
    Result,
)
from omote_server.stream.events import EventBox
from omote_server.stream.mailbox import Mailbox
from omote_server.stream.outbox import Outbox
from omote_server.stream.pulse import Pulse
from omote_server.stream.rate import TokenBucket


async def test_the_newest_wins_and_the_rest_are_counted() -> None:
    mailbox: Mailbox[int] = Mailbox(Delivery.NEWEST)
    for number in range(5):
        await mailbox.put(number)
    assert mailbox.take() == (4, 4)
    assert mailbox.take() == (None, 0)


async def test_every_item_is_kept_by_making_the_writer_wait() -> None:
    mailbox: Mailbox[int] = Mailbox(Delivery.EVERY)

    async def write() -> None:
        for number in range(20):
            await mailbox.put(number)
        mailbox.close()

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.01)
    assert not writing.done(), "the mailbox is bounded"
    taken = []
    while await mailbox.filled():
        item, dropped = mailbox.take()
        mailbox.taken()
        assert dropped == 0
        taken.append(item)
    await writing
    assert taken == list(range(20))


async def test_what_is_inside_can_be_taken_after_closing() -> None:
    mailbox: Mailbox[str] = Mailbox(Delivery.NEWEST)
    await mailbox.put("last")
    mailbox.close()
    await mailbox.put("too late")
    assert await mailbox.filled()
    assert mailbox.take() == ("last", 0)
    assert not await mailbox.filled()


async def test_closing_wakes_who_waits() -> None:
    mailbox: Mailbox[int] = Mailbox(Delivery.EVERY)
    reader = asyncio.create_task(mailbox.filled())
    pacing = asyncio.create_task(mailbox.settled(3600))
    await asyncio.sleep(0)
    mailbox.close()
    assert await reader is False
    await pacing
    full: Mailbox[int] = Mailbox(Delivery.EVERY)
    await full.put(1)
    await full.put(2)
    writer = asyncio.create_task(full.put(3))
    await asyncio.sleep(0)
    full.close()
    await writer


def result(sequence: int, *events: str, size: int = 1) -> Result:
    picture = EncodedPicture(PictureFormat.JPEG, 1, 1, bytes(size))
    return Result(sequence, 0, picture=picture, events=[Event(name) for name in events])


REFUSED = FrameRefused(1, (Violation("frame", "no"),))


async def test_one_result_waits_and_says_what_it_replaced() -> None:
    outbox = Outbox(Delivery.NEWEST)
    assert not outbox.replace(result(1, "hit"))
    await outbox.put(REFUSED)
    assert outbox.replace(result(2))
    assert outbox.replace(result(3, "miss"))
    outbox.close()
    assert await outbox.get() is REFUSED
    newest = await outbox.get()
    assert isinstance(newest, Result)
    assert (newest.sequence, newest.dropped_before) == (3, 2)
    assert [event.name for event in newest.events] == ["hit", "miss"]
    assert await outbox.get() is None


async def test_what_filters_say_to_who_does_not_read_is_bounded() -> None:
    """A minute of a talkative filter was 200 MB, written down on the event loop at once."""
    outbox = Outbox(Delivery.NEWEST)
    for number in range(300):
        outbox.replace(result(number, *(f"{number} {n} {'x' * 200}" for n in range(64))))
    newest = await outbox.get()
    assert isinstance(newest, Result)
    assert len(newest.events) < 1000
    assert newest.events[-1].name.startswith("299 63")
    assert newest.dropped_before == 299


async def test_offline_every_result_waits_for_its_place() -> None:
    outbox = Outbox(Delivery.EVERY)
    await outbox.put(result(1))
    second = asyncio.create_task(outbox.put(result(2)))
    await asyncio.sleep(0)
    assert not second.done()
    first = await outbox.get()
    assert isinstance(first, Result)
    await second
    outbox.close()
    assert await outbox.get() is not None


async def test_notices_are_bounded_and_closing_frees_their_writer() -> None:
    outbox = Outbox(Delivery.NEWEST)

    async def refuse() -> None:
        for _ in range(10_000):
            await outbox.put(REFUSED)

    writing = asyncio.create_task(refuse())
    await asyncio.sleep(0.01)
    assert not writing.done(), "a client that reads nothing stops being read"
    assert not outbox.replace(result(1)), "a result has its own place"
    outbox.close()
    await writing


def test_events_are_bounded_in_number_and_in_bytes() -> None:
    box = EventBox()
    small = [HostEvent(Event(str(number)), 10) for number in range(100)]
    refused = [event for event in small if box.put(event)]
    assert len(refused) == 36
    taken = box.take()
    assert taken == small[:64]
    assert not box.take()
    box.put_back(taken)
    assert box.put(small[0])
    assert box.take() == taken
    large = [HostEvent(Event("large"), 60_000) for _ in range(10)]
    assert [bool(box.put(event)) for event in large] == [False] * 4 + [True] * 6


def test_a_session_ends_when_nothing_moves() -> None:
    pulse = Pulse(10, now=0)
    assert pulse.rest(4) == 6
    pulse.heard(5)
    assert pulse.rest(14) == 1
    pulse.said(14)
    assert pulse.rest(23) == 1, "what goes out counts, too"
    pulse.working(23, True)
    assert pulse.rest(500) > 0, "a frame in work is the server's turn"
    pulse.working(500, False)
    assert pulse.rest(511) < 0
    assert "no message came" in pulse.why


def test_a_client_that_takes_nothing_ends_however_much_it_sends() -> None:
    pulse = Pulse(10, now=0)
    pulse.saying(3)
    pulse.heard(12)
    pulse.working(12, True)
    assert pulse.rest(14) < 0
    assert "no response was read" in pulse.why


def test_the_bucket_holds_the_rate() -> None:
    bucket, now, taken = TokenBucket(10), 0.0, 0
    while now < 5:
        now += bucket.take(now) + 1e-3
        taken += 1
    assert 50 <= taken <= 55


def test_a_burst_goes_through_and_then_it_waits() -> None:
    bucket = TokenBucket(40)
    assert [bucket.take(0.0) for _ in range(10)] == [0.0] * 10
    assert bucket.take(0.0) == 1 / 40
