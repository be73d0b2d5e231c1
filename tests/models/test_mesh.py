"""The canonical mesh: the shipped figures against MediaPipe's own file, and what they are for."""

from io import BytesIO
from zipfile import ZipFile

import geometry
import numpy as np
import pytest

from omote_models.mesh import TRIANGLE_COUNT, VERTEX_COUNT, CanonicalMesh, canonical_mesh
from omote_models.store import model_store


@pytest.fixture(scope="module")
def mesh() -> CanonicalMesh:
    return canonical_mesh()


def test_the_shipped_figures_are_those_of_the_model(mesh: CanonicalMesh) -> None:
    store = model_store()
    store.pull("face_landmarker")
    with ZipFile(BytesIO(store.read("face_landmarker"))) as bundle:
        vertices, triangles = geometry.canonical_arrays(bundle.read(geometry.MEMBER))
    assert np.array_equal(np.hstack([mesh.vertices, mesh.uv]), vertices)
    assert np.array_equal(mesh.triangles, triangles)


def test_shapes_and_types(mesh: CanonicalMesh) -> None:
    assert mesh.vertices.shape == (VERTEX_COUNT, 3)
    assert mesh.uv.shape == (VERTEX_COUNT, 2)
    assert mesh.triangles.shape == (TRIANGLE_COUNT, 3)
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


def test_it_is_read_once() -> None:
    assert canonical_mesh() is canonical_mesh()
