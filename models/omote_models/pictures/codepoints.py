"""Colours told by numbers (H.273) instead of a profile, as AVIF, HEIC and newer PNGs do."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_D65 = (0.3127, 0.3290)
_D50 = np.array((0.9642, 1.0, 0.8249))
_PRIMARIES = {
    1: ("BT.709", (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    9: ("BT.2020", (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_BRADFORD = np.array(
    ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
)
_WHITE_NITS = 203.0
"""Paper in an HDR picture (BT.2408); brighter than that are lamps and glints."""
_KNEE = 0.7
"""Of paper's light: what is brighter is pressed into the room that is left."""
_SAMPLES = 4096


def _srgb(v: Floats) -> Floats:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _pq(v: Floats) -> Floats:
    power = v ** (1 / 78.84375)
    nits = 10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (
        1 / 0.1593017578125
    )
    return _pressed(nits / _WHITE_NITS)


def _hlg(v: Floats) -> Floats:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(v <= 0.5, v * v / 3, (np.exp((v - c) / a) + b) / 12)
    return _pressed(1000 * scene**1.2 / _WHITE_NITS)


def _pressed(light: Floats) -> Floats:
    """As it is up to the knee, and never above 1."""
    over = np.maximum(light - _KNEE, 0) / (1 - _KNEE)
    return np.where(light <= _KNEE, light, _KNEE + (1 - _KNEE) * (1 - np.exp(-over)))


_CURVES: dict[int, tuple[str, Callable[[Floats], Floats]]] = {
    4: ("", lambda v: v**2.2),
    5: ("", lambda v: v**2.8),
    8: ("", lambda v: v),
    16: (" HDR (PQ)", _pq),
    18: (" HDR (HLG)", _hlg),
}
"""Curves that are not sRGB's, nor so near to it that screens show them alike."""


@lru_cache(maxsize=32)
def profile_for(primaries: int, transfer: int) -> bytes:
    """An ICC profile that says the same; empty where it is sRGB, or nobody knows what is meant."""
    if primaries not in _PRIMARIES:
        primaries = 1
    if primaries == 1 and transfer not in _CURVES:
        return b""
    name, *corners = _PRIMARIES[primaries]
    hdr, curve = _CURVES.get(transfer, ("", _srgb))
    samples = curve(np.linspace(0, 1, _SAMPLES))
    table = np.rint(np.clip(samples, 0, 1) * 65535).astype(">u2").tobytes()
    trc = b"curv" + bytes(4) + struct.pack(">I", _SAMPLES) + table
    text = f"{name}{hdr}".encode()
    described = b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(79)
    tags = {b"desc": described, b"cprt": b"text" + bytes(4) + b"CC0\0", b"wtpt": _xyz(_D50)}
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, _colorants(corners).T), strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc)
    return _written(tags)


def _colorants(corners: list[tuple[float, float]]) -> Floats:
    """Red, green and blue in XYZ, as columns, adapted to the profile's white."""
    xyz = np.array([_of_xy(corner) for corner in corners]).T
    white = _of_xy(_D65)
    scaled = xyz * np.linalg.solve(xyz, white)
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: Floats = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ scaled
    return adapted


def _of_xy(corner: tuple[float, float]) -> Floats:
    x, y = corner
    return np.array((x / y, 1.0, (1 - x - y) / y))


def _xyz(values: Floats) -> bytes:
    numbers = (round(float(value) * 65536) for value in values)
    return b"XYZ " + bytes(4) + struct.pack(">iii", *numbers)


def _written(tags: dict[bytes, bytes]) -> bytes:
    """A profile of version 2.4 for a screen."""
    places, body, at = [], b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        places.append(struct.pack(">4sII", name, at + len(body), len(data)))
        body += data + bytes(-len(data) % 4)
    table = struct.pack(">I", len(tags)) + b"".join(places)
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4xI4s4s4s", size, 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    return (head + _xyz(_D50)[8:]).ljust(128, b"\0") + table + body
