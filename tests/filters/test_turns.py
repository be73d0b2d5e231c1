"""A filter's turn in a chain: held to CPU time, kept whole or undone whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
from plugins import registry_of

from omote_filters import Appearance, Filter, FilterSettings, Need, Scene, Stage, slider
from omote_filters.chain import Applied, Chain
from omote_filters.listing import Group, Listing, Part, Plan
from omote_filters.words import Bypass, ChainEntry, Consent, Degradation, Event, Reason
from omote_models.face import Box, Face

ALL = Consent(face_effects=True, demographics=True)


class Watch:
    """CPU time as a filter of these tests spends it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


WATCH = Watch()


class Heavy(Filter):
    """Takes 20 of the 5 milliseconds that it has, and reddens the picture."""

    id, name = "heavy", "Heavy"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()
    budget_ms = 5.0

    def apply(self, scene: Scene) -> None:
        WATCH.now += 0.02
        scene.edit()[..., 0] = 255


class HeavyMask(Heavy):
    """Hides everything, late."""

    id, name = "heavy_mask", "Heavy mask"
    appearance = Appearance.ANONYMISE


class Counts(Filter):
    """Draws how many frames it has seen, and takes long to begin with."""

    id, name = "counts", "Counts"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()
    made: ClassVar[list[Counts]] = []
    warm = False

    def start(self) -> None:
        self.frames = 0
        self.made.append(self)

    def apply(self, scene: Scene) -> None:
        if not Counts.warm:
            WATCH.now += 10.0
            Counts.warm = True
        self.frames += 1
        scene.edit()[:] = self.frames
        scene.emit("frames", count=self.frames)


def picture() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 250, (60, 80, 3), np.uint8)


def scene(*faces: Face) -> Scene:
    return Scene(picture(), faces)


def face(track: str, x: float) -> Face:
    points = np.full((478, 3), x + 5, np.float32)
    points[0, :2], points[1, :2] = (x, 10), (x + 20, 40)
    return Face(track, Box.around(points), points)


def live(*kinds: type[Filter]) -> Chain:
    entries = [ChainEntry(kind.id) for kind in kinds]
    return Chain.build(entries, registry_of(*kinds), clock=WATCH)


# The clock


def test_a_late_frame_keeps_its_drawing_and_only_repeated_lateness_ends_a_filter() -> None:
    late = live(Heavy)
    for frame in range(4):
        drawn = scene()
        applied = late.apply(drawn, ALL)
        assert (drawn.picture[..., 0] == 255).all()
        assert (applied.ran, applied.bypassed) == (["heavy"], [])
        assert applied.disabled == ([Bypass("heavy", Reason.OVERRUN)] if frame == 3 else [])
    after = scene()
    assert late.apply(after, ALL).bypassed == [Bypass("heavy", Reason.DISABLED)]
    np.testing.assert_array_equal(after.picture, picture())


def test_a_late_mask_stays_on_its_frame_and_its_stand_in_takes_over() -> None:
    late = live(HeavyMask)
    degraded = [late.apply(scene(), ALL).degraded for _ in range(5)]
    assert degraded == [*[set()] * 4, {Degradation.MASKED}]


def test_without_a_clock_nobody_is_ever_late() -> None:
    offline = Chain.build([ChainEntry("heavy")], registry_of(Heavy))
    for _ in range(20):
        applied = offline.apply(scene(), ALL)
        assert (applied.ran, applied.disabled) == (["heavy"], [])


def test_lateness_between_many_good_frames_is_forgiven() -> None:
    class Seldom(Heavy):
        """Late on every fortieth frame."""

        id, name = "seldom", "Seldom"
        frames = 0

        def apply(self, scene: Scene) -> None:
            self.frames += 1
            if self.frames % 40 == 0:
                super().apply(scene)

    chain = live(Seldom)
    assert not any(chain.apply(scene(), ALL).disabled for _ in range(400))


def test_what_a_revised_chain_adds_is_held_to_the_same_clock() -> None:
    chain = live().revised([ChainEntry("heavy")], registry_of(Heavy))
    assert [bool(chain.apply(scene(), ALL).disabled) for _ in range(4)] == [*[False] * 3, True]


