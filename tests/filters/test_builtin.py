"""The built-in filters on synthetic heads, whose pose is known, and on the portrait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
from heads import HEIGHT, WIDTH, Pixels, broken, head, noise, skin_picture
from numpy.typing import NDArray

from omote_filters.builtin.hide.blur_face import BlurFace
from omote_filters.builtin.hide.emoji_face import EmojiFace
from omote_filters.builtin.hide.pixelate_face import HOLD_S, PixelateFace
from omote_filters.builtin.hide.solid_face import SolidFace
from omote_filters.builtin.makeup.blush import Blush
from omote_filters.builtin.makeup.brows import Brows
from omote_filters.builtin.makeup.contour import Contour
from omote_filters.builtin.makeup.eyeliner import Eyeliner
from omote_filters.builtin.makeup.eyeshadow import Eyeshadow
from omote_filters.builtin.makeup.face_paint import FacePaint
from omote_filters.builtin.makeup.freckles import Freckles
from omote_filters.builtin.makeup.lashes import Lashes
from omote_filters.builtin.makeup.life_stages import FADE_S, LifeStages
from omote_filters.builtin.makeup.lipstick import Lipstick
from omote_filters.builtin.play.mirror_face import MirrorFace
from omote_filters.builtin.shape.alien_head import AlienHead
from omote_filters.builtin.shape.big_eyes import BigEyes
from omote_filters.builtin.shape.big_mouth import BigMouth
from omote_filters.builtin.shape.gentle_reshape import GentleReshape
from omote_filters.builtin.shape.squeeze import Squeeze
from omote_filters.builtin.skin.bright_eyes import BrightEyes
from omote_filters.builtin.skin.fresh_under_eyes import FreshUnderEyes
from omote_filters.builtin.skin.smooth_skin import SmoothSkin
from omote_filters.builtin.skin.white_teeth import WhiteTeeth
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_models.face import AgeBand, Box, Face
from omote_models.landmarks import FACE_OVAL, LEFT_EYE, LIPS_INNER, LIPS_OUTER, RIGHT_EYE

Mask = NDArray[np.bool_]

MAKEUP: list[type[Filter]] = [Blush, Brows, Contour, Eyeliner, Eyeshadow, Freckles, Lashes]
ALL: list[type[Filter]] = [
    *(FacePaint, SmoothSkin, Lipstick, BigEyes, PixelateFace, LifeStages),
    *(*MAKEUP, BrightEyes, GentleReshape),
    *(AlienHead, BigMouth, BlurFace, EmojiFace, MirrorFace, SolidFace, Squeeze),
]
SHY: list[type[Filter]] = [FreshUnderEyes, WhiteTeeth]
"""They change only what they find: shadow, teeth."""
PAINTS: list[type[Filter]] = [FacePaint, LifeStages]


def started(kind: type[Filter], **settings: object) -> Filter:
    made = kind(kind.Settings(**settings))
    made.start()
    return made


def drawn(filter_: Filter, picture: Pixels, *faces: Face, time: float = 0.0) -> Pixels:
    """The picture after one frame of a filter."""
    scene = Scene(picture.copy(), faces, time=time)
    filter_.apply(scene)
    scene.settle()
    return scene.picture


def inside(face: Face, ring: tuple[int, ...], grow: float = 1.0) -> Mask:
    """Which pixels a ring of landmarks surrounds, grown about its middle."""
    points = face.points[list(ring)]
    points = (points - points.mean(axis=0)) * grow + points.mean(axis=0)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask.astype(bool)


def changed(before: Pixels, after: Pixels, least: int = 3) -> Mask:
    return np.asarray(np.abs(before.astype(int) - after).max(axis=2) >= least)


def _reach(kind: type[Filter], face: Face) -> Box:
    """Where a filter may draw; some need the head's surroundings."""
    if kind not in (AlienHead, EmojiFace, Squeeze):
        return face.box.grown(0.45, 0.6, 0.45, 0.45)
    (x, y), half = face.box.centre, 1.7 * face.width
    return Box(x - half, y - half, 2 * half, 2 * half)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("yaw", [0, 30, -60])
def test_only_the_face_changes(kind: type[Filter], yaw: float) -> None:
    face = head(yaw)
    picture = noise()
    difference = changed(picture, drawn(started(kind), picture, face))
    assert difference.sum() > 100
    reach = _reach(kind, face)
    allowed = np.zeros_like(difference)
    allowed[Scene(picture).rect(reach).slices] = True
    assert not (difference & ~allowed).any()


