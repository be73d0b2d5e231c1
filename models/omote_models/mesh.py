"""The canonical face: the mesh that the landmarks are fitted to, with its texture coordinates."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from omote_models.store import model_store

Field = tuple[int, int | bytes]
Number = TypeVar("Number", bound=np.generic)

MEMBER = "geometry_pipeline_metadata_landmarks.binarypb"
VERTEX_COUNT = 468
TRIANGLE_COUNT = 898

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_CANONICAL_MESH = 1
_VERTEX_TYPE, _PRIMITIVE_TYPE, _VERTEX_BUFFER, _INDEX_BUFFER = 1, 2, 3, 4


class MeshError(ValueError):
    """The face model holds no canonical mesh that Omote understands."""


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
    """The mesh inside `face_landmarker.task`; its arrays are read-only.

    Raises:
        StoreError: the model is not there.
        MeshError: the model is not one that Omote understands.
    """
    task = model_store().path("face_landmarker")
    try:
        with ZipFile(task) as bundle:
            metadata = bundle.read(MEMBER)
    except (BadZipFile, KeyError) as error:
        raise MeshError(f"{task} holds no {MEMBER}: {error}") from None
    return parse_mesh(metadata)


def parse_mesh(metadata: bytes) -> CanonicalMesh:
    """Read the canonical mesh from MediaPipe's serialized GeometryPipelineMetadata.

    Raises:
        MeshError: it is not there, or not the mesh of 468 vertices.
    """
    try:
        mesh = list(_fields(_single(_fields(metadata), _CANONICAL_MESH)))
        floats, indices = _floats(mesh), _indices(mesh)
    except (IndexError, struct.error) as error:
        raise MeshError(f"the geometry metadata is damaged: {error}") from None
    _check(mesh, floats, indices)

    buffer = floats.reshape(VERTEX_COUNT, 5)
    triangles = np.array(indices, np.int32).reshape(TRIANGLE_COUNT, 3)
    return CanonicalMesh(
        vertices=_frozen(buffer[:, :3]),
        uv=_frozen(buffer[:, 3:]),
        triangles=_frozen(triangles),
    )


def _check(mesh: list[Field], floats: NDArray[np.float32], indices: list[int]) -> None:
    kinds = [value for number, value in mesh if number in (_VERTEX_TYPE, _PRIMITIVE_TYPE)]
    if any(kinds):
        raise MeshError("the canonical mesh is not made of triangles with texture coordinates")
    if floats.size != VERTEX_COUNT * 5 or len(indices) != TRIANGLE_COUNT * 3:
        raise MeshError(
            f"the canonical mesh has {floats.size / 5:g} vertices and {len(indices) / 3:g} "
            f"triangles, not {VERTEX_COUNT} and {TRIANGLE_COUNT}"
        )
    if not np.isfinite(floats).all() or max(indices) >= VERTEX_COUNT:
        raise MeshError("the canonical mesh has values out of range")


def _floats(mesh: Iterable[Field]) -> NDArray[np.float32]:
    # Packed or not, a repeated float is the same bytes in the same order.
    parts = [part for number, part in mesh if number == _VERTEX_BUFFER and isinstance(part, bytes)]
    raw = b"".join(parts)
    return np.array([value for (value,) in struct.iter_unpack("<f", raw)], np.float32)


def _indices(mesh: Iterable[Field]) -> list[int]:
    found: list[int] = []
    for number, value in mesh:
        if number == _INDEX_BUFFER:
            found += [value] if isinstance(value, int) else _varints(value)
    return found


def _frozen(array: NDArray[Number]) -> NDArray[Number]:
    copy = np.ascontiguousarray(array)
    copy.setflags(write=False)
    return copy


# Protobuf's wire format, as much of it as the mesh needs: this package stays free of protobuf.


def _single(fields: Iterable[Field], wanted: int) -> bytes:
    for number, value in fields:
        if number == wanted and isinstance(value, bytes):
            return value
    raise MeshError("the geometry metadata holds no canonical mesh")


def _fields(message: bytes) -> Iterator[Field]:
    """The fields of a message: a number, and an int for a varint or bytes for the rest."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        if tag & 7 == _VARINT:
            value, at = _varint(message, at)
        else:
            size, at = _extent(tag & 7, message, at)
            value, at = message[at : at + size], at + size
        if at > len(message):
            raise IndexError("it ends inside a field")
        yield tag >> 3, value


def _extent(wire_type: int, message: bytes, at: int) -> tuple[int, int]:
    """How many bytes a field has, and where they begin."""
    if wire_type == _BYTES:
        return _varint(message, at)
    sizes = {_FIXED64: 8, _FIXED32: 4}
    if wire_type not in sizes:
        raise IndexError(f"wire type {wire_type} is unknown")
    return sizes[wire_type], at


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A varint, and where the next field begins."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _varints(packed: bytes) -> list[int]:
    at, found = 0, []
    while at < len(packed):
        value, at = _varint(packed, at)
        found.append(value)
    return found