@pytest.mark.parametrize("started", [True, False])
def test_a_filter_is_warmed_up_and_it_counts_for_nothing(started: bool) -> None:
    Counts.warm, Counts.made = False, []
    chain = live(Counts)
    if started:
        chain.start()
    first = scene()
    applied = chain.apply(first, ALL)
    assert (first.picture == 1).all(), "what the twin remembers is thrown away"
    assert first.emitted == [Event("frames", {"count": 1}, "counts")]
    assert len(Counts.made) == 2
    assert applied.ran == ["counts"]
    assert chain._slots[0].breaker._failures == 0


def test_a_filter_is_warmed_up_once_in_a_process() -> None:
    Counts.warm, Counts.made = False, []
    registry = registry_of(Counts)
    for _ in range(3):
        Chain.build([ChainEntry("counts")], registry, clock=WATCH).start()
    assert len(Counts.made) == 4


def test_offline_nothing_is_warmed_up() -> None:
    Counts.warm, Counts.made = False, []
    Chain.build([ChainEntry("counts")], registry_of(Counts)).start()
    assert len(Counts.made) == 1


def test_a_filter_that_cannot_be_warmed_up_still_runs() -> None:
    class Picky(Filter):
        """Wants large pictures."""

        id, name = "picky", "Picky"
        appearance, stage = Appearance.NOVELTY, Stage.PAINT
        needs = frozenset[Need]()

        def apply(self, scene: Scene) -> None:
            assert scene.width < 100, "the one to warm up on is larger"

    assert live(Picky).apply(scene(), ALL).ran == ["picky"]


# A turn of several groups


@dataclass
class Calls:
    """The groups of a frame, as a pack's layer gives them."""

    given: Sequence[Group]
    settings: FilterSettings = field(default_factory=FilterSettings)
    needs: frozenset[Need] = frozenset()

    def revise(self, settings: FilterSettings) -> None:
        self.settings = settings

    def groups(self, scene: Scene) -> list[Group]:
        return list(self.given)


@dataclass(frozen=True)
class InGroups:
    """A part that is called for each of two faces."""

    filter: Listing
    given: tuple[Group, ...]
    use: None = None

    def plan(self, settings: FilterSettings) -> Plan:
        return Calls(self.given)

    def check(self, settings: FilterSettings) -> None:
        pass


LEFT, RIGHT = face("left", 0), face("right", 50)


class Replaces(Filter):
    """Whitens faces, says so, and fails where it is told to."""

    id, name = "replaces", "Replaces"
    appearance, stage = Appearance.FACE_REPLACE, Stage.PAINT

    class Settings(FilterSettings):
        """Whether it fails."""

        failing: float = slider(0, 0, 1, label="Failing")

    def apply(self, scene: Scene) -> None:
        for each in scene.faces:
            scene.edit(each.box)[:] = 255
            scene.warp.push(each.box.centre, 9, (2, 0))
            scene.emit("replaced", who=each.track_id)
        if self.settings.failing:
            raise RuntimeError("no second face today")


class Paints(Replaces):
    """The same, as paint."""

    id, name = "paints", "Paints"
    appearance = Appearance.NOVELTY

    def apply(self, scene: Scene) -> None:
        for each in scene.faces:
            scene.edit(each.box)[:] = 200
        if self.settings.failing:
            raise GeneratorExit


def grouped(
    kind: type[Replaces], weights: tuple[float, float] = (1, 1), failing: float = 0
) -> Chain:
    """A chain whose one filter is called for the left face, then for the right."""
    settings = (kind.Settings(), kind.Settings(failing=failing))
    hidden = (frozenset({"right"}), frozenset({"left"}))
    groups = tuple(map(Group, settings, hidden, weights))
    registry = registry_of(kind)
    found = registry.find(kind.id)
    assert isinstance(found, Listing)
    part: Part = InGroups(found, groups)
    chain = Chain.build([ChainEntry(kind.id)], registry)
    chain._slots[0].plan = part.plan(kind.Settings())
    return chain


