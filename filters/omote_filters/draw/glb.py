"""Reads and writes GLB, the binary form of glTF 2.0: meshes with materials, nothing that moves."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.solid import Material, Solid, smooth_normals
from omote_models.face import FloatArray

MOST_BYTES = 8 * 2**20
MOST_TRIANGLES = 60_000
MOST_SIDE = 2048
"""Limits of a file, of all its meshes together, and of a texture's sides."""

_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942
_TYPES: Mapping[int, type[np.generic]] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_DEEPEST = 32


class GlbError(ValueError):
    """A file is not GLB, or holds what is not supported. The text says which."""


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
    try:
        return _File(data).solids()
    except GlbError:
        raise
    except (struct.error, KeyError, IndexError, TypeError, ValueError, cv2.error) as error:
        raise GlbError(f"is damaged: {type(error).__name__}") from None


class _File:
    def __init__(self, data: bytes) -> None:
        magic, version, _ = struct.unpack_from("<III", data)
        if magic != _MAGIC or version != 2:
            raise GlbError("is not a GLB file of glTF 2.0")
        length, kind = struct.unpack_from("<II", data, 12)
        if kind != _JSON:
            raise GlbError("does not begin with its JSON")
        self._gltf: dict[str, Any] = json.loads(data[20 : 20 + length])
        self._binary = b""
        if len(data) > 28 + length:
            size, kind = struct.unpack_from("<II", data, 20 + length)
            if kind == _BINARY:
                self._binary = data[28 + length : 28 + length + size]
        needed = self._gltf.get("extensionsRequired")
        if needed:
            raise GlbError(f"needs extensions, which are not supported: {', '.join(needed)[:120]}")
        self._triangles = 0
        self._textures: dict[int, NDArray[np.uint8]] = {}

    def solids(self) -> list[Solid]:
        scenes = self._gltf.get("scenes", [])
        roots = scenes[self._gltf.get("scene", 0)]["nodes"] if scenes else []
        found: list[Solid] = []
        for root in roots:
            self._node(root, np.eye(4), found, 0)
        if not found:
            raise GlbError("holds no mesh in its scene")
        return found

    def _node(self, index: int, above: NDArray[np.float64], found: list[Solid], depth: int) -> None:
        if depth > _DEEPEST:
            raise GlbError(f"has nodes nested deeper than {_DEEPEST}")
        node = self._gltf["nodes"][index]
        place = above @ _matrix(node)
        if "mesh" in node:
            for primitive in self._gltf["meshes"][node["mesh"]]["primitives"]:
                if primitive.get("mode", 4) != 4:
                    raise GlbError("holds lines or points; only triangles are drawn")
                found.append(self._solid(primitive, place))
        for child in node.get("children", []):
            self._node(child, place, found, depth + 1)

    def _solid(self, primitive: Mapping[str, Any], place: NDArray[np.float64]) -> Solid:
        attributes = primitive["attributes"]
        points = self._accessor(attributes["POSITION"])[:, :3].astype(np.float64)
        if "indices" in primitive:
            triangles = self._accessor(primitive["indices"]).reshape(-1, 3).astype(np.int64)
        else:
            triangles = np.arange(len(points)).reshape(-1, 3)
        self._triangles += len(triangles)
        if self._triangles > MOST_TRIANGLES:
            raise GlbError(f"holds more than {MOST_TRIANGLES:,} triangles")
        if len(triangles) and (triangles.min() < 0 or triangles.max() >= len(points)):
            raise GlbError("has an index beyond its vertices")
        turned = np.asarray(points @ place[:3, :3].T + place[:3, 3], np.float32)
        if not np.isfinite(turned).all():
            raise GlbError("has a position that is not a number")
        if np.linalg.det(place[:3, :3]) < 0:
            triangles = triangles[:, ::-1]
        small = np.asarray(triangles, np.int32)
        if "NORMAL" in attributes:
            raw = self._accessor(attributes["NORMAL"])[:, :3].astype(np.float64)
            normals = raw @ np.linalg.inv(place[:3, :3])
            length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
            normals = np.nan_to_num(normals / length).astype(np.float32)
        else:
            normals = smooth_normals(turned, small)
        uv = np.zeros((len(points), 2), np.float32)
        if "TEXCOORD_0" in attributes:
            uv = np.nan_to_num(self._accessor(attributes["TEXCOORD_0"])[:, :2]).astype(np.float32)
        if not len(turned) == len(normals) == len(uv):
            raise GlbError("has attributes of different lengths")
        return Solid(turned, normals, small, uv, self._material(primitive.get("material")))

    def _accessor(self, index: int) -> NDArray[Any]:
        accessor = self._gltf["accessors"][index]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise GlbError("has sparse data, which is not supported")
        view = self._gltf["bufferViews"][accessor["bufferView"]]
        kind = np.dtype(_TYPES[accessor["componentType"]])
        width, count = _WIDTHS[accessor["type"]], int(accessor["count"])
        start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
        step = int(view.get("byteStride", 0)) or width * kind.itemsize
        end = start + (count - 1) * step + width * kind.itemsize
        if not 0 < count <= 4 * MOST_TRIANGLES or start < 0 or end > len(self._binary):
            raise GlbError("refers to data that is not in the file")
        rows = np.ndarray((count, width), kind, self._binary, start, (step, kind.itemsize))
        if accessor.get("normalized") and kind.kind in "iu":
            return np.asarray(rows / np.iinfo(kind).max, np.float32)
        return rows

    def _material(self, index: int | None) -> Material:
        if index is None:
            return Material()
        told = self._gltf["materials"][index]
        surface = told.get("pbrMetallicRoughness", {})
        red, green, blue, alpha = (
            min(max(float(v), 0.0), 1.0) for v in surface.get("baseColorFactor", (1, 1, 1, 1))
        )
        glow = told.get("emissiveFactor", (0, 0, 0))
        texture = surface.get("baseColorTexture")
        return Material(
            (red, green, blue),
            1.0 if told.get("alphaMode", "OPAQUE") == "OPAQUE" else alpha,
            float(surface.get("metallicFactor", 1.0)),
            float(surface.get("roughnessFactor", 1.0)),
            (float(glow[0]), float(glow[1]), float(glow[2])),
            None if texture is None else self._texture(texture["index"]),
            bool(told.get("doubleSided", False)),
        )

    def _texture(self, index: int) -> NDArray[np.uint8]:
        source = self._gltf["textures"][index]["source"]
        if source not in self._textures:
            image = self._gltf["images"][source]
            if "bufferView" not in image:
                raise GlbError("refers to a texture outside the file")
            view = self._gltf["bufferViews"][image["bufferView"]]
            start = int(view.get("byteOffset", 0))
            data = self._binary[start : start + int(view["byteLength"])]
            self._textures[source] = decoded(data)
        return self._textures[source]


