"""Whether memory stays flat over many frames."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

import psutil

from omote_client import Client, Consent, Delivery, FilterUse, Output
from omote_filters.chaintext import parse_chain
from omote_server.bench.local import local_server
from omote_server.workshop.clip import clip_jpegs

_SAMPLE_EVERY = 500


def run_soak(chain: str, frames: int, on_frame: Callable[[], None]) -> list[float]:
    """The server's resident memory in MB after every 500 frames of one stream."""
    with local_server("--log-level", "warning") as server:
        return asyncio.run(
            _soak(server.address, psutil.Process(server.pid), chain, frames, on_frame)
        )


async def _soak(
    address: str,
    server: psutil.Process,
    chain: str,
    frames: int,
    on_frame: Callable[[], None],
) -> list[float]:
    jpegs = clip_jpegs()

    async def endless() -> AsyncIterator[bytes]:
        for jpeg in itertools.islice(itertools.cycle(jpegs), frames):
            yield jpeg

    memory: list[float] = []
    uses = [FilterUse(e.filter_id, dict(e.settings)) for e in parse_chain([chain])]
    async with (
        Client(address, name="omote-soak") as client,
        client.stream(
            uses,
            consent=Consent(face_effects=True, demographics=True),
            output=Output(attributes=True),
            delivery=Delivery.EVERY,
        ) as stream,
    ):
        async for result in stream.process(endless(), fps=30.0):
            on_frame()
            if result.sequence % _SAMPLE_EVERY == 0:
                memory.append(server.memory_info().rss / 2**20)
    return memory
