"""A filter server in a hundred lines: it echoes frames, and fails on demand.

It speaks all of `omote.v1` that a client meets, so it doubles as a tutorial for the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf import struct_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from omote.v1 import filter_pb2, filter_service_pb2, filter_service_pb2_grpc, stream_pb2

FILTERS = ("echo", "mirror")
# The client pings a silent server every 30 s, which gRPC's default takes for an attack.
_OPTIONS = [("grpc.http2.min_ping_interval_without_data_ms", 10_000)]
Responses = AsyncIterator[stream_pb2.StreamFramesResponse]


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another task brings about."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition may be anything
            await asyncio.sleep(0.01)


class FakeServer(filter_service_pb2_grpc.FilterServiceServicer):
    """The switches are plain attributes; what arrived is kept in plain lists."""

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self.credentials = credentials  # None: without TLS
        self.opens: list[stream_pb2.Open] = []  # one per session that was asked for
        self.received: list[tuple[int, str]] = []  # sequence and first filter of each frame
        self.consented: list[tuple[int, bool]] = []  # sequence and `face_effects` of each frame
        self.asked: list[str] = []  # set_chain and set_consent, as they came
        self.alive = 0  # sessions that are open now
        self.events: list[stream_pb2.Event] = []
        self.metadata: dict[str, Any] = {}  # of the last call
        self.answering = asyncio.Event()  # cleared: frames are kept unanswered
        self.answering.set()
        self.deaf = 0  # the first so many sessions ignore set_chain and set_consent
        self.full = 0  # so many sessions are refused first
        self.drops: set[int] = set()  # sequences that get no result
        self.refuses: set[int] = set()  # sequences that get a notice instead of a result
        self.refuses_data = b""  # a picture that gets a notice, too
        self.breaks: set[int] = set()  # sequences at which the session is lost, once each
        self.leaves: set[int] = set()  # sequences at which the server says it goes away, once
        self.fails: set[int] = set()  # sequences at which the server has a bug
        self.hangs: set[int] = set()  # sequences at which a session stands still, once each
        self.mute = False  # sessions never become ready
        self.limits = stream_pb2.StreamLimits(max_message_bytes=100_000)
        self.port = 0

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listens, on the same port as before if there was one."""
        self._server = grpc.aio.server(options=_OPTIONS)
        filter_service_pb2_grpc.add_FilterServiceServicer_to_server(self, self._server)
        address = f"127.0.0.1:{self.port}"
        if self.credentials:
            self.port = self._server.add_secure_port(address, self.credentials)
        else:
            self.port = self._server.add_insecure_port(address)
        await self._server.start()

    async def stop(self) -> None:
        """Goes away at once."""
        await self._server.stop(0)

    async def StreamFrames(self, request_iterator: Any, context: Any) -> Responses:  # noqa: N802
        """Counts the sessions that are open."""
        self.alive += 1
        try:
            async for response in self._session(request_iterator, context):
                yield response
        finally:
            self.alive -= 1

    async def _session(self, request_iterator: Any, context: Any) -> Responses:
        """First `open`, then anything in any order, last `finish`."""
        self.metadata = dict(context.invocation_metadata())
        opening = (await anext(request_iterator)).open
        self.opens.append(opening)
        await self._admit(opening, context)
        if self.mute:
            await asyncio.Event().wait()
        ready = stream_pb2.Ready(
            session_id=f"session-{len(self.opens)}",
            limits=self.limits,
            blendshape_names=["jawOpen", "mouthSmileLeft"],
            chain_revision=1,
        )
        yield stream_pb2.StreamFramesResponse(ready=ready)
        chain, revision, summary = opening.chain, 1, stream_pb2.Summary()
        consent = opening.consent
        dropped = 0
        async for request in request_iterator:
            kind = request.WhichOneof("message")
            if kind in ("set_chain", "set_consent"):
                self.asked.append(kind)
            match kind:
                case "frame":
                    summary.frames_received += 1
                    sequence = request.frame.sequence
                    self.received.append((sequence, _first(chain)))
                    self.consented.append((sequence, consent.face_effects))
                    await self._answer_or_die(sequence, context)
                    if sequence in self.drops:
                        dropped += 1
                    elif sequence in self.refuses or (
                        request.frame.picture.data == self.refuses_data
                    ):
                        yield _notice(frame_refused=_refusal(sequence))
                    else:
                        yield _echo(request.frame, dropped, revision)
                        dropped = 0
                    if sequence in self.leaves:
                        self.leaves.discard(sequence)
                        yield _notice(going_away=stream_pb2.GoingAway(grace_seconds=1))
                case "set_chain" if len(self.opens) > self.deaf:
                    if wrong := _violations(request.set_chain.chain):
                        refused = [
                            stream_pb2.FieldViolation(field=f, description=d) for f, d in wrong
                        ]
                        yield _notice(chain_refused=stream_pb2.ChainRefused(violations=refused))
                        continue
                    chain, revision = request.set_chain.chain, revision + 1
                    yield _notice(chain_applied=stream_pb2.ChainApplied(chain_revision=revision))
                case "set_consent" if len(self.opens) > self.deaf:
                    consent = request.set_consent.consent
                    yield _notice(consent_applied=stream_pb2.ConsentApplied())
                case "event":
                    self.events.append(request.event)
                case "finish":
                    summary.tracks_seen = 1
                    yield stream_pb2.StreamFramesResponse(summary=summary)
                    return

    async def ApplyFilters(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Echoes the picture."""
        self.metadata = dict(context.invocation_metadata())
        if wrong := _violations(request.chain):
            await _abort(context, code_pb2.INVALID_ARGUMENT, "Unknown filter", _bad_request(wrong))
        return filter_service_pb2.ApplyFiltersResponse(
            picture=request.picture, applied_filters=[e.filter_id for e in request.chain.entries]
        )

    async def ListFilters(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Each filter has one parameter."""
        parameter = filter_pb2.Parameter(
            name="count",
            type=filter_pb2.PARAMETER_TYPE_INTEGER,
            default_value=struct_pb2.Value(number_value=3),
            minimum=0,
        )
        infos = [
            filter_pb2.FilterInfo(
                id=name,
                appearance=filter_pb2.APPEARANCE_CLASS_FACE_REPLACE,
                needs=[filter_pb2.NEED_MESH],
                parameters=[parameter],
            )
            for name in FILTERS
            if not request.ids or name in request.ids
        ]
        return filter_service_pb2.ListFiltersResponse(filters=infos)

    async def GetServerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Wants the token "secret" where any is sent."""
        self.metadata = dict(context.invocation_metadata())
        if self.metadata.get("authorization", "Bearer secret") != "Bearer secret":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "Wrong token.")
        return filter_service_pb2.GetServerInfoResponse(
            server_version="9.9",
            limits=self.limits,
            models=[filter_service_pb2.ModelInfo(name="mesh", size_bytes=7)],
        )

    async def _admit(self, opening: stream_pb2.Open, context: Any) -> None:
        if self.full:
            self.full -= 1
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromMilliseconds(10)
            await _abort(context, code_pb2.RESOURCE_EXHAUSTED, "All seats are taken.", retry)
        if wrong := _violations(opening.chain):
            await _abort(context, code_pb2.INVALID_ARGUMENT, "Bad open", _bad_request(wrong))

    async def _answer_or_die(self, sequence: int, context: Any) -> None:
        if sequence in self.breaks:
            self.breaks.discard(sequence)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The cable is cut.")
        if sequence in self.fails:
            await context.abort(grpc.StatusCode.INTERNAL, "Internal error, reference 4f2a-17.")
        if sequence in self.hangs:
            self.hangs.discard(sequence)
            await asyncio.Event().wait()
        await self.answering.wait()


def _echo(frame: stream_pb2.Frame, dropped: int, revision: int) -> stream_pb2.StreamFramesResponse:
    result = stream_pb2.Result(
        sequence=frame.sequence,
        capture_time_us=frame.capture_time_us,
        picture=frame.picture,
        dropped_before=dropped,
        chain_revision=revision,
        events=[stream_pb2.Event(name="caught", filter_id="echo")],
    )
    return stream_pb2.StreamFramesResponse(result=result)


def _notice(**kind: Any) -> stream_pb2.StreamFramesResponse:
    text = next(iter(kind)).replace("_", " ")
    return stream_pb2.StreamFramesResponse(notice=stream_pb2.Notice(text=text, **kind))


def _refusal(sequence: int) -> stream_pb2.FrameRefused:
    wrong = stream_pb2.FieldViolation(field="picture.data", description="Not a picture.")
    return stream_pb2.FrameRefused(sequence=sequence, violations=[wrong])


def _first(chain: filter_pb2.Chain) -> str:
    return chain.entries[0].filter_id if chain.entries else ""


def _violations(chain: filter_pb2.Chain) -> list[tuple[str, str]]:
    return [
        (f"chain.entries[{i}].filter_id", f"There is no filter {entry.filter_id!r}.")
        for i, entry in enumerate(chain.entries)
        if entry.filter_id not in FILTERS
    ]


def _bad_request(wrong: list[tuple[str, str]]) -> Any:
    violation = error_details_pb2.BadRequest.FieldViolation
    return error_details_pb2.BadRequest(
        field_violations=[violation(field=f, description=d) for f, d in wrong]
    )


async def _abort(context: Any, code: int, text: str, detail: Any) -> None:
    status = status_pb2.Status(code=code, message=text)
    status.details.add().Pack(detail)
    await context.abort_with_status(rpc_status.to_status(status))
