from omote_models.face import Box
from omote_models.tracks import Tracks


def box(x: float, y: float, size: float = 100) -> Box:
    return Box(x - size / 2, y - size / 2, size, size)


def test_a_face_keeps_its_id_while_it_moves() -> None:
    tracks = Tracks()
    ids = {tracks.assign([box(100 + 12 * i, 200)], i / 30)[0] for i in range(30)}
    assert len(ids) == 1


def test_ids_follow_faces_when_their_order_changes() -> None:
    tracks = Tracks()
    left, right = tracks.assign([box(100, 200), box(400, 200)], 0.0)
    assert tracks.assign([box(395, 205), box(105, 200)], 1 / 30) == [right, left]


def test_two_faces_that_cross_keep_their_ids() -> None:
    tracks = Tracks()
    first = tracks.assign([box(100, 180), box(500, 260)], 0.0)
    for i in range(1, 41):
        boxes = [box(100 + 10 * i, 180), box(500 - 10 * i, 260)]
        # MediaPipe may list them in any order.
        found = tracks.assign(boxes[:: (-1) ** i], i / 30)
        assert found[:: (-1) ** i] == first


def test_a_gap_shorter_than_half_a_second_is_bridged() -> None:
    tracks = Tracks()
    before = tracks.assign([box(100, 100)], 0.0)
    tracks.assign([], 0.2)
    assert tracks.assign([box(110, 100)], 0.4) == before


def test_a_lost_face_comes_back_as_a_new_one() -> None:
    tracks = Tracks()
    before = tracks.assign([box(100, 100)], 0.0)
    assert tracks.assign([box(100, 100)], 0.8) != before
    assert tracks.created == 2


def test_a_face_does_not_jump_across_the_picture() -> None:
    tracks = Tracks()
    before = tracks.assign([box(100, 100)], 0.0)
    assert tracks.assign([box(600, 400)], 1 / 30) != before


def test_ids_are_random() -> None:
    assert Tracks().assign([box(0, 0)], 0.0) != Tracks().assign([box(0, 0)], 0.0)
