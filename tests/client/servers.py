"""Servers for the client's tests: a real one, and scripts for what no real server would do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc

from omote.v1 import stream_pb2
from omote_filters import Appearance, Filter, FilterSettings, Need, Scene, Stage, slider
from omote_filters.words import Event
from omote_server import testing
from omote_server.errors import InvalidRequest, Leaving
from omote_server.frames.job import Job
from omote_server.messages import Limits, Result

Requests = AsyncIterator[stream_pb2.StreamFramesRequest]
Responses = AsyncIterator[stream_pb2.StreamFramesResponse]
Script = Callable[[int, Requests], Responses]
"""What a session answers, by its number: 1, 2, 3 …"""


class Echo(Filter):
    """Leaves every picture as it is."""

    id, name, appearance, stage = "echo", "Echo", Appearance.NOVELTY, Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How often nothing is done."""

        count: int = slider(3, 0, 9, step=1, label="Count")

    def apply(self, scene: Scene) -> None:
        """Nothing."""


class Mirror(Echo):
    """Leaves every picture as it is, too."""

    id, name = "mirror", "Mirror"

    class Settings(FilterSettings):
        """At which angle nothing is done."""

        angle: float = slider(0, 0, 1000, label="Angle")


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another task brings about."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition may be anything
            await asyncio.sleep(0.01)


def caught(job: Job) -> Result:
    """The frame as it came, and an event; b"refused" is no picture."""
    if job.frame.picture.data == b"refused":
        raise InvalidRequest.at("picture.data", "is no picture")
    result = testing.echo(job)
    result.events = [Event("caught", {"sequence": job.frame.sequence})]
    return result


def echo_server(
    credentials: grpc.ServerCredentials | None = None, **limits: int
) -> AbstractAsyncContextManager[testing.LightServer]:
    """A real server that knows "echo" and "mirror"."""
    held = replace(Limits(max_message_bytes=100_000), **limits)
    return testing.server(caught, filters=(Echo, Mirror), limits=held, credentials=credentials)


def cut(*sequences: int) -> dict[int, Exception]:
    """Faults: the session breaks at these frames."""
    return {sequence: Leaving("the cable is cut") for sequence in sequences}


def refused(*sequences: int) -> dict[int, Exception]:
    """Faults: these frames are no pictures."""
    return {sequence: InvalidRequest.at("picture.data", "is no picture") for sequence in sequences}


def received(server: testing.LightServer) -> list[tuple[int, str]]:
    """Sequence and first filter of each frame that came."""
    return [(job.frame.sequence, job.directives.chain[0].filter_id) for job in server.engine.jobs]


def consented(server: testing.LightServer) -> list[tuple[int, bool]]:
    """Sequence and consent to face effects of each frame that came."""
    return [(job.frame.sequence, job.consent.face_effects) for job in server.engine.jobs]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[str]:
    """The address of a server that does what no real one would."""
    sessions = 0

    async def stream(requests: Requests, _: Any) -> Responses:
        nonlocal sessions
        sessions += 1
        async for response in script(sessions, requests):
            yield response

    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "StreamFrames": grpc.stream_stream_rpc_method_handler(
            stream,
            request_deserializer=stream_pb2.StreamFramesRequest.FromString,
            response_serializer=lambda each: (
                each if isinstance(each, bytes) else each.SerializeToString()
            ),
        )
    }
    service = grpc.method_handlers_generic_handler("omote.v1.FilterService", methods)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def until_finish(requests: Requests) -> Requests:
    """What a client sends before it finishes."""
    async for request in requests:
        if request.HasField("finish"):
            return
        yield request


def ready() -> stream_pb2.StreamFramesResponse:
    """The session is open."""
    return stream_pb2.StreamFramesResponse(ready=stream_pb2.Ready(chain_revision=1))


def answer(frame: stream_pb2.Frame) -> stream_pb2.StreamFramesResponse:
    """The frame as it came."""
    result = stream_pb2.Result(sequence=frame.sequence, picture=frame.picture)
    return stream_pb2.StreamFramesResponse(result=result)


def notice(**kind: Any) -> stream_pb2.StreamFramesResponse:
    """A notice of this kind."""
    return stream_pb2.StreamFramesResponse(notice=stream_pb2.Notice(**kind))


def summary() -> stream_pb2.StreamFramesResponse:
    """The end."""
    return stream_pb2.StreamFramesResponse(summary=stream_pb2.Summary(tracks_seen=1))
