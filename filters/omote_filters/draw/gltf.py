"""The outside of a GLB file, its JSON, and values out of it of which each is checked.

Every function raises `GlbError` where something is not as it must be.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import NoReturn

MOST_BYTES = 8 * 2**20
_MOST_JSON = 2 * 2**20

_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942

Json = Mapping[str, object]


class GlbError(ValueError):
    """A file is not GLB, or holds what is not supported. The text says which."""


def chunks(data: bytes) -> tuple[Json, bytes]:
    """The file's JSON and its binary part."""
    if len(data) < 20:
        raise GlbError("is not a GLB file: it is too short")
    magic, version, _, length, kind = struct.unpack_from("<IIIII", data)
    if magic != _MAGIC or version != 2:
        raise GlbError("is not a GLB file of glTF 2.0")
    if kind != _JSON or length > len(data) - 20:
        raise GlbError("does not begin with its JSON, or is cut short")
    gltf = _parsed(data[20 : 20 + length])
    at = 20 + length
    if len(data) < at + 8:
        return gltf, b""
    size, kind = struct.unpack_from("<II", data, at)
    if kind != _BINARY or size > len(data) - at - 8:
        raise GlbError("has a binary part that is cut short")
    return gltf, data[at + 8 : at + 8 + size]


def _parsed(text: bytes) -> Json:
    if len(text) > _MOST_JSON:
        raise GlbError(f"has more than {_MOST_JSON // 2**20} MiB of JSON")
    try:
        found = json.loads(
            text.decode(), object_pairs_hook=_without_doubles, parse_constant=_no_constant
        )
    except GlbError:
        raise
    # Too deep, not UTF-8, not JSON, or a number of thousands of digits.
    except (RecursionError, ValueError):
        raise GlbError("has JSON that cannot be read") from None
    return an_object(found, "its JSON")


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise GlbError("says the same thing twice in its JSON")
    return made


def _no_constant(name: str) -> NoReturn:
    raise GlbError(f"has {name} in its JSON, which is no number")


def an_object(value: object, what: str) -> Json:
    """A value that must be an object; `what` is its name for messages."""
    if not isinstance(value, dict):
        raise GlbError(f"is damaged: {what} is not an object")
    return value


def a_list(holder: Json, key: str) -> list[object]:
    """The list of that name, empty where there is none."""
    value = holder.get(key, [])
    if not isinstance(value, list):
        raise GlbError(f"is damaged: {key} is not a list")
    return value


def whole(value: object, what: str, most: int = MOST_BYTES) -> int:
    """A whole number from 0; exporters write 3.0 as well."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise GlbError(f"is damaged: {what} is not a whole number from 0 to {most:,}")
    return value


def numbers(holder: Json, key: str, default: Sequence[float]) -> list[float]:
    """As many finite numbers as `default` has."""
    value = holder.get(key, default)
    values = value if isinstance(value, list | tuple) else [value]
    good = [float(v) for v in values if isinstance(v, int | float) and abs(v) < 1e9]
    if not len(good) == len(values) == len(default):
        raise GlbError(f"is damaged: {key} is not {len(default)} numbers")
    return good


def shares(holder: Json, key: str, default: Sequence[float]) -> list[float]:
    """As `numbers`, each from 0 to 1."""
    return [min(max(value, 0.0), 1.0) for value in numbers(holder, key, default)]
