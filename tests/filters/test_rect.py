import pytest

from omote_filters.rect import Rect, joined
from omote_models.face import Box


def test_rectangles_that_meet_become_one() -> None:
    corner, beside, far = Rect(0, 0, 10, 10), Rect(8, 8, 20, 20), Rect(50, 50, 60, 60)
    bridge = Rect(15, 15, 55, 55)
    assert joined([corner, far]) == [corner, far]
    assert joined([corner, far, beside]) == [far, Rect(0, 0, 20, 20)]
    assert joined([corner, beside, far, bridge]) == [Rect(0, 0, 60, 60)]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(1.2, 2.7, 3.0, 4.0), Rect(1, 2, 5, 7)),
        (Box(-5, -5, 8, 8), Rect(0, 0, 3, 3)),
        (Box(95, 45, 50, 50), Rect(95, 45, 100, 50)),
        (Box(200, 10, 5, 5), Rect(0, 0, 0, 0)),
        (Box(float("nan"), 0, 5, 5), Rect(0, 0, 0, 0)),
        (Box(0, 0, float("inf"), 5), Rect(0, 0, 0, 0)),
    ],
)
def test_a_box_is_clipped_to_the_picture(box: Box, expected: Rect) -> None:
    assert Rect.clip(box, 100, 50) == expected
