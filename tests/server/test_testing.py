"""What plugin and app authors test with: their pages' examples, and every fault it can show."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from omote_client import (
    Client,
    Consent,
    Delivery,
    InvalidRequest,
    Reconnect,
    ServerError,
    ServerFull,
    ServerUnavailable,
    SessionLost,
    Unauthenticated,
)
from omote_filters import Appearance, Filter, Scene, Stage
from omote_filters.words import Event
from omote_server import testing
from omote_server.errors import Busy, Leaving
from omote_server.errors import InvalidRequest as Refused
from omote_server.frames.job import Job
from omote_server.messages import Limits, Result

DOCS = Path(__file__).parents[2] / "docs"
QUICK = Reconnect(attempts=50, first_delay=0.01, max_delay=0.05)


def examples(page: str) -> Iterator[str]:
    """The Python blocks of a page."""
    yield from re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def shown_on(page: str) -> dict[str, Callable[[], Any]]:
    """The tests that stand on a page."""
    found: dict[str, Any] = {}
    for example in examples(page):
        if "def test_" in example:
            exec(example, found)  # noqa: S102 - our own page
    return {name: test for name, test in found.items() if name.startswith("test_")}


def test_the_test_of_a_filter_that_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("my_package")
    monkeypatch.setitem(sys.modules, "my_package", package)
    package.__dict__["__name__"] = "my_package"
    exec(next(examples("writing-filters.md")), package.__dict__)  # noqa: S102 - our own page
    tests = shown_on("writing-filters.md")

    assert tests
    for test in tests.values():
        test()


async def test_the_test_of_an_app_that_the_page_shows() -> None:
    tests = shown_on("client-python.md")

    assert tests
    for test in tests.values():
        assert inspect.iscoroutinefunction(test)
        await test()


class Breaks(Filter):
    """Always fails."""

    id, name, appearance, stage = "breaks", "Breaks", Appearance.NOVELTY, Stage.GRADE

    def apply(self, scene: Scene) -> None:
        raise ValueError("on purpose")


def test_a_filter_that_fails_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"breaks.*error"):
        testing.drawn(Breaks, np.zeros((480, 640, 3), np.uint8), [testing.face()])


def test_the_face_is_where_it_is_asked_for() -> None:
    face = testing.face(200, (300, 200), age=30, jawOpen=0.9)

    assert face.landmarks.shape == (478, 3)
    assert np.ptp(face.landmarks[:468, 0]) == pytest.approx(200, abs=0.1)
    assert face.box.centre == pytest.approx((300, 200), abs=1)
    assert face.landmarks[10, 1] < face.landmarks[152, 1]  # the forehead above the chin
    assert face.landmarks[33, 0] < face.landmarks[263, 0]  # its right eye on our left
    assert face.attributes.age.value == 30
    assert face.blendshape("jawOpen") == pytest.approx(0.9)
    assert face.blendshape("mouthSmileLeft") == 0


@pytest.mark.parametrize("filter_id", ["lipstick", "pixelate_face", "big_eyes", "vignette"])
def test_installed_filters_are_drawn_by_their_id(filter_id: str) -> None:
    picture = np.random.default_rng(1).integers(60, 190, (480, 640, 3), np.uint8)
    drawn = testing.drawn(filter_id, picture, [testing.face(age=30)], frames=3)
    assert (drawn != picture).any()


async def test_frames_events_and_chains_come_through_the_real_wire() -> None:
    def answer(job: Job) -> Result:
        result = testing.echo(job)
        result.events = [Event("heard", {"names": [each.name for each in job.events]})]
        return result

    async with (
        testing.server(answer) as server,
        Client(server.address) as client,
        client.stream("vignette", consent=Consent(face_effects=True)) as stream,
    ):
        await stream.send_event("goal")
        await stream.send(b"jpeg")
        first = await anext(stream)
        await stream.set_chain(["film_look", ("vignette", {"amount": 0.4})])
        await stream.send(b"jpeg")
        second = await anext(stream)
        with pytest.raises(InvalidRequest, match="nonsense"):
            await stream.set_chain("nonsense")
        assert server.sessions == server.engine.seats == 1

    assert first.picture is not None
    assert (first.picture.data, first.applied) == (b"jpeg", ("vignette",))
    assert [(each.name, each.payload) for each in first.events] == [("heard", {"names": ["goal"]})]
    assert second.applied == ("film_look", "vignette")
    assert [job.consent.face_effects for job in server.engine.jobs] == [True, True]
    assert (server.sessions, server.engine.seats) == (0, 0)


async def test_only_the_filters_that_are_given() -> None:
    async with (
        testing.server(filters=[Breaks]) as server,
        Client(server.address) as client,
        client.stream("breaks"),
    ):
        with pytest.raises(InvalidRequest, match="vignette"):
            await client.apply(b"jpeg", "vignette")


async def test_faults_by_the_frame() -> None:
    refused: list[int | None] = []
    async with (
        testing.server() as server,
        Client(server.address) as client,
        client.stream(
            "vignette",
            delivery=Delivery.EVERY,
            reconnect=QUICK,
            on_notice=lambda notice: refused.append(notice.sequence),
        ) as stream,
    ):
        server.engine.faults = {
            2: Refused.at("picture.data", "is damaged"),
            3: Leaving("the cable is cut"),
            5: RuntimeError("a bug"),
        }
        for _ in range(5):
            await stream.send(b"jpeg")
        assert [(await anext(stream)).sequence for _ in range(3)] == [1, 3, 4]
        with pytest.raises(ServerError) as caught:
            await anext(stream)

    assert caught.value.reference
    assert 2 in refused
    assert stream.reconnects == 1


async def test_a_full_server_and_one_that_comes_back() -> None:
    async with testing.server() as server, Client(server.address) as client:
        server.engine.refusals = [Busy("all seats are taken", 0.01)]
        with pytest.raises(ServerFull, match="all seats") as caught:
            async with client.stream("vignette", reconnect=None):
                pass
        assert caught.value.retry_after == 0.01

        async with client.stream("vignette", delivery=Delivery.EVERY, reconnect=QUICK) as stream:
            server.engine.gate.clear()
            sequence = await stream.send(b"jpeg")
            await server.stop()
            server.engine.gate.set()
            await server.start()
            assert (await anext(stream)).sequence == sequence
            assert stream.reconnects == 1


async def test_a_server_that_goes_away_answers_what_it_has() -> None:
    async with testing.server() as server, Client(server.address) as client:
        server.engine.gate.clear()
        async with client.stream("vignette", delivery=Delivery.EVERY, reconnect=None) as stream:
            await stream.send(b"jpeg")
            going = asyncio.create_task(server.go_away())
            await asyncio.sleep(0)
            server.engine.gate.set()
            assert (await anext(stream)).sequence == 1
            with pytest.raises((SessionLost, ServerUnavailable), match="going away"):
                await anext(stream)
        await going


async def test_limits_and_tokens_hold() -> None:
    async with testing.server(limits=Limits(max_sessions=1), token="secret") as server:
        async with Client(server.address) as stranger:
            with pytest.raises(Unauthenticated):
                await stranger.server_info()
        async with Client(server.address, token="secret") as client:
            async with client.stream("vignette"):
                with pytest.raises(ServerFull):
                    async with client.stream("vignette", reconnect=None):
                        pass
            assert (await client.server_info()).limits.max_sessions == 1
