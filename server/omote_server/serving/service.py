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
from omote_server.errors import InvalidRequest, Stranger
from omote_server.messages import ModelFact, Request
from omote_server.serving.status import Context, answering
from omote_server.stream.host import SessionHost
from omote_server.stream.still import apply_still
from omote_server.wire import catalogue, requests, responses

SERVICE = filter_service_pb2.DESCRIPTOR.services_by_name["FilterService"].full_name


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

    def handlers(self) -> grpc.GenericRpcHandler:
        """What a gRPC server is given."""
        stream = grpc.stream_stream_rpc_method_handler
        unary = grpc.unary_unary_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "StreamFrames": stream(self.stream_frames, request_deserializer=requests.parse),
                "ApplyFilters": unary(self.apply_filters),
                "ListFilters": unary(self.list_filters),
                "GetServerInfo": unary(self.get_server_info),
            },
        )

    async def stream_frames(
        self, messages: AsyncIterator[Request], context: Context
    ) -> AsyncIterator[bytes]:
        """Live filtering."""
        async with answering(context):
            self._admit(context)
            async with aclosing(self._host.run(messages, responses.Packer())) as answers:
                async for answer in answers:
                    yield responses.serialized(answer)

    async def apply_filters(self, request: bytes, context: Context) -> bytes:
        """One still picture."""
        async with answering(context):
            self._admit(context)
            result = await apply_still(self._host, requests.still(request), responses.still)
            return b"".join(result.packed)

    async def list_filters(self, request: bytes, context: Context) -> bytes:
        """The catalogue."""
        async with answering(context):
            self._admit(context)
            ids, previews = requests.list_filters(request)
            # Filters are imported when they are first listed, and previews are read from files.
            return await asyncio.to_thread(_listed, self._host.registry, ids, previews)

    async def get_server_info(self, request: bytes, context: Context) -> bytes:
        """Versions, limits and models."""
        async with answering(context):
            self._admit(context)
            return responses.server_info(
                self._host.limits,
                self._models,
                cards=requests.server_info(request),
                uptime_s=time.monotonic() - self._began,
                active_sessions=self._host.active,
            )

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
