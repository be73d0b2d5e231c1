"""The client without asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from omote_client import (
    Delivery,
    InvalidRequest,
    ServerUnavailable,
    apply_picture,
    filter_frames,
)
from tests.client.fake_server import FakeServer

FRAMES = [b"%d" % number for number in range(100)]


@pytest.fixture
def target() -> Iterator[str]:
    """A fake server in a thread of its own."""
    fake, started, loop = FakeServer(), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        await fake.start()
        started.set()

    def run() -> None:
        loop.create_task(serve())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    yield fake.target
    asyncio.run_coroutine_threadsafe(fake.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def client_threads() -> list[threading.Thread]:
    """The threads that a client has started."""
    names = ("omote-client", "asyncio_")
    return [thread for thread in threading.enumerate() if thread.name.startswith(names)]


def lasting_threads() -> list[str]:
    """Names of a client's threads that do not end by themselves a moment later."""
    for thread in client_threads():
        thread.join(5)
    return [thread.name for thread in client_threads()]


def test_every_frame_comes_back(target: str) -> None:
    results = list(
        filter_frames(target, iter(FRAMES), "echo", delivery=Delivery.EVERY, in_flight=4)
    )

    assert [result.sent for result in results] == FRAMES
    assert not lasting_threads()


def test_leaving_early_cleans_up(target: str) -> None:
    read = 0

    def camera() -> Iterator[bytes]:
        nonlocal read
        for frame in FRAMES * 100:
            read += 1
            yield frame

    results = filter_frames(target, camera(), "echo", delivery=Delivery.EVERY, in_flight=4)
    assert next(results).sequence == 1
    assert client_threads()
    results.close()  # type: ignore[attr-defined]  # a generator, announced as an iterator

    assert not lasting_threads()
    assert read < 20


def test_errors_arrive_where_the_loop_is(target: str) -> None:
    with pytest.raises(InvalidRequest, match="no filter 'nonsense'"):
        next(filter_frames(target, FRAMES, "nonsense"))
    with pytest.raises(ServerUnavailable):
        next(filter_frames("127.0.0.1:1", FRAMES, "echo", connection={"connect_timeout": 0.05}))
    assert not lasting_threads()


def test_apply_picture(target: str) -> None:
    answer = apply_picture(target, b"jpeg", ["mirror"])

    assert answer.picture is not None
    assert answer.picture.data == b"jpeg"
    assert not lasting_threads()


async def test_it_works_where_a_loop_runs_already(target: str) -> None:
    assert apply_picture(target, b"jpeg", "mirror").applied == ("mirror",)


def test_leaving_does_not_wait_for_a_source_that_blocks(target: str) -> None:
    released = threading.Event()

    def camera() -> Iterator[bytes]:
        yield b"first"
        released.wait(30)
        yield b"late"

    for result in filter_frames(target, camera(), "echo"):
        assert result.sent == b"first"
        break
    assert not released.is_set(), "it came back although the camera did not"
    released.set()
