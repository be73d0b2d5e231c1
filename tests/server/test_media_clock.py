"""The clock between a file and what is made of it: lists of times in, lists of times out."""

from __future__ import annotations

import pytest

from omote_server.media.clock import Clock, Follower

STEP = 0.04


def told(times: list[float | None], start: float | None = None) -> list[float]:
    clock = Clock(STEP, start)
    return [round(clock.picture(time), 6) for time in times]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 0.04, 0.08], [0.0, 0.04, 0.08]),
        # The start is taken off.
        ([36001.4, 36001.44, 36001.48], [0.0, 0.04, 0.08]),
        ([-0.08, -0.04, 0.0], [0.0, 0.04, 0.08]),
        # A variable rate is kept; a still of nine seconds is one.
        ([0.0, 0.1, 0.12, 9.0, 9.01], [0.0, 0.1, 0.12, 9.0, 9.01]),
        # Back, or twice the same: on with the last step.
        ([5.0, 5.1, 5.2, 1.0, 1.1], [0.0, 0.1, 0.2, 0.3, 0.4]),
        ([0.0, 0.1, 0.1, 0.2], [0.0, 0.1, 0.2, 0.3]),
        ([1.0, 1.0, 1.0], [0.0, 0.04, 0.08]),
        # Forward by more than ten seconds.
        ([0.0, 0.1, 3600.0, 3600.1], [0.0, 0.1, 0.2, 0.3]),
        # The 33 bits of a transport stream begin again.
        ([95443.6, 95443.7, 0.02, 0.12], [0.0, 0.1, 0.2, 0.3]),
        # Frames without a time, from the first on, or between others.
        ([None, None, None], [0.0, 0.04, 0.08]),
        ([0.0, 0.1, None, 0.3], [0.0, 0.1, 0.2, 0.3]),
        ([None, None, 7.0, 7.1], [0.0, 0.04, 0.08, 0.18]),
    ],
)
def test_pictures(times: list[float | None], expected: list[float]) -> None:
    assert told(times) == expected


def test_sound_that_begins_first_keeps_its_lead() -> None:
    assert told([102.0, 102.04], start=100.0) == [2.0, 2.04]


def test_a_beginning_long_before_the_first_picture_is_none() -> None:
    assert told([36000.0, 36000.04], start=0.0) == [0.0, 0.04]


def test_jumps_are_counted() -> None:
    clock = Clock(STEP)
    for time in (0.0, 0.04, 100.0, 50.0):
        clock.picture(time)
    assert clock.jumps == 2


def test_sound_moves_by_the_offset_of_the_pictures() -> None:
    clock = Clock(STEP)
    sound = Follower(clock)
    clock.picture(50.0)
    assert sound.shift(50.0, 0.5) == -50.0
    clock.picture(50.5)
    assert sound.shift(50.5, 0.5) == -50.0
    # Behind the jump, and read before the picture that makes it: it waits.
    assert sound.shift(10.0, 0.5) is None
    clock.picture(10.0)
    assert sound.shift(10.0, 0.5) == pytest.approx(-9.0)
    assert sound.shift(10.5, 0.5) == pytest.approx(-9.0)


def test_sound_from_before_a_jump_keeps_its_place() -> None:
    clock = Clock(STEP)
    sound = Follower(clock)
    for time in (50.0, 50.5, 10.0):
        clock.picture(time)
    assert sound.shift(50.0, 0.5) == -50.0
    assert sound.shift(50.5, 0.5) == -50.0
    assert sound.shift(10.0, 0.5) == pytest.approx(-9.0)


def test_sound_before_the_first_picture_waits() -> None:
    clock = Clock(STEP)
    sound = Follower(clock)
    assert sound.shift(7.9, 0.02) is None
    clock.picture(8.0)
    assert sound.shift(7.9, 0.02) == -8.0


def test_sound_that_jumps_alone_goes_on_where_it_was() -> None:
    clock = Clock(STEP)
    sound = Follower(clock)
    clock.picture(0.0)
    assert sound.shift(0.0, 1.0) == 0.0
    assert sound.shift(500.0, 1.0) is None
    assert 500.0 + sound.shift_alone(500.0, 1.0) == 1.0
    assert 501.0 + sound.shift_alone(501.0, 1.0) == 2.0


def test_a_long_still_with_sound_beside_it_is_no_jump() -> None:
    clock = Clock(STEP)
    sound = Follower(clock)
    clock.picture(0.0)
    for second in range(30):
        assert sound.shift(float(second), 1.0) == 0.0
    assert clock.picture(30.0) == 30.0
    assert clock.jumps == 0


def test_sound_that_is_silent_for_long_comes_back_with_the_pictures() -> None:
    clock = Clock(STEP)
    sound = Follower(clock)
    clock.picture(0.0)
    assert sound.shift(0.0, 1.0) == 0.0
    for second in range(1, 60):
        clock.picture(float(second))
    assert sound.shift(59.5, 1.0) == 0.0
