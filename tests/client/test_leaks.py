"""Nothing outlives `async with`: a stream is cancelled at every single await."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Generator, Iterator
from types import coroutine
from typing import Any

import grpc
import pytest

from omote.v1 import stream_pb2
from omote_client import Client, Consent, Delivery, Reconnect, Result, ServerError, SessionLost
from omote_client.errors import InvalidRequest, ServerUnavailable
from omote_client.feeding import Frames
from omote_server.testing import LightServer
from tests.client.servers import (
    Requests,
    Responses,
    answer,
    cut,
    notice,
    ready,
    scripted,
    summary,
    until,
)

QUICK = Reconnect(attempts=50, first_delay=0.001, max_delay=0.001)


class Steps:
    """Counts the awaits of a coroutine at which it really waits; cancels its task at some."""

    def __init__(self, cancelled_at: Collection[int] = ()) -> None:
        self.count = 0
        self._cancelled_at = cancelled_at

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs the work in this task."""
        await self._drive(work)

    @coroutine
    def _drive(self, work: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
        task, advance = asyncio.current_task(), work.send
        value: Any = None
        while True:
            try:
                awaited = advance(value)
            except StopIteration:
                return
            self.count += 1
            if self.count in self._cancelled_at and task:
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                value, advance = (yield awaited), work.send
            except BaseException as error:
                value, advance = error, work.throw


class Traces:
    """What a client leaves behind: tasks, threads, calls, channels, errors that nobody saw."""

    def __init__(self, server: LightServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server = server
        self._channels: list[grpc.aio.Channel] = []
        self._errors: list[dict[str, Any]] = []
        opens = grpc.aio.insecure_channel

        def open_channel(*arguments: Any, **options: Any) -> grpc.aio.Channel:
            self._channels.append(opens(*arguments, **options))
            return self._channels[-1]

        monkeypatch.setattr(grpc.aio, "insecure_channel", open_channel)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self._errors.append(context))

    async def none(self) -> None:
        """Looks for them."""
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert not [name for name in names if name.startswith("omote-client")]
        for thread in threading.enumerate():
            if thread.name.startswith("omote-client"):
                await asyncio.to_thread(thread.join, 10)
                assert not thread.is_alive()
        await until(lambda: self._server.sessions == 0)
        for channel in self._channels:
            assert channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
        self._channels.clear()

    async def nothing_unseen(self) -> None:
        """No task has ended with an error that nobody looked at."""
        gc.collect()
        await asyncio.sleep(0)
        assert self._errors == []


@pytest.fixture
async def traces(server: LightServer, monkeypatch: pytest.MonkeyPatch) -> Traces:
    return Traces(server, monkeypatch)


def plain() -> Iterator[bytes]:
    for number in range(4):
        yield b"%d" % number


async def asynchronous() -> AsyncIterator[bytes]:
    for frame in plain():
        yield frame
        await asyncio.sleep(0)


async def everything(target: str, frames: Frames) -> None:
    """All that an app does with a stream."""
    async with (
        Client(target) as client,
        client.stream("echo", delivery=Delivery.EVERY, in_flight=2, reconnect=QUICK) as stream,
    ):
        async for result in stream.process(frames):
            if result.sequence == 2:
                await stream.set_chain("mirror")
                await stream.set_consent(Consent())
                await stream.send_event("goal")
        await stream.finish()


async def by_hand(target: str, frames: Frames) -> None:
    """The same without `process`; the block is left with frames on their way."""
    async with Client(target) as client, client.stream("echo", reconnect=QUICK) as stream:
        for _ in range(3):
            await stream.send(b"frame")
        await anext(stream)
        await stream.send(b"frame")


@pytest.mark.parametrize("again", [0, 1, 2])
@pytest.mark.parametrize(
    ("app", "source"), [(everything, plain), (everything, asynchronous), (by_hand, plain)]
)
async def test_a_stream_that_is_cancelled_anywhere_leaves_nothing_behind(
    server: LightServer,
    traces: Traces,
    app: Callable[[str, Frames], Coroutine[Any, Any, None]],
    source: Callable[[], Frames],
    again: int,
) -> None:
    step = 0
    while step < 1000:
        step += 1
        steps = Steps({step, step + again})  # the second cancellation meets the cleaning up
        server.engine.faults = cut(3)
        working = asyncio.create_task(steps.run(app(server.address, source())))
        (outcome,) = await asyncio.gather(working, return_exceptions=True)
        await traces.none()
        if steps.count < step:  # it was through before
            assert outcome is None
            break
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
    assert step > 5
    await traces.nothing_unseen()


async def all_of(results: AsyncIterator[Result]) -> list[Result]:
    """All results there are."""
    return [result async for result in results]


async def test_a_body_that_ends_at_once_leaves_nothing_behind(
    server: LightServer, traces: Traces
) -> None:
    async def leave_at_once() -> None:
        async with Client(server.address) as client, client.stream("echo") as stream:
            streams.append(stream)
            raise KeyError("of the app")

    streams: list[Any] = []
    with pytest.raises(KeyError):
        await leave_at_once()
    await traces.none()
    with pytest.raises(SessionLost, match="closed"):
        await anext(streams[0])


async def test_a_client_that_leaves_before_its_stream_ends_it(
    server: LightServer, traces: Traces
) -> None:
    client = Client(server.address)
    await client.__aenter__()
    stream = client.stream("echo", delivery=Delivery.EVERY)
    await stream.__aenter__()
    reading = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    await client.__aexit__(None, None, None)
    with pytest.raises(SessionLost, match="closed"):
        await reading
    await stream.__aexit__(None, None, None)
    await traces.none()


async def test_a_stream_is_opened_once(client: Client) -> None:
    async with client.stream("echo") as stream:
        with pytest.raises(InvalidRequest, match="opened once"):
            await stream.__aenter__()
    with pytest.raises(InvalidRequest, match="opened once"):
        await stream.__aenter__()


async def test_a_generator_of_frames_is_closed_with_the_stream(client: Client) -> None:
    closed: list[str] = []

    async def camera() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"frame"
        finally:
            closed.append("camera")

    source = camera()  # held here: counting references would not close it
    async with client.stream("echo") as stream:
        async for _ in stream.process(source):
            break
    assert closed == ["camera"]


async def test_a_source_that_is_cancelled_from_within_ends_the_stream(client: Client) -> None:
    async def camera() -> AsyncIterator[bytes]:
        yield b"frame"
        raise asyncio.CancelledError

    async with client.stream("echo") as stream:
        with pytest.raises(SessionLost, match="source of frames was cancelled"):
            await all_of(stream.process(camera()))


async def test_a_request_that_cannot_be_written_ends_the_stream(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client.stream("echo") as stream:

        async def take() -> None:
            raise MemoryError("of the writer")

        monkeypatch.setattr(stream._outbox, "take", take)
        await stream.send(b"frame")  # the writer waits in the old `take` for this one
        with pytest.raises(MemoryError):
            await all_of(stream)


async def test_bytes_that_are_no_message_are_the_servers_fault() -> None:
    async def script(_: int, requests: Requests) -> AsyncIterator[Any]:
        yield ready()
        async for _request in requests:
            yield b"\xff"

    async with (
        scripted(script) as address,
        Client(address) as client,
        client.stream("echo") as stream,
    ):
        await stream.send(b"frame")
        with pytest.raises(ServerError, match="cannot be read"):
            await anext(stream)


async def test_a_server_that_hangs_at_the_end_costs_the_timeout(
    client: Client, server: LightServer
) -> None:
    server.engine.gate.clear()
    async with client.stream("echo", finish_timeout=0.1) as stream:
        await stream.send(b"frame")
        with pytest.raises(SessionLost, match=r"said nothing for 0\.1 s"):
            await stream.finish()


async def test_a_server_that_reads_nothing_costs_the_timeout_too() -> None:
    async def script(_: int, requests: Requests) -> Responses:
        yield ready()
        await asyncio.Event().wait()

    async with (
        scripted(script) as address,
        Client(address) as client,
        client.stream("echo", delivery=Delivery.EVERY, finish_timeout=0.1) as stream,
    ):
        for _ in range(20):
            await stream.send(b"x" * 1_000_000)  # far more than the transport holds
        with pytest.raises(SessionLost, match=r"said nothing for 0\.1 s"):
            await stream.finish()


async def test_a_server_that_hangs_while_it_goes_away_is_left() -> None:
    async def script(session: int, requests: Requests) -> Responses:
        yield ready()
        async for request in requests:
            if request.HasField("finish"):
                yield summary()
                return
            if session == 1 and request.frame.sequence == 2:
                yield notice(going_away=stream_pb2.GoingAway(grace_seconds=1))
                await asyncio.Event().wait()
            yield answer(request.frame)

    async with (
        scripted(script) as address,
        Client(address) as client,
        client.stream("echo", delivery=Delivery.EVERY, reconnect=QUICK, finish_timeout=1) as stream,
    ):
        await stream.send(b"1")
        await stream.send(b"2")
        assert [(await anext(stream)).sent, (await anext(stream)).sent] == [b"1", b"2"]
        assert stream.reconnects == 1


async def test_a_session_that_never_becomes_ready_costs_the_timeout() -> None:
    async def script(_: int, requests: Requests) -> Responses:
        async for _request in requests:
            pass
        yield ready()

    async with scripted(script) as address, Client(address, connect_timeout=1) as client:
        with pytest.raises(ServerUnavailable, match=r"opened no session within 1 s"):
            async with client.stream("echo", reconnect=None):
                pass
