"""What foreign code raises: whose it is, and how it is told of."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from plugins import registry_of

from omote_filters import Appearance, Filter, Need, Scene, Stage
from omote_filters.chain import Applied, Chain
from omote_filters.faults import hand_up, place, quoted, speakable
from omote_filters.words import Bypass, ChainEntry, Consent, Reason


class Interrupted(Filter):
    """Is interrupted while it draws."""

    id, name = "interrupted", "Interrupted"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    def apply(self, scene: Scene) -> None:
        scene.edit()[:] = 0
        raise KeyboardInterrupt


def scene() -> Scene:
    return Scene(np.full((6, 8, 3), 9, np.uint8))


def applied() -> Applied:
    chain = Chain.build([ChainEntry("interrupted")], registry_of(Interrupted))
    return chain.apply(scene(), Consent())


def test_a_command_sees_its_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        applied()


@pytest.fixture
def ignored() -> Iterator[None]:
    """SIGINT as a shell leaves it to what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ignored")
def test_in_the_background_too_where_another_signal_raises_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        applied()


def test_on_a_worker_it_is_the_filters_failure() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(applied).result().bypassed == [Bypass("interrupted", Reason.ERROR)]


async def test_so_it_is_where_an_event_loop_takes_the_signals() -> None:
    await asyncio.sleep(0)
    assert applied().bypassed == [Bypass("interrupted", Reason.ERROR)]


@pytest.mark.parametrize("error", [SystemExit(), GeneratorExit(), MemoryError(), ValueError()])
def test_nothing_else_is_handed_up(error: BaseException) -> None:
    hand_up(error)


def deep(n: int) -> None:
    if n:
        deep(n - 1)
    raise ValueError("landmark 12.5")


def test_a_place_is_told_without_the_text() -> None:
    with pytest.raises(ValueError, match=r"12\.5") as caught:
        deep(20)
    one, three = place(caught.value), place(caught.value, 3)
    assert one.startswith("ValueError at ")
    assert (one.count("test_faults.py"), three.count("test_faults.py")) == (1, 3)
    assert three.startswith(one)
    assert "12.5" not in three
    assert place(OSError()) == "OSError at ?", "it was never raised"


def test_a_quotation_is_one_short_line_that_can_be_written() -> None:
    said = quoted(ValueError("one\ntwo \ud800 " + "x" * 999))
    assert said.startswith("ValueError: one two \\ud800 x")
    assert len(said.encode()) <= 303
    assert speakable("short", 10) == "short"
