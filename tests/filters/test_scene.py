"""What a filter can do to a scene, and what it cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from plugins import registry_of

from omote_filters import Appearance, Filter, Need, Scene, Stage
from omote_filters.chain import Chain
from omote_filters.scene import MOST_EDITS
from omote_filters.speech import MOST_BYTES, MOST_EVENTS
from omote_filters.warp import MOST_WARPS
from omote_filters.words import Bypass, ChainEntry, Consent, Degradation, Event, Reason
from omote_models.face import Box, Face

ALL = Consent(face_effects=True, demographics=True)
Deed = Callable[[Scene], object]


class Does(Filter):
    """Does what a test asks for, after it has drawn."""

    id, name = "does", "Does"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()
    deed: Deed = staticmethod(lambda scene: None)

    def apply(self, scene: Scene) -> None:
        scene.edit()[:] = 7
        type(self).deed(scene)


class Hides(Does):
    """Does the same where somebody should be hidden."""

    id, name = "hides", "Hides"
    appearance = Appearance.ANONYMISE


class Last(Filter):
    """Draws one corner."""

    id, name = "last", "Last"
    appearance, stage = Appearance.NOVELTY, Stage.GRADE
    needs = frozenset[Need]()

    def apply(self, scene: Scene) -> None:
        scene.edit(Box(0, 0, 4, 4))[:] = 255
        scene.emit("done")


def scene() -> Scene:
    pixels = np.random.default_rng(3).integers(0, 250, (60, 80, 3), np.uint8)
    face = Face("a", Box(10, 10, 30, 30), np.full((478, 3), 20, np.float32))
    return Scene(pixels, [face], person=np.zeros((6, 8), np.uint8))


def bypassed(monkeypatch: pytest.MonkeyPatch, deed: Deed) -> list[Bypass]:
    """Whom a chain passes over when a filter does that; the frame must come out sound."""
    monkeypatch.setattr(Does, "deed", staticmethod(deed))
    chain = Chain.build([ChainEntry("does"), ChainEntry("last")], registry_of(Does, Last))
    drawn, before = scene(), scene()
    applied = chain.apply(drawn, ALL)
    assert "last" in applied.ran
    assert drawn.emitted[-1] == Event("done", {}, "last")
    if applied.bypassed:
        np.testing.assert_array_equal(drawn.picture[4:], before.picture[4:])
        assert len(drawn.emitted) == 1
    return applied.bypassed


def replaced(name: str) -> Deed:
    return lambda scene: setattr(scene, name, None)


def deleted(name: str) -> Deed:
    return lambda scene: delattr(scene, name)


def unlock_person(scene: Scene) -> None:
    assert scene.person is not None
    scene.person.flags.writeable = True


def unlock_picture(scene: Scene) -> None:
    scene.picture.flags.writeable = True


def bend_everywhere(scene: Scene) -> None:
    for _ in range(MOST_WARPS + 1):
        scene.warp.push((9, 9), 5, (1, 1))


def said(name: Any, times: int = 1, **payload: Any) -> Deed:
    def say(scene: Scene) -> None:
        for _ in range(times):
            scene.emit(name, **payload)

    return say


NAMES = ("warp", "picture", "time", "elapsed", "events", "faces", "person", "touched", "emitted")
DEEDS: list[Deed] = [
    *map(replaced, (*NAMES, "something_new")),
    *map(deleted, NAMES),
    lambda scene: scene.picture.fill(0),
    unlock_picture,
    unlock_person,
    lambda scene: scene.begin(),
    lambda scene: scene.settle(),
    lambda scene: [scene.edit(Box(0, 0, 1, 1)) for _ in range(MOST_EDITS + 1)],
    bend_everywhere,
]


@pytest.mark.parametrize("deed", DEEDS)
def test_what_a_filter_may_not_do_is_its_failure(
    monkeypatch: pytest.MonkeyPatch, deed: Deed
) -> None:
    assert bypassed(monkeypatch, deed) == [Bypass("does", Reason.ERROR)]


def test_lists_that_are_handed_out_are_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    def clear(scene: Scene) -> None:
        scene.emitted.append(Event("x"))
        scene.touched.clear()

    assert bypassed(monkeypatch, clear) == []


@pytest.mark.parametrize("wild", [1e300, -1e300, 1e-300, math.nan, math.inf, -math.inf])
def test_warps_out_of_all_bounds_bend_nothing(monkeypatch: pytest.MonkeyPatch, wild: float) -> None:
    def bend(scene: Scene) -> None:
        for numbers in ((wild, 5, 5), (5, wild, 5), (5, 5, wild)):
            x, radius, shift = numbers
            scene.warp.push((x, 5), radius, (shift, 1))
            scene.warp.magnify((x, 5), (radius, 9), shift, wild)

    assert bypassed(monkeypatch, bend) == []


def test_a_view_that_was_kept_cannot_be_drawn_on_later() -> None:
    kept: list[np.ndarray] = []

    class Keeps(Filter):
        """Draws on what it was given before."""

        id, name = "keeps", "Keeps"
        appearance, stage = Appearance.NOVELTY, Stage.PAINT
        needs = frozenset[Need]()

        def apply(self, scene: Scene) -> None:
            for view in kept:
                view[:] = 9
            kept.append(scene.edit())

    chain = Chain.build([ChainEntry("keeps")], registry_of(Keeps))
    first = scene()
    assert chain.apply(first, ALL).ran == ["keeps"]
    assert chain.apply(scene(), ALL).bypassed == [Bypass("keeps", Reason.ERROR)]
    assert not (first.picture == 9).all()


def test_a_mask_that_breaks_its_scene_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Does, "deed", staticmethod(replaced("warp")))
    masked = scene()
    applied = Chain.build([ChainEntry("hides")], registry_of(Hides)).apply(masked, ALL)
    assert Degradation.MASKED in applied.degraded
    assert len(np.unique(masked.picture.reshape(-1, 3), axis=0)) <= 48


def test_what_is_withheld_goes_out_as_it_came_or_hidden() -> None:
    plain, hiding = (
        Chain.build([ChainEntry(kind.id)], registry_of(kind)) for kind in (Does, Hides)
    )
    one, other = scene(), scene()
    assert plain.withhold(one).bypassed == [Bypass("does", Reason.ERROR)]
    np.testing.assert_array_equal(one.picture, scene().picture)
    assert not one.touched
    assert hiding.withhold(other).degraded == {Degradation.MASKED}
    assert len(np.unique(other.picture.reshape(-1, 3), axis=0)) <= 48


# What is said


class Sly(str):
    def __str__(self) -> str:
        raise RuntimeError("not now")


SAID: list[Deed] = [
    said(""),
    said("x" * 65),
    said(7),
    said("\ud800"),
    said("x", text="\udfff"),
    said("x", **{"\ud800": 1}),
    said("x", **{"": 1}),
    said("x", text="y" * 1_000_000),
    said("x", nested={"a": 1}),
    said("x", listed=[1]),
    said("x", nothing=None),
    said("x", number=math.nan),
    said("x", number=-math.inf),
    said("x", number=10**400),
    said("x", **{f"k{n}": n for n in range(MOST_BYTES // 8)}),
    said("x", times=200_000),
    said("x", times=20, text="y" * 900),
]


@pytest.mark.parametrize("deed", SAID)
def test_what_no_wire_can_carry_is_refused_when_it_is_said(
    monkeypatch: pytest.MonkeyPatch, deed: Deed
) -> None:
    assert bypassed(monkeypatch, deed) == [Bypass("does", Reason.ERROR)]


def test_what_is_said_is_plain() -> None:
    told = scene()
    told.emit("score", points=np.float64(2.5), flag=True, count=3, who=Sly("me"))
    (event,) = told.emitted
    assert event.payload == {"points": 2.5, "flag": True, "count": 3, "who": "me"}
    assert [type(value) for value in event.payload.values()] == [float, bool, int, str]


def test_every_filter_may_say_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bypassed(monkeypatch, said("x", times=MOST_EVENTS, text="y" * 100)) == []
