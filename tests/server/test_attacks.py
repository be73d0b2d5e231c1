"""What anybody on the network may do to a server, and what others notice of it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, cast

import grpc
import numpy as np
import pytest
from google.protobuf import json_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.typing import NDArray

from omote.v1 import (
    filter_pb2,
    filter_service_pb2,
    filter_service_pb2_grpc,
    picture_pb2,
    stream_pb2,
)
from omote_client import Client, Consent, OmoteError, RawPicture
from omote_filters.filter import Filter
from omote_filters.registry import GROUP, Registry
from omote_filters.scene import Scene
from omote_filters.words import Appearance, ChainEntry, Need, Stage
from omote_server import testing
from omote_server.bench.local import local_server
from omote_server.errors import InvalidRequest, Stuck
from omote_server.frames.engine import ThreadEngine
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.messages import Limits, Malformed
from omote_server.serving import server as server_module
from omote_server.serving.health import Health
from omote_server.serving.metrics import MetricsServer
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings
from omote_server.serving.status import Context
from omote_server.wire import requests
from omote_server.wire.budget import bytes_beside

Pixels = NDArray[np.uint8]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health(channel: grpc.aio.Channel) -> int:
    stub = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=30)
    return int(answer.status)


async def test_watchers_and_knockers_shut_nobody_out(server: Server, astronaut: Pixels) -> None:
    """Calls that nobody admitted have limits of their own."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch
        knock = filter_service_pb2_grpc.FilterServiceStub(channel).StreamFrames
        watching = [watch(health_pb2.HealthCheckRequest()) for _ in range(200)]
        knocking = [knock() for _ in range(400)]
        answered = [asyncio.create_task(call.code()) for call in watching]
        done, _ = await asyncio.wait(answered, timeout=2)
        assert {task.result() for task in done} <= {grpc.StatusCode.RESOURCE_EXHAUSTED}
        async with grpc.aio.insecure_channel(server.address) as other:
            assert await health(other) == SERVING
        async with Client(server.address) as client:
            consent = Consent(face_effects=True)
            answer = await client.apply(RawPicture.of(astronaut), ["vignette"], consent=consent)
            assert answer.applied == ("vignette",)
            async with client.stream(["vignette"]) as stream:
                assert stream.ready.session_id
        for call in (*watching, *knocking):
            call.cancel()
        # Until grpc has let go of every call, so that no later test meets its ends.
        ends = await asyncio.gather(*(c.code() for c in knocking), *answered)
        assert grpc.StatusCode.INTERNAL not in ends


async def test_who_calls_and_asks_nothing_shuts_nobody_out(server: Server) -> None:
    """Only so many wait at a door, of every method; who has waited longest goes."""
    methods = ["omote.v1.FilterService/ListFilters", "omote.v1.FilterService/ApplyFilters"]
    methods += ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"]
    async with grpc.aio.insecure_channel(server.address) as channel:
        calls: list[Any] = [channel.stream_stream(f"/{methods[n % 4]}")() for n in range(1600)]
        ended = [asyncio.create_task(call.code()) for call in calls]
        # 256 at the one door, 64 at the other: the rest are turned out as the next ones come.
        for end in itertools.islice(asyncio.as_completed(ended), 1600 - 256 - 64):
            # gRPC itself cancels some of so many that end at once.
            assert await end in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
        async with grpc.aio.insecure_channel(server.address) as other:
            assert await health(other) == SERVING
        for call in calls:
            call.cancel()
        await asyncio.gather(*ended)


class Unread:
    """A call whose client takes nothing: the write never ends."""

    def __init__(self) -> None:
        self.writing = asyncio.Event()

    async def write(self, message: bytes) -> None:
        self.writing.set()
        await asyncio.Event().wait()


