"""Third-party filters inside a real server: their failures stay theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from plugins import plugin_registry

from omote_client import (
    ChainRefused,
    Client,
    Consent,
    Delivery,
    Notice,
    OmoteError,
    RawPicture,
    Unimplemented,
)
from omote_server.frames.job import Toolbox
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings

Pixels = NDArray[np.uint8]
ALL = Consent(face_effects=True, demographics=True)


@pytest.fixture
async def client(tools: Toolbox) -> AsyncIterator[Client]:
    server = Server(Settings(port=0, workers=2), replace(tools, registry=plugin_registry()))
    await server.start()
    async with Client(server.address) as connected:
        yield connected
    await server.stop()


async def test_a_failing_filter_is_switched_off_with_a_notice(
    client: Client, carphone: list[Pixels]
) -> None:
    notices: list[Notice] = []
    chain, frames = ["raises", "tint"], [RawPicture.of(frame) for frame in carphone[:5]]
    async with client.stream(chain, delivery=Delivery.EVERY, on_notice=notices.append) as stream:
        results = [result async for result in stream.process(frames, fps=30)]
    assert [r.applied for r in results] == [("tint",)] * 5
    assert [r.bypassed[0].reason for r in results] == ["error"] * 3 + ["disabled"] * 2
    assert [n.filter_id for n in notices if n.kind == "filter_disabled"] == ["raises"]
    assert not any("secret" in n.text for n in notices)
    assert [r.events[0].payload["frames"] for r in results] == [1, 2, 3, 4, 5]
    assert results[0].events[0].filter_id == "tint"


async def test_a_mask_that_fails_masks(client: Client, astronaut: Pixels) -> None:
    answer = await client.apply(RawPicture.of(astronaut), ["broken_mask"], consent=ALL)
    assert "masked" in answer.degraded
    assert answer.bypassed[0].reason == "error"


async def test_what_a_filter_lacks_is_said_and_how_to_mend_it(client: Client) -> None:
    with pytest.raises(Unimplemented, match="wait for the night"):
        async with client.stream(["moonlit"]):
            pass
    async with client.stream() as stream:
        with pytest.raises(ChainRefused) as refused:
            await stream.set_chain(["tint", "moonlit"])
    assert refused.value.violations[0].field == "set_chain.chain.entries[1]"


async def test_a_filter_that_asks_for_people_is_told_where_they_are(
    client: Client, astronaut: Pixels
) -> None:
    wide = np.hstack((astronaut, np.full_like(astronaut, 90)))
    for picture in (astronaut, wide):
        answer = await client.apply(RawPicture.of(np.ascontiguousarray(picture)), ["backdrop"])
        assert 0.15 < float(str(answer.events[0].payload["share"])) < 0.75


async def test_a_broken_plugin_is_named_when_it_is_asked_for(tools: Toolbox) -> None:
    registry = plugin_registry("explodes")
    server = Server(Settings(port=0, workers=1), replace(tools, registry=registry))
    await server.start()
    async with Client(server.address) as client:
        listed = {info.id: info for info in await client.list_filters()}
        with pytest.raises(OmoteError, match="omote filters list"):
            async with client.stream(["explodes"]):
                pass
    await server.stop()
    assert listed["explodes"].error
    assert "shared object" not in listed["explodes"].error, "that is for the operator"
    assert not listed["tint"].error
