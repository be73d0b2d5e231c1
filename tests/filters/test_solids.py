"""Solids: how they are made, stored as GLB, and drawn by OpenGL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glb_files import packed, parts, rewritten, write_glb
from heads import head, skin_picture

from omote_filters.draw.expression import Expression
from omote_filters.draw.glb import MOST_TRIANGLES, read_glb
from omote_filters.draw.gltf import GlbError
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.light import Light
from omote_filters.draw.props import PROPS, prop
from omote_filters.draw.render import SolidPainter, lack
from omote_filters.draw.rig import FaceRig
from omote_filters.draw.solid import Material, Solid, ball, merged, ring
from omote_filters.scene import Scene
from omote_models.landmarks import CHIN, FOREHEAD_TOP

RED = Material((0.9, 0.0, 0.0), rough=0.9)
needs_opengl = pytest.mark.skipif(bool(lack()), reason=lack() or "there is OpenGL")


def drawn(
    *solids: Solid,
    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None = None,
    shadow: bool = False,
    occluded: bool = True,
) -> Scene:
    scene = Scene(skin_picture() if picture is None else picture.copy())
    face = head(width=120)
    painter = SolidPainter()
    frame = HeadFrame.of(face)
    painter.draw(scene, face, frame, solids, occluded=occluded, shadow=shadow)
    return scene


def reddish(scene: Scene) -> int:
    picture = scene.picture.astype(int)
    return int(((picture[:, :, 0] > 2 * picture[:, :, 1]) & (picture[:, :, 0] > 60)).sum())


@pytest.mark.parametrize("name", PROPS)
def test_a_prop_is_closed_finite_and_outward(name: str) -> None:
    for solid in prop(name):
        assert np.isfinite(solid.points).all()
        assert solid.triangles.max() < len(solid.points)
        np.testing.assert_allclose(np.linalg.norm(solid.normals, axis=1), 1, atol=1e-3)


def test_the_normals_of_a_ball_point_away_from_its_middle() -> None:
    solid = ball(2.0, RED).moved(1, 2, 3, turn=(10, 20, 30))
    out = (solid.points - (1, 2, 3)) / 2
    assert (np.einsum("ij,ij->i", out, solid.normals) > 0.97).all()


def test_solids_of_one_material_become_one() -> None:
    other = replace(RED, rough=0.1)
    made = merged([ball(1, RED), ball(1, other), ball(2, RED)])
    assert len(made) == 2
    assert len(made[0].points) == 2 * len(made[1].points)


def test_a_glb_file_gives_back_what_was_written() -> None:
    texture = np.full((4, 8, 4), (10, 200, 30, 255), np.uint8)
    written = [
        ring(3, 1, Material((0.2, 0.4, 0.6), 0.5, 0.25, 0.75, (0.1, 0.0, 0.2), both_sides=True)),
        ball(1, Material(texture=texture)),
    ]
    found = read_glb(write_glb(written))
    for one, other in zip(written, found, strict=True):
        np.testing.assert_allclose(one.points, other.points)
        np.testing.assert_allclose(one.normals, other.normals, atol=1e-5)
        np.testing.assert_array_equal(one.triangles, other.triangles)
        for name in ("alpha", "metal", "rough", "both_sides", "colour", "glow"):
            assert getattr(one.material, name) == getattr(other.material, name)
    assert found[1].material.texture is not None
    np.testing.assert_array_equal(found[1].material.texture, texture)


def test_the_nodes_of_a_glb_file_place_its_meshes() -> None:
    data = write_glb([ball(1, RED)])
    gltf, _ = parts(data)
    gltf["nodes"] = [
        {"children": [1, 2], "translation": [5, 0, 0]},
        {"mesh": 0, "scale": [2, 2, 2]},
        {"mesh": 0, "translation": [0, 0, 3]},
    ]
    first, second = read_glb(rewritten(data, gltf))
    np.testing.assert_allclose(first.points.max(axis=0), (7, 2, 2), atol=1e-4)
    np.testing.assert_allclose(second.points.max(axis=0), (6, 1, 4), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(first.normals, axis=1), 1, atol=1e-4)


BALL = write_glb([ball(1, replace(RED, texture=np.full((4, 4, 4), 200, np.uint8)))])


def nested(levels: int) -> list[dict[str, object]]:
    """Nodes each of which shows the next one twice: the last 2 ** levels times."""
    shown: list[dict[str, object]] = [{"children": [n + 1, n + 1]} for n in range(levels)]
    return [*shown, {"mesh": 0}]


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        (["nodes"], nested(40), "in two places"),
        (["nodes"], [{"children": [0]}], "in two places"),
        (["nodes"], [{"children": list(range(1, 5000))}, *[{"mesh": 0}] * 5000], "more than"),
        (["nodes"], [{"children": [1.5]}], "whole number"),
        (["nodes"], [{"mesh": 0, "scale": [0, 1, 1]}], "scaled to nothing"),
        (["nodes"], [{"mesh": 0, "scale": [1e8] * 3, "translation": [1e8] * 3}], "beyond"),
        (["nodes"], [{"mesh": 0, "rotation": [1, 2]}], "4 numbers"),
        (["nodes"], {}, "not a list"),
        (["nodes", 0, "mesh"], 7, "no 7 in meshes"),
        (["nodes", 0, "mesh"], -1, "whole number"),
        (["nodes", 0, "mesh"], True, "whole number"),
        (["scenes", 0, "nodes"], [], "no mesh"),
        (["scenes", 0, "nodes"], [0, 0], "in two places"),
        (["meshes", 0, "primitives"], [{"attributes": {"POSITION": 0}}] * 5000, "more than"),
        (["meshes", 0, "primitives", 0, "mode"], 1, "triangles"),
        (["meshes", 0, "primitives", 0, "attributes"], {}, "without POSITION"),
        (["meshes", 0, "primitives", 0, "attributes", "NORMAL"], 2, "another type"),
        (["accessors", 0, "count"], 10**30, "whole number"),
        (["accessors", 0, "count"], 4 * MOST_TRIANGLES, "whole number"),
        (["accessors", 0, "count"], MOST_TRIANGLES, "not in the file"),
        (["accessors", 0, "count"], 3, "index beyond"),
        (["accessors", 0, "sparse"], {"count": 1}, "sparse"),
        (["accessors", 0, "byteOffset"], 2**33, "whole number"),
        (["accessors", 1, "count"], 3, "different lengths"),
        (["accessors", 3, "count"], 4, "half a triangle"),
        (["accessors", 3, "componentType"], 5126, "no whole numbers"),
        (["accessors", 3, "componentType"], 5130, "another type"),
        (["bufferViews", 0, "byteOffset"], -4, "whole number"),
        (["bufferViews", 0, "byteOffset"], 10**6, "not in the file"),
        (["bufferViews", 0, "byteLength"], 10**6, "not in the file"),
        (["bufferViews", 0, "byteStride"], 253, "whole number"),
        (["bufferViews", 0, "buffer"], 1, "outside the file"),
        (["images", 0], {"uri": "data:image/png;base64,AAAA"}, "outside the file"),
        (["images", 0, "bufferView"], 0, "not a PNG"),
        (["materials", 0, "emissiveFactor"], ["a", 0, 0], "3 numbers"),
        (["materials", 0], [], "not an object"),
        (["extensionsRequired"], ["KHR_draco_mesh_compression", "\ud800"], "KHR_draco"),
    ],
)
def test_what_is_wrong_with_a_glb_file_is_said(
    where: list[str | int], value: object, told: str
) -> None:
    gltf, _ = parts(BALL)
    holder: Any = gltf
    for step in where[:-1]:
        holder = holder[step]
    holder[where[-1]] = value
    with pytest.raises(GlbError, match=told) as refused:
        read_glb(rewritten(BALL, gltf))
    str(refused.value).encode()


def test_a_mesh_that_is_shown_often_counts_as_often() -> None:
    big = ball(1, RED, 120)
    assert len(big.triangles) < MOST_TRIANGLES < 10 * len(big.triangles)
    data = write_glb([big])
    gltf, _ = parts(data)
    gltf["nodes"] = [{"children": list(range(1, 11))}, *[{"mesh": 0}] * 10]
    with pytest.raises(GlbError, match="triangles"):
        read_glb(rewritten(data, gltf))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "too short"),
        (b"glTF" + b"\0" * 60, "not a GLB"),
        (BALL[:900], "cut short"),
        (BALL[:-9], "cut short"),
        (b"\0" * (9 * 2**20), "at most"),
        (packed(b"[]"), "not an object"),
        (packed(b"[" * 200_000), "cannot be read"),
        (packed(b'{"a": ' * 100_000), "cannot be read"),
        (packed(b'{"scene": ' + b"9" * 5000 + b"}"), "cannot be read"),
        (packed(b'{"scene": 1e999, "scenes": [{}]}'), "whole number"),
        (packed(b'{"scene": NaN}'), "NaN"),
        (packed(b'{"scene": 0, "scene": 1}'), "twice"),
        (packed(b'{"scene": "\xff"}'), "cannot be read"),
        (packed('{"scene": 0}'.encode("utf-16")), "cannot be read"),
        (packed(b" " * (3 * 2**20)), "of JSON"),
        (packed(b"{}"), "no mesh"),
    ],
)
def test_what_is_no_glb_file_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(GlbError, match=told):
        read_glb(data)


def test_a_position_that_is_no_number_is_refused() -> None:
    points = ball(1, RED).points.copy()
    points[3] = np.nan
    with pytest.raises(GlbError, match="not a number"):
        read_glb(write_glb([replace(ball(1, RED), points=points)]))


def test_a_model_does_not_cover_itself_a_thousand_times() -> None:
    leaf = Solid.of(
        np.array([[-20, -20, 9], [20, -20, 9], [0, 20, 9]], np.float32),
        np.array([[0, 1, 2]], np.int32),
        RED,
    )
    assert len(read_glb(write_glb([leaf] * 60))) == 60
    thick = replace(leaf, triangles=np.repeat(leaf.triangles, 10_000, axis=0))
    with pytest.raises(GlbError, match="covers itself"):
        read_glb(write_glb([thick]))


@pytest.mark.parametrize("name", PROPS)
def test_a_prop_could_come_as_a_file(name: str) -> None:
    assert len(read_glb(write_glb(prop(name)))) == len(prop(name))


def test_a_model_has_few_textures() -> None:
    solids = [
        ball(1, Material(texture=np.full((2, 2, 4), n, np.uint8)), sides=6) for n in range(20)
    ]
    with pytest.raises(GlbError, match="16 textures"):
        read_glb(write_glb(solids))


def test_the_rig_opens_the_mouth_and_closes_the_eyes() -> None:
    rig = FaceRig()
    rest, opened = rig.posed(Expression()), rig.posed(Expression(mouth=1.0))
    np.testing.assert_allclose(rest, rig.rest, atol=1e-5)
    gap = (rest[13, 1] - rest[14, 1], opened[13, 1] - opened[14, 1])
    assert gap[1] > gap[0] + 1.5
    assert abs(opened[FOREHEAD_TOP] - rest[FOREHEAD_TOP]).max() < 0.01
    assert opened[CHIN, 1] < rest[CHIN, 1] - 1
    blinking = rig.posed(Expression(blink_left=1.0))
    assert blinking[386, 1] - blinking[374, 1] < 0.2
    assert rest[159, 1] == pytest.approx(blinking[159, 1])


def test_light_comes_from_where_the_face_is_bright() -> None:
    picture, face = skin_picture(), head(width=120)
    x = np.arange(picture.shape[1], dtype=float)
    slope = np.clip(0.5 + (x - face.box.centre[0]) / 150, 0.15, 1.2)
    right_lit = np.clip(picture * slope[None, :, None], 0, 255).astype(np.uint8)
    left_lit = np.ascontiguousarray(right_lit[:, ::-1])
    flipped = head(width=120, centre=(picture.shape[1] - face.box.centre[0], face.box.centre[1]))
    assert Light.on(Scene(right_lit), face).key[0] > 0.2
    assert Light.on(Scene(left_lit), flipped).key[0] < 0.0
    dark = Light.on(Scene((picture * 0.2).astype(np.uint8)), face)
    assert dark.level.mean() < 0.5 * Light.on(Scene(picture), face).level.mean()
    black = Light.on(Scene(np.zeros_like(picture)), face)
    assert np.isfinite(black.level).all()


@needs_opengl
def test_the_head_hides_what_is_behind_it() -> None:
    in_front = reddish(drawn(ball(2.0, RED).moved(0, -1, 9)))
    behind = reddish(drawn(ball(2.0, RED).moved(0, -1, -14)))
    through = reddish(drawn(ball(2.0, RED).moved(0, -1, -14), occluded=False))
    assert in_front > 200
    assert behind == 0
    assert through > 200


@needs_opengl
def test_a_shadow_falls_on_the_face_only() -> None:
    nose = ball(2.0, RED).moved(0, -1, 9)
    plain, shaded = drawn(nose), drawn(nose, shadow=True)
    darker = plain.picture.astype(int).sum(axis=2) - shaded.picture.astype(int).sum(axis=2)
    assert darker.max() > 10
    assert darker.min() >= -3
    face = head(width=120)
    outside = np.ones(darker.shape, bool)
    outside[Scene(plain.picture.copy()).rect(face.box).slices] = False
    assert abs(darker[outside]).max() <= 6


@needs_opengl
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (2160, 3840)])
def test_nothing_is_drawn_outside_the_picture(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 90, np.uint8)
    scene = drawn(ball(4.0, RED).moved(0, -1, 9), picture=picture, shadow=True)
    for rect in scene.touched:
        assert rect.right <= size[1]
        assert rect.bottom <= size[0]


@needs_opengl
def test_a_texture_and_glass_are_drawn() -> None:
    texture = np.full((8, 8, 4), (250, 0, 0, 255), np.uint8)
    assert reddish(drawn(ball(2, Material((1, 1, 1), texture=texture)).moved(0, -1, 9))) > 200
    solid = drawn(ball(2, RED).moved(0, -1, 9)).picture.astype(int)
    glass = drawn(ball(2, replace(RED, alpha=0.4)).moved(0, -1, 9)).picture.astype(int)
    bare = skin_picture().astype(int)
    assert 0.15 < abs(glass - bare).sum() / abs(solid - bare).sum() < 0.75
