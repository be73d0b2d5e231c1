"""What is particular to make-up and beautify filters, and the tools they are made with."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from heads import HEIGHT, SKIN, WIDTH, Pixels, head, skin_picture
from test_builtin import changed, drawn, inside, started

from omote_filters.builtin.makeup.blush import Blush
from omote_filters.builtin.makeup.eyeliner import Eyeliner
from omote_filters.builtin.makeup.eyeshadow import Eyeshadow
from omote_filters.builtin.makeup.freckles import Freckles
from omote_filters.builtin.makeup.lashes import Lashes
from omote_filters.builtin.shape.gentle_reshape import GentleReshape
from omote_filters.builtin.skin.bright_eyes import BrightEyes
from omote_filters.builtin.skin.fresh_under_eyes import FreshUnderEyes
from omote_filters.builtin.skin.white_teeth import WhiteTeeth
from omote_filters.draw import masks
from omote_filters.draw.blend import Blend, Colour, blend, mix
from omote_filters.draw.crop import Crop
from omote_filters.scene import Scene
from omote_models.face import Face
from omote_models.landmarks import (
    FACE_OVAL,
    LEFT_EYE,
    LEFT_IRIS,
    LIPS_INNER,
    RIGHT_EYE,
    RIGHT_IRIS,
)

COLOURS: list[Colour] = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (220, 60, 120), (4, 200, 250)]


def picture_of(seed: int = 1) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)


def full() -> Pixels:
    return np.full((40, 60), 255, np.uint8)


@pytest.mark.parametrize("mode", list(Blend))
@pytest.mark.parametrize("colour", COLOURS)
def test_one_colour_and_a_picture_of_it_blend_alike(mode: Blend, colour: Colour) -> None:
    one, other = picture_of(), picture_of()
    blend(one, colour, mode, full())
    blend(other, np.full_like(other, 0) + np.array(colour, np.uint8), mode, full())
    assert np.abs(one.astype(int) - other).max() <= 3


def test_blend_modes_have_their_neutral_colours() -> None:
    neutral: list[tuple[Blend, Colour]] = [
        (Blend.MULTIPLY, (255, 255, 255)),
        (Blend.SCREEN, (0, 0, 0)),
        (Blend.SOFT_LIGHT, (128, 128, 128)),
    ]
    for mode, colour in neutral:
        view = picture_of()
        blend(view, colour, mode, full())
        assert np.abs(view.astype(int) - picture_of()).max() <= 1, mode


def test_colour_keeps_the_luma_and_luminosity_takes_it() -> None:
    view, source = picture_of(1), picture_of(2)
    luma = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY).astype(int)
    other = cv2.cvtColor(source, cv2.COLOR_RGB2GRAY).astype(int)
    dyed, lit = view.copy(), view.copy()
    blend(dyed, source, Blend.COLOUR, full())
    blend(lit, source, Blend.LUMINOSITY, full())
    assert np.abs(cv2.cvtColor(dyed, cv2.COLOR_RGB2GRAY) - luma).max() <= 2
    assert np.abs(cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY) - other).max() <= 2


@pytest.mark.parametrize("mode", list(Blend))
def test_nothing_changes_outside_the_mask_or_without_strength(mode: Blend) -> None:
    mask = full()
    mask[:, 30:] = 0
    view = picture_of()
    blend(view, (200, 30, 90), mode, mask)
    assert np.array_equal(view[:, 30:], picture_of()[:, 30:])
    view = picture_of()
    blend(view, (200, 30, 90), mode, full(), 0.0)
    assert np.array_equal(view, picture_of())


def test_mix_shows_the_other_picture() -> None:
    view = picture_of(1)
    mix(view, picture_of(2), full(), 0.5)
    mean = (picture_of(1).astype(float) + picture_of(2)) / 2
    assert np.abs(view - mean).max() <= 1


REGIONS = [masks.under_eyes, masks.cheeks, masks.mouth_opening]


@pytest.mark.parametrize("region", REGIONS)
def test_regions_lie_on_the_face_and_leave_open_eyes_free(region: object) -> None:
    face = head(mouth=1.5)
    crop = Crop.of(Scene(skin_picture(), [face]), face.box)
    assert crop is not None
    assert callable(region)
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    whole[crop.rect.slices] = crop.enlarged(region(face, crop))
    assert (whole > 200).sum() > 25
    assert not (whole > 60)[~inside(face, FACE_OVAL, 1.15)].any()
    for ring in (LEFT_EYE, RIGHT_EYE):
        assert whole[inside(face, ring, 0.7)].mean() < 30


def with_mouth(face: Face, colour: tuple[int, int, int]) -> Pixels:
    picture = skin_picture()
    picture[inside(face, LIPS_INNER, 1.1)] = colour
    return picture


def test_teeth_whiten_and_tongue_gums_and_dark_do_not() -> None:
    face = head(mouth=1.5)
    middle = inside(face, LIPS_INNER, 0.7)
    teeth = with_mouth(face, (196, 180, 140))
    white = drawn(started(WhiteTeeth, strength=1.0), teeth, face)
    yellow = [int(p[middle].mean(axis=0)[0] - p[middle].mean(axis=0)[2]) for p in (teeth, white)]
    assert yellow[1] < 0.5 * yellow[0]
    assert white[middle].mean() > teeth[middle].mean()
    near = cv2.dilate(inside(face, LIPS_INNER).astype(np.uint8), np.ones((5, 5), np.uint8))
    assert not changed(teeth, white)[near == 0].any()
    for colour in ((190, 90, 95), (40, 20, 20), SKIN):
        other = with_mouth(face, colour)
        after = drawn(started(WhiteTeeth, strength=1.0), other, face)
        assert not changed(other, after).any(), colour


def test_dark_circles_are_lifted_and_even_skin_is_left_alone() -> None:
    face, filter_ = head(), started(FreshUnderEyes, strength=1.0)
    even = skin_picture()
    assert not changed(even, drawn(filter_, even, face), least=2).any()
    ring = inside(face, masks.LEFT_UNDER_EYE)
    dark = even.copy()
    dark[ring] = np.array(SKIN) * 0.8
    fresh = drawn(filter_, dark, face)
    assert fresh[ring].mean() > dark[ring].mean() + 8
    assert fresh.max() <= max(SKIN) + 12, "hardly lighter than the cheek, even at a hard edge"


def test_bright_eyes_keep_pupil_and_catchlight() -> None:
    face = with_irises(head())
    picture = skin_picture()
    for ring in (LEFT_EYE, RIGHT_EYE):
        picture[inside(face, ring)] = (190, 170, 165)
    bright = drawn(started(BrightEyes, whites=1.0, iris=1.0), picture, face)
    assert changed(picture, bright)[inside(face, LEFT_EYE, 0.8)].mean() > 0.5
    both = (inside(face, LEFT_EYE) | inside(face, RIGHT_EYE)).astype(np.uint8)
    near = cv2.dilate(both, np.ones((7, 7), np.uint8))
    assert not changed(picture, bright)[near == 0].any()
    for level in (4, 252):
        flat = np.full_like(picture, level)
        after = drawn(started(BrightEyes, whites=1.0, iris=1.0), flat, face)
        assert np.abs(after.astype(int) - level).max() <= 4


def with_irises(face: Face) -> Face:
    landmarks = face.landmarks.copy()
    for ring, eye in ((LEFT_IRIS, LEFT_EYE), (RIGHT_IRIS, RIGHT_EYE)):
        centre = face.landmarks[list(eye)].mean(axis=0)
        rim = np.array(((0, 0), (1, 0), (0, -1), (-1, 0), (0, 1))) * 0.035 * face.width
        landmarks[list(ring)] = centre
        landmarks[list(ring), :2] += rim
    return replace(face, landmarks=landmarks)


@pytest.mark.parametrize(("sign", "wider"), [(1, False), (-1, True)])
def test_reshape_goes_both_ways_and_the_landmarks_know(sign: int, wider: bool) -> None:
    face = head()
    scene = Scene(skin_picture(), [face])
    started(GentleReshape, jaw=float(sign), nose=float(sign)).apply(scene)
    scene.settle()
    (moved,) = scene.faces
    for one, other in ((172, 397), (129, 358)):
        before, after = (np.linalg.norm(f.points[one] - f.points[other]) for f in (face, moved))
        assert (after > before) is np.bool_(wider)
        assert abs(after / before - 1) < 0.25, "it stays gentle"


def test_freckles_keep_their_pattern_and_more_density_is_more() -> None:
    face, picture = head(), skin_picture()
    one = drawn(started(Freckles), picture, face)
    assert np.array_equal(one, drawn(started(Freckles), picture, face))
    assert changed(one, drawn(started(Freckles, seed=9.0), picture, face), least=8).sum() > 100
    few, many = (
        changed(picture, drawn(started(Freckles, density=d, strength=1.0), picture, face)).sum()
        for d in (0.15, 1.0)
    )
    assert many > 2 * few


def test_lashes_point_down_when_the_eye_is_shut() -> None:
    face, picture = head(), skin_picture()
    shut = face.landmarks.copy()
    for ring in (LEFT_EYE, RIGHT_EYE):
        for upper, lower in zip(ring[9:], ring[7:0:-1], strict=True):
            shut[upper] = shut[lower]
    closed = replace(face, landmarks=shut)
    for person, below in ((face, False), (closed, True)):
        dark = changed(picture, drawn(started(Lashes), picture, person), least=25)
        line = float(person.points[[*LEFT_EYE[8:], *RIGHT_EYE[8:]]].mean(axis=0)[1])
        assert (np.nonzero(dark)[0].mean() > line) is np.bool_(below)


def test_a_wing_reaches_beyond_the_eye() -> None:
    face, picture = head(), skin_picture()
    wide = [
        np.ptp(np.nonzero(changed(picture, drawn(started(Eyeliner, wing=w), picture, face)))[1])
        for w in (0.0, 1.0)
    ]
    assert wide[1] > wide[0] + 0.1 * face.width


def test_makeup_keeps_the_texture_of_the_skin() -> None:
    face = head()
    rng = np.random.default_rng(4)
    pores = rng.normal(0, 10, (HEIGHT, WIDTH, 1))
    picture = np.clip(skin_picture() + pores, 0, 255).astype(np.uint8)
    for filter_ in (started(Blush, strength=0.8), started(Eyeshadow, strength=0.8, shimmer=0.0)):
        after = drawn(filter_, picture, face)
        where = changed(picture, after, least=10)
        assert where.sum() > 200
        fine, kept = (cv2.Laplacian(p, cv2.CV_32F)[where].ravel() for p in (picture, after))
        assert np.corrcoef(fine, kept)[0, 1] > 0.85
