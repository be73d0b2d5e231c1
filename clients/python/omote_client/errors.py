"""What can go wrong, named by who must act."""

from __future__ import annotations

import re
from collections.abc import Sequence

import grpc
from grpc import StatusCode as Code

from omote_client.details import Violation, details_in

__all__ = [
    "ChainRefused",
    "InvalidRequest",
    "OmoteError",
    "ServerError",
    "ServerFull",
    "ServerUnavailable",
    "SessionLost",
    "Unauthenticated",
    "Unimplemented",
    "Violation",
    "failure",
]

_OVERSIZE = "larger than max"  # gRPC's own words, which come without details


class OmoteError(Exception):
    """Every error that this client raises by itself."""


class InvalidRequest(OmoteError, ValueError):
    """The caller's mistake: mend the request. `violations` name the fields."""

    def __init__(self, text: str, violations: Sequence[Violation] = ()) -> None:
        unsaid = [str(each) for each in violations if each.description not in text]
        super().__init__("; ".join([text, *unsaid]))
        self.violations = list(violations)

    @classmethod
    def at(cls, field: str, description: str) -> InvalidRequest:
        """A mistake in one field, found before anything was sent."""
        return cls("Invalid request", [Violation(field, description)])


class ChainRefused(InvalidRequest):
    """The server kept the old chain, because the new one cannot run."""


class Unauthenticated(OmoteError):
    """The token is missing or wrong: pass `token=`, or ask the server's operator."""


class Unimplemented(OmoteError):
    """The server's version cannot do it yet."""


class ServerFull(OmoteError):
    """The server serves as many sessions as it may: come back after `retry_after` seconds.

    `retry_after` is None where the server gave no time.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ServerUnavailable(OmoteError):
    """No server answers there: start it, or mend the address."""


class SessionLost(OmoteError):
    """An open stream broke and could not be opened again. `__cause__` says why."""


class ServerError(OmoteError):
    """The server's bug. `reference` leads its operator to the log entry, where one was given."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = re.search(r"(?:reference|logs as)\W+([\w-]+)", text, re.IGNORECASE)
        self.reference = found.group(1) if found else None


def failure(code: Code, text: str, metadata: grpc.aio.Metadata | None, target: str) -> OmoteError:
    """Our error for a call to `target` that ended with a status and trailing metadata."""
    details, text = details_in(metadata), text or code.name
    match code:
        case Code.INVALID_ARGUMENT | Code.FAILED_PRECONDITION | Code.OUT_OF_RANGE:
            return InvalidRequest(text, details.violations)
        case Code.RESOURCE_EXHAUSTED if details.violations or _OVERSIZE in text:
            return InvalidRequest(text, details.violations)
        case Code.RESOURCE_EXHAUSTED:
            return ServerFull(text, details.retry_after)
        case Code.UNAVAILABLE | Code.CANCELLED:
            return ServerUnavailable(f"{target}: {text}")
        case Code.UNAUTHENTICATED | Code.PERMISSION_DENIED:
            return Unauthenticated(f"{target} refuses the token: {text}")
        case Code.UNIMPLEMENTED:
            return Unimplemented(text)
        case Code.DEADLINE_EXCEEDED:
            return SessionLost(text)
        case _:
            return ServerError(text)
