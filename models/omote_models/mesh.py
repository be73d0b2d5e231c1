"""The canonical face: the mesh that the landmarks are fitted to, with its texture coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

VERTEX_COUNT = 468
TRIANGLE_COUNT = 898


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalMesh:
    """The canonical face. Vertex i is landmark i; the irises have no vertices.

    Attributes:
        vertices: (468, 3) float32, centimetres; right-handed, Y up, the face looks along +Z.
        uv: (468, 2) float32, 0 to 1; V grows downwards, as in a picture.
        triangles: (898, 3) int32, indices of vertices.
    """

    vertices: NDArray[np.float32]
    uv: NDArray[np.float32]
    triangles: NDArray[np.int32]


@lru_cache(maxsize=1)
def canonical_mesh() -> CanonicalMesh:
    """MediaPipe's canonical face; its arrays are read-only.

    The figures come with this package (see `assets/NOTICE`), so that drawing needs no model.
    """
    packed = files("omote_models").joinpath("assets", "canonical_face.npz").read_bytes()
    with np.load(BytesIO(packed), allow_pickle=False) as figures:
        return CanonicalMesh(
            vertices=_frozen(figures["vertices"], np.float32),
            uv=_frozen(figures["uv"], np.float32),
            triangles=_frozen(figures["triangles"], np.int32),
        )


def _frozen(array: NDArray[np.generic], kind: type[Number]) -> NDArray[Number]:
    copy = np.ascontiguousarray(array, kind)
    copy.setflags(write=False)
    return copy
