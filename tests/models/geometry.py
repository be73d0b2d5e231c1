"""Reads the canonical mesh of MediaPipe's own file, to hold the shipped figures to it.

Protobuf's wire format, as much of it as the mesh needs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Field = tuple[int, int | bytes]

MEMBER = "geometry_pipeline_metadata_landmarks.binarypb"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_CANONICAL_MESH = 1
_VERTEX_BUFFER, _INDEX_BUFFER = 3, 4


def canonical_arrays(metadata: bytes) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The vertices (n, 5: x, y, z, u, v) and triangles (m, 3) of a GeometryPipelineMetadata."""
    (mesh,) = (v for number, v in _fields(metadata) if number == _CANONICAL_MESH)
    assert isinstance(mesh, bytes)
    floats, indices = b"", list[int]()
    for number, value in _fields(mesh):
        # Packed or not, a repeated float is the same bytes in the same order.
        if number == _VERTEX_BUFFER and isinstance(value, bytes):
            floats += value
        elif number == _INDEX_BUFFER:
            indices += [value] if isinstance(value, int) else _varints(value)
    return (
        np.frombuffer(floats, "<f4").reshape(-1, 5),
        np.array(indices, np.int32).reshape(-1, 3),
    )


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
        assert at <= len(message), "it ends inside a field"
        yield tag >> 3, value


def _extent(wire_type: int, message: bytes, at: int) -> tuple[int, int]:
    """How many bytes a field has, and where they begin."""
    if wire_type == _BYTES:
        return _varint(message, at)
    return {_FIXED64: 8, _FIXED32: 4}[wire_type], at


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
