"""Many clients against one server process: what it delivers, how late, at what cost.

Live clients send 30 frames a second, whatever comes back. Full ones keep so many frames on their
way that a worker never waits for one: what then comes back is what the server can do.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import psutil
from google.protobuf import json_format

from omote.v1 import filter_pb2, picture_pb2, stream_pb2
from omote_filters.chaintext import parse_chain
from omote_server.bench.local import local_server
from omote_server.wire.faces import field_of
from omote_server.workshop.clip import clip_jpegs

_METHOD = "/omote.v1.FilterService/StreamFrames"
_OPTIONS = [
    ("grpc.http2.lookahead_bytes", 262144),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.use_local_subchannel_pool", 1),
]
_FPS = 30.0
_FRAME_US = 33_333
_WARM_UP_S = 2.0
_ON_THE_WAY = 4
"""Frames of a full client: one in work, two that the mailbox holds, one in the transport."""
_PIPELINE = ("decode_ms", "track_ms", "describe_ms", "apply_ms", "encode_ms")


@dataclass(frozen=True, slots=True)
class Load:
    """What a server is put under.

    Attributes:
        full: each client sends its next frame when one comes back, and none is dropped; else it
            is live.
    """

    chain: str
    clients: int
    workers: int
    seconds: float
    faces: int = 1
    full: bool = False


@dataclass(slots=True)
class Tally:
    """What came back in the measured time; milliseconds."""

    returned: int = 0
    dropped: int = 0
    end_to_end: list[float] = field(default_factory=list)
    added: list[float] = field(default_factory=list)

    def add(self, result: stream_pb2.Result, latency: float) -> None:
        """Count one result and its milliseconds from end to end."""
        self.returned += 1
        self.dropped += result.dropped_before
        work = sum(getattr(result.timings, name) for name in _PIPELINE)
        self.end_to_end.append(latency)
        self.added.append(latency - work)


def run_load(load: Load) -> dict[str, float]:
    """Start a server, put it under load, stop it."""
    options = ("--workers", str(load.workers), "--log-level", "warning")
    with local_server(*options) as server:
        return asyncio.run(_measure(server.address, psutil.Process(server.pid), load))


async def _measure(address: str, server: psutil.Process, load: Load) -> dict[str, float]:
    pictures = [
        stream_pb2.Frame(picture=picture_pb2.Picture(data=jpeg)).SerializeToString()
        for jpeg in clip_jpegs()
    ]
    tally = Tally()
    window = _Window()
    streams = [
        asyncio.create_task(_client(address, pictures, load, number, tally, window))
        for number in range(load.clients)
    ]
    await asyncio.sleep(_WARM_UP_S)
    cpu, began = sum(server.cpu_times()[:2]), time.perf_counter()
    window.open = True
    await asyncio.sleep(load.seconds)
    window.open = False
    elapsed = time.perf_counter() - began
    cpu = sum(server.cpu_times()[:2]) - cpu
    memory = server.memory_info().rss / 2**20
    window.over = True
    await asyncio.gather(*streams)
    return _figures(tally, elapsed, cpu, memory)


@dataclass(slots=True)
class _Window:
    """Whether results are counted, and whether the clients shall end."""

    open: bool = False
    over: bool = False


async def _client(
    address: str,
    pictures: Sequence[bytes],
    load: Load,
    number: int,
    tally: Tally,
    window: _Window,
) -> None:
    # Clients start at different moments of a frame's time, as real ones do.
    await asyncio.sleep(number / load.clients / _FPS)
    sent: dict[int, float] = {}
    pace = _Full() if load.full else _Live()
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        # Bytes in: the clients share the machine with the server, so they are kept cheap.
        method: Any = channel.stream_stream(
            _METHOD, response_deserializer=stream_pb2.StreamFramesResponse.FromString
        )
        call = method(_requests(pictures, load, number, sent, window, pace))
        async for response in call:
            if response.WhichOneof("message") == "result":
                arrived = time.perf_counter()
                pace.arrived()
                latency = (arrived - sent.pop(response.result.sequence)) * 1000
                if window.open:
                    tally.add(response.result, latency)


class _Live:
    """A camera: a frame every thirtieth of a second."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def wait(self, index: int) -> None:
        """Until the frame of that number is due."""
        await asyncio.sleep(max(0.0, self._began + index / _FPS - time.perf_counter()))

    def arrived(self) -> None:
        """A result came; a camera does not care."""


class _Full:
    """A file: so many frames on their way, always."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_ON_THE_WAY)

    async def wait(self, index: int) -> None:
        """Until one of those before has come back."""
        del index
        await self._room.acquire()

    def arrived(self) -> None:
        """A result came: there is room for a frame."""
        self._room.release()


async def _requests(
    pictures: Sequence[bytes],
    load: Load,
    start: int,
    sent: dict[int, float],
    window: _Window,
    pace: _Live | _Full,
) -> AsyncIterator[bytes]:
    yield _opening(load).SerializeToString()
    for index in itertools.count(1):
        await pace.wait(index)
        if window.over:
            break
        sent[index] = time.perf_counter()
        yield _frame(index, pictures[(index + start * 7) % len(pictures)])
    yield stream_pb2.StreamFramesRequest(finish=stream_pb2.Finish()).SerializeToString()


def _opening(load: Load) -> stream_pb2.StreamFramesRequest:
    entries = parse_chain([load.chain])
    chain = filter_pb2.Chain(
        entries=[filter_pb2.ChainEntry(filter_id=e.filter_id) for e in entries]
    )
    for entry, message in zip(entries, chain.entries, strict=True):
        json_format.ParseDict(dict(entry.settings), message.settings)
    return stream_pb2.StreamFramesRequest(
        open=stream_pb2.Open(
            consent=stream_pb2.Consent(face_effects=True, demographics=True),
            chain=chain,
            output=stream_pb2.OutputOptions(attributes=True),
            limits=stream_pb2.StreamLimits(max_faces=load.faces),
            client="omote-bench",
            delivery=stream_pb2.DELIVERY_EVERY if load.full else stream_pb2.DELIVERY_NEWEST,
        )
    )


def _frame(index: int, picture: bytes) -> bytes:
    """A request with a frame; serialized messages that follow each other merge."""
    head = stream_pb2.Frame(sequence=index, capture_time_us=index * _FRAME_US)
    number = stream_pb2.StreamFramesRequest.FRAME_FIELD_NUMBER
    return field_of(number, head.SerializeToString() + picture)


def _figures(tally: Tally, elapsed: float, cpu: float, memory: float) -> dict[str, float]:
    p50, p95, p99 = np.percentile(tally.end_to_end, [50, 95, 99])
    return {
        "frames": tally.returned,
        "fps": tally.returned / elapsed,
        "dropped": tally.dropped,
        "latency_p50_ms": float(p50),
        "latency_p95_ms": float(p95),
        "latency_p99_ms": float(p99),
        "added_latency_p50_ms": float(np.median(tally.added)),
        "cpu_ms_per_frame": cpu * 1000 / max(1, tally.returned),
        "cores": cpu / elapsed,
        "memory_mb": memory,
    }
