"""Errors to statuses: the one table, for every transport."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from omote_filters.faults import place
from omote_server.errors import (
    Busy,
    CallError,
    InvalidRequest,
    Lacking,
    Leaving,
    OutOfOrder,
    Stranger,
    Stuck,
    TooSlow,
)

_log = logging.getLogger(__name__)

_DEPTH = 12
"""How many places of an internal error are logged, from the innermost."""

_CODES: dict[type, int] = {
    CallError: code_pb2.UNKNOWN,
    Stranger: code_pb2.UNAUTHENTICATED,
    Stuck: code_pb2.ABORTED,
    InvalidRequest: code_pb2.INVALID_ARGUMENT,
    OutOfOrder: code_pb2.FAILED_PRECONDITION,
    TooSlow: code_pb2.DEADLINE_EXCEEDED,
    Busy: code_pb2.RESOURCE_EXHAUSTED,
    Lacking: code_pb2.UNIMPLEMENTED,
    Leaving: code_pb2.UNAVAILABLE,
}

Context = grpc.aio.ServicerContext[Any, Any]


@asynccontextmanager
async def answering(context: Context) -> AsyncIterator[None]:
    """The guard around every call: whatever goes wrong inside ends it with the status that fits."""
    try:
        async with _stating(context):
            yield
    except grpc.aio.InternalError:
        # The transport could not write: the client has left, and nobody is to be told.
        raise asyncio.CancelledError from None


@asynccontextmanager
async def _stating(context: Context) -> AsyncIterator[None]:
    try:
        yield
    except (grpc.aio.AbortError, grpc.aio.InternalError):
        raise
    except CallError as error:
        await context.abort_with_status(rpc_status.to_status(_status(error)))
    except Exception as error:
        reference = secrets.token_hex(4)
        # Not its text, which may quote what was in a picture.
        _log.error("internal error %s: %s", reference, place(error, _DEPTH))
        await context.abort(
            grpc.StatusCode.INTERNAL,
            f"an error inside the server; its operator finds it in the logs as {reference}",
        )


def code_of(error: CallError) -> int:
    """The code of an error's own class, or of the nearest class above it that has one."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def _status(error: CallError) -> status_pb2.Status:
    status = status_pb2.Status(code=code_of(error), message=error.text)
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
