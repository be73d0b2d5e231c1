"""The connection: options, encryption, and the refusal to send faces over open networks."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

import grpc

from omote_client.errors import InvalidRequest

Tls: TypeAlias = "bool | bytes | grpc.ChannelCredentials"
"""True for the system's certificates, PEM bytes for your own authority, or gRPC credentials."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024

_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Without these two, about 70 frames wait in the transport before anybody notices.
    ("grpc.http2.lookahead_bytes", 262144),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A stream has its own patience: the channel's must not be slower.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]


def open_channel(target: str, tls: Tls, insecure: bool) -> grpc.aio.Channel:
    """A channel to host:port that connects when it is first used.

    Raises:
        InvalidRequest: it would leave this machine without encryption, and `insecure` is False.
    """
    local = _is_local(target)
    if tls is False and not local and not insecure:
        raise InvalidRequest.at(
            "tls",
            f"Pictures would travel to {target} unencrypted. Pass tls=True, or insecure=True"
            " where the network itself is safe.",
        )
    # A proxy in the environment must not catch what stays on this machine.
    options = [*_OPTIONS, ("grpc.enable_http_proxy", 0)] if local else _OPTIONS
    if tls is False:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, _credentials(tls), options=options)


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    if isinstance(tls, grpc.ChannelCredentials):
        return tls
    return grpc.ssl_channel_credentials(tls if isinstance(tls, bytes) else None)


def _is_local(target: str) -> bool:
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    host = target.rpartition("/")[2].removeprefix("ipv4:").removeprefix("ipv6:")
    host = host.rpartition(":")[0].strip("[]") or host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
