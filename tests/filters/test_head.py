"""The head frame finds a pose that is known, and does not mind an open mouth."""

from __future__ import annotations

import numpy as np
import pytest
from heads import head

from omote_filters.draw.head import HeadFrame
from omote_models.landmarks import LEFT_CHEEK_SIDE, NOSE_TIP, RIGHT_CHEEK_SIDE
from omote_models.mesh import canonical_mesh


@pytest.mark.parametrize(("yaw", "roll"), [(0, 0), (30, 0), (-45, 0), (0, 25)])
def test_the_pose_is_found(yaw: float, roll: float) -> None:
    frame = HeadFrame.of(head(yaw, roll))
    assert frame.yaw == pytest.approx(yaw, abs=4)
    assert frame.roll == pytest.approx(roll, abs=4)
    assert frame.pitch == pytest.approx(0, abs=4)
    assert np.linalg.norm(frame.facing) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("yaw", [0, 30])
def test_points_of_the_head_land_on_the_landmarks(yaw: float) -> None:
    face = head(yaw)
    wanted = [NOSE_TIP, LEFT_CHEEK_SIDE, RIGHT_CHEEK_SIDE]
    placed = HeadFrame.of(face).place(canonical_mesh().vertices[wanted])
    assert np.abs(placed[:, :2] - face.points[wanted]).max() < 0.08 * face.width


def test_an_open_mouth_does_not_move_the_head() -> None:
    offsets = []
    for face in (head(), head(mouth=3.0)):
        offsets.append(HeadFrame.of(face).origin - face.landmarks[NOSE_TIP])
    assert np.abs(offsets[0] - offsets[1]).max() < 0.5
