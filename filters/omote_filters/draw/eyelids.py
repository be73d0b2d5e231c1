"""Lines along the lids as they are now, and fine strokes: for liner, lashes and brows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import skia
from numpy.typing import NDArray

from omote_filters.draw.crop import Crop
from omote_filters.draw.masks import Mask
from omote_filters.draw.surface import surface_on
from omote_filters.scene import Scene
from omote_models.face import Box, Face
from omote_models.landmarks import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE

Points = NDArray[np.floating]
"""(n, 2) working pixels."""

_RINGS = (RIGHT_EYE, LEFT_EYE)
_OUTER, _INNER = 0, 8
_NARROW = 0.55
"""An eye seen so much narrower than the other one lies beyond the nose."""


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye in working pixels of a crop.

    Attributes:
        upper, lower: the lids' edges from the outer to the inner corner, (9, 2) float32.
        width: from corner to corner in three dimensions, so that a turned head keeps it.
        out: the unit vector from the inner to the outer corner, (2,).
        up: the unit vector across it, towards the brow, (2,).
        openness: 0 closed to about 1 wide open.
        seen: 0 turned out of sight to 1.
    """

    upper: Points
    lower: Points
    width: float
    out: Points
    up: Points
    openness: float
    seen: float


def eye_crop(scene: Scene, face: Face) -> Crop | None:
    """The part of the picture with eyes, lids, lashes and brows; None where there is none."""
    rings = [*LEFT_EYE, *RIGHT_EYE, *LEFT_BROW, *RIGHT_BROW]
    return Crop.of(scene, Box.around(face.landmarks[rings]).grown(0.16, 0.2, 0.16, 0.2))


def eyes_of(face: Face, crop: Crop) -> list[Eye]:
    """Both eyes of a face, the right first; an eye that is turned out of sight is left out."""
    found = (_eye(face, crop, ring) for ring in _RINGS)
    return [eye for eye in found if eye.seen > 0]


def _eye(face: Face, crop: Crop, ring: tuple[int, ...]) -> Eye:
    points = crop.place(face.landmarks[list(ring)])
    upper, lower = points[[0, *range(15, 7, -1)]], points[:9]
    solid = face.landmarks[[ring[_OUTER], ring[_INNER]]]
    width = float(np.linalg.norm(solid[0] - solid[1])) * crop.scale
    across = points[_OUTER] - points[_INNER]
    length = max(float(np.hypot(*across)), 1e-3)
    out = across / length
    up = np.array((out[1], -out[0]), np.float32)
    # The brow's middle says which way is up: it holds for a head upside down and for a mirror.
    brow = crop.place(face.landmarks[list(LEFT_BROW if ring is LEFT_EYE else RIGHT_BROW)])
    if float((brow.mean(axis=0) - points.mean(axis=0)) @ up) < 0:
        up = -up
    gap = float(((upper - lower)[3:6] @ up).mean())
    openness = min(max(gap / max(width, 1e-3) / 0.3, 0.0), 1.2)
    seen = min(max((length / max(width, 1e-3) - 0.3) / (_NARROW - 0.3), 0.0), 1.0)
    return Eye(upper, lower, width, np.asarray(out, np.float32), up, openness, seen)


def along(line: Points, where: NDArray[np.floating]) -> Points:
    """Points on a smooth curve through points, (n, 2): `where` is 0 at its start, 1 at its end.

    A Catmull-Rom spline, whose ends are carried on straight.
    """
    padded = np.vstack((2 * line[0] - line[1], line, 2 * line[-1] - line[-2]))
    at = np.clip(where, 0, 1) * (len(line) - 1)
    start = np.minimum(at.astype(int), len(line) - 2)
    t = (at - start)[:, None]
    a, b, c, d = (padded[start + k] for k in range(4))
    bent = (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    return np.asarray(b + 0.5 * ((c - a) * t + bent), np.float32)


def tapered(root: Points, bend: Points, tip: Points, thickness: float, points: int = 4) -> Points:
    """Outlines of hairs that end in a point: quadratic Bézier curves, all at once.

    Args:
        root: where each leaves the skin, pixels, (n, 2).
        bend: towards where it leaves, (n, 2).
        tip: where it ends, (n, 2).
        thickness: at the root, pixels.
        points: on each side.

    Returns:
        (n, 2 points, 2) closed outlines.
    """
    t = np.linspace(0, 1, points, dtype=np.float32)[None, :, None]
    root, bend, tip = root[:, None], bend[:, None], tip[:, None]
    middle = (1 - t) ** 2 * root + 2 * t * (1 - t) * bend + t**2 * tip
    slope = 2 * (1 - t) * (bend - root) + 2 * t * (tip - bend)
    normal = np.stack((-slope[..., 1], slope[..., 0]), -1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    side = normal * (thickness / 2) * (1 - t)
    return np.asarray(np.concatenate((middle + side, (middle - side)[:, ::-1]), 1), np.float32)


def shapes(crop: Crop, outlines: list[Points] | Points) -> Mask:
    """Closed outlines, each (n, 2) in working pixels, filled by Skia: (height, width) uint8.

    What is thinner than a pixel is as much paler, so that a hair neither breaks nor jumps.
    """
    path = skia.Path()
    path.setFillType(skia.PathFillType.kWinding)
    for outline in outlines:
        # All run the same way round: where two overlap they must not cancel out.
        turned = outline if _area(outline) > 0 else outline[::-1]
        path.addPoly([skia.Point(x, y) for x, y in turned.tolist()], True)
    canvas = np.zeros((crop.height, crop.width, 4), np.uint8)
    surface_on(canvas).getCanvas().drawPath(path, skia.Paint(Color=0xFFFFFFFF, AntiAlias=True))
    return np.ascontiguousarray(canvas[:, :, 3])


def _area(outline: Points) -> float:
    x, y = outline[:, 0], outline[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