async def test_a_watcher_that_reads_nothing_holds_up_no_change() -> None:
    """The end of a server begins with one."""

    async def asked() -> AsyncIterator[bytes]:
        yield b""

    service, silent = Health(), Unread()
    service.set("", SERVING)
    watching = asyncio.create_task(service.watch(asked(), cast("Context", silent)))
    await silent.writing.wait()
    service.set("", NOT_SERVING)
    watching.cancel()
    await asyncio.wait([watching])


async def test_who_reads_again_later_learns_that_the_stream_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a phone does that was in a pocket: it must not wait for ever."""
    monkeypatch.setattr("omote_server.stream.session._LINGER_S", 0.1)
    raw = picture_pb2.PICTURE_FORMAT_RGB
    picture = picture_pb2.Picture(format=raw, width=1000, height=1000, data=bytes(3_000_000))
    small = [("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0)]
    async with (
        testing.server(limits=Limits(idle_timeout_seconds=0.5)) as server,
        grpc.aio.insecure_channel(server.address, options=small) as channel,
    ):
        call: Any = filter_service_pb2_grpc.FilterServiceStub(channel).StreamFrames()
        await call.write(stream_pb2.StreamFramesRequest(open=stream_pb2.Open()))
        assert (await call.read()).HasField("ready")

        async def send() -> None:
            for number in range(1, 100):
                frame = stream_pb2.Frame(sequence=number, capture_time_us=number, picture=picture)
                await call.write(stream_pb2.StreamFramesRequest(frame=frame))

        sending = asyncio.create_task(send())
        for _ in range(600):
            if server.sessions:
                await asyncio.sleep(0.1)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await read_on(call)
        assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.gather(sending, return_exceptions=True)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the server or its transport had to complain about."""
    ours = (r for r in caplog.records if r.name.startswith(("omote", "grpc")))
    return [r.getMessage() for r in ours if r.levelno >= logging.WARNING]


GARBAGE = [b"\xff" * 40, b"\x12\xff\xff\xff\xff\x0f", b"\x0a\x05ab", b"\x0b", b"\x12" * 7]


