"""What can go wrong, named by who must act."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from omote_client.details import Violation

__all__ = [
    "CertificateExpired",
    "CertificateForAnotherHost",
    "CertificateUntrusted",
    "ChainRefused",
    "ConnectionBroken",
    "Forked",
    "InvalidRequest",
    "MessageTooLarge",
    "NothingListens",
    "OmoteError",
    "ServerError",
    "ServerFull",
    "ServerUnavailable",
    "ServerWantsTls",
    "ServerWithoutTls",
    "SessionLost",
    "TlsFailed",
    "Unauthenticated",
    "Unimplemented",
    "UnknownHost",
    "Violation",
]


class OmoteError(Exception):
    """Every error that this client raises by itself."""


class InvalidRequest(OmoteError, ValueError):
    """The caller's mistake: mend the request. `violations` name the fields."""

    def __init__(self, text: str, violations: Sequence[Violation] = ()) -> None:
        unsaid = [str(each) for each in violations if each.description not in text]
        super().__init__("; ".join([text, *unsaid]))
        self.violations = list(violations)

    @classmethod
    def at(cls, field: str, description: str) -> Self:
        """A mistake in one field, found before anything was sent."""
        return cls("Invalid request", [Violation(field, description)])


class Forked(OmoteError):
    """The process was forked after its parent had used gRPC: start it anew, by "spawn" say."""


class ChainRefused(InvalidRequest):
    """The server kept the old chain, because the new one cannot run."""


class MessageTooLarge(InvalidRequest):
    """A request, or the answer it asks for, is larger than one side takes: make it smaller."""


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


class NothingListens(ServerUnavailable):
    """The machine is there, but no server listens at that port or socket."""


class UnknownHost(ServerUnavailable):
    """The host's name has no address: mend the name, or the network's DNS."""


class ConnectionBroken(ServerUnavailable):
    """The connection was closed or reset from the other side, or by something in between."""


class TlsFailed(ServerUnavailable):
    """The two sides do not agree on encryption. Waiting mends nothing, so it is not tried again."""


class CertificateUntrusted(TlsFailed):
    """No authority that this client knows vouches for the server: pass its PEM as `tls=`."""


class CertificateExpired(TlsFailed):
    """The server's certificate is not valid at this time: renew it, or set the clock."""


class CertificateForAnotherHost(TlsFailed):
    """The server's certificate does not name the host in the address."""


class ServerWithoutTls(TlsFailed):
    """The client speaks TLS, the server does not."""


class ServerWantsTls(TlsFailed):
    """The server speaks TLS, the client does not: pass `tls=`."""


class SessionLost(OmoteError):
    """An open stream broke and could not be opened again. `__cause__` says why."""


class ServerError(OmoteError):
    """The server's bug. `reference` leads its operator to the log entry, where one was given."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = re.search(r"(?:reference|logs as)\W+([\w-]+)", text, re.IGNORECASE)
        self.reference = found.group(1) if found else None
