"""Third-party filters inside a real server: their failures stay theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from plugins import Tint, plugin_registry, registry_of

from omote_client import (
    ChainRefused,
    Client,
    Consent,
    Delivery,
    Notice,
    OmoteError,
    Output,
    PictureFormat,
    RawPicture,
    Unimplemented,
)
from omote_filters import Appearance, Filter, Need, Scene, Stage
from omote_server.frames.job import Toolbox
from omote_server.frames.steps import Encode
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


class Busy(Filter):
    """Takes more than a microsecond, which is all that it has."""

    id, name = "busy", "Busy"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()
    budget_ms = 0.001

    def apply(self, scene: Scene) -> None:
        scene.edit()[:] = len(list(range(50_000))) % 251


async def test_a_late_filter_keeps_its_frames_and_is_switched_off_only_live(
    tools: Toolbox, carphone: list[Pixels]
) -> None:
    notices: list[Notice] = []
    frames = [RawPicture.of(frame) for frame in carphone[:6]]
    async with serving(tools, Busy) as client:
        opened = client.stream(["busy"], delivery=Delivery.EVERY, on_notice=notices.append)
        async with opened as stream:
            results = [result async for result in stream.process(frames, fps=30)]
        assert [r.applied for r in results] == [("busy",)] * 4 + [()] * 2
        assert [r.bypassed[0].reason for r in results[4:]] == ["disabled"] * 2
        (off,) = [notice for notice in notices if notice.kind == "filter_disabled"]
        assert "CPU time" in off.text
        for _ in range(5):
            answer = await client.apply(frames[0], ["busy"])
            assert answer.applied == ("busy",)


class Interrupts(Filter):
    """Tries to end the server as Ctrl+C would."""

    id, name = "interrupts", "Interrupts"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    def start(self) -> None:
        raise KeyboardInterrupt

    def apply(self, scene: Scene) -> None:
        raise KeyboardInterrupt


class Poisons(Filter):
    """Breaks the scene for whoever comes after, where nothing keeps it from that."""

    id, name = "poisons", "Poisons"
    appearance, stage = Appearance.NOVELTY, Stage.BACKGROUND
    needs = frozenset[Need]()
    places: ClassVar[tuple[str, ...]] = ()

    def apply(self, scene: Scene) -> None:
        scene.edit()[:] = 0
        for place in self.places:
            setattr(scene, place, None)


class PoisonousMask(Poisons):
    """Does it where somebody should be hidden."""

    id, name = "poisonous_mask", "Poisonous mask"
    appearance = Appearance.ANONYMISE


@asynccontextmanager
async def serving(tools: Toolbox, *kinds: type[Filter]) -> AsyncIterator[Client]:
    server = Server(Settings(port=0, workers=1), replace(tools, registry=registry_of(*kinds)))
    await server.start()
    try:
        async with Client(server.address) as connected:
            yield connected
    finally:
        await server.stop()


async def test_a_filter_that_interrupts_ends_neither_server_nor_stream(
    tools: Toolbox, carphone: list[Pixels]
) -> None:
    frames = [RawPicture.of(frame) for frame in carphone[:5]]
    async with serving(tools, Interrupts, Tint) as client:
        for _ in range(2):
            async with client.stream(["interrupts", "tint"], delivery=Delivery.EVERY) as stream:
                results = [result async for result in stream.process(frames, fps=30)]
            assert [r.applied for r in results] == [("tint",)] * 5
        answer = await client.apply(frames[0], ["interrupts"])
        assert answer.bypassed[0].reason == "error"


@pytest.mark.parametrize(
    "places",
    [
        ("_warp",),
        ("_touched",),
        ("_speech",),
        ("_faces",),
        ("_turn",),
        ("_picture",),
        ("_view",),
        ("_turn", "_warp", "_picture"),
    ],
)
async def test_whatever_a_plugin_leaves_broken_its_frame_comes_back(
    tools: Toolbox,
    astronaut: Pixels,
    monkeypatch: pytest.MonkeyPatch,
    places: tuple[str, ...],
) -> None:
    """As it came or as it was drawn, hidden where somebody should be, and the stream goes on."""
    monkeypatch.setattr(Poisons, "places", places)
    raw = Output(format=PictureFormat.RGB)
    frames = [RawPicture.of(astronaut)] * 2
    async with serving(tools, Poisons, PoisonousMask) as client:
        for chain in ("poisons", "poisonous_mask"):
            opened = client.stream([chain], consent=ALL, output=raw, delivery=Delivery.EVERY)
            async with opened as stream:
                results = [result async for result in stream.process(frames, fps=30)]
            assert len(results) == 2
            for result in results:
                assert result.picture is not None
                pixels = np.frombuffer(result.picture.data, np.uint8).reshape(astronaut.shape)
                if chain == "poisons":
                    assert np.array_equal(pixels, astronaut) or not pixels.any()
                else:
                    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) <= 48, "nobody shows"


async def test_a_listing_survives_whatever_its_plugins_do(tools: Toolbox) -> None:
    def fail(cls: type[Filter]) -> Any:
        raise GeneratorExit

    class Previews(Tint):
        """Cannot show itself."""

        id = "previews"
        preview = classmethod(fail)

    class Lacks(Tint):
        """Cannot say what it lacks."""

        id = "lacks"
        lack = classmethod(fail)

    async with serving(tools, Previews, Lacks, Tint) as client:
        listed = {info.id: info for info in await client.list_filters(previews=True)}
        assert listed["lacks"].error
        assert not listed["previews"].error
        assert not listed["tint"].error


async def test_an_internal_error_is_logged_by_its_place_alone(
    tools: Toolbox,
    astronaut: Pixels,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("landmark 123.456")

    async with serving(tools, Tint) as client:
        monkeypatch.setattr(Encode, "run", fail)
        with pytest.raises(OmoteError, match="inside the server") as told:
            await client.apply(RawPicture.of(astronaut), ["tint"])
    assert "123.456" not in caplog.text + str(told.value)
    assert "ValueError at" in caplog.text
    assert "test_plugins.py" in caplog.text


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