@pytest.mark.parametrize("data", GARBAGE)
@pytest.mark.parametrize(
    "method",
    [
        *(f"omote.v1.FilterService/{name}" for name in ("ApplyFilters", "ListFilters")),
        *("omote.v1.FilterService/GetServerInfo", "grpc.health.v1.Health/Check"),
    ],
)
async def test_bytes_that_are_no_message_are_the_callers_mistake(
    server: Server, method: str, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        call: Any = channel.unary_unary(f"/{method}")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(data)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert method.partition("/")[0].removesuffix(".FilterService") in str(refused.value.details())
    assert not complaints(caplog)


async def read_on(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize("data", GARBAGE)
async def test_bytes_that_are_no_message_end_a_stream(
    server: Server, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    opening = stream_pb2.StreamFramesRequest(open=stream_pb2.Open()).SerializeToString()
    async with grpc.aio.insecure_channel(server.address) as channel:
        call: Any = channel.stream_stream("/omote.v1.FilterService/StreamFrames")()
        await call.write(opening)
        await call.read()
        await call.write(data)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await read_on(call)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert not complaints(caplog)


def nested(levels: int, wide: int) -> dict[str, object]:
    leaf: dict[str, object] = {str(n): n for n in range(wide)}
    for _ in range(levels):
        leaf = {"inside": leaf, **{str(n): n for n in range(wide)}}
    return leaf


def event(payload: dict[str, object]) -> stream_pb2.StreamFramesRequest:
    message = stream_pb2.StreamFramesRequest(event=stream_pb2.Event(name="goal"))
    json_format.ParseDict(payload, message.event.payload)
    return message


@pytest.mark.parametrize(
    "message",
    [
        event({"list": list(range(400_000))}),
        event(nested(3, 400)),
        event(nested(8, 1)),
        event({"deep": [[[[[[[[1]]]]]]]]}),
        stream_pb2.StreamFramesRequest(
            set_chain=stream_pb2.SetChain(
                chain=filter_pb2.Chain(
                    entries=[filter_pb2.ChainEntry(filter_id=str(n)) for n in range(300)]
                )
            )
        ),
    ],
    ids=["large", "many", "deep", "deep list", "long chain"],
)
def test_what_would_hold_up_the_event_loop_is_refused_before_it_is_converted(
    message: stream_pb2.StreamFramesRequest,
) -> None:
    found = requests.parse(message.SerializeToString())
    assert isinstance(found, Malformed)
    assert not found.broken
    assert len(found.violations) <= 12


def test_a_large_event_hidden_behind_a_frame_is_refused() -> None:
    frame = stream_pb2.StreamFramesRequest(frame=stream_pb2.Frame(sequence=1))
    large = event({"text": "x" * 100_000})
    for data in (
        frame.SerializeToString() + large.SerializeToString(),
        frame.SerializeToString() * 50_000,
    ):
        assert isinstance(requests.parse(data), Malformed)


def test_only_a_picture_may_be_large() -> None:
    frame = stream_pb2.StreamFramesRequest(frame=stream_pb2.Frame(sequence=1))
    frame.frame.picture.data = bytes(5_000_000)
    data = frame.SerializeToString()
    assert bytes_beside(data, 2, 1000) < 10
    assert not isinstance(requests.parse(data), Malformed)
    many = filter_service_pb2.ListFiltersRequest(ids=["x"] * 2_000_000).SerializeToString()
    with pytest.raises(InvalidRequest, match="bytes beside"):
        requests.list_filters(many)
    some = filter_service_pb2.ListFiltersRequest(ids=["x"] * 300).SerializeToString()
    with pytest.raises(InvalidRequest, match="ids"):
        requests.list_filters(some)


class Hangs(Filter):
    """Never comes back, until the test is over."""

    id, name = "hangs", "Hangs"
    appearance, stage, needs = Appearance.NOVELTY, Stage.GRADE, frozenset[Need]()
    released: ClassVar[threading.Event] = threading.Event()

    def apply(self, scene: Scene) -> None:
        self.released.wait()


class NeverStarts(Hangs):
    """Is not even there when its stream opens."""

    id, name = "never_starts", "Never starts"

    def start(self) -> None:
        self.released.wait()


class NeverStops(Hangs):
    """Lingers when its stream is over."""

    id, name = "never_stops", "Never stops"

    def apply(self, scene: Scene) -> None:
        pass

    def stop(self) -> None:
        self.released.wait()


class Here(EntryPoint):
    """An entry point into this module, which is not installed."""

    def load(self) -> object:
        return {kind.id: kind for kind in (Hangs, NeverStarts, NeverStops)}[self.name]


def with_hanging() -> Registry:
    ours = [Here(kind, "here:Hangs", GROUP) for kind in ("hangs", "never_starts", "never_stops")]
    return Registry([*ours, *entry_points(group=GROUP)])


@pytest.fixture
async def hanging(tools: Toolbox) -> AsyncIterator[Server]:
    Hangs.released.clear()
    registry = with_hanging()
    settings = Settings(port=0, workers=1, hang_seconds=5, grace_seconds=0.1)
    running = Server(settings, replace(tools, registry=registry))
    await running.start()
    yield running
    Hangs.released.set()
    await running.stop()


async def test_a_hung_filter_ends_its_stream_and_nobody_elses(
    hanging: Server, astronaut: Pixels
) -> None:
    """One worker: its thread is replaced. After two the server says that it is worn out."""
    picture = RawPicture.of(astronaut)
    async with (
        Client(hanging.address) as client,
        grpc.aio.insecure_channel(hanging.address) as channel,
    ):
        for number in (1, 2):
            with pytest.raises(OmoteError, match="hangs"):
                await client.apply(picture, ["hangs"], consent=Consent())
            answer = await client.apply(picture, ["vignette"], consent=Consent())
            assert answer.applied == ("vignette",)
            if number == 1:
                assert await health(channel) == SERVING
        async for answer in health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest()
        ):
            if answer.status == NOT_SERVING:
                break
    assert hanging._host is not None
    assert hanging._host.active == 0


@pytest.mark.parametrize("which", ["hangs", "never_starts", "never_stops"])
async def test_a_filter_that_hangs_when_a_stream_opens_or_ends_keeps_no_other_from_opening(
    tools: Toolbox, which: str
) -> None:
    Hangs.released.clear()
    tools = replace(tools, registry=with_hanging())
    engine = ThreadEngine(tools, 1, hang_s=2)

    async def opened(filter_id: str) -> None:
        seat = engine.seat(PipelineOptions())
        try:
            await seat.prepare(Directives((ChainEntry(filter_id),)))
        finally:
            seat.close()

    # As many as there are threads that open streams, and one.
    ends = await asyncio.gather(*(opened(which) for _ in range(3)), return_exceptions=True)
    assert all(end is None or isinstance(end, Stuck) for end in ends)
    await opened("vignette")
    Hangs.released.set()
    engine.close(60)


async def test_no_error_of_a_worker_ends_the_server(tools: Toolbox) -> None:
    def interrupted() -> Job | None:
        raise KeyboardInterrupt

    engine = ThreadEngine(tools, 1)
    seat = engine.seat(PipelineOptions())
    for _ in range(3):
        with pytest.raises(RuntimeError, match="KeyboardInterrupt"):
            await seat.work(interrupted)
    assert await seat.work(lambda: None) is None
    seat.close()
    assert engine.close(60)


@pytest.mark.parametrize("signals", [[signal.SIGHUP, signal.SIGTERM], [signal.SIGTERM] * 2])
def test_signals(signals: list[signal.Signals]) -> None:
    """A terminal that closes ends nothing; a second SIGTERM does not wait for the grace."""
    with (
        local_server("--grace-seconds", "600") as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        call = filter_service_pb2_grpc.FilterServiceStub(channel).StreamFrames(iter(opened()))
        assert next(call).HasField("ready")
        os.kill(running.pid, signals[0])
        if signals[0] is signal.SIGHUP:
            status = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=30
            )
            assert status.status == SERVING
            call.cancel()
        else:
            assert next(call).notice.HasField("going_away")
        os.kill(running.pid, signals[1])


def opened() -> Iterator[stream_pb2.StreamFramesRequest]:
    """A stream that is opened and stays open."""
    yield stream_pb2.StreamFramesRequest(open=stream_pb2.Open())
    threading.Event().wait()


def test_a_taken_port_is_told_before_any_model_is_loaded() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        script = (
            "import asyncio, sys\n"
            "from omote_server.serving import server\n"
            "from omote_server.serving.settings import Settings\n"
            "server.load_tools = lambda *_, **__: sys.exit('models were loaded')\n"
            f"asyncio.run(server.Server(Settings(port={taken.getsockname()[1]})).start())\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "cannot listen" in done.stderr
    assert "models were loaded" not in done.stderr


def test_who_leaves_the_metrics_in_mid_sentence_is_no_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    server = MetricsServer("127.0.0.1", 0)
    for said in (b"", b"GET /metrics HTTP/1.1\r\n\r\n", b"\xff\r\n\r\n", b"GET " + b"x" * 70_000):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port)) as caller:
                caller.sendall(said)
                # Closed like this, what is on its way is not waited for: the peer is reset.
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        assert answer.status == 200
    server.close()
    assert not capfd.readouterr().err


def test_a_pack_that_cannot_be_used_is_told_to_the_operator_when_the_server_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server serves without it; who named it must not have to guess why."""
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04")
    server_module._loaded(Settings(packs=(tmp_path / "broken.zip",)))
    assert any("broken cannot be used" in text for text in complaints(caplog))
