"""Faces that are replaced or aged: what changes, what does not, and the mark on the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import Pixels, head, skin_picture

from omote_filters.builtin.play.face_swap import FaceSwap
from omote_filters.builtin.skin.older import Older
from omote_filters.builtin.skin.younger import Younger
from omote_filters.chain import Applied, Chain
from omote_filters.policy import Policy
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent
from omote_models.face import Attributes, Estimate, Face

CONSENT = Consent(face_effects=True, demographics=True)
IDS = ("older", "younger", "face_swap")


def run(
    filter_id: str, faces: list[Face], picture: Pixels | None = None, marks: bool = True
) -> tuple[Pixels, Applied]:
    chain = Chain.build([ChainEntry(filter_id)], Registry(), policy=Policy(marks=marks))
    scene = Scene(skin_picture() if picture is None else picture.copy(), faces, elapsed=1 / 30)
    applied = chain.apply(scene, CONSENT)
    chain.stop()
    return scene.picture, applied


def pair() -> list[Face]:
    return [
        head(width=110, centre=(130, 216), track_id="left"),
        head(width=110, centre=(390, 216), track_id="right"),
    ]


def corner(picture: Pixels) -> Pixels:
    return picture[-30:, :90]


@pytest.mark.parametrize("filter_id", IDS)
def test_an_altered_face_brings_a_mark_unless_the_operator_forbids(filter_id: str) -> None:
    before = skin_picture()
    marked, applied = run(filter_id, pair())
    bare, _ = run(filter_id, pair(), marks=False)
    assert applied.altered
    assert (corner(marked) != corner(before)).any()
    assert np.array_equal(corner(bare), corner(before))
    assert not np.array_equal(bare, before)


@pytest.mark.parametrize("filter_id", IDS)
def test_no_face_no_mark(filter_id: str) -> None:
    picture, applied = run(filter_id, [])
    assert not applied.altered
    assert np.array_equal(picture, skin_picture())


def test_other_filters_bring_no_mark() -> None:
    _, applied = run("lipstick", pair())
    assert not applied.altered


@pytest.mark.parametrize("size", [(1, 1), (4, 300), (300, 4), (2000, 3000)])
def test_a_mark_fits_every_picture(size: tuple[int, int]) -> None:
    from omote_filters.marks import stamp

    scene = Scene(np.full((*size, 3), 200, np.uint8))
    stamp(scene)
    (touched,) = scene.touched
    assert touched.right <= size[1]
    assert touched.bottom <= size[0]
    if min(size) > 100:
        assert (scene.picture != 200).any()


@pytest.mark.parametrize("filter_id", IDS)
def test_a_possible_minor_is_left_alone(filter_id: str) -> None:
    child = Attributes(age=Estimate.declared(9.0))
    adult = Attributes(age=Estimate.declared(40.0))
    young, grown = pair()
    faces = [replace(young, attributes=child), replace(grown, attributes=adult)]
    picture, _ = run(filter_id, faces)
    left = np.s_[: skin_picture().shape[0] - 40, :250]
    assert np.array_equal(picture[left], skin_picture()[left])


def test_swapped_faces_are_each_others() -> None:
    left, right = pair()
    picture = skin_picture()
    # A blue spot on the left person's cheek, where the right person has none.
    x, y = (round(value) for value in left.points[205].tolist())
    picture[y - 6 : y + 6, x - 6 : x + 6] = (20, 20, 250)
    swap = FaceSwap(FaceSwap.Settings(match=0.0))
    swap.start()
    scene = Scene(picture, [left, right])
    swap.apply(scene)
    there = tuple(round(value) for value in right.points[205].tolist())
    assert scene.picture[there[1], there[0]][2] > 150 > scene.picture[there[1], there[0]][0]
    assert abs(int(scene.picture[y, x][2]) - int(skin_picture()[y, x][2])) < 60


def test_one_face_cannot_be_swapped() -> None:
    picture, applied = run("face_swap", pair()[:1])
    assert np.array_equal(picture, skin_picture())
    assert not applied.altered


def test_a_worn_face_takes_on_the_light_of_its_new_head() -> None:
    left, right = pair()
    picture = skin_picture()
    picture[:, 264:] = (picture[:, 264:] * 0.4).astype(np.uint8)
    x, y = (round(value) for value in right.points[205].tolist())
    swap = FaceSwap()
    swap.start()
    scene = Scene(picture.copy(), [left, right])
    swap.apply(scene)
    before, after = (p[y - 5 : y + 5, x - 5 : x + 5].mean() for p in (picture, scene.picture))
    assert abs(after - before) < 15


@pytest.mark.parametrize("kind", [Older, Younger])
def test_more_strength_changes_more(kind: type[Older] | type[Younger]) -> None:
    changes = []
    for strength in (0.0, 0.4, 1.0):
        settings = {"strength": strength}
        if kind is Older:
            settings["hair"] = 0.0
        filter_ = kind(kind.Settings(**settings))
        filter_.start()
        scene = Scene(skin_picture(), [pair()[0]])
        filter_.apply(scene)
        scene.settle()
        changes.append(float(np.abs(scene.picture.astype(int) - skin_picture()).mean()))
    assert changes[0] == 0
    assert changes[0] < changes[1] < changes[2]
