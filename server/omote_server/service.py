"""The gRPC shell: generated messages in and out, and errors to statuses, in one place."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from omote.v1 import filter_pb2, filter_service_pb2_grpc, stream_pb2
from omote.v1 import filter_service_pb2 as pb
from omote_filters.filter import Filter
from omote_filters.registry import Broken, Registry
from omote_models.landmarks import BLENDSHAPE_NAMES
from omote_server import wire
from omote_server.errors import (
    Busy,
    CallError,
    InvalidRequest,
    Lacking,
    Leaving,
    OutOfOrder,
    TooSlow,
)
from omote_server.inventory import ModelFact, model_facts
from omote_server.session import SessionHost
from omote_server.still import Still, apply_still
from omote_server.version import VERSION

_log = logging.getLogger(__name__)

_CODES = {
    InvalidRequest: code_pb2.INVALID_ARGUMENT,
    OutOfOrder: code_pb2.FAILED_PRECONDITION,
    TooSlow: code_pb2.DEADLINE_EXCEEDED,
    Busy: code_pb2.RESOURCE_EXHAUSTED,
    Lacking: code_pb2.UNIMPLEMENTED,
    Leaving: code_pb2.UNAVAILABLE,
}

Context = grpc.aio.ServicerContext[Any, Any]


class FilterService(filter_service_pb2_grpc.FilterServiceServicer):
    """`omote.v1.FilterService`."""

    def __init__(self, host: SessionHost, token: str | None, estimator: str) -> None:
        self._host = host
        self._token = token
        self._estimator = estimator
        self._began = time.monotonic()

    async def StreamFrames(  # noqa: N802 - the wire's name
        self, request_iterator: AsyncIterator[stream_pb2.StreamFramesRequest], context: Context
    ) -> AsyncIterator[stream_pb2.StreamFramesResponse]:
        """Live filtering."""
        await self._admit(context)
        try:
            async with aclosing(self._host.run(wire.requests(request_iterator))) as responses:
                async for response in responses:
                    yield wire.response(response)
        except Exception as error:
            await _abort(context, error)

    async def ApplyFilters(  # noqa: N802
        self, request: pb.ApplyFiltersRequest, context: Context
    ) -> pb.ApplyFiltersResponse:
        """One still picture."""
        await self._admit(context)
        try:
            still = Still(
                wire.picture(request.picture),
                wire.chain(request.chain),
                wire.consent(request.consent),
                wire.declared(request.declared),
                wire.output_options(request.output),
            )
            result = await apply_still(self._host, still)
        except Exception as error:
            await _abort(context, error)
        return pb.ApplyFiltersResponse(
            picture=wire.to_picture(result.picture) if result.picture else None,
            patches=wire.patches(result),
            faces=wire.faces(result),
            bypassed_filters=wire.bypasses(result.bypassed),
            degraded=wire.degradations(result),
            timings=wire.timings(result.timings),
            applied_filters=result.applied,
            blendshape_names=BLENDSHAPE_NAMES if result.output.blendshapes else (),
            events=wire.events(result),
        )

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
            await _abort(context, error)

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
            limits=wire.limits(self._host.limits),
            models=await asyncio.to_thread(_models, self._estimator, request.include_cards),
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
    return [wire.filter_info(each, previews) for each in found]


def _models(estimator: str, cards: bool) -> list[pb.ModelInfo]:
    """Read from files, one's own networks whole."""
    return [_model(fact, cards) for fact in model_facts(estimator)]


def _model(fact: ModelFact, with_card: bool) -> pb.ModelInfo:
    return pb.ModelInfo(
        name=fact.name,
        file=fact.file,
        sha256=fact.sha256,
        size_bytes=fact.size_bytes,
        licence=fact.licence,
        purpose=fact.purpose,
        loaded=fact.loaded,
        card=fact.card() if with_card else "",
    )


async def _abort(context: Context, error: Exception) -> NoReturn:
    """End a call with the status that fits; the last clause tells the client nothing."""
    if isinstance(error, CallError):
        await context.abort_with_status(rpc_status.to_status(_status(error)))
    if isinstance(error, grpc.aio.AbortError):
        raise error
    reference = secrets.token_hex(4)
    _log.error("internal error %s", reference, exc_info=error)
    await context.abort(
        grpc.StatusCode.INTERNAL,
        f"an error inside the server; its operator finds it in the logs as {reference}",
    )
    raise asyncio.CancelledError  # abort never returns; this tells the type checker


def _status(error: CallError) -> status_pb2.Status:
    status = status_pb2.Status(code=_CODES[type(error)], message=error.text)
    if isinstance(error, InvalidRequest):
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description)
            for v in error.violations
        ]
        _attach(status, error_details_pb2.BadRequest(field_violations=violations))
    if isinstance(error, Busy):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_seconds * 1000))
        _attach(status, error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def _attach(status: status_pb2.Status, detail: Any) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)