def ran(chain: Chain) -> tuple[Scene, Applied]:
    drawn = scene(LEFT, RIGHT)
    return drawn, chain.apply(drawn, ALL)


def test_a_turn_is_undone_whole() -> None:
    drawn, applied = ran(grouped(Replaces, failing=1))
    assert applied.bypassed == [Bypass("replaces", Reason.ERROR)]
    np.testing.assert_array_equal(drawn.picture, picture())
    assert not drawn.emitted
    assert not drawn.touched
    assert not applied.altered
    assert drawn.faces[0].box == LEFT.box, "nothing is bent either"


def test_what_earlier_filters_did_is_left() -> None:
    chain = Chain.build(
        [ChainEntry("replaces"), ChainEntry("paints", {"failing": 1.0})],
        registry_of(Replaces, Paints),
    )
    drawn, applied = ran(chain)
    assert applied.ran == ["replaces"]
    assert applied.altered, "it keeps its mark"
    assert len(drawn.emitted) == 2
    assert (drawn.picture[drawn.rect(Box(2, 12, 16, 20)).slices] == 255).mean() > 0.5


def test_a_turn_that_is_kept_is_marked_and_speaks() -> None:
    drawn, applied = ran(grouped(Replaces))
    assert (applied.ran, applied.altered) == (["replaces"], True)
    assert [event.payload["who"] for event in drawn.emitted] == ["left", "right"]


def test_a_group_that_fades_in_leaves_the_first_groups_drawing() -> None:
    """Where the two overlap, too: half of 200 over 200 is 200."""
    drawn = scene(LEFT, face("right", 12))
    grouped(Paints, weights=(1, 0.5)).apply(drawn, ALL)
    left, right = (drawn.rect(each.box) for each in drawn.faces)
    assert left.meets(right)
    assert (drawn.picture[left.slices] == 200).all()
    alone = (slice(right.top, right.bottom), slice(left.right, right.right))
    mixed = picture()[alone] * 0.5 + 100
    assert np.abs(drawn.picture[alone] - mixed).max() <= 1


def test_softening_leaves_what_lies_between_two_areas() -> None:
    class Corners(Filter):
        """Draws in two corners."""

        id, name = "corners", "Corners"
        appearance, stage = Appearance.NOVELTY, Stage.PAINT
        needs = frozenset[Need]()

        def apply(self, scene: Scene) -> None:
            scene.edit(Box(0, 0, 5, 5))[:] = 0
            scene.edit(Box(70, 50, 5, 5))[:] = 0

    drawn = scene()
    turn = drawn.begin()
    turn.call(frozenset())
    Corners().apply(drawn)
    turn.soften(0.3)
    turn.keep()
    np.testing.assert_array_equal(drawn.picture[10:50], picture()[10:50])
    turn = drawn.begin()
    turn.call(frozenset())
    turn.soften(0.0)
    turn.undo()


# Faults that are no Exception, and what a plugin breaks


class Odd(BaseException):
    """Neither an error nor an exit."""


FAULTS: list[Callable[[], BaseException]] = [
    SystemExit,
    GeneratorExit,
    MemoryError,
    RecursionError,
    lambda: Odd("landmark 12.5"),
    lambda: BaseExceptionGroup("several", [Odd(), ValueError()]),
]


@pytest.mark.parametrize("verb", ["__init__", "start", "apply", "stop"])
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_filter_raises_is_its_own_failure(
    fault: Callable[[], BaseException], verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise fault()

    class Faulty(Filter):
        """Fails."""

        id, name = "faulty", "Faulty"
        appearance, stage = Appearance.NOVELTY, Stage.PAINT
        needs = frozenset[Need]()

        def apply(self, scene: Scene) -> None:
            scene.edit()[:] = 0

    setattr(Faulty, verb, fail)
    for clock in (None, WATCH):
        chain = Chain.build([ChainEntry("faulty")], registry_of(Faulty), clock=clock)
        chain.start()
        for _ in range(4):
            drawn = scene()
            applied = chain.apply(drawn, ALL)
            if verb != "stop":
                assert not applied.ran
                np.testing.assert_array_equal(drawn.picture, picture())
        chain.stop()
    assert "12.5" not in caplog.text
