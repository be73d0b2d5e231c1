"""Where a face folds as it grows older, painted once in the canonical texture space."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from omote_filters.draw.layers import SIZE, Spot, blank, dab, mirrored, spot, stroke
from omote_models.face import FloatArray

Path = tuple[tuple[int, ...], ...]
"""Places that a fold runs through; each the middle of some landmarks, on the face's right."""

_FOREHEAD: tuple[Path, ...] = (
    ((104,), (69,), (108,), (151,)),
    ((103, 104), (67, 69), (109, 108), (10, 151)),
    ((104, 63), (69, 105), (108, 66), (151, 9)),
)
_FROWN: tuple[Path, ...] = (((55,), (107,), (107, 108)),)
_CROW: tuple[Path, ...] = (
    ((226,), (124, 35), (156, 139)),
    ((226,), (35, 143), (34,)),
    ((31, 226), (111, 35), (143, 227)),
    ((31, 111), (117, 111), (116, 123)),
)
_NASOLABIAL: tuple[Path, ...] = (((129,), (203,), (206,), (216,), (212,)),)
_MARIONETTE: tuple[Path, ...] = (((57,), (43, 57), (43, 202), (204, 210)),)
_BAGS: tuple[Path, ...] = (
    ((233,), (232,), (231,), (230,), (229,), (228,)),
    ((245, 233), (128, 232), (121, 231), (120, 230), (119, 229), (118, 228)),
)
_HOLLOWS: tuple[Path, ...] = (((123,), (187,), (214,)), ((213, 192), (135, 214)))
_LIP_LINES = ((39, 40, 92), (37, 39, 165), (40, 185, 92))
_FOLDS: tuple[tuple[tuple[Path, ...], float, float], ...] = (
    # Paths, width and depth.
    (_FOREHEAD, 0.007, 0.62),
    (_FROWN, 0.007, 0.5),
    (_CROW, 0.006, 0.5),
    (_NASOLABIAL, 0.014, 0.85),
    (_MARIONETTE, 0.011, 0.6),
    (_BAGS, 0.009, 0.6),
    (_HOLLOWS, 0.03, 0.3),
)
_LIGHT = (0.35, 1.0)
"""How much the shading takes from slopes across and slopes down: the light comes from above."""
_SPOTS = 26


@lru_cache(maxsize=2)
def folds(seed: int = 7) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Three layers, each (512, 512) float32, 0 to 1 and read-only: shade, light and age spots.

    The first two are a height map of folds and fine lines, lit from above: what dips is dark,
    and the lower lip of each fold catches the light.
    """
    chance = np.random.default_rng(seed)
    height = mirrored(_grooves(chance)) + 0.35 * _fine_lines(chance)
    # A face is not the same on both sides.
    height = 0.8 * height + 0.2 * _grooves(np.random.default_rng(seed + 1))
    down, across = np.gradient(cv2.GaussianBlur(height, (0, 0), 1.2))
    lit = _LIGHT[0] * across + _LIGHT[1] * down
    shade = np.clip(0.55 * height + 2.2 * np.maximum(lit, 0), 0, 1)
    light = np.clip(2.6 * np.maximum(-lit, 0) - 0.1 * height, 0, 1)
    layers = (np.asarray(shade, np.float32), np.asarray(light, np.float32), _spots(chance))
    for layer in layers:
        layer.setflags(write=False)  # painted once for all who grow old
    return layers


def _grooves(chance: np.random.Generator) -> FloatArray:
    height = blank()
    for paths, width, depth in _FOLDS:
        for path in paths:
            places = _curve([spot(*place) for place in path])
            wobble = 0.0015 * np.cumsum(chance.standard_normal(len(places))) / 3
            places = [(u, v + w) for (u, v), w in zip(places, wobble.tolist(), strict=True)]
            _taper(height, places, width, depth)
    for first, second, above in _LIP_LINES:
        lip, over = spot(first, second), spot(above)
        top = (lip[0] + 0.3 * (over[0] - lip[0]), lip[1] + 0.5 * (over[1] - lip[1]))
        stroke(height, [lip, top], 0.003, 0.002, 0.5)
    return height


def _taper(height: FloatArray, path: list[Spot], width: float, depth: float) -> None:
    """A groove that is deepest in its middle and runs out at its ends."""
    for start, part in ((0, 1.0), (1, 0.5)):
        inner = path[start * len(path) // 6 : len(path) - start * len(path) // 6]
        stroke(height, inner, 0.6 * width, 0.4 * width, 0.8 * depth * part)
        stroke(height, inner, width, 1.4 * width, 0.9 * depth * part)


def _curve(places: list[Spot], fineness: int = 24) -> list[Spot]:
    """A smooth path through some places: a polynomial of low degree in its length."""
    points = np.array(places)
    at = np.linspace(0, 1, len(places))
    degree = min(3, len(places) - 1)
    along = np.linspace(0, 1, fineness)
    u, v = (np.polyval(np.polyfit(at, points[:, axis], degree), along) for axis in (0, 1))
    return list(zip(u.tolist(), v.tolist(), strict=True))


def _fine_lines(chance: np.random.Generator) -> FloatArray:
    """Fine creases that lie mostly across, as on dry skin; not on the nose."""
    noise = chance.standard_normal((SIZE, SIZE)).astype(np.float32)
    across = cv2.GaussianBlur(noise, (0, 0), sigmaX=5.0, sigmaY=1.1)
    across = np.maximum(across / across.std() - 0.7, 0) * 0.35
    nose = blank()
    dab(nose, spot(4), (0.06, 0.1))
    return np.asarray(across * np.clip(1 - nose, 0, 1), np.float32)


def _spots(chance: np.random.Generator) -> FloatArray:
    """Age spots on temples, cheekbones and forehead."""
    layer = blank()
    homes: Sequence[tuple[int, ...]] = ((116,), (345,), (123,), (352,), (71,), (301,), (104,))
    for _ in range(_SPOTS):
        u, v = spot(*homes[int(chance.integers(len(homes)))])
        at = (u + 0.045 * chance.standard_normal(), v + 0.045 * chance.standard_normal())
        size = chance.uniform(0.003, 0.008)
        dab(layer, at, (size, size * chance.uniform(0.6, 1.0)), 0, chance.uniform(0.25, 0.7))
    return np.clip(layer, 0, 1)
