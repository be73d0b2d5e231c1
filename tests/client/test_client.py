"""Connections, single calls, and errors by who must act."""

from __future__ import annotations

import asyncio

import pytest

from omote_client import (
    Client,
    Consent,
    FilterUse,
    InvalidRequest,
    PictureFormat,
    RawPicture,
    ServerUnavailable,
    Unauthenticated,
)
from omote_server import testing
from omote_server.testing import LightServer
from omote_server.version import VERSION


async def test_server_info(client: Client) -> None:
    info = await client.server_info()

    assert info.server_version == VERSION
    assert info.limits.max_message_bytes == 100_000


async def test_list_filters(client: Client) -> None:
    (found,) = await client.list_filters(["echo"])

    assert (found.id, found.appearance, found.needs) == ("echo", "novelty", ())
    (parameter,) = found.parameters
    assert (parameter.type, parameter.default) == ("integer", 3)
    assert isinstance(parameter.default, int)
    assert (parameter.minimum, parameter.maximum) == (0, 9)
    assert found.preview is None


async def test_apply(client: Client) -> None:
    picture = RawPicture(bytes(range(24)), width=4, height=2)

    answer = await client.apply(picture, ["mirror", FilterUse("echo", {"count": 5})])

    assert answer.applied == ("mirror", "echo")
    assert answer.picture is not None
    assert answer.picture.format is PictureFormat.RGB
    assert answer.picture.pixels.shape == (2, 4, 3)
    assert answer.picture.pixels[1, 3, 2] == 23


async def test_errors_name_the_field(client: Client) -> None:
    with pytest.raises(InvalidRequest, match=r"entries\[1\].filter_id: .*nonsense") as caught:
        await client.apply(b"jpeg", ["echo", "nonsense"])

    assert [each.field for each in caught.value.violations] == ["chain.entries[1].filter_id"]


async def test_the_token_is_sent_with_every_call() -> None:
    async with testing.server(token="secret") as server:
        async with Client(server.address, token="secret") as client:
            await client.server_info()
            async with client.stream():
                pass
        async with Client(server.address, token="guess") as client:
            with pytest.raises(Unauthenticated, match=r"127\.0\.0\.1.*token"):
                await client.server_info()
            with pytest.raises(Unauthenticated):
                async with client.stream():
                    pass


async def test_no_server_names_the_target_and_the_remedy(server: LightServer) -> None:
    await server.stop()
    with pytest.raises(ServerUnavailable, match=rf"{server.address}.*omote serve"):
        async with Client(server.address, connect_timeout=0.2):
            pass


async def test_a_server_that_comes_late_is_awaited(server: LightServer) -> None:
    await server.stop()
    entering = asyncio.create_task(Client(server.address).__aenter__())
    await asyncio.sleep(0.05)
    await server.start()
    client = await entering
    await client.__aexit__(None, None, None)


async def test_a_client_must_be_entered() -> None:
    with pytest.raises(InvalidRequest, match="async with"):
        await Client("127.0.0.1:1").server_info()


@pytest.mark.parametrize("target", ["example.org:50051", "10.0.0.1:1", "dns:///host:1"])
async def test_faces_do_not_leave_the_machine_unencrypted(target: str) -> None:
    with pytest.raises(InvalidRequest, match=r"tls: .*unencrypted"):
        async with Client(target, connect_timeout=0.01):
            pass


@pytest.mark.parametrize(
    "target", ["localhost:1", "[::1]:1", "127.0.0.9:1", "ipv4:127.0.0.1:1", "unix:/nowhere"]
)
async def test_this_machine_needs_no_encryption(target: str) -> None:
    with pytest.raises(ServerUnavailable):
        async with Client(target, connect_timeout=0.01):
            pass


@pytest.mark.parametrize(("tls", "insecure"), [(True, False), (False, True)])
async def test_encrypted_or_insecure_is_allowed_elsewhere(tls: bool, insecure: bool) -> None:
    with pytest.raises(ServerUnavailable):
        async with Client("192.0.2.1:1", connect_timeout=0.01, tls=tls, insecure=insecure):
            pass


async def test_consent_is_never_assumed(client: Client, server: LightServer) -> None:
    async with client.stream("echo"):
        pass
    async with client.stream("echo", consent=Consent(face_effects=True)):
        pass
    granted = [(o.consent.face_effects, o.consent.demographics) for o in server.engine.opened]
    assert granted == [(False, False), (True, False)]
