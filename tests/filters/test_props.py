"""Props sit on the head, follow it, take its light, and survive every face."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from heads import HEIGHT, WIDTH, Pixels, broken, head, skin_picture
from numpy.typing import NDArray

from omote_filters.builtin.wear.animal_ears import Animal, AnimalEars
from omote_filters.builtin.wear.crown import Crown, Metal
from omote_filters.builtin.wear.glasses import Glasses, Style
from omote_filters.builtin.wear.hat import Hat
from omote_filters.builtin.wear.hat import Style as HatStyle
from omote_filters.builtin.wear.moustache import Moustache
from omote_filters.builtin.wear.moustache import Style as MoustacheStyle
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.sheet import Art, light_of
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_models.face import Box, Face
from omote_models.landmarks import BLENDSHAPE_INDEX, LEFT_EYE, RIGHT_EYE
from omote_models.mesh import canonical_mesh

Mask = NDArray[np.bool_]

ALL: list[tuple[type[Filter], str, tuple[str, ...]]] = [
    (Glasses, "style", get_args(Style)),
    (Crown, "metal", get_args(Metal)),
    (Hat, "style", get_args(HatStyle)),
    (AnimalEars, "animal", get_args(Animal)),
    (Moustache, "style", get_args(MoustacheStyle)),
]
KINDS = [kind for kind, _, _ in ALL]
VARIANTS = [(kind, name, value) for kind, name, values in ALL for value in values]


def started(kind: type[Filter], **settings: object) -> Filter:
    made = kind(kind.Settings(**settings))
    made.start()
    return made


def drawn(filter_: Filter, picture: Pixels, *faces: Face, elapsed: float = 0.0) -> Pixels:
    scene = Scene(picture.copy(), faces, elapsed=elapsed)
    filter_.apply(scene)
    return scene.picture


def changed(after: Pixels, before: Pixels | None = None) -> Mask:
    before = skin_picture(after.shape[1], after.shape[0]) if before is None else before
    return np.asarray(np.abs(after.astype(int) - before).max(axis=2) >= 12)


def middle(mask: Mask) -> NDArray[np.float64]:
    return np.asarray(np.argwhere(mask).mean(axis=0)[::-1])


@pytest.mark.parametrize(("kind", "name", "value"), VARIANTS)
def test_variants_differ_and_stay_near_the_head(kind: type[Filter], name: str, value: str) -> None:
    face = head(width=110, centre=(264, 270))
    mask = changed(drawn(started(kind, **{name: value}), skin_picture(), face))
    assert mask.sum() > 150
    allowed = np.zeros_like(mask)
    reach = face.box.grown(0.6, 1.6, 0.6, 0.2)
    allowed[Scene(skin_picture()).rect(reach).slices] = True
    assert not (mask & ~allowed).any()


@pytest.mark.parametrize(("kind", "name", "values"), ALL)
def test_no_variant_is_one_in_name_only(
    kind: type[Filter], name: str, values: tuple[str, ...]
) -> None:
    pictures = [
        drawn(started(kind, **{name: value}), skin_picture(), head(width=110)) for value in values
    ]
    for one, other in combinations(pictures, 2):
        assert changed(one, other).sum() > 150


@pytest.mark.parametrize("kind", KINDS)
def test_a_prop_follows_the_head(kind: type[Filter]) -> None:
    """It moves as far as the head, turns as far, and grows as much."""
    made = started(kind)
    here = changed(drawn(made, skin_picture(), head(width=90, centre=(230, 270))))
    there = changed(drawn(started(kind), skin_picture(), head(width=90, centre=(270, 285))))
    assert np.abs(middle(there) - middle(here) - (40, 15)).max() < 1.5
    large = changed(drawn(started(kind), skin_picture(), head(width=135, centre=(264, 290))))
    assert 1.9 < large.sum() / here.sum() < 2.6, "1.5 times as wide"
    tilted = changed(drawn(started(kind), skin_picture(), head(0, 25, width=90, centre=(264, 250))))
    upright = changed(drawn(started(kind), skin_picture(), head(width=90, centre=(264, 250))))
    centre = np.array((264, 250))
    before, after = middle(upright) - centre, middle(tilted) - centre
    turn = np.degrees(np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0]))
    if np.linalg.norm(before) > 15:
        assert abs((turn + 180) % 360 - 180 - 25) < 12


def test_glasses_cover_the_eyes_at_any_turn() -> None:
    for yaw in (-40, -20, 0, 20, 40):
        face = head(yaw)
        mask = changed(drawn(started(Glasses, style="wayfarer"), skin_picture(), face))
        for ring in (LEFT_EYE, RIGHT_EYE):
            x, y = face.points[list(ring)].mean(axis=0).astype(int)
            assert mask[y, x], f"yaw {yaw}"


def test_the_temple_on_the_far_side_is_hidden() -> None:
    face = head(-35)
    mask = changed(drawn(started(Glasses, style="round", tint=0.0), skin_picture(), face))
    frame = HeadFrame.of(face)
    ears = frame.place(np.array([(7.75, 3.0, 0.5), (-7.75, 3.0, 0.5)], np.float32))
    shown = []
    for x, y in ears[:, :2].astype(int):
        shown.append(bool(mask[y - 4 : y + 5, x - 4 : x + 5].any()))
    assert sorted(shown) == [False, True]


@pytest.mark.parametrize("kind", KINDS)
def test_a_prop_is_dark_in_the_dark(kind: type[Filter]) -> None:
    face = head(width=110, centre=(264, 270))
    bright, dark = skin_picture(), (skin_picture() // 4).astype(np.uint8)
    light = drawn(started(kind), bright, face)
    dim = drawn(started(kind), dark, face)
    mask = changed(light) & changed(dim, dark)
    assert dim[mask].mean() < 0.75 * light[mask].mean()
    assert light_of(Scene(dark), face).mean() < 0.6 * light_of(Scene(bright), face).mean()


def test_ears_rise_with_the_brows_and_spring() -> None:
    def face(raised: float) -> Face:
        scores = np.zeros(52, np.float32)
        for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"):
            scores[BLENDSHAPE_INDEX[name]] = raised
        return replace(head(width=90, centre=(264, 280)), blendshapes=scores)

    made = started(AnimalEars)
    heights = [
        middle(changed(drawn(made, skin_picture(), face(raised), elapsed=1 / 30))[:230])[1]
        for raised in (0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    ]
    assert heights[0] == heights[1] > heights[3] > heights[5] > heights[-1]
    assert heights[2] - heights[-1] > 2
    assert heights[1] - heights[2] < 0.5 * (heights[1] - heights[-1]), "it does not jump"


@pytest.mark.parametrize("kind", KINDS)
def test_props_survive_every_face(kind: type[Filter]) -> None:
    made = started(kind)
    scores = np.full(52, np.nan, np.float32)
    faces = [
        head(width=20),
        head(centre=(0, 0)),
        head(centre=(WIDTH, HEIGHT)),
        head(85),
        head(0, 170),
        head(centre=(-5000, 90)),
        broken(head()),
        replace(head(), blendshapes=scores),
        replace(head(), box=Box(0, 0, 0, 0)),
    ]
    for face in faces:
        drawn(made, skin_picture(), face)
    drawn(made, skin_picture(), *[head(width=60, track_id=str(i)) for i in range(8)])
    drawn(made, skin_picture(1, 1), head())
    drawn(made, skin_picture(3840, 2160), head(width=900, centre=(1900, 1000)))
    drawn(made, skin_picture())


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_recording_gives_the_same_picture(kind: type[Filter]) -> None:
    one = drawn(started(kind), skin_picture(), head(10, 5))
    assert np.array_equal(one, drawn(started(kind), skin_picture(), head(10, 5)))


def test_a_point_is_found_where_it_was_placed() -> None:
    frame = HeadFrame.of(head(25, -10))
    points = canonical_mesh().vertices[:50]
    assert np.abs(frame.found(frame.place(points)) - points).max() < 1e-3


def test_an_unturned_head_keeps_its_lean() -> None:
    frame = HeadFrame.of(head(35))
    level = frame.unturned(0, 10, 0)
    assert abs(level.yaw) < 0.1
    assert np.allclose(level.rotation @ level.rotation.T, np.eye(3), atol=1e-5)
    assert np.allclose(level.up, frame.up, atol=1e-5)
    assert np.allclose(level.origin, frame.place(np.array([(0, 10, 0)], np.float32))[0])


def test_art_that_is_no_svg_is_refused() -> None:
    with pytest.raises(ValueError, match="SVG"):
        Art.of_svg('viewBox="0 0 10 10" text')
