"""Writes GLB files to test with: whole ones, and ones with another JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.solid import Material, Solid

_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942


def write_glb(solids: Iterable[Solid]) -> bytes:
    """A GLB file of some solids."""
    file = _File()
    for solid in solids:
        file.add(solid)
    return file.written()


def packed(text: bytes, binary: bytes = b"") -> bytes:
    """A GLB file of this JSON, whatever it says."""
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), _JSON) + text
    if binary:
        chunks += struct.pack("<II", len(binary), _BINARY) + binary
    return struct.pack("<III", _MAGIC, 2, 12 + len(chunks)) + chunks


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary part of a file."""
    length = struct.unpack_from("<I", data, 12)[0]
    gltf: dict[str, Any] = json.loads(data[20 : 20 + length])
    return gltf, data[28 + length :]


def rewritten(data: bytes, gltf: object) -> bytes:
    """The same file with another JSON."""
    return packed(json.dumps(gltf).encode(), parts(data)[1])


class _File:
    def __init__(self) -> None:
        self._binary = b""
        lists = ("nodes", "meshes", "materials", "accessors", "bufferViews", "images", "textures")
        self._gltf: dict[str, Any] = {name: [] for name in lists}

    def add(self, solid: Solid) -> None:
        attributes = {
            "POSITION": self._accessor(solid.points.astype(np.float32), "VEC3"),
            "NORMAL": self._accessor(solid.normals.astype(np.float32), "VEC3"),
            "TEXCOORD_0": self._accessor(solid.uv.astype(np.float32), "VEC2"),
        }
        indices = self._accessor(solid.triangles.astype(np.uint32).reshape(-1, 1), "SCALAR")
        material = self._entry("materials", self._material(solid.material))
        primitive = {"attributes": attributes, "indices": indices, "material": material}
        mesh = self._entry("meshes", {"primitives": [primitive]})
        self._entry("nodes", {"mesh": mesh})

    def written(self) -> bytes:
        gltf = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": list(range(len(self._gltf["nodes"])))}],
            "buffers": [{"byteLength": len(self._binary)}],
            # glTF knows no empty lists.
            **{name: entries for name, entries in self._gltf.items() if entries},
        }
        return packed(json.dumps(gltf).encode(), self._binary)

    def _entry(self, kind: str, entry: dict[str, Any]) -> int:
        self._gltf[kind].append(entry)
        return len(self._gltf[kind]) - 1

    def _view(self, data: bytes) -> int:
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data)}
        self._binary += data + b"\0" * (-len(data) % 4)
        return self._entry("bufferViews", view)

    def _accessor(self, values: NDArray[Any], kind: str) -> int:
        entry: dict[str, Any] = {
            "bufferView": self._view(np.ascontiguousarray(values).tobytes()),
            "componentType": 5126 if values.dtype == np.float32 else 5125,
            "count": len(values),
            "type": kind,
        }
        if kind == "VEC3":
            # JSON knows no NaN, which a test may want among the values.
            known = np.nan_to_num(values)
            entry["min"], entry["max"] = known.min(axis=0).tolist(), known.max(axis=0).tolist()
        return self._entry("accessors", entry)

    def _material(self, material: Material) -> dict[str, Any]:
        surface: dict[str, Any] = {
            "baseColorFactor": [*material.colour, material.alpha],
            "metallicFactor": material.metal,
            "roughnessFactor": material.rough,
        }
        if material.texture is not None:
            bgra = cv2.cvtColor(material.texture, cv2.COLOR_RGBA2BGRA)
            png = cv2.imencode(".png", bgra)[1].tobytes()
            image = self._entry("images", {"bufferView": self._view(png), "mimeType": "image/png"})
            surface["baseColorTexture"] = {"index": self._entry("textures", {"source": image})}
        return {
            "pbrMetallicRoughness": surface,
            "emissiveFactor": list(material.glow),
            "alphaMode": "OPAQUE" if material.alpha >= 1 else "BLEND",
            "doubleSided": material.both_sides,
        }
