import asyncio

from omote_server.messages import Delivery
from omote_server.stream.mailbox import Mailbox
from omote_server.stream.rate import TokenBucket


async def test_the_newest_wins_and_the_rest_are_counted() -> None:
    mailbox: Mailbox[int] = Mailbox(Delivery.NEWEST)
    for number in range(5):
        await mailbox.put(number)
    assert await mailbox.take() == 4
    assert mailbox.dropped == 4


async def test_every_item_is_kept_by_making_the_writer_wait() -> None:
    mailbox: Mailbox[int] = Mailbox(Delivery.EVERY)

    async def write() -> None:
        for number in range(20):
            await mailbox.put(number)
        await mailbox.close()

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.01)
    assert not writing.done(), "the mailbox is bounded"
    taken = []
    while (item := await mailbox.take()) is not None:
        taken.append(item)
    await writing
    assert taken == list(range(20))
    assert mailbox.dropped == 0


async def test_what_is_inside_can_be_taken_after_closing() -> None:
    mailbox: Mailbox[str] = Mailbox(Delivery.NEWEST)
    await mailbox.put("last")
    await mailbox.close()
    assert await mailbox.take() == "last"
    assert await mailbox.take() is None


async def test_a_waiting_reader_is_woken_by_closing() -> None:
    mailbox: Mailbox[str] = Mailbox(Delivery.NEWEST)
    reader = asyncio.create_task(mailbox.take())
    await asyncio.sleep(0)
    await mailbox.close()
    assert await reader is None


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
