"""How a call ended, as our errors: the server's statuses, and the transport's own words."""

from __future__ import annotations

import re

import grpc
from grpc import StatusCode as Code

from omote_client.details import details_in
from omote_client.errors import (
    CertificateExpired,
    CertificateForAnotherHost,
    CertificateUntrusted,
    ConnectionBroken,
    InvalidRequest,
    MessageTooLarge,
    NothingListens,
    OmoteError,
    ServerError,
    ServerFull,
    ServerUnavailable,
    ServerWithoutTls,
    SessionLost,
    TlsFailed,
    Unauthenticated,
    Unimplemented,
    UnknownHost,
)

# gRPC has no codes for what fails below it, only words. The first pattern that is found counts:
# an expired certificate also fails verification, and a failed handshake may be any of them.
_REASONS: tuple[tuple[str, type[ServerUnavailable], str], ...] = (
    (
        r"certificate (has expired|is not yet valid)",
        CertificateExpired,
        "The server's certificate is not valid at this time. Renew it, or set the clock of this"
        " machine.",
    ),
    (
        r"hostname verification|peer name .* is not in peer certificate",
        CertificateForAnotherHost,
        "The server's certificate does not name this host. Use the name that it names, or issue"
        " one with this host in its subjectAltName.",
    ),
    (
        r"certificate_verify_failed|unable to get local issuer",
        CertificateUntrusted,
        "The server's certificate comes from no authority that this client trusts. Pass the"
        " authority's PEM as `tls=`.",
    ),
    (
        r"wrong_version_number",
        ServerWithoutTls,
        "The server does not speak TLS. Give it a certificate (`omote serve --tls-certificate`),"
        " or pass `tls=False`, off this machine with `insecure=True`.",
    ),
    (
        r"(tls|ssl) handshake failed|custom verification check failed|tsi_\w+",
        TlsFailed,
        "The encrypted connection fails. Compare the certificates and TLS versions of both sides.",
    ),
    (
        r"connection refused|connect failed: .*no such file",
        NothingListens,
        "Nothing listens there. Start the server (`omote serve`), or mend the address.",
    ),
    (
        r"errors resolving|dns resolution|address lookup failed|domain name not found",
        UnknownHost,
        "The host's name has no address. Mend the name, or the network's DNS.",
    ),
    (
        r"reset by peer|broken pipe|socket closed|end of tcp stream|http/2|goaway|ping timeout"
        r"|keepalive|stream removed|connection (aborted|timed out)|transport closed",
        ConnectionBroken,
        "The connection broke. The server ended, or something on the way cuts connections: a"
        " proxy, a firewall, a time limit; or that port is not a filter server's.",
    ),
)
_OVERSIZE = re.compile(r"(sent|received) message larger than max \((\d+) vs\.? (\d+)\)", re.I)


def failure(code: Code, text: str, metadata: grpc.aio.Metadata | None, target: str) -> OmoteError:
    """Our error for a call to `target` that ended with a status and trailing metadata."""
    details, text = details_in(metadata), text or code.name
    match code:
        case Code.INVALID_ARGUMENT | Code.FAILED_PRECONDITION | Code.OUT_OF_RANGE:
            return InvalidRequest(text, details.violations)
        case Code.RESOURCE_EXHAUSTED if sizes := _OVERSIZE.search(text):
            return _oversize(target, from_server=text.startswith("SERVER"), sizes=sizes)
        case Code.RESOURCE_EXHAUSTED if details.violations:
            return InvalidRequest(text, details.violations)
        case Code.RESOURCE_EXHAUSTED:
            return ServerFull(text, details.retry_after)
        case Code.UNAVAILABLE | Code.CANCELLED:
            return unavailable(text, target)
        case Code.UNAUTHENTICATED | Code.PERMISSION_DENIED:
            return Unauthenticated(f"{target} refuses the token: {text}")
        case Code.UNIMPLEMENTED:
            return Unimplemented(text)
        case Code.DEADLINE_EXCEEDED:
            return SessionLost(text)
        case _:
            return ServerError(text)


def unavailable(text: str, target: str) -> ServerUnavailable:
    """The error that the transport's words stand for, with its remedy; they follow in brackets."""
    for pattern, error, remedy in _REASONS:
        if re.search(pattern, text, re.IGNORECASE):
            return error(f"{target}: {remedy} [{text}]")
    return ServerUnavailable(f"{target}: {text}")


def _oversize(target: str, *, from_server: bool, sizes: re.Match[str]) -> MessageTooLarge:
    action, size, limit = sizes.groups()
    if action.lower() == "sent" or from_server:
        who = target if from_server else "this client"
        return MessageTooLarge(
            f"A request of {size} bytes is more than {who} takes, {limit} bytes."
            " Send a smaller picture, or compress it."
        )
    return MessageTooLarge(
        f"An answer of {size} bytes is more than this client takes, {limit} bytes."
        " Ask for less: JPEG, patches, a smaller picture."
    )
