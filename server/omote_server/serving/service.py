"""The gRPC shell: generated messages in and out, and errors to statuses, in one place."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf import duration_pb2

from omote.v1 import filter_pb2, filter_service_pb2_grpc, stream_pb2
from omote.v1 import filter_service_pb2 as pb
from omote_filters.filter import Filter
from omote_filters.registry import Broken, Registry
from omote_server.errors import (
    InvalidRequest,
)
from omote_server.serving.inventory import ModelFact
from omote_server.serving.status import abort
from omote_server.stream.session import SessionHost
from omote_server.stream.still import Still, apply_still
from omote_server.version import VERSION
from omote_server.wire import catalogue, requests, responses

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]


class FilterService(filter_service_pb2_grpc.FilterServiceServicer):
    """`omote.v1.FilterService`."""

    def __init__(self, host: SessionHost, token: str | None, models: Sequence[ModelFact]) -> None:
        self._host = host
        self._token = token
        self._models = tuple(models)
        self._began = time.monotonic()

    async def StreamFrames(  # noqa: N802 - the wire's name
        self, request_iterator: AsyncIterator[stream_pb2.StreamFramesRequest], context: Context
    ) -> AsyncIterator[stream_pb2.StreamFramesResponse]:
        """Live filtering."""
        await self._admit(context)
        try:
            async with aclosing(self._host.run(requests.requests(request_iterator))) as answers:
                async for answer in answers:
                    yield responses.response(answer)
        except Exception as error:
            await abort(context, error)

    async def ApplyFilters(  # noqa: N802
        self, request: pb.ApplyFiltersRequest, context: Context
    ) -> pb.ApplyFiltersResponse:
        """One still picture."""
        await self._admit(context)
        try:
            still = Still(
                requests.picture(request.picture),
                requests.chain(request.chain),
                requests.consent(request.consent),
                requests.declared(request.declared),
                requests.output_options(request.output),
            )
            result = await apply_still(self._host, still)
        except Exception as error:
            await abort(context, error)
        return responses.still(result)

    async def ListFilters(  # noqa: N802
        self, request: pb.ListFiltersRequest, context: Context
    ) -> pb.ListFiltersResponse:
        """The catalogue."""
        await self._admit(context)
        try:
            ids = list(request.ids)
            _check_ids(self._host.registry, ids)
            found = [f for f in self._host.registry.catalogue() if not ids or f.id in ids]
            # Previews are read from files.
            listed = await asyncio.to_thread(_listed, found, request.include_previews)
            return pb.ListFiltersResponse(filters=listed)
        except Exception as error:
            await abort(context, error)

    async def GetServerInfo(  # noqa: N802
        self, request: pb.GetServerInfoRequest, context: Context
    ) -> pb.GetServerInfoResponse:
        """Versions, limits and models."""
        await self._admit(context)
        uptime = duration_pb2.Duration()
        uptime.FromMilliseconds(int((time.monotonic() - self._began) * 1000))
        return pb.GetServerInfoResponse(
            server_version=VERSION,
            api_version="omote.v1",
            limits=responses.limits(self._host.limits),
            models=[_model(fact, request.include_cards) for fact in self._models],
            uptime=uptime,
            active_sessions=self._host.active,
        )

    async def _admit(self, context: Context) -> None:
        if self._token is None:
            return
        metadata = dict(context.invocation_metadata() or ())
        given = str(metadata.get("authorization", ""))
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            await context.abort(
                grpc.StatusCode.UNAUTHENTICATED,
                "send the server's token as metadata: authorization: Bearer TOKEN",
            )


def _check_ids(registry: Registry, ids: list[str]) -> None:
    for index, filter_id in enumerate(ids):
        if registry.find(filter_id) is None:
            raise InvalidRequest.at(f"ids[{index}]", registry.lament(filter_id))


def _listed(found: list[type[Filter] | Broken], previews: bool) -> list[filter_pb2.FilterInfo]:
    return [catalogue.filter_info(each, previews) for each in found]


def _model(fact: ModelFact, with_card: bool) -> pb.ModelInfo:
    return pb.ModelInfo(
        name=fact.name,
        file=fact.file,
        sha256=fact.sha256,
        size_bytes=fact.size_bytes,
        licence=fact.licence,
        purpose=fact.purpose,
        loaded=fact.loaded,
        card=fact.card if with_card else "",
    )
