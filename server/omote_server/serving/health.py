"""The standard health service, for a port that anybody can reach."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from omote_server.errors import InvalidRequest, OutOfOrder
from omote_server.serving.status import Context, answering
from omote_server.stream.door import Door

NAME = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_MOST_WATCHERS = 32
"""Calls that stay open for ever and that nobody admitted: balancers keep a few of them."""
_MOST_AT_THE_DOOR = 64
"""Calls that have not said yet what they ask. A door of its own: whoever crowds that of the
filters cannot make a server look ill."""
_PATIENCE_S = 10.0


class Health:
    """SERVING or not, to whoever asks; only so many may keep asking.

    The package's own servicer keeps a lock while it writes: one watcher that reads nothing would
    hold up every change, and so the end of the server.
    """

    def __init__(self) -> None:
        self._statuses: dict[str, int] = {}
        self._changed = asyncio.Event()  # each is set once, and another takes its place
        self._watchers = 0
        text = f"no message came within {_PATIENCE_S:g} seconds; the call is closed"
        self._door = Door(_MOST_AT_THE_DOOR, _PATIENCE_S, text)

    def handlers(self) -> grpc.GenericRpcHandler:
        """What a gRPC server is given; streams on this side, as in `FilterService`."""
        handler = grpc.stream_stream_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            NAME, {"Check": handler(self.check), "Watch": handler(self.watch)}
        )

    def set(self, service: str, status: int) -> None:
        """Say it to all who watch."""
        self._statuses[service] = status
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def check(self, messages: AsyncIterator[bytes], context: Context) -> None:
        """A service's health, now."""
        async with answering(context):
            status = self._statuses.get(await self._asked(messages))
            if status is None:
                await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service here")
            await context.write(_answer(status))

    async def watch(self, messages: AsyncIterator[bytes], context: Context) -> None:
        """Every change of a service's health, for a limited number of watchers."""
        async with answering(context):
            service = await self._asked(messages)
            if self._watchers >= _MOST_WATCHERS:
                await context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"{_MOST_WATCHERS} others watch already; use Health.Check from time to time",
                )
            self._watchers += 1
            try:
                await self._tell(service, context)
            finally:
                self._watchers -= 1

    async def _tell(self, service: str, context: Context) -> None:
        told: int | None = None
        while True:
            changed = self._changed
            unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            status = self._statuses.get(service, unknown)
            if status != told:
                await context.write(_answer(status))
                told = status
            await changed.wait()

    async def _asked(self, messages: AsyncIterator[bytes]) -> str:
        async with self._door.waiting():
            request = await anext(messages, None)
        if request is None:
            raise OutOfOrder("the call ended before its request came")
        try:
            return str(health_pb2.HealthCheckRequest.FromString(request).service)
        except DecodeError:
            raise InvalidRequest.at("message", f"this is no request of {NAME}") from None


def _answer(status: int) -> bytes:
    return bytes(health_pb2.HealthCheckResponse(status=status).SerializeToString())
