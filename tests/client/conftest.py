"""A fake server per test, and a check that nothing of the client is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from omote_client import Client
from tests.client.fake_server import FakeServer


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    await fake.start()
    yield fake
    fake.answering.set()
    await fake.stop()


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[Client]:
    async with Client(server.target) as client:
        yield client
    assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("omote-client")]
