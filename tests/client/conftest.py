"""A real server per test, and a check that nothing of the client is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from omote_client import Client
from omote_server.testing import LightServer
from tests.client.servers import echo_server


@pytest.fixture
async def server() -> AsyncIterator[LightServer]:
    async with echo_server() as server:
        yield server


@pytest.fixture
async def client(server: LightServer) -> AsyncIterator[Client]:
    async with Client(server.address) as client:
        yield client
    assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("omote-client")]
