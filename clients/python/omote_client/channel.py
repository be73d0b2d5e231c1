"""The connection: options, encryption, and the refusal to send faces over open networks."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from omote_client.errors import (
    ConnectionBroken,
    InvalidRequest,
    ServerUnavailable,
    ServerWantsTls,
    ServerWithoutTls,
    TlsFailed,
)
from omote_client.forks import HOME
from omote_client.statuses import unavailable

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
# What a channel that cannot connect is asked to call, to hear why. Should it have connected a
# moment before, this costs the server nothing, and needs no token.
_HEALTH = "/grpc.health.v1.Health/Check"
_LOOK_AGAIN = 0.05  # seconds between two looks at a channel that failed to connect
_GLANCE = 1.0  # seconds that such a question may take
_GREET_AGAIN = 1.0  # seconds between two greetings with TLS


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and how it is spoken to."""

    target: str
    tls: Tls = False
    insecure: bool = False


async def connect(address: Address, seconds: float) -> grpc.aio.Channel:
    """A channel that is connected. A server that is not there yet is waited for.

    Raises:
        TlsFailed: the two sides do not agree on encryption; at once, for waiting mends nothing.
        ServerUnavailable: no server answers in time; the class says why, where that is known.
        InvalidRequest: it would leave this machine without encryption, and `insecure` is False.
        Forked: this process is a child of one that used gRPC.
    """
    channel = open_channel(address)
    attempt = _Attempt(address)
    try:
        async with asyncio.timeout(seconds):
            await attempt.until_ready(channel)
    except BaseException as error:
        await channel.close()
        if isinstance(error, TimeoutError):
            raise attempt.failure(seconds) from None
        raise
    return channel


class _Attempt:
    """Waits for a channel, and remembers why it has not connected so far."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._reason: ServerUnavailable | None = None
        self._greet_at = 0.0  # on the loop's clock

    async def until_ready(self, channel: grpc.aio.Channel) -> None:
        """Returns when the channel is connected; raises where waiting mends nothing."""
        ready, failing = grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE
        while (state := channel.get_state(try_to_connect=True)) is not ready:
            if state is not failing:
                await channel.wait_for_state_change(state)
                continue
            # It tries again by itself, and stays in this state until one attempt succeeds.
            self._reason = await self._why(channel)
            if isinstance(self._reason, TlsFailed):
                raise self._reason
            await asyncio.sleep(_LOOK_AGAIN)

    def failure(self, seconds: float) -> ServerUnavailable:
        """What to raise when the time is over."""
        if self._reason is not None:
            return self._reason
        return ServerUnavailable(
            f"No server answers at {self._address.target} within {seconds:g} s. Is it running"
            " (`omote serve`), is the address right, and does it expect TLS?"
        )

    async def _why(self, channel: grpc.aio.Channel) -> ServerUnavailable | None:
        reason = await _last_error(channel, self._address.target)
        hung_up = isinstance(reason, ConnectionBroken) and self._address.tls is False
        if hung_up and await self._greeted():
            return ServerWantsTls(
                f"{self._address.target}: The server speaks TLS. Pass tls=True, or the PEM of"
                " its authority as `tls=`."
            )
        return reason

    async def _greeted(self) -> bool:
        """Whether the server speaks TLS, asked once a second: it may be another one by then."""
        now = asyncio.get_running_loop().time()
        if now < self._greet_at:
            return False
        self._greet_at = now + _GREET_AGAIN
        return await _speaks_tls(self._address.target)


async def _last_error(channel: grpc.aio.Channel, target: str) -> ServerUnavailable | None:
    """Why the channel's last attempt to connect failed; None where it connects after all."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)
    try:
        await call(b"", timeout=_GLANCE)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            return unavailable(error.details() or "", target)
    return None


async def _speaks_tls(target: str) -> bool:
    """Whether the server answers a TLS greeting. Nothing else is said to it."""
    channel = open_channel(Address(target, tls=True))
    try:
        reason = await _last_error(channel, target)
        connected = channel.get_state() is grpc.ChannelConnectivity.READY
    finally:
        await channel.close()
    # A certificate that is refused was shown, and only TLS shows certificates.
    refused = isinstance(reason, TlsFailed) and not isinstance(reason, ServerWithoutTls)
    return connected or refused


def open_channel(address: Address) -> grpc.aio.Channel:
    """A channel that connects when it is first used.

    Raises:
        InvalidRequest: it would leave this machine without encryption, and `insecure` is False.
        Forked: this process is a child of one that used gRPC.
    """
    HOME.settle()
    target, tls = address.target, address.tls
    local = _is_local(target)
    if tls is False and not local and not address.insecure:
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
