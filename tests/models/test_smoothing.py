import numpy as np

from omote_models.smoothing import OneEuroFilter


def test_noise_on_a_still_face_is_damped() -> None:
    rng = np.random.default_rng(1)
    still = rng.uniform(0, 200, (478, 3)).astype(np.float32)
    noisy = [still + rng.normal(0, 0.5, still.shape).astype(np.float32) for _ in range(60)]
    smoother = OneEuroFilter()
    smooth = [smoother.smooth(points, 200, i / 30) for i, points in enumerate(noisy)]
    jitter = np.abs(np.diff(noisy[20:], axis=0)).mean()
    assert np.abs(np.diff(smooth[20:], axis=0)).mean() < jitter / 2


def test_a_moving_face_is_followed_within_a_frame() -> None:
    smoother = OneEuroFilter()
    start = np.zeros((478, 3), np.float32)
    speed = 300.0  # pixels a second, 1.5 faces
    for i in range(30):
        points = start + np.float32(speed * i / 30)
        smooth = smoother.smooth(points, 200, i / 30)
    assert np.abs(points - smooth).max() < speed / 30


def test_it_starts_where_the_face_is_and_restarts_when_time_does_not_grow() -> None:
    smoother = OneEuroFilter()
    first = np.full((478, 3), 5, np.float32)
    assert np.array_equal(smoother.smooth(first, 100, 1.0), first)
    second = np.full((478, 3), 90, np.float32)
    assert np.array_equal(smoother.smooth(second, 100, 1.0), second)
