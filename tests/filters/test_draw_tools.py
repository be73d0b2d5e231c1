"""The drawing tools by themselves: crops, masks, textures, the mesh, and how paint lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heads import HEIGHT, WIDTH, broken, head, noise, skin_picture

import omote_filters
from omote_filters.builtin.hide.pixelate_face import HOLD_S, PixelateFace
from omote_filters.builtin.makeup.face_paint import FacePaint
from omote_filters.chain import Chain
from omote_filters.draw.crop import Crop, drawable
from omote_filters.draw.masks import Mask, eyes, lips, openings, oval, skin
from omote_filters.draw.mesh import FaceMesh
from omote_filters.draw.motion import STILL, Shutter, smeared
from omote_filters.draw.paint import coat, lay
from omote_filters.draw.texture import SIZES, Texture, asset, rasterised
from omote_filters.mask import mask_boxes
from omote_filters.memory import TrackMemory
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent
from omote_models.face import Box, Face
from omote_models.landmarks import LEFT_EYE
from omote_models.mesh import canonical_mesh

ASSETS = Path(omote_filters.__file__).parent / "assets"
NAMES = sorted(path.stem for path in ASSETS.glob("*.svg"))
SYMMETRICAL = sorted(set(NAMES) - {"lightning", "laurel", "skull", "gold_leaf"})


def whole() -> Crop:
    crop = Crop.of(Scene(skin_picture()), Box(0, 0, WIDTH, HEIGHT), finest=WIDTH)
    assert crop is not None
    return crop


def centroid(mask: Mask) -> tuple[float, float]:
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    weight = mask.astype(float)
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


def shifted(face: Face, right: float) -> Face:
    return replace(face, landmarks=face.landmarks + np.array((right, 0, 0), np.float32))


def test_a_crop_is_cut_by_the_picture_and_keeps_its_scale() -> None:
    scene = Scene(noise(100, 80))
    crop = Crop.of(scene, Box(-50, 10, 100, 40), finest=50)
    assert crop is not None
    assert (crop.rect.left, crop.rect.right, crop.size) == (0, 50, (25, 20))
    assert crop.scale == pytest.approx(0.5)
    np.testing.assert_allclose(crop.place(np.array([[10, 30]], np.float32)), 5 * np.array([[1, 2]]))
    assert Crop.of(scene, Box(200, 200, 10, 10)) is None
    assert Crop.of(scene, Box(float("nan"), 0, 10, 10)) is None


def test_what_can_be_drawn_on() -> None:
    assert drawable(head())
    assert not drawable(broken(head()))
    assert not drawable(head(width=2))
    assert not drawable(replace(head(), landmarks=head().landmarks[:468]))


@pytest.mark.parametrize("mask", [lips, eyes, oval, openings, skin])
def test_masks_follow_a_quarter_of_a_pixel(mask: Callable[[Face, Crop], Mask]) -> None:
    face = head(mouth=1.0)
    start = centroid(mask(face, whole()))
    for right in (0.25, 0.5, 0.75):
        assert centroid(mask(shifted(face, right), whole()))[0] - start[0] == pytest.approx(
            right, abs=0.07
        )


def test_a_reduced_mask_shows_the_same_place() -> None:
    face, box = head(), Box(0, 0, WIDTH, HEIGHT)
    small = Crop.of(Scene(skin_picture()), box, finest=WIDTH / 2)
    assert small is not None
    fine, coarse = oval(face, whole()), small.enlarged(oval(face, small))
    np.testing.assert_allclose(centroid(coarse), centroid(fine), atol=0.3)
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.04)


def test_the_skin_is_neither_eyes_nor_lips() -> None:
    face, crop = head(), whole()
    both = np.minimum(skin(face, crop), np.maximum(eyes(face, crop), lips(face, crop)))
    assert both.max() < 40
    assert skin(face, crop).max() == 255


@pytest.mark.parametrize("name", NAMES)
def test_every_design_is_there_and_ends_within_the_face(name: str) -> None:
    texture = asset(name)
    assert tuple(len(level) for level in texture.levels) == SIZES
    art = texture.levels[0]
    assert art[:, :, 3].max() > 200
    assert (art[:, :, :3] <= art[:, :, 3:]).all(), "multiplied by its alpha"
    rim = (canonical_mesh().uv[[10, 152, 234, 454]] * len(art)).astype(int).clip(0, len(art) - 1)
    assert art[rim[:, 1], rim[:, 0], 3].max() < 120
    assert not art[0].any()


@pytest.mark.parametrize("name", SYMMETRICAL)
def test_designs_are_symmetrical(name: str) -> None:
    # The canonical face is not quite: its oval, where the paint ends, differs by a few texels.
    art = asset(name).levels[1].astype(int)[:, 24:-24]
    assert np.abs(art - art[:, ::-1]).mean() < 3


def test_a_texture_has_a_level_for_each_face() -> None:
    texture = asset("dots")
    assert len(texture.level(20)) == 64
    assert len(texture.level(150)) == 256
    assert len(texture.level(4000)) == 512


def test_what_is_no_svg_is_refused() -> None:
    with pytest.raises(ValueError, match="not an SVG"):
        rasterised(b"GIF89a", 64, 64)


def test_textures_mix() -> None:
    one, two = asset("tiger"), asset("dots")
    half = one.mixed(two, 0.5, 100)
    mean = (one.level(100).astype(int) + two.level(100)) / 2
    assert np.abs(half - mean).max() <= 1


@pytest.mark.parametrize("yaw", [0, 30, 60, 80, -80])
def test_paint_stays_within_the_outline_of_a_turned_head(yaw: float) -> None:
    face, crop = head(yaw), whole()
    white = Texture.of(np.full((512, 512, 4), 255, np.uint8)).level(150)
    alpha = FaceMesh(canonical_mesh()).draw(white, face, crop)[:, :, 3]
    columns, rows = np.flatnonzero(alpha.max(axis=0)), np.flatnonzero(alpha.max(axis=1))
    low, high = face.points[:468].min(axis=0), face.points[:468].max(axis=0)
    assert columns[0] >= low[0] - 1
    assert columns[-1] <= high[0] + 1
    assert rows[0] >= low[1] - 1
    assert rows[-1] <= high[1] + 1
    assert (alpha > 250).sum() > 0.3 * np.prod(high - low)


def test_a_head_from_behind_is_not_painted() -> None:
    white = np.full((64, 64, 4), 255, np.uint8)
    paint = FaceMesh(canonical_mesh()).draw(white, head(180), whole())
    assert (paint[:, :, 3] > 128).mean() < 0.005


def test_the_far_eye_shows_no_paint_of_the_near_side() -> None:
    face = head(35)
    white = np.full((256, 256, 4), 255, np.uint8)
    alpha = FaceMesh(canonical_mesh()).draw(white, face, whole())[:, :, 3]
    x, y = face.points[list(LEFT_EYE)].mean(axis=0).astype(int)
    assert alpha[y, x] == 0


def test_white_paint_does_not_glow_in_the_dark() -> None:
    paint = coat(np.full((40, 40), 255, np.uint8), (255, 255, 255))
    light, dark = skin_picture(40, 40), skin_picture(40, 40) // 4
    before = dark.copy()
    lay(light, paint)
    lay(dark, paint)
    assert light.mean() > 200
    assert dark.mean() < 0.4 * light.mean()
    assert (dark > before).all(), "but it is still paler than skin"


def test_paint_without_light_is_flat_and_without_alpha_is_nothing() -> None:
    picture = noise(40, 40)
    flat = picture.copy()
    lay(flat, coat(np.full((40, 40), 255, np.uint8), (200, 40, 60)), light=0)
    assert (flat == flat[0, 0]).all()
    clear = picture.copy()
    lay(clear, np.zeros((40, 40, 4), np.uint8))
    np.testing.assert_array_equal(clear, picture)


def test_undo_takes_paint_off_exactly() -> None:
    picture = noise()
    scene = Scene(picture.copy(), [head()])
    paint = FacePaint()
    paint.start()
    turn = scene.begin()
    paint.apply(scene)
    assert (scene.picture != picture).any()
    turn.undo()
    np.testing.assert_array_equal(scene.picture, picture)
    assert not scene.touched


def test_the_memory_forgets_the_oldest_track() -> None:
    memory = TrackMemory[int](most=2)
    memory.put("a", 1)
    memory.put("b", 2)
    memory.put("a", 3)
    memory.put("c", 4)
    assert memory.items() == [("a", 3), ("c", 4)]
    memory.forget("a")
    memory.forget("z")
    assert memory.get("a") is None


def test_a_clock_that_is_set_back_does_not_hold_a_cover_for_ever() -> None:
    pixelate = PixelateFace()
    picture = noise()

    def covered(time: float, *faces: Face) -> bool:
        scene = Scene(picture.copy(), faces, time=time)
        pixelate.apply(scene)
        return bool((scene.picture != picture).any())

    assert covered(1000.0, head())
    assert covered(5.0), "still held"
    assert not covered(5.0 + HOLD_S + 0.1)


@pytest.mark.parametrize("box", [Box(float("nan"), 0, 9, 9), Box(5, 5, 0, 0)])
def test_the_last_resort_hides_all_when_a_face_is_nowhere(box: Box) -> None:
    picture = noise()
    scene = Scene(picture.copy(), [replace(broken(head()), box=box)])
    mask_boxes(scene, [face.box for face in scene.all_faces])
    assert (scene.picture != picture).any(axis=2).mean() > 0.95


def test_what_moves_fast_is_smeared_along_its_way() -> None:
    paint = np.zeros((60, 60, 4), np.uint8)
    paint[20:40, 20:40] = 255
    along = smeared(paint, (16.0, 0.0))
    assert along[30, 14, 0] > 0
    assert along[30, 45, 0] > 0
    assert not along[:20].any()
    assert not along[40:].any()
    assert along[30, 30].tolist() == [255] * 4
    assert abs(int(along[30].astype(int).sum()) - int(paint[30].astype(int).sum())) < 250
    assert np.array_equal(smeared(paint, (0.0, 0.0)), paint)


def test_a_shutter_sees_how_far_a_face_moves() -> None:
    shutter = Shutter()
    one, other = head(centre=(200, 200)), head(centre=(220, 190))
    assert shutter.smear(one, 1 / 30) == STILL, "it was never seen before"
    dx, dy = shutter.smear(other, 1 / 30)
    assert dx == pytest.approx(10, abs=0.1)
    assert dy == pytest.approx(-5, abs=0.1)
    assert shutter.smear(one, 1 / 30, wanted=False) == STILL
    assert shutter.smear(head(centre=(201, 200)), 1 / 30) == STILL, "too little to see"
    assert shutter.smear(other, 0.0) == STILL, "a still"
    assert shutter.smear(head(centre=(20, 20)), 1 / 30) == STILL, "it was found elsewhere"


def test_a_blurred_hat_leaves_no_gap_and_stays_in_its_rectangle() -> None:
    chain = Chain.build([ChainEntry("hat", {"motion_blur": True})], Registry())
    chain.start()
    for number, x in enumerate((200, 222, 244)):
        before = skin_picture()
        scene = Scene(before.copy(), [head(centre=(x, 250))], time=number / 30, elapsed=1 / 30)
        chain.apply(scene, Consent(face_effects=True))
    told = np.zeros(before.shape[:2], bool)
    for rect in scene.touched:
        told[rect.slices] = True
    changed = (scene.picture != before).any(axis=2)
    assert changed.sum() > 1000
    assert not (changed & ~told).any()
    columns = np.flatnonzero(changed.any(axis=0))
    rows = np.flatnonzero(told.any(axis=0))
    assert columns[0] > rows[0] or columns[0] == 0
    chain.stop()
