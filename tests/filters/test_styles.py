"""Whole-frame styles, warps and anonymisers: what is particular to each."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from heads import HEIGHT, WIDTH, Pixels, broken, head, noise, skin_picture
from test_builtin import changed, drawn, inside, started

from omote_filters.builtin.hide.blur_face import BlurFace
from omote_filters.builtin.hide.emoji_face import EmojiFace
from omote_filters.builtin.hide.pixelate_face import PixelateFace
from omote_filters.builtin.hide.solid_face import SolidFace
from omote_filters.builtin.look.cartoon import Cartoon
from omote_filters.builtin.look.comic import Comic
from omote_filters.builtin.look.duotone import Duotone
from omote_filters.builtin.look.film_look import FilmLook, Look
from omote_filters.builtin.look.glitch import Glitch
from omote_filters.builtin.look.neon_outline import NeonOutline
from omote_filters.builtin.look.pencil import Pencil
from omote_filters.builtin.look.vhs import Vhs
from omote_filters.builtin.look.vignette import Vignette
from omote_filters.builtin.play.mirror_face import MirrorFace
from omote_filters.builtin.shape.alien_head import AlienHead
from omote_filters.builtin.shape.big_mouth import BigMouth
from omote_filters.builtin.shape.squeeze import Squeeze
from omote_filters.chain import Chain
from omote_filters.cover import HOLD_S
from omote_filters.draw.blend import mix
from omote_filters.filter import Filter
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent
from omote_models.face import Box, Face
from omote_models.landmarks import BLENDSHAPE_INDEX, FACE_OVAL, LIPS_OUTER

STYLES: list[type[Filter]] = [
    FilmLook,
    Duotone,
    Vignette,
    Cartoon,
    Comic,
    Pencil,
    Glitch,
    Vhs,
]
COVERS: list[type[Filter]] = [PixelateFace, BlurFace, SolidFace, EmojiFace]


def acting(face: Face, **scores: float) -> Face:
    blendshapes = np.zeros(len(BLENDSHAPE_INDEX), np.float32)
    for name, value in scores.items():
        blendshapes[BLENDSHAPE_INDEX[name]] = value
    return replace(face, blendshapes=blendshapes)


def scenery(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A picture with gradients, edges and colours."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack((x * 255 // width, y * 255 // height, (x + y) % 200), axis=2)
    picture[height // 3 : height // 2, width // 4 : width // 2] //= 4
    return np.ascontiguousarray(picture.astype(np.uint8))


@pytest.mark.parametrize("kind", STYLES)
def test_a_style_needs_no_face_and_no_consent(kind: type[Filter]) -> None:
    assert kind.needs == frozenset()
    assert changed(scenery(), drawn(started(kind), scenery())).mean() > 0.3


@pytest.mark.parametrize("kind", [*STYLES, NeonOutline])
def test_a_style_is_the_same_for_the_same_moment(kind: type[Filter]) -> None:
    one, other = started(kind), started(kind)
    drawn(other, scenery(), head(), time=3.0)
    for time in (0.4, 7.25):
        first, second = (drawn(f, scenery(), head(), time=time) for f in (one, other))
        assert np.array_equal(first, second)


@pytest.mark.parametrize("kind", [*STYLES, NeonOutline, *COVERS])
@pytest.mark.parametrize("time", [-5.0, 1e15])
def test_a_strange_clock_raises_nothing(kind: type[Filter], time: float) -> None:
    assert drawn(started(kind), noise(), head(), time=time).shape == noise().shape


@pytest.mark.parametrize("kind", STYLES)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 5), (3840, 2160)])
def test_a_style_takes_any_size(kind: type[Filter], size: tuple[int, int]) -> None:
    styled = drawn(started(kind), scenery(*size), time=1.0)
    assert styled.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("kind", [FilmLook, Duotone, Cartoon, Comic, Pencil])
def test_strength_goes_from_nothing_to_all(kind: type[Filter]) -> None:
    none, half, full = (drawn(started(kind, strength=s), scenery()) for s in (0.0, 0.5, 1.0))
    assert np.array_equal(none, scenery())
    middle = (scenery().astype(int) + full) / 2
    assert np.abs(half - middle).max() <= 1


def test_film_looks_differ_and_keep_the_order_of_greys() -> None:
    looks = [drawn(started(FilmLook, look=look), scenery()).astype(int) for look in get_args(Look)]
    assert len(looks) >= 5
    for one, other in combinations(looks, 2):
        assert np.abs(one - other).mean() > 4
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for look in get_args(Look):
        grey = drawn(started(FilmLook, look=look), np.ascontiguousarray(ramp)).sum(axis=2)[0]
        assert (np.diff(grey.astype(int)) >= -1).all(), look


def test_noir_is_black_and_white() -> None:
    noir = drawn(started(FilmLook, look="noir"), scenery()).astype(int)
    assert np.ptp(noir, axis=2).max() <= 8


def test_duotone_ends_in_its_inks() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0] = 255
    printed = drawn(started(Duotone, shadows="#102030", lights="#f0e0d0"), picture)
    assert printed[1, 0].tolist() == [16, 32, 48]
    assert printed[0, 0].tolist() == [240, 224, 208]


def test_a_vignette_leaves_the_middle_and_darkens_corners() -> None:
    shaded = drawn(started(Vignette, amount=1.0), skin_picture())
    assert np.array_equal(shaded[HEIGHT // 2, WIDTH // 2], skin_picture()[0, 0])
    assert shaded[0, 0].mean() < 0.3 * skin_picture()[0, 0].mean()


@pytest.mark.parametrize("kind", COVERS)
def test_a_cover_is_opaque(kind: type[Filter]) -> None:
    """Two different faces behind the same cover cannot be told apart."""
    face = acting(head())
    other = noise()
    # The same light in every patch of the face, but other detail.
    oval = inside(face, FACE_OVAL, 0.8)
    other[oval] = np.random.default_rng(11).permutation(other[oval])
    one, two = (drawn(started(kind), p, face).astype(int) for p in (noise(), other))
    assert np.abs(one - two)[inside(face, FACE_OVAL, 1.05)].max() <= 26
    assert np.abs(noise().astype(int) - other)[oval].mean() > 40


@pytest.mark.parametrize("kind", COVERS)
def test_a_lost_face_stays_covered(kind: type[Filter]) -> None:
    filter_, picture, face = started(kind), noise(), acting(head())
    first = changed(picture, drawn(filter_, picture, face, time=1.0))
    oval = inside(face, FACE_OVAL)
    assert first[oval].mean() > 0.95
    for elapsed in (0.1, 0.5, HOLD_S - 0.01):
        later = changed(picture, drawn(filter_, picture, time=1.0 + elapsed))
        assert later[oval].mean() > 0.95, elapsed
    assert not changed(picture, drawn(filter_, picture, time=1.1 + HOLD_S)).any()


@pytest.mark.parametrize("kind", COVERS)
def test_a_face_without_numbers_is_covered(kind: type[Filter]) -> None:
    picture, face = noise(), acting(head())
    fresh = changed(picture, drawn(started(kind), picture, broken(face)))
    assert fresh[inside(face, FACE_OVAL)].mean() > 0.95
    known = started(kind)
    drawn(known, picture, face)
    lost = replace(broken(face), box=Box(np.nan, 0, 10, 10))
    assert changed(picture, drawn(known, picture, lost))[inside(face, FACE_OVAL)].mean() > 0.95
    assert changed(picture, drawn(started(kind), picture, lost)).mean() > 0.9


def test_no_softness_shows_a_face() -> None:
    """A pattern of six cycles across the face is gone."""
    face = head()
    x = np.arange(WIDTH) - face.box.x
    wave = 127 + 120 * np.sin(2 * np.pi * 6 * x / face.width)
    picture = np.ascontiguousarray(np.broadcast_to(wave[None, :, None], (HEIGHT, WIDTH, 3)))
    hidden = drawn(started(BlurFace, softness=0.0), picture.astype(np.uint8), face)
    middle = hidden[HEIGHT // 2, inside(face, FACE_OVAL, 0.95)[HEIGHT // 2]]
    assert np.ptp(middle.astype(int)) <= 6


def test_the_emoji_mirrors_the_face() -> None:
    picture, face = skin_picture(), head()
    faces = {
        "rest": acting(face),
        "talks": acting(face, jawOpen=0.6),
        "smiles": acting(face, mouthSmileLeft=0.9, mouthSmileRight=0.9),
        "winks": acting(face, eyeBlinkLeft=0.8),
        "wonders": acting(face, browInnerUp=0.9),
        "not numbers": replace(face, blendshapes=np.full(52, np.nan, np.float32)),
    }
    shown = {name: drawn(started(EmojiFace), picture, f) for name, f in faces.items()}
    assert np.array_equal(shown.pop("not numbers"), shown["rest"])
    for one, other in combinations(shown.values(), 2):
        assert changed(one, other, least=40).sum() > 60
    winked = changed(shown["rest"], shown["winks"], least=40)
    columns = np.flatnonzero(winked.any(axis=0))
    assert columns.min() > WIDTH / 2, "the person's left is on the right of the picture"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (BigMouth, {"amount": 1.0}),
        (Squeeze, {"amount": 1.0}),
        (Squeeze, {"amount": -1.0}),
        (AlienHead, {"amount": 1.0}),
    ],
)
@pytest.mark.parametrize("yaw", [0, 35])
def test_a_warp_does_not_fold(kind: type[Filter], settings: dict[str, float], yaw: float) -> None:
    face = head(yaw)
    x = np.arange(WIDTH, dtype=np.float32)
    ramp = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    ramp[:] = (x * 255 / WIDTH)[None, :, None].astype(np.uint8)
    bent = drawn(started(kind, **settings), ramp, face)
    assert np.diff(bent[..., 0].astype(int), axis=1).min() >= -2


def test_warps_change_what_they_say() -> None:
    def after(kind: type[Filter], **settings: float) -> Face:
        scene = Scene(noise(), [head()])
        started(kind, **settings).apply(scene)
        scene.settle()
        return scene.faces[0]

    lips = list(LIPS_OUTER)
    still = head()
    assert np.ptp(after(BigMouth).points[lips, 0]) > 1.2 * np.ptp(still.points[lips, 0])
    assert after(Squeeze, amount=1.0).width < 0.85 * still.width
    assert after(Squeeze, amount=-1.0).width > 1.1 * still.width
    alien = after(AlienHead)
    assert np.ptp(alien.points[[54, 284], 0]) > 1.15 * np.ptp(still.points[[54, 284], 0])
    assert np.ptp(alien.points[[149, 378], 0]) < 0.85 * np.ptp(still.points[[149, 378], 0])


@pytest.mark.parametrize("half", ["left", "right"])
def test_a_mirrored_face_is_symmetric(half: str) -> None:
    picture = skin_picture()
    picture[:, : WIDTH // 2] //= 2
    mirrored = drawn(started(MirrorFace, half=half), picture, head())
    wanted = skin_picture()[0, 0] // (1 if half == "left" else 2)
    inner = inside(head(), FACE_OVAL, 0.55)
    # The seam between the halves is soft.
    assert np.median(np.abs(mirrored[inner].astype(int) - wanted)) <= 1


def test_the_better_seen_half_is_mirrored_and_does_not_flicker() -> None:
    mirror, picture = started(MirrorFace), skin_picture()
    picture[:, : WIDTH // 2] //= 2
    bright = [
        bool(drawn(mirror, picture, head(yaw))[inside(head(yaw), FACE_OVAL, 0.5)].mean() > 118)
        for yaw in (-30, 4, -4, 4)
    ]
    assert len(set(bright)) == 1
    left, right = (drawn(started(MirrorFace), picture, head(yaw)) for yaw in (-30, 30))
    assert changed(left, right, least=20).sum() > 1000


@pytest.mark.parametrize("kind", [Glitch, Vhs])
def test_nothing_carries_a_face_out_from_under_its_cover(kind: type[Filter]) -> None:
    """A bright red face is hidden; no frame shows anything so red, whatever the order."""
    face, picture = head(), np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    picture[inside(face, FACE_OVAL)] = (255, 0, 0)
    points = [
        EntryPoint(k.id, f"{k.__module__}:{k.__name__}", "omote.filters") for k in (kind, SolidFace)
    ]
    chain = Chain.build([ChainEntry(kind.id), ChainEntry("solid_face")], Registry(points))
    chain.start()
    for frame in range(30):
        scene = Scene(picture.copy(), [face], time=frame / 10, elapsed=0.1)
        applied = chain.apply(scene, Consent(face_effects=True))
        assert len(applied.ran) == 2
        shown = scene.picture.astype(int)
        assert (shown[..., 0] - shown[..., 1]).max() < 90


def test_neon_darkens_only_where_there_is_a_face() -> None:
    picture = skin_picture()
    neon = started(NeonOutline)
    assert np.array_equal(drawn(neon, picture), picture)
    lit = drawn(neon, picture, head())
    assert lit[2, 2].mean() < 0.5 * picture[2, 2].mean()
    assert lit[inside(head(), FACE_OVAL, 1.05)].max() == 255


def test_mix_replaces_all_of_it_at_full_mask() -> None:
    view, other = noise(), scenery()
    mix(view, other, np.full((HEIGHT, WIDTH), 255, np.uint8))
    assert np.array_equal(view, other)