@pytest.mark.parametrize("kind", [*PAINTS, Lipstick])
@pytest.mark.parametrize("mouth", [0.0, 2.0])
def test_eyes_and_the_inside_of_the_mouth_stay_free(kind: type[Filter], mouth: float) -> None:
    face = head(mouth=mouth)
    picture = skin_picture()
    difference = changed(picture, drawn(started(kind), picture, face), least=12)
    rings = (LEFT_EYE, RIGHT_EYE, LIPS_INNER) if mouth else (LEFT_EYE, RIGHT_EYE)
    for ring in rings:
        opening = inside(face, ring, 0.75)
        assert opening.sum() > 60, "it is really open"
        assert difference[opening].mean() < 0.03, "but for the soft edge in a corner"


def test_lipstick_colours_the_lips_and_only_them() -> None:
    face = head(mouth=1.0)
    picture = skin_picture()
    difference = changed(picture, drawn(started(Lipstick), picture, face))
    lips = inside(face, LIPS_OUTER) & ~inside(face, LIPS_INNER)
    assert difference[lips].mean() > 0.7
    assert not difference[~inside(face, LIPS_OUTER, 1.35)].any()


def test_paint_keeps_the_light_of_the_face() -> None:
    face = head()
    picture = skin_picture()
    picture[:, : WIDTH // 2] //= 3
    painted = drawn(started(FacePaint), picture, face)
    oval = inside(face, FACE_OVAL, 0.8)
    dark, light = oval.copy(), oval.copy()
    dark[:, WIDTH // 2 - 8 :] = False
    light[:, : WIDTH // 2 + 8] = False
    assert painted[dark].mean() < 0.6 * painted[light].mean()


def test_designs_and_looks_differ_from_each_other() -> None:
    picture = skin_picture()
    pictures = {
        design: drawn(started(FacePaint, design=design), picture, head())
        for design in ("kumadori", "tiger", "skull")
    }
    for band in (*AgeBand, None):
        pictures[str(band)] = drawn(started(LifeStages), picture, head(band=band))
    for one, other in combinations(pictures.values(), 2):
        assert changed(one, other, least=20).sum() > 1500


def test_a_change_of_band_is_faded() -> None:
    stages = started(LifeStages)
    picture = skin_picture()
    first = drawn(stages, picture, head(band=AgeBand.CHILD), time=1.0)
    steps = [
        drawn(stages, picture, head(band=AgeBand.SENIOR), time=1.1 + FADE_S * i / 4)
        for i in range(6)
    ]
    amounts = [np.abs(step.astype(int) - first).mean() for step in steps]
    assert amounts == sorted(amounts)
    assert amounts[0] < 0.3 * amounts[-1]
    assert np.array_equal(steps[-1], drawn(started(LifeStages), picture, head(band=AgeBand.SENIOR)))


def test_smooth_skin_removes_blemishes_and_spares_eyes_and_pores() -> None:
    face = head()
    rng = np.random.default_rng(5)
    pores = rng.normal(0, 4, (HEIGHT, WIDTH, 1))
    blotches = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH)), (0, 0), 3)[:, :, None]
    picture = np.clip(skin_picture() + pores + blotches, 0, 255).astype(np.uint8)
    smooth = drawn(started(SmoothSkin, strength=1.0), picture, face)
    cheek = inside(face, (205, 50, 118, 101, 36), 0.9)

    def middle(pixels: Pixels) -> float:
        low = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 2)
        return float(low[cheek].std(axis=0).mean())

    def fine(pixels: Pixels) -> float:
        high = pixels.astype(np.float32) - cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 1)
        return float(high[cheek].std())

    assert middle(smooth) < 0.8 * middle(picture)
    assert fine(smooth) > 0.6 * fine(picture)
    for ring in (LEFT_EYE, RIGHT_EYE):
        assert not changed(picture, smooth)[inside(face, ring, 0.9)].any()


def test_big_eyes_are_bigger_and_the_landmarks_know() -> None:
    face = head()
    scene = Scene(noise(), [face])
    started(BigEyes, amount=1.0).apply(scene)
    scene.settle()
    (moved,) = scene.faces
    for ring in (LEFT_EYE, RIGHT_EYE):
        before, after = (np.ptp(f.points[list(ring)], axis=0) for f in (face, moved))
        assert (after > 1.2 * before).all()
    np.testing.assert_array_equal(moved.landmarks[152], face.landmarks[152])


