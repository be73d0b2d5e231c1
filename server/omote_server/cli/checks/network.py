"""The network: ports that are free, and a certificate that a client would take."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

from omote_server.cli.checks.finding import Finding
from omote_server.serving.settings import Settings

_SOON_S = 14 * 86_400
_ROUNDS = 10


def ports(settings: Settings) -> Iterator[Finding]:
    """Whether the server, and Prometheus' port, could be bound now."""
    yield _port("port", settings.host, settings.port)
    if settings.metrics_port is not None:
        yield _port("metrics_port", settings.metrics_host, settings.metrics_port)


def certificate(settings: Settings) -> Iterator[Finding]:
    """Whether certificate and key can be read, belong together, and are valid now."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    try:
        end = valid_until(settings.tls_certificate, settings.tls_key)
    # `ValueError` is what OpenSSL's loader makes of a key that wants a password.
    except (OSError, ValueError) as error:
        mend = "give a PEM certificate chain, the server's own first, and its unencrypted key"
        yield Finding("certificate", False, _why(error), mend)
        return
    date = time.strftime("%Y-%m-%d", time.gmtime(end))
    mend = "renew it" if end < time.time() + _SOON_S else ""
    yield Finding("certificate", True, f"fits its key, valid until {date}", mend)


def valid_until(chain: Path, key: Path) -> float:
    """When a certificate ends, in seconds since 1970.

    A client and a server shake hands in memory: only a certificate that fits its key and is valid
    now comes through, whatever made it.

    Raises:
        OSError, ValueError: a file cannot be read, they do not belong together, or the certificate
            is not valid now.
    """
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(chain, key, password=lambda: "")
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    # Trusted as it is: who signed it is for clients to judge.
    asking.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    asking.load_verify_locations(chain)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_ROUNDS):
        if all([_shaken(client), _shaken(server)]):
            break
    ends = (client.getpeercert() or {})["notAfter"]
    return ssl.cert_time_to_seconds(str(ends))


def _shaken(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _port(what: str, host: str, port: int) -> Finding:
    plain = host.strip("[]")
    address = f"[{plain}]:{port}" if ":" in plain else f"{plain}:{port}"
    if port == 0:
        return Finding(what, True, f"{address} takes one that is free")
    try:
        places = socket.getaddrinfo(
            plain or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        return Finding(what, False, f"{host} is no address: {_why(error)}", "set another host")
    refusals = [_refusal(family, place) for family, _, _, _, place in places]
    taken = [refusal for refusal in refusals if refusal and refusal.errno == errno.EADDRINUSE]
    if taken:
        mend = "another server may run; else `omote serve --port 0`"
        return Finding(what, False, f"{address} is taken", mend)
    # A name may stand for addresses that this machine does not have; one is enough.
    if any(refusal is None for refusal in refusals):
        return Finding(what, True, f"{address} is free")
    return Finding(
        what, False, f"{address} cannot be bound: {_why(refusals[0])}", "set another host or port"
    )


def _refusal(family: int, place: tuple[object, ...]) -> OSError | None:
    """Why an address cannot be bound, None where it can."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                # Else [::] would collide with what listens on IPv4 only.
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(place)
    except OSError as error:
        return error
    return None


def _why(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
