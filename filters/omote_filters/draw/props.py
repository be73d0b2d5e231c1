"""Solid props, made of formulas, in the head's centimetres (see `draw.head.HeadFrame`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from omote_filters.draw.solid import Material, Solid, ball, lathe, merged, ring, tube
from omote_models.face import FloatArray

GOLD = Material((1.0, 0.7, 0.28), metal=1.0, rough=0.22)
STEEL = Material((0.62, 0.64, 0.68), metal=1.0, rough=0.32)
BRASS = Material((0.85, 0.6, 0.25), metal=1.0, rough=0.35)
IVORY = Material((0.85, 0.76, 0.58), rough=0.45)
RED = Material((0.72, 0.02, 0.03), rough=0.25)
BLACK = Material((0.02, 0.02, 0.024), rough=0.42)
CUSHION = Material((0.05, 0.05, 0.06), rough=0.85)
FELT = Material((0.055, 0.02, 0.09), rough=0.9)


@lru_cache(maxsize=8)
def prop(name: str) -> tuple[Solid, ...]:
    """A prop by its name in `PROPS`."""
    return tuple(merged(PROPS[name]()))


def _halo() -> tuple[Solid, ...]:
    glowing = replace(GOLD, glow=(0.35, 0.22, 0.04))
    return (ring(6.2, 0.55, glowing).moved(0, 17.4, -3.2, turn=(12, 0, 0)),)


def _clown_nose() -> tuple[Solid, ...]:
    return (ball(2.15, RED).moved(0, -1.1, 8.0),)


def _viking() -> tuple[Solid, ...]:
    dome = lathe([(8.0, 0), (8.05, 1.2), (7.7, 3.4), (6.5, 5.8), (4.2, 7.7), (0.01, 8.5)], STEEL)
    band = lathe([(8.15, -0.3), (8.5, 0.0), (8.5, 1.3), (8.15, 1.6)], BRASS)
    comb = tube(
        np.array(
            [(0, 8.6 * np.sin(a), 8.15 * np.cos(a)) for a in np.linspace(0.15, 3.0, 14)], np.float32
        ),
        np.full(14, 0.5, np.float32),
        BRASS,
    )
    rivets = [
        ball(0.38, STEEL, 12).moved(8.5 * np.sin(a), 0.65, 8.5 * np.cos(a))
        for a in np.linspace(0, 2 * np.pi, 16, endpoint=False).tolist()
    ]
    horns = []
    for side in (-1, 1):
        t = np.linspace(0, 1, 16)
        path: FloatArray = np.column_stack(
            (side * (7.2 + 6.0 * np.sin(1.9 * t)), 2.6 + 7.8 * t**1.6, -1.2 * t)
        )
        radii = np.asarray(1.75 * (1 - t) ** 0.75 + 0.05, np.float32)
        horns.append(tube(path, radii, IVORY))
        horns.append(ring(1.9, 0.35, BRASS, 24).moved(side * 7.7, 2.75, 0, turn=(0, 0, 75 * side)))
    parts = (dome, band, comb, *rivets, *horns)
    return tuple(_worn(part, 7.9, -3.0, 9, 1.18) for part in parts)


def _headphones() -> tuple[Solid, ...]:
    angles = np.linspace(-1.42, 1.42, 24)
    path = np.column_stack((9.3 * np.sin(angles), 1.6 + 15.0 * np.cos(angles), np.full(24, -3.0)))
    arc = tube(path, np.full(24, 0.75), BLACK)
    parts = [arc]
    cup = lathe(
        [(0.01, -1.3), (2.6, -1.3), (3.3, -0.7), (3.4, 0.4), (2.9, 1.0), (1.6, 1.25), (0.01, 1.3)],
        BLACK,
    )
    pad = ring(2.4, 0.85, CUSHION, 32)
    rim = ring(2.75, 0.16, GOLD, 40)
    for side in (-1, 1):
        for solid, out in ((cup, 9.7), (pad, 8.6), (rim, 10.75)):
            turned = solid.moved(turn=(0, 0, -90 * side))
            parts.append(turned.moved(side * out, 1.2, -2.6))
    return tuple(parts)


def _witch_hat() -> tuple[Solid, ...]:
    brim = lathe([(5.0, -0.35), (12.5, -0.9), (12.9, -0.7), (12.5, -0.45), (6.6, 0.25)], FELT, 56)
    heights = np.linspace(0, 15.5, 20)
    cone = lathe([(6.9 * (1 - h / 15.7) ** 0.9 + 0.12, h) for h in heights.tolist()], FELT)
    band = lathe(
        [(6.95, 0.1), (7.05, 0.5), (6.55, 2.1), (6.2, 2.3)], Material((0.5, 0.1, 0.02), rough=0.6)
    )
    across = ((-1.4, 0.2, 1.4, 0.2), (-1.4, 2.3, 1.4, 2.3))
    frame = (*across, (-1.4, 0.2, -1.4, 2.3), (1.4, 0.2, 1.4, 2.3))
    buckle = [
        tube(np.array([(x0, y0, 7.05), (x1, y1, 7.0)]), np.full(2, 0.28), GOLD)
        for x0, y0, x1, y1 in frame
    ]
    bent = [_bent(part) for part in (cone, band)]
    return tuple(_worn(part, 9.1, -3.0, 10, 1.24) for part in (brim, *bent, *buckle))


def _bent(solid: Solid) -> Solid:
    """The tip of a hat leans to the side, more the higher it is."""
    points = solid.points.copy()
    lean = np.maximum(points[:, 1] - 4, 0)
    points[:, 0] += 0.028 * lean**2
    points[:, 2] -= 0.012 * lean**2
    return Solid.of(points, solid.triangles, solid.material, solid.uv)


def _worn(solid: Solid, y: float, z: float, tilt: float, size: float) -> Solid:
    """On a head, which is narrower than it is deep; tilted back by some degrees."""
    points = solid.points * (np.array((0.92, 1.0, 1.04), np.float32) * np.float32(size))
    return replace(solid, points=points).moved(0, y, z, turn=(-tilt, 0, 0))


PROPS: Mapping[str, Callable[[], tuple[Solid, ...]]] = {
    "viking": _viking,
    "witch_hat": _witch_hat,
    "headphones": _headphones,
    "halo": _halo,
    "clown_nose": _clown_nose,
}
