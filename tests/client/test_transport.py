"""What the client says when the transport fails, against real servers and sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from omote_client import (
    CertificateExpired,
    CertificateForAnotherHost,
    CertificateUntrusted,
    Client,
    ConnectionBroken,
    Delivery,
    InvalidRequest,
    MessageTooLarge,
    NothingListens,
    OmoteError,
    RawPicture,
    Reconnect,
    ServerUnavailable,
    ServerWantsTls,
    ServerWithoutTls,
    SessionLost,
    TlsFailed,
    UnknownHost,
    filter_frames,
)
from omote_client.channel import MAX_MESSAGE_BYTES, Tls
from omote_client.statuses import failure, unavailable
from omote_server.testing import LightServer
from tests.client.certificates import Certificate, certificate
from tests.client.servers import (
    Requests,
    Responses,
    echo_server,
    ready,
    scripted,
)

SHORT = 0.3  # seconds for a server that will not come
LONG = 30.0  # seconds that must not be waited for


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("trusted"))


async def refusal(target: str, tls: Tls = False, *waits: float) -> OmoteError:
    """The error with which a client gives up.

    Patience has these lengths, one after the other, until the error says why: a resolver, and a
    machine that is busy, take the time they take.
    """
    for seconds in waits or (SHORT, 10 * SHORT, LONG):
        with pytest.raises(OmoteError) as caught:
            async with Client(target, tls=tls, connect_timeout=seconds):
                pass
        assert target in str(caught.value)
        if type(caught.value) is not ServerUnavailable:
            break
    return caught.value


def tls_server(shown: Certificate) -> AbstractAsyncContextManager[LightServer]:
    """A filter server behind TLS."""
    return echo_server(shown.for_server())


@asynccontextmanager
async def rude_server(greet: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[str]:
    """A socket that does this to whoever comes."""
    guests: list[asyncio.StreamWriter] = []

    def welcome(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.append(writer)
        greet(writer)

    listening = await asyncio.start_server(welcome, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for writer in guests:
            writer.close()
        await asyncio.sleep(0)  # transports close their sockets in the next round of the loop


def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def speak_http1(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def test_a_trusted_certificate_is_all_that_is_needed(trusted: Certificate) -> None:
    async with (
        tls_server(trusted) as server,
        Client(server.address, tls=trusted.pem) as client,
        client.stream("echo") as stream,
    ):
        await stream.send(b"frame")
        assert (await anext(stream)).sent == b"frame"


async def test_an_unknown_authority(trusted: Certificate, tmp_path: Path) -> None:
    async with tls_server(trusted) as server:
        for tls in (True, certificate(tmp_path).pem):
            error = await refusal(server.address, tls, LONG)
            assert type(error) is CertificateUntrusted
            assert "`tls=`" in str(error)


async def test_a_certificate_of_another_host(tmp_path: Path) -> None:
    elsewhere = certificate(tmp_path, names="DNS:elsewhere.example")
    async with tls_server(elsewhere) as server:
        error = await refusal(server.address, elsewhere.pem, LONG)
    assert type(error) is CertificateForAnotherHost
    assert "subjectAltName" in str(error)


async def test_an_expired_certificate(tmp_path: Path) -> None:
    expired = certificate(tmp_path, until="20200102000000Z")
    async with tls_server(expired) as server:
        error = await refusal(server.address, expired.pem, LONG)
    assert type(error) is CertificateExpired
    assert "Renew" in str(error)


async def test_the_server_speaks_no_tls(server: LightServer) -> None:
    error = await refusal(server.address, True, LONG)
    assert type(error) is ServerWithoutTls
    assert "--tls-certificate" in str(error)


async def test_the_server_speaks_tls_and_the_client_does_not(trusted: Certificate) -> None:
    async with tls_server(trusted) as server:
        error = await refusal(server.address, False, LONG)
    assert type(error) is ServerWantsTls
    assert "tls=True" in str(error)


async def test_the_plain_client_names_the_reason_too(trusted: Certificate) -> None:
    async with tls_server(trusted) as server:
        target = server.address
        with pytest.raises(ServerWantsTls):
            await asyncio.to_thread(lambda: next(iter(filter_frames(target, [b"frame"], "echo"))))


@pytest.mark.parametrize("tls", [False, True])
async def test_nothing_listens(server: LightServer, tls: bool) -> None:
    await server.stop()
    error = await refusal(server.address, tls)
    assert type(error) is NothingListens
    assert "omote serve" in str(error)
    assert type(await refusal("unix:/nowhere.sock", tls)) is NothingListens


async def test_a_host_without_an_address() -> None:
    assert type(await refusal("no-such-host.invalid:8560", True)) is UnknownHost


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("greet", [hang_up, reset])
async def test_a_connection_that_breaks(
    greet: Callable[[asyncio.StreamWriter], None], tls: bool
) -> None:
    async with rude_server(greet) as target:
        assert type(await refusal(target, tls)) is ConnectionBroken


async def test_a_server_of_another_kind() -> None:
    async with rude_server(speak_http1) as target:
        assert type(await refusal(target)) is ConnectionBroken
        assert type(await refusal(target, tls=True)) is ServerWithoutTls


async def test_a_server_that_says_nothing_costs_the_timeout() -> None:
    async with rude_server(lambda _: None) as target:
        error = await refusal(target, False, SHORT)
    assert type(error) is ServerUnavailable
    assert "within 0.3 s" in str(error)


async def test_a_session_that_breaks_says_why(client: Client, server: LightServer) -> None:
    async with client.stream("echo", reconnect=Reconnect(2, 0.001, 0.001)) as stream:
        await server.stop()
        with pytest.raises(SessionLost) as caught:
            await anext(stream)
    assert isinstance(caught.value.__cause__, NothingListens | ConnectionBroken)
    assert server.address in str(caught.value)


async def test_a_server_that_comes_back_with_another_certificate_is_not_asked_again(
    trusted: Certificate, tmp_path: Path
) -> None:
    endless = Reconnect(attempts=10_000, first_delay=0.01, max_delay=0.01)
    async with (
        tls_server(trusted) as server,
        Client(server.address, tls=trusted.pem) as client,
        client.stream("echo", reconnect=endless) as stream,
    ):
        await server.stop()
        server.credentials = certificate(tmp_path).for_server()
        await server.start()
        with pytest.raises(SessionLost) as caught:
            await anext(stream)
    assert isinstance(caught.value.__cause__, CertificateUntrusted)


async def test_a_frame_above_the_announced_limit_is_not_sent(client: Client) -> None:
    async with client.stream("echo", delivery=Delivery.EVERY) as stream:
        with pytest.raises(MessageTooLarge, match="100000 bytes"):
            await stream.send(b"x" * 100_000)
        with pytest.raises(MessageTooLarge, match="event: Larger than 65536 bytes"):
            await stream.send_event("goal", text="x" * 70_000)
        with pytest.raises(MessageTooLarge, match="chain: Larger than 65536 bytes"):
            await stream.set_chain([("mirror", {"text": "x" * 70_000})])
        await stream.send(b"frame")
        assert (await anext(stream)).sequence == 1


async def test_a_message_that_the_server_does_not_take(client: Client, server: LightServer) -> None:
    """The transport ends a call beyond twice the limit; a script announces no limit at all."""
    large = b"x" * 5_000_000
    with pytest.raises(MessageTooLarge, match=r"200000 bytes.*smaller picture"):
        await client.apply(large, "echo")

    async def script(_: int, requests: Requests) -> Responses:
        yield ready()
        async for _request in requests:
            pass
        await asyncio.Event().wait()  # to a server, too large a message looks like the end

    async with (
        scripted(script) as address,
        Client(address) as unaware,
        unaware.stream("echo") as stream,
    ):
        await stream.send(large)
        with pytest.raises(MessageTooLarge, match=f"{address} takes, 4194304 bytes"):
            await anext(stream)


async def test_a_message_that_this_client_does_not_take(client: Client) -> None:
    huge = RawPicture(bytes(MAX_MESSAGE_BYTES), 4096, 4096, channels=4)
    with pytest.raises(MessageTooLarge, match="than this client takes"):
        await client.apply(huge, "echo")
    answer = f"CLIENT: Received message larger than max (99 vs {MAX_MESSAGE_BYTES})"
    error = failure(grpc.StatusCode.RESOURCE_EXHAUSTED, answer, None, "here:1")
    assert isinstance(error, MessageTooLarge)
    assert "answer of 99 bytes" in str(error)


def test_other_words_keep_the_plain_class() -> None:
    assert type(unavailable("The server is going away.", "here:1")) is ServerUnavailable
    assert type(unavailable("Ssl handshake failed: no shared cipher", "here:1")) is TlsFailed


async def test_a_client_is_opened_once(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="open already"):
        await client.__aenter__()
    await client.server_info()