def test_pixelate_leaves_few_blocks_of_one_colour() -> None:
    face = head()
    hidden = drawn(started(PixelateFace), noise(), face)
    row = hidden[HEIGHT // 2, inside(face, FACE_OVAL)[HEIGHT // 2]]
    steps = (np.diff(row.astype(int), axis=0) != 0).any(axis=1).sum()
    assert steps <= 11
    finest = PixelateFace.Settings.model_fields["blocks"].json_schema_extra
    assert isinstance(finest, dict)
    assert finest["high"] == 10, "no setting may show who it is"


def test_a_lost_face_stays_covered_for_a_while() -> None:
    pixelate = started(PixelateFace)
    picture, face = noise(), head()
    first = changed(picture, drawn(pixelate, picture, face, time=1.0))
    for elapsed in (0.1, 0.5, HOLD_S - 0.01):
        later = changed(picture, drawn(pixelate, picture, time=1.0 + elapsed))
        assert later[first].mean() > 0.97, elapsed
    assert not changed(picture, drawn(pixelate, picture, time=1.0 + HOLD_S + 0.1)).any()


def test_a_face_without_numbers_is_still_covered() -> None:
    picture, face = noise(), head()
    covered = changed(picture, drawn(started(PixelateFace), picture, broken(face)))
    assert covered[inside(face, FACE_OVAL)].mean() > 0.9
    nowhere = replace(broken(face), box=Box(np.nan, 0, 10, 10))
    hidden = drawn(started(PixelateFace), picture, nowhere)
    assert changed(picture, hidden).mean() > 0.9, "it could be anywhere, so all is hidden"


def poor_faces() -> list[tuple[str, Face, tuple[int, int]]]:
    whole = (WIDTH, HEIGHT)
    return [
        ("half outside", head(centre=(0, HEIGHT / 2)), whole),
        ("in a corner", head(centre=(WIDTH, HEIGHT)), whole),
        ("far outside", head(centre=(-5000, 9000)), whole),
        ("20 pixels", head(width=20), whole),
        ("2 pixels", head(width=2), whole),
        ("profile", head(80), whole),
        ("beyond profile", head(-110), whole),
        ("upside down", head(roll=180), whole),
        ("not numbers", broken(head()), whole),
        ("one pixel", head(centre=(0.5, 0.5)), (1, 1)),
        ("a strip", head(), (WIDTH, 1)),
        ("4K", head(width=2200, centre=(1920, 1080)), (3840, 2160)),
    ]


@pytest.mark.parametrize("kind", [*ALL, *SHY])
def test_poor_faces_raise_nothing_and_leave_the_picture_sound(kind: type[Filter]) -> None:
    filter_ = started(kind)
    for name, face, (width, height) in poor_faces():
        after = drawn(filter_, noise(width, height), face)
        assert after.shape == (height, width, 3), name
        assert after.dtype == np.uint8, name


@pytest.mark.parametrize("kind", ALL)
def test_eight_faces_are_all_changed(kind: type[Filter]) -> None:
    centres = [(70 + 125 * (i % 4), 110 + 210 * (i // 4)) for i in range(8)]
    faces = [head(width=80, centre=c, track_id=str(c)) for c in centres]
    picture = noise()
    difference = changed(picture, drawn(started(kind), picture, *faces))
    for face in faces:
        assert difference[inside(face, FACE_OVAL)].mean() > 0.01


@pytest.mark.parametrize(
    ("kind", "neutral"),
    [
        (FacePaint, {"opacity": 0}),
        (SmoothSkin, {"strength": 0}),
        (Lipstick, {"coverage": 0}),
        (BigEyes, {"amount": 0}),
        (LifeStages, {"opacity": 0}),
        (Blush, {"strength": 0}),
        (BrightEyes, {"whites": 0, "iris": 0}),
        (Brows, {"strength": 0}),
        (Contour, {"contour": 0, "highlight": 0}),
        (Eyeliner, {"strength": 0}),
        (Eyeshadow, {"strength": 0}),
        (Freckles, {"strength": 0}),
        (Freckles, {"density": 0}),
        (FreshUnderEyes, {"strength": 0}),
        (GentleReshape, {"jaw": 0, "nose": 0}),
        (Lashes, {"length": 0}),
        (WhiteTeeth, {"strength": 0}),
        (AlienHead, {"amount": 0}),
        (BigMouth, {"amount": 0}),
        (MirrorFace, {"strength": 0}),
        (Squeeze, {"amount": 0}),
    ],
)
def test_a_filter_turned_down_to_nothing_changes_nothing(
    kind: Callable[..., Filter], neutral: dict[str, float]
) -> None:
    picture = noise()
    made = kind(kind.Settings(**neutral))  # type: ignore[attr-defined]
    made.start()
    assert not changed(picture, drawn(made, picture, head()), least=1).any()


@pytest.mark.parametrize("kind", [*PAINTS, Lipstick, *MAKEUP])
def test_paint_does_not_flicker_on_a_still_face(kind: type[Filter]) -> None:
    filter_, picture = started(kind), skin_picture()
    rng = np.random.default_rng(2)
    face = head()
    shaken = [
        replace(face, landmarks=face.landmarks + rng.normal(0, 0.15, (478, 3)).astype(np.float32))
        for _ in range(4)
    ]
    pictures = [drawn(filter_, picture, f).astype(int) for f in shaken]
    worst = max(np.abs(a - b).mean() for a, b in combinations(pictures, 2))
    assert worst < 0.6
