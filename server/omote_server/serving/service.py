"""The gRPC shell: bytes in and out. Nothing is decided here."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import grpc

from omote.v1 import filter_service_pb2
from omote_filters.registry import Registry
from omote_server.errors import InvalidRequest, OutOfOrder, Stranger, TooSlow
from omote_server.messages import ModelFact, Request
from omote_server.serving.status import Context, answering
from omote_server.stream.door import Door
from omote_server.stream.host import SessionHost
from omote_server.stream.still import apply_still
from omote_server.wire import catalogue, requests, responses

SERVICE = filter_service_pb2.DESCRIPTOR.services_by_name["FilterService"].full_name

_MOST_ASKING = 64
"""Answers of the catalogue and of the server's facts that are being made or read: with previews
or cards one has half a megabyte, and who asks need not be anybody."""


class FilterService:
    """`omote.v1.FilterService`.

    Requests and responses are bytes: a frame is written down by the worker that made it, and
    what a client sends is measured before it is parsed.
    """

    def __init__(self, host: SessionHost, token: str | None, models: Sequence[ModelFact]) -> None:
        self._host = host
        self._token = token
        self._models = tuple(models)
        self._began = time.monotonic()
        patience = host.limits.idle_timeout_seconds
        text = f"the answer was not read within {patience:g} seconds; the call is closed"
        self._asking = Door(_MOST_ASKING, patience, text)
        self._stills = Door(host.limits.max_sessions, patience, text)

    def handlers(self) -> grpc.GenericRpcHandler:
        """What a gRPC server is given."""
        # All are streams on this side, and the same on the wire: so the wait for a request, and
        # the wait until an answer is read, are ours to bound.
        handler = grpc.stream_stream_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "StreamFrames": handler(self.stream_frames, request_deserializer=requests.parse),
                "ApplyFilters": handler(self.apply_filters),
                "ListFilters": handler(self.list_filters),
                "GetServerInfo": handler(self.get_server_info),
            },
        )

    async def stream_frames(self, messages: AsyncIterator[Request], context: Context) -> None:
        """Live filtering."""
        async with answering(context):
            self._admit(context)
            try:
                async with asyncio.timeout(None) as patience:
                    await self._answer(messages, context, patience)
            except TimeoutError:
                text = "responses are not read any more; the stream is closed"
                raise TooSlow(text) from None

    async def _answer(
        self, messages: AsyncIterator[Request], context: Context, patience: asyncio.Timeout
    ) -> None:
        run = self._host.run(messages, responses.Packer(), patience)
        async with aclosing(run) as answers:
            async for answer in answers:
                await context.write(responses.serialized(answer))

    async def apply_filters(self, messages: AsyncIterator[bytes], context: Context) -> None:
        """One still picture."""
        async with answering(context):
            still = requests.still(await self._request(messages, context))
            # Its place is given back once the client has the answer: megabytes each add up.
            with self._host.occupied():
                result = await apply_still(self._host, still, responses.still)
                async with self._stills.waiting():
                    await context.write(b"".join(result.packed))

    async def list_filters(self, messages: AsyncIterator[bytes], context: Context) -> None:
        """The catalogue."""
        async with answering(context):
            ids, previews = requests.list_filters(await self._request(messages, context))
            async with self._asking.waiting():
                # Filters are imported when they are first listed; previews are read from files.
                listed = await asyncio.to_thread(_listed, self._host.registry, ids, previews)
                await context.write(listed)

    async def get_server_info(self, messages: AsyncIterator[bytes], context: Context) -> None:
        """Versions, limits and models."""
        async with answering(context):
            cards = requests.server_info(await self._request(messages, context))
            answer = responses.server_info(
                self._host.limits,
                self._models,
                cards=cards,
                uptime_s=time.monotonic() - self._began,
                active_sessions=self._host.active,
            )
            async with self._asking.waiting():
                await context.write(answer)

    async def _request(self, messages: AsyncIterator[bytes], context: Context) -> bytes:
        """The one message of a call, as it came."""
        self._admit(context)
        async with self._host.door.waiting():
            request = await anext(messages, None)
        if request is None:
            raise OutOfOrder("the call ended before its request came")
        return request

    def _admit(self, context: Context) -> None:
        if self._token is None:
            return
        metadata = dict(context.invocation_metadata() or ())
        given = str(metadata.get("authorization", ""))
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise Stranger("send the server's token as metadata: authorization: Bearer TOKEN")


def _listed(registry: Registry, ids: list[str], previews: bool) -> bytes:
    for index, filter_id in enumerate(ids):
        if registry.find(filter_id) is None:
            raise InvalidRequest.at(f"ids[{index}]", registry.lament(filter_id))
    found = [each for each in registry.catalogue() if not ids or each.id in ids]
    return catalogue.listed(found, previews)
