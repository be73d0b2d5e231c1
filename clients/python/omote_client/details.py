"""google.rpc error details, read from a call's trailing metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from omote_client.private import private_message

_KEY = "grpc-status-details-bin"

# google.protobuf.Any, google.rpc.Status, BadRequest, google.protobuf.Duration, google.rpc.RetryInfo
_Any: Any = private_message("Any", type_url=(1, "string"), value=(2, "bytes"))
_Status: Any = private_message(
    "Status", code=(1, "int32"), message=(2, "string"), details=(3, "*Any")
)
_FieldViolation: Any = private_message(
    "FieldViolation", field=(1, "string"), description=(2, "string")
)
_BadRequest: Any = private_message("BadRequest", field_violations=(1, "*FieldViolation"))
_Duration: Any = private_message("Duration", seconds=(1, "int64"), nanos=(2, "int32"))
_RetryInfo: Any = private_message("RetryInfo", retry_delay=(1, "Duration"))


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with one field: its path in the request, and what to do."""

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}" if self.field else self.description


@dataclass(frozen=True, slots=True)
class Details:
    """What an error says beyond its text. `retry_after` is in seconds."""

    violations: tuple[Violation, ...] = ()
    retry_after: float | None = None


def details_in(metadata: grpc.aio.Metadata | None) -> Details:
    """Details in trailing metadata; where there are none, or broken ones, all are empty."""
    packed = metadata.get(_KEY) if metadata else None
    if not isinstance(packed, bytes):
        return Details()
    try:
        return _read(packed)
    except DecodeError:
        return Details()


def _read(packed: bytes) -> Details:
    violations: list[Violation] = []
    retry_after = None
    for detail in _Status.FromString(packed).details:
        match detail.type_url.rpartition("/")[2]:
            case "google.rpc.BadRequest":
                found = _BadRequest.FromString(detail.value).field_violations
                violations.extend(Violation(each.field, each.description) for each in found)
            case "google.rpc.RetryInfo":
                delay = _RetryInfo.FromString(detail.value).retry_delay
                retry_after = delay.seconds + delay.nanos / 1e9
    return Details(tuple(violations), retry_after)
