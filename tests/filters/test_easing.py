"""Springs: no overshoot, the same at every frame rate."""

from __future__ import annotations

import pytest

from omote_filters.draw.easing import Spring, smoothstep


def test_a_spring_arrives_without_overshoot() -> None:
    spring = Spring(response=0.3)
    path = [spring.follow(1.0, 1 / 30) for _ in range(60)]
    assert path == sorted(path)
    assert path[8] == pytest.approx(0.9, abs=0.03)
    assert 0.999 < path[-1] <= 1.0


@pytest.mark.parametrize("steps", [1, 3, 30, 120])
def test_a_spring_is_the_same_at_every_frame_rate(steps: int) -> None:
    spring, reference = Spring(0.2, 5.0, 0.4), Spring(0.2, 5.0, 0.4)
    reference.follow(1.0, 0.5)
    for _ in range(steps):
        spring.follow(1.0, 0.5 / steps)
    assert spring.value == pytest.approx(reference.value)
    assert spring.velocity == pytest.approx(reference.velocity)


def test_a_spring_ignores_time_that_runs_backwards() -> None:
    spring = Spring(0.5)
    assert spring.follow(1.0, -3.0) == 0.5


def test_smoothstep_is_clamped() -> None:
    assert [smoothstep(x, 0.2, 0.6) for x in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx(
        [0, 0, 0.5, 1, 1]
    )
