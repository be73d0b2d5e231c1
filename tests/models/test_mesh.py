"""The canonical mesh, from the real model and from damaged bytes."""

import struct
from collections.abc import Iterable
from zipfile import ZipFile

import numpy as np
import pytest

from omote_models.mesh import MEMBER, CanonicalMesh, MeshError, canonical_mesh, parse_mesh
from omote_models.store import model_store


@pytest.fixture(scope="module")
def metadata() -> bytes:
    with ZipFile(model_store().pull("face_landmarker")) as bundle:
        return bundle.read(MEMBER)


@pytest.fixture(scope="module")
def mesh(metadata: bytes) -> CanonicalMesh:
    return parse_mesh(metadata)


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def block(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def packed(floats: Iterable[float], indices: Iterable[int]) -> bytes:
    raw = b"".join(struct.pack("<f", value) for value in floats)
    return block(1, block(3, raw) + block(4, b"".join(map(varint, indices))))


def test_shapes_and_types(mesh: CanonicalMesh) -> None:
    assert mesh.vertices.shape == (468, 3)
    assert mesh.uv.shape == (468, 2)
    assert mesh.triangles.shape == (898, 3)
    assert mesh.vertices.dtype == mesh.uv.dtype == np.float32
    assert mesh.triangles.dtype == np.int32


def test_it_is_a_face(mesh: CanonicalMesh) -> None:
    forehead, chin, right_eye, left_eye, nose = (mesh.vertices[i] for i in (10, 152, 33, 263, 1))
    assert forehead[1] > right_eye[1] > nose[1] > chin[1]
    assert nose[2] > right_eye[2]
    assert right_eye[0] == -left_eye[0] < 0
    assert 15 < forehead[1] - chin[1] < 20


def test_v_grows_downwards(mesh: CanonicalMesh) -> None:
    assert mesh.uv[10, 1] < mesh.uv[1, 1] < mesh.uv[152, 1]
    assert mesh.uv.min() >= 0
    assert mesh.uv.max() <= 1


def test_every_vertex_is_used_and_the_face_has_one_rim(mesh: CanonicalMesh) -> None:
    assert np.array_equal(np.unique(mesh.triangles), np.arange(468))
    edges = np.sort(mesh.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    assert np.count_nonzero(uses == 1) == 36


def test_the_arrays_are_read_only(mesh: CanonicalMesh) -> None:
    for array in (mesh.vertices, mesh.uv, mesh.triangles):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.usefixtures("metadata")
def test_the_store_finds_it_once() -> None:
    assert canonical_mesh() is canonical_mesh()


def test_packed_fields_read_the_same(mesh: CanonicalMesh) -> None:
    floats = np.hstack([mesh.vertices, mesh.uv]).ravel().tolist()
    again = parse_mesh(packed(floats, mesh.triangles.ravel().tolist()))
    assert np.array_equal(again.vertices, mesh.vertices)
    assert np.array_equal(again.uv, mesh.uv)
    assert np.array_equal(again.triangles, mesh.triangles)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (b"", "holds no canonical mesh"),
        (b"\x0a\xff", "damaged"),
        (b"\x0a\x05abc", "damaged"),
        (b"\x0b", "damaged"),
        (packed([1.0] * 50, [0, 1, 2]), "10 vertices and 1 triangles, not 468 and 898"),
        (packed([1.0] * 2340, [468] * 2694), "out of range"),
        (packed([float("nan")] * 2340, [0] * 2694), "out of range"),
        (block(1, b"\x08\x01"), "not made of triangles"),
    ],
)
def test_damage_is_a_clear_error(damaged: bytes, message: str) -> None:
    with pytest.raises(MeshError, match=message):
        parse_mesh(damaged)


def test_a_cut_file_is_a_clear_error(metadata: bytes) -> None:
    for length in range(0, len(metadata), 997):
        with pytest.raises(MeshError):
            parse_mesh(metadata[: min(length, 19000)])
