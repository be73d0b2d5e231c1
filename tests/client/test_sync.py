"""The client without asyncio."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing

import pytest

from omote_client import (
    Delivery,
    InvalidRequest,
    Notice,
    ServerUnavailable,
    apply_picture,
    filter_frames,
)
from tests.client.servers import echo_server

FRAMES = [b"%d" % number for number in range(100)]


@pytest.fixture
def target() -> Iterator[str]:
    """A real server in a thread of its own."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with echo_server() as server:
            started.set_result((server.address, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    address, loop, stop = started.result(10)
    yield address
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def client_threads() -> list[threading.Thread]:
    """The threads that a client has started; the server here has others."""
    return [t for t in threading.enumerate() if t.name.startswith("omote-client")]


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
    results.close()

    assert not lasting_threads()
    assert read < 20


def test_errors_arrive_where_the_loop_is(target: str) -> None:
    with pytest.raises(InvalidRequest, match="nonsense"):
        next(filter_frames(target, FRAMES, "nonsense"))
    with pytest.raises(ServerUnavailable):
        next(filter_frames("127.0.0.1:1", FRAMES, "echo", connection={"connect_timeout": 0.05}))
    assert not lasting_threads()


def test_an_interrupted_caller_leaves_nothing_behind(target: str) -> None:
    def camera() -> Iterator[bytes]:
        yield b"first"
        interrupt_main()
        time.sleep(0.05)  # the main thread waits for a result meanwhile
        yield b"second"

    with pytest.raises(KeyboardInterrupt):
        list(filter_frames(target, camera(), "echo", delivery=Delivery.EVERY))
    assert not lasting_threads()


def test_it_may_be_closed_in_the_thread_of_its_own_loop(target: str) -> None:
    closed = threading.Event()

    def close(_: Notice) -> None:
        results.close()  # as the garbage collector might
        closed.set()

    def camera() -> Iterator[bytes]:
        yield b"first"
        assert paused.wait(10)
        yield b"refused"

    paused = threading.Event()
    results = filter_frames(target, camera(), "echo", on_notice=close)
    assert next(results).sent == b"first"
    paused.set()
    assert closed.wait(10)
    assert not lasting_threads()


def test_a_source_that_exits_ends_the_stream(target: str) -> None:
    def camera() -> Iterator[bytes]:
        yield b"first"
        sys.exit("no camera")

    with pytest.raises(RuntimeError, match="SystemExit") as caught:
        list(filter_frames(target, camera(), "echo"))
    assert isinstance(caught.value.__cause__, SystemExit)
    assert not lasting_threads()


def test_a_loop_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted() -> asyncio.AbstractEventLoop:
        raise OSError("Too many open files")

    monkeypatch.setattr(asyncio.events, "new_event_loop", exhausted)
    with pytest.raises(OSError, match="Too many"):
        next(filter_frames("127.0.0.1:1", FRAMES, "echo"))
    assert not lasting_threads()


def test_a_generator_is_closed_in_the_thread_that_ran_it(target: str) -> None:
    threads: list[str] = []

    def camera() -> Iterator[bytes]:
        threads.append(threading.current_thread().name)
        try:
            yield from FRAMES
        finally:
            threads.append(threading.current_thread().name)

    source = camera()  # held here: counting references would not close it
    with closing(filter_frames(target, source, "echo")) as results:
        next(results)

    assert not lasting_threads()
    assert threads == ["omote-client-frames"] * 2


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
