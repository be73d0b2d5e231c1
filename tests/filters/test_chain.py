import logging

import numpy as np
import pytest
from plugins import Tint, plugin_registry

from omote_filters.chain import Chain
from omote_filters.scene import Scene
from omote_filters.words import (
    Bypass,
    ChainEntry,
    ChainError,
    Consent,
    Degradation,
    Event,
    Need,
    Reason,
)
from omote_models.face import Attributes, Box, Estimate, Face

ALL = Consent(face_effects=True, demographics=True)
REGISTRY = plugin_registry()


def chain(*ids: str) -> Chain:
    return Chain.build([ChainEntry(i) for i in ids], REGISTRY)


def face(track: str = "a", x: float = 10, age: float | None = None) -> Face:
    points = np.full((478, 3), 20, np.float32)
    points[0, :2], points[1, :2] = (x, 10), (x + 20, 40)
    estimate = Estimate(age) if age is not None else Estimate[float]()
    return Face(track, Box.around(points), points, attributes=Attributes(age=estimate))


def scene(*faces: Face) -> Scene:
    picture = np.random.default_rng(3).integers(0, 250, (60, 80, 3), np.uint8)
    return Scene(np.ascontiguousarray(picture), faces, events=[Event("goal")])


def test_filters_run_by_stage_whatever_the_order() -> None:
    assert chain("tint", "slimmer").apply(scene(face()), ALL).ran == ["slimmer", "tint"]


def test_a_filter_that_raises_is_undone_and_then_switched_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing = chain("raises")
    with caplog.at_level(logging.DEBUG):
        for frame in range(4):
            before = scene()
            original = before.picture.copy()
            applied = failing.apply(before, ALL)
            np.testing.assert_array_equal(before.picture, original)
            assert not before.touched
            reason = Reason.ERROR if frame < 3 else Reason.DISABLED
            assert applied.bypassed == [Bypass("raises", reason)]
            assert bool(applied.disabled) == (frame == 2), "said once"
    assert "RuntimeError at" in caplog.text
    assert "secret" not in caplog.text


def test_the_others_go_on() -> None:
    applied = chain("raises", "tint").apply(scene(), ALL)
    assert applied.ran == ["tint"]


def test_an_anonymise_filter_that_fails_masks() -> None:
    masked = scene(face())
    box = masked.rect(face().box)
    applied = chain("broken_mask").apply(masked, ALL)
    assert Degradation.MASKED in applied.degraded
    crop = masked.picture[box.slices].reshape(-1, 3)
    assert (crop == crop[0]).all(), "nothing of the face is left"


def test_a_face_that_was_just_lost_stays_masked() -> None:
    failing = chain("broken_mask")
    failing.apply(scene(face()), ALL)
    lost = Scene(scene().picture.copy(), time=0.5)
    box = lost.rect(face().box)
    failing.apply(lost, ALL)
    crop = lost.picture[box.slices].reshape(-1, 3)
    assert (crop == crop[0]).all()


def test_a_whole_frame_anonymiser_that_fails_masks_the_frame() -> None:
    masked = scene()
    applied = chain("broken_veil").apply(masked, ALL)
    assert Degradation.MASKED in applied.degraded
    assert len(np.unique(masked.picture.reshape(-1, 3), axis=0)) <= 48


@pytest.mark.parametrize("filter_id", ["stillborn", "exits", "huge_event"])
def test_a_filter_may_fail_in_any_way(filter_id: str) -> None:
    running = chain(filter_id, "tint")
    running.start()
    for _ in range(4):
        assert running.apply(scene(), ALL).ran == ["tint"]


def test_an_anonymise_filter_without_consent_masks_everything() -> None:
    masked = scene()
    chain("broken_mask").apply(masked, Consent())
    assert len(np.unique(masked.picture.reshape(-1, 3), axis=0)) <= 48


def test_writing_to_the_read_only_picture_fails() -> None:
    applied = chain("sneaky").apply(scene(), ALL)
    assert applied.bypassed == [Bypass("sneaky", Reason.ERROR)]


def test_beautify_is_not_applied_to_a_minor_but_to_others_beside_them() -> None:
    child, adult, unknown = face("c", 0, age=9), face("a", 25, age=30), face("u", 50)
    both = scene(child, adult, unknown)
    original = both.picture.copy()
    applied = chain("slimmer").apply(both, ALL)
    assert applied.ran == ["slimmer"]
    assert applied.bypassed == [Bypass("slimmer", Reason.MINOR)]
    left, right = both.rect(child.box), both.rect(adult.box)
    only_child = (slice(left.top, left.bottom), slice(left.left, right.left))
    np.testing.assert_array_equal(both.picture[only_child], original[only_child])
    assert (both.picture[right.slices] == 255).all()
    assert (both.picture[both.rect(unknown.box).slices] == 255).all()


def test_events_of_filters_carry_their_id() -> None:
    told = scene()
    chain("tint").apply(told, ALL)
    assert told.emitted == [Event("tinted", {"frames": 1}, "tint")]


def test_a_revised_chain_keeps_the_state_of_filters_that_stay() -> None:
    first = chain("tint", "sneaky")
    first.apply(scene(), ALL)
    entries = [ChainEntry("raises"), ChainEntry("tint", {"strength": 1.0})]
    told = scene()
    first.revised(entries, REGISTRY).apply(told, ALL)
    (event,) = told.emitted
    assert event.payload == {"frames": 2}


def test_filters_are_started_once_and_stopped() -> None:
    running = chain("tint")
    running.start()
    tint = running._slots[0].filter
    assert isinstance(tint, Tint)
    running.apply(scene(), ALL)
    running.apply(scene(), ALL)
    running.revised([], REGISTRY)
    assert tint.log == ["start", "stop"]


def test_needs_are_the_union() -> None:
    assert chain("tint").needs == frozenset()
    assert chain("broken_mask").needs == {Need.MESH}


def test_what_is_not_for_minors_needs_the_age() -> None:
    assert chain("tint", "slimmer").needs == {Need.MESH, Need.AGE}


def test_a_minor_alone_is_left_alone() -> None:
    applied = chain("slimmer").apply(scene(face(age=9)), ALL)
    assert applied.ran == []
    assert applied.bypassed == [Bypass("slimmer", Reason.MINOR)]


def test_every_problem_of_a_chain_is_said_at_once() -> None:
    entries = [
        ChainEntry("tnit"),
        ChainEntry("tint", {"strength": 2.0, "colour": "red", "loud": True}),
    ]
    with pytest.raises(ChainError) as caught:
        Chain.build(entries, REGISTRY)
    fields = [violation.field for violation in caught.value.violations]
    assert fields == [
        "entries[0].filter_id",
        "entries[1].settings.strength",
        "entries[1].settings.colour",
        "entries[1].settings.loud",
    ]
    assert "did you mean 'tint'?" in str(caught.value)
