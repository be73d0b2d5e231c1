"""Warps: the picture and the landmarks move together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from heads import HEIGHT, WIDTH, head, noise

from omote_filters.scene import Scene
from omote_filters.warp import WarpField
from omote_models.landmarks import LEFT_EYE


def test_a_dot_lands_where_the_landmark_is_said_to_be() -> None:
    face = head()
    for index in (LEFT_EYE[0], LEFT_EYE[4], 1, 61):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        x, y = face.landmarks[index, :2]
        yy, xx = np.mgrid[:HEIGHT, :WIDTH] + 0.5
        dot = 255 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 8)
        picture[:] = dot[:, :, None].astype(np.uint8)
        scene = Scene(picture, [face])
        scene.warp.magnify(face.points[list(LEFT_EYE)].mean(axis=0), (40, 30), 0.5, 0.2)
        scene.warp.push((float(x) - 4, float(y) + 3), 50, (12, -9))
        scene.settle()
        weight = scene.picture[:, :, 0].astype(float)
        seen = np.array([(xx * weight).sum(), (yy * weight).sum()]) / weight.sum()
        said = scene.faces[0].landmarks[index, :2]
        assert np.hypot(*(seen - said)) < 0.6, index


def test_magnify_enlarges_and_leaves_the_rest_alone() -> None:
    picture = noise()
    before = picture.copy()
    scene = Scene(picture)
    scene.warp.magnify((200, 200), (50, 30), 0.5)
    scene.settle()
    yy, xx = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    outside = ((xx - 200) / 50) ** 2 + ((yy - 200) / 30) ** 2 > 1.1
    np.testing.assert_array_equal(scene.picture[outside], before[outside])
    assert (scene.picture != before)[~outside].mean() > 0.5
    assert scene.touched


def test_undo_drops_what_was_asked_since_keep() -> None:
    warp = WarpField()
    warp.magnify((50, 50), (20, 20), 0.3)
    warp.keep()
    kept = warp.bounds
    warp.push((300, 300), 60, (5, 5))
    warp.undo()
    assert warp.bounds == kept


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_a_number_warps_nothing(bad: float) -> None:
    warp = WarpField()
    warp.magnify((bad, 5), (10, 10), 0.5)
    warp.magnify((5, 5), (0, 10), 0.5)
    warp.push((5, 5), 10, (bad, 0))
    assert warp.bounds.area == 0


def test_a_warp_across_the_border_reads_no_garbage() -> None:
    picture = np.full((100, 100, 3), 77, np.uint8)
    scene = Scene(picture)
    for corner in ((0, 0), (100, 0), (0, 100), (100, 100), (50, -10)):
        scene.warp.magnify(corner, (40, 40), -0.8)
        scene.warp.push(corner, 40, (20, 20))
    scene.settle()
    assert (scene.picture == 77).all()


def test_strong_warps_are_limited_so_that_nothing_folds() -> None:
    face = head()
    scene = Scene(noise(), [face])
    scene.warp.magnify(face.landmarks[1], (90, 90), 50)
    scene.warp.push((260, 200), 60, (4000, 0))
    scene.settle()
    moved = scene.faces[0].landmarks
    assert np.isfinite(moved).all()
    assert np.abs(moved - face.landmarks).max() < 90
