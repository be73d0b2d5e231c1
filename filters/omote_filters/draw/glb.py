"""Reads GLB, the binary form of glTF 2.0: meshes with materials, nothing that moves.

Files come from strangers. Whatever is read has a kind and a bound, and work is counted before it
is done: a small file may ask for the same mesh, node or picture any number of times.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.gltf import (
    MOST_BYTES,
    GlbError,
    Json,
    a_list,
    an_object,
    chunks,
    numbers,
    shares,
    whole,
)
from omote_filters.draw.picture import PictureError, decoded, size_of
from omote_filters.draw.solid import Material, Solid, layers, smooth_normals

MOST_TRIANGLES = 60_000
"""Of a file, of all its meshes together, each counted as often as a node shows it."""
_MOST_NODES = 2048
_MOST_VERTICES = 3 * MOST_TRIANGLES
_MOST_SOLIDS = 256
"""Each is a call of OpenGL in every picture."""
_MOST_TEXTURES = 16
_MOST_TEXELS = 4 * 2048 * 2048
_MOST_LAYERS = 40.0
"""Each is drawn in software for about a millisecond, in the one thread that all sessions share."""
_FARTHEST = 1000.0
"""From the head's middle, in cm."""

_KINDS: Mapping[int, type[np.generic]] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def read_glb(data: bytes) -> list[Solid]:
    """The solids of the file's scene, each where its nodes put it.

    Positions, normals, texture coordinates, indices, and materials with a base colour, its
    texture (PNG or JPEG inside the file), metal, roughness, emission and alpha are read; skins,
    animations, cameras and lights are left out.

    Raises:
        GlbError: it is not a GLB file, too large, or needs an extension.
    """
    if len(data) > MOST_BYTES:
        raise GlbError(f"is {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    # Numbers that overflow are found where positions are looked at.
    with np.errstate(all="ignore"):
        return _Reader(*chunks(data)).solids()


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A primitive where a node puts it."""

    primitive: Json
    place: NDArray[np.float64]


class _Reader:
    def __init__(self, gltf: Json, binary: bytes) -> None:
        self._gltf, self._binary = gltf, binary
        self._textures: dict[int, NDArray[np.uint8]] = {}
        self._texels = 0

    def solids(self) -> list[Solid]:
        needed = a_list(self._gltf, "extensionsRequired")
        if needed:
            names = ", ".join(ascii(name) for name in needed[:8])
            raise GlbError(f"needs extensions, which are not supported: {names[:120]}")
        shown = self._shown()
        self._count(shown)
        found = [self._solid(one) for one in shown]
        if layers(found) > _MOST_LAYERS:
            raise GlbError(f"covers itself more than {_MOST_LAYERS:g} times; take out inner parts")
        return found

    def _shown(self) -> list[_Shown]:
        """What the scene's nodes show. Every node is visited once: glTF demands a strict tree."""
        found: list[_Shown] = []
        visited: set[int] = set()
        waiting = [(node, np.eye(4)) for node in self._roots()]
        while waiting:
            index, above = waiting.pop()
            if index in visited:
                raise GlbError(f"has node {index} in two places; glTF demands a tree of nodes")
            visited.add(index)
            if len(visited) > _MOST_NODES:
                raise GlbError(f"has more than {_MOST_NODES} nodes; join some")
            node = self._of("nodes", index)
            place = above @ _matrix(node)
            if "mesh" in node:
                mesh = self._of("meshes", node["mesh"])
                found += [
                    _Shown(an_object(p, "primitive"), place) for p in a_list(mesh, "primitives")
                ]
            if len(found) > _MOST_SOLIDS:
                raise GlbError(f"shows more than {_MOST_SOLIDS} meshes; join some")
            # The first child is visited next: solids come in the order of the file.
            waiting += [(whole(c, "child"), place) for c in reversed(a_list(node, "children"))]
        if not found:
            raise GlbError("holds no mesh in its scene")
        return found

    def _roots(self) -> list[int]:
        if not a_list(self._gltf, "scenes"):
            return []
        scene = self._of("scenes", self._gltf.get("scene", 0))
        return [whole(node, "node") for node in reversed(a_list(scene, "nodes"))]

    def _count(self, shown: Sequence[_Shown]) -> None:
        """Refuse what is too much, before anything is made of it."""
        vertices = corners = 0
        for one in shown:
            if one.primitive.get("mode", 4) != 4:
                raise GlbError("holds lines or points; only triangles are drawn")
            points = self._size(self._attribute(one.primitive, "POSITION"))
            vertices += points
            indices = one.primitive.get("indices")
            corners += points if indices is None else self._size(indices)
        if corners > 3 * MOST_TRIANGLES or vertices > _MOST_VERTICES:
            raise GlbError(
                f"holds more than {MOST_TRIANGLES:,} triangles or {_MOST_VERTICES:,} vertices"
            )

    def _solid(self, shown: _Shown) -> Solid:
        primitive, place = shown.primitive, shown.place
        points = self._floats(self._attribute(primitive, "POSITION"), 3)
        triangles = self._triangles(primitive, len(points))
        turned = np.asarray(points @ place[:3, :3].T + place[:3, 3])
        if not np.isfinite(turned).all() or np.abs(turned).max() > _FARTHEST:
            raise GlbError(
                f"has a position that is not a number or beyond {_FARTHEST:g} cm; "
                "make it in centimetres of the head"
            )
        volume = float(np.linalg.det(place[:3, :3]))
        if not math.isfinite(volume) or volume == 0:
            raise GlbError("has a node that is scaled to nothing")
        if volume < 0:
            triangles = triangles[:, ::-1]
        made = np.asarray(turned, np.float32)
        uv = np.zeros((len(points), 2), np.float32)
        if (index := self._attribute(primitive, "TEXCOORD_0", None)) is not None:
            uv = np.asarray(np.clip(_finite(self._floats(index, 2)), -1e4, 1e4), np.float32)
        normals = smooth_normals(made, triangles)
        if (index := self._attribute(primitive, "NORMAL", None)) is not None:
            normals = _turned(self._floats(index, 3), place)
        if not len(made) == len(normals) == len(uv):
            raise GlbError("has attributes of different lengths")
        return Solid(made, normals, triangles, uv, self._material(primitive.get("material")))

    def _triangles(self, primitive: Json, points: int) -> NDArray[np.int32]:
        if "indices" in primitive:
            rows = self._accessor(primitive["indices"], "SCALAR")
            if rows.dtype.kind != "u":
                raise GlbError("has indices that are no whole numbers")
            corners = rows[:, 0].astype(np.int64)
        else:
            corners = np.arange(points, dtype=np.int64)
        if len(corners) % 3 or corners.max() >= points:
            raise GlbError("has an index beyond its vertices, or half a triangle")
        return np.asarray(corners.reshape(-1, 3), np.int32)

    def _attribute(self, primitive: Json, name: str, *default: object) -> object:
        attributes = an_object(primitive.get("attributes"), "attributes")
        if name not in attributes and not default:
            raise GlbError(f"has a mesh without {name}")
        return attributes.get(name, *default)

    def _of(self, kind: str, index: object) -> Json:
        """An entry of one of the file's lists."""
        at, entries = whole(index, kind), a_list(self._gltf, kind)
        if at >= len(entries):
            raise GlbError(f"is damaged: there is no {at} in {kind}")
        return an_object(entries[at], kind)

    def _size(self, index: object) -> int:
        return whole(self._of("accessors", index).get("count"), "count", _MOST_VERTICES)

    def _floats(self, index: object, width: int) -> NDArray[np.float64]:
        rows = self._accessor(index, f"VEC{width}")
        found = np.asarray(rows, np.float64)
        if rows.dtype.kind in "iu":
            if not self._of("accessors", index).get("normalized"):
                raise GlbError("has whole numbers where fractions are needed")
            found = np.maximum(found / np.iinfo(rows.dtype).max, -1.0)
        return found

    def _accessor(self, index: object, wanted: str) -> NDArray[Any]:
        accessor = self._of("accessors", index)
        if "sparse" in accessor or "bufferView" not in accessor:
            raise GlbError("has sparse data, which is not supported")
        kind = _KINDS.get(whole(accessor.get("componentType"), "componentType"))
        if kind is None or accessor.get("type") != wanted:
            raise GlbError(f"has data of another type than {wanted}")
        width, size, count = _WIDTHS[wanted], np.dtype(kind).itemsize, self._size(index)
        view = self._of("bufferViews", accessor["bufferView"])
        data = self._view(view)
        start = whole(accessor.get("byteOffset", 0), "byteOffset")
        step = whole(view.get("byteStride", 0), "byteStride", 252) or width * size
        if not count or start + (count - 1) * step + width * size > len(data):
            raise GlbError("refers to data that is not in the file")
        return np.ndarray((count, width), kind, data, start, (step, size))

    def _view(self, view: Json) -> memoryview:
        if whole(view.get("buffer", 0), "buffer"):
            raise GlbError("refers to data outside the file; export it as one .glb")
        start = whole(view.get("byteOffset", 0), "byteOffset")
        end = start + whole(view.get("byteLength"), "byteLength")
        if end > len(self._binary):
            raise GlbError("refers to data that is not in the file")
        return memoryview(self._binary)[start:end]

    def _material(self, index: object) -> Material:
        if index is None:
            return Material()
        told = self._of("materials", index)
        surface = an_object(told.get("pbrMetallicRoughness", {}), "pbrMetallicRoughness")
        red, green, blue, alpha = shares(surface, "baseColorFactor", (1, 1, 1, 1))
        glow = shares(told, "emissiveFactor", (0, 0, 0))
        (metal,) = shares(surface, "metallicFactor", (1,))
        (rough,) = shares(surface, "roughnessFactor", (1,))
        art = surface.get("baseColorTexture")
        return Material(
            (red, green, blue),
            1.0 if told.get("alphaMode", "OPAQUE") == "OPAQUE" else alpha,
            metal,
            rough,
            (glow[0], glow[1], glow[2]),
            None if art is None else self._texture(an_object(art, "texture").get("index")),
            told.get("doubleSided") is True,
        )

    def _texture(self, index: object) -> NDArray[np.uint8]:
        source = whole(self._of("textures", index).get("source"), "source")
        if source not in self._textures:
            image = self._of("images", source)
            if "bufferView" not in image:
                raise GlbError("refers to a texture outside the file; export it as one .glb")
            data = bytes(self._view(self._of("bufferViews", image["bufferView"])))
            width, height = size_of(data) or (0, 0)
            self._texels += width * height
            if len(self._textures) >= _MOST_TEXTURES or self._texels > _MOST_TEXELS:
                raise GlbError(
                    f"has more than {_MOST_TEXTURES} textures or {_MOST_TEXELS:,} texels"
                )
            try:
                self._textures[source] = decoded(data)
            except PictureError as error:
                raise GlbError(str(error)) from None
        return self._textures[source]


def _matrix(node: Json) -> NDArray[np.float64]:
    """Where a node stands in the one above it, (4, 4)."""
    if "matrix" in node:
        return np.array(numbers(node, "matrix", (0,) * 16)).reshape(4, 4).T
    x, y, z, w = numbers(node, "rotation", (0, 0, 0, 1))
    turn = np.array(
        (
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        )
    )
    made = np.eye(4)
    made[:3, :3] = turn * np.array(numbers(node, "scale", (1, 1, 1)))
    made[:3, 3] = numbers(node, "translation", (0, 0, 0))
    return made


def _turned(normals: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float32]:
    """Normals under a node, of length 1."""
    # The inverse alone is right for scaled nodes; a nearly flat one may still overflow.
    turned = _finite(_finite(normals) @ np.linalg.inv(place[:3, :3]))
    length = np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    return np.asarray(_finite(turned / length), np.float32)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