def decoded(data: bytes) -> NDArray[np.uint8]:
    """A PNG or JPEG as (h, w, 4) uint8 RGBA.

    Raises:
        GlbError: it cannot be decoded, or is larger than `MOST_SIDE`.
    """
    size = _size_of(data)
    if size is None or max(size) > MOST_SIDE:
        raise GlbError(f"has a picture that is not a PNG or JPEG of at most {MOST_SIDE} pixels")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8:
        raise GlbError("has a picture that cannot be decoded")
    code = {2: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    channels = 2 if picture.ndim == 2 or picture.shape[2] == 1 else picture.shape[2]
    return np.asarray(cv2.cvtColor(picture, code[channels]), np.uint8)


def _size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height before anything is decoded; None where it is neither PNG nor JPEG."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return int(width), int(height)
    at = 2
    while data[:2] == b"\xff\xd8" and at + 9 < len(data) and data[at] == 0xFF:
        if data[at + 1] in (0xC0, 0xC1, 0xC2):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return int(width), int(height)
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def _matrix(node: Mapping[str, Any]) -> NDArray[np.float64]:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    turn = np.array(
        (
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        )
    )
    made = np.eye(4)
    made[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    made[:3, 3] = node.get("translation", (0, 0, 0))
    return made


def write_glb(solids: Sequence[Solid]) -> bytes:
    """A GLB file of some solids, for authors who make them in Python."""
    chunks: list[bytes] = []
    gltf: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "omote"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(solids)))}],
        "nodes": [{"mesh": n} for n in range(len(solids))],
        "meshes": [],
        "materials": [],
        "accessors": [],
        "bufferViews": [],
    }

    def stored(data: bytes, **view: Any) -> int:
        start = sum(map(len, chunks))
        chunks.append(data + b"\0" * (-len(data) % 4))
        gltf["bufferViews"].append(
            {"buffer": 0, "byteOffset": start, "byteLength": len(data), **view}
        )
        return len(gltf["bufferViews"]) - 1

    def accessor(values: FloatArray | NDArray[np.uint32], kind: str) -> int:
        entry: dict[str, Any] = {
            "bufferView": stored(np.ascontiguousarray(values).tobytes()),
            "componentType": 5126 if values.dtype == np.float32 else 5125,
            "count": len(values),
            "type": kind,
        }
        if kind == "VEC3":
            entry["min"], entry["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        gltf["accessors"].append(entry)
        return len(gltf["accessors"]) - 1

    for number, solid in enumerate(solids):
        material = solid.material
        surface: dict[str, Any] = {
            "baseColorFactor": [*material.colour, material.alpha],
            "metallicFactor": material.metal,
            "roughnessFactor": material.rough,
        }
        if material.texture is not None:
            bgra = cv2.cvtColor(material.texture, cv2.COLOR_RGBA2BGRA)
            png = cv2.imencode(".png", bgra)[1].tobytes()
            images = gltf.setdefault("images", [])
            images.append({"bufferView": stored(png), "mimeType": "image/png"})
            gltf.setdefault("textures", []).append({"source": len(images) - 1})
            surface["baseColorTexture"] = {"index": len(images) - 1}
        gltf["materials"].append(
            {
                "pbrMetallicRoughness": surface,
                "emissiveFactor": list(material.glow),
                "alphaMode": "OPAQUE" if material.alpha >= 1 else "BLEND",
                "doubleSided": material.both_sides,
            }
        )
        attributes = {
            "POSITION": accessor(solid.points.astype(np.float32), "VEC3"),
            "NORMAL": accessor(solid.normals.astype(np.float32), "VEC3"),
            "TEXCOORD_0": accessor(solid.uv.astype(np.float32), "VEC2"),
        }
        indices = accessor(solid.triangles.astype(np.uint32).reshape(-1, 1), "SCALAR")
        primitive = {"attributes": attributes, "indices": indices, "material": number}
        gltf["meshes"].append({"primitives": [primitive]})
    gltf["buffers"] = [{"byteLength": sum(map(len, chunks))}]
    text = json.dumps(gltf, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(chunks)
    total = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        (
            struct.pack("<III", _MAGIC, 2, total),
            struct.pack("<II", len(text), _JSON),
            text,
            struct.pack("<II", len(binary), _BINARY),
            binary,
        )
    )
