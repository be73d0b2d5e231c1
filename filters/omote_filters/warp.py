"""Warps of a frame: asked for by filters one by one, carried out together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.rect import Rect, joined
from omote_models.face import Box, Face, FloatArray

Point = Sequence[float] | NDArray[np.floating]

STRONGEST_MAGNIFY = 0.7
"""The middle is seen more than three times as large; at 1 it would be infinitely large."""
STRONGEST_SHRINK = -0.8
FURTHEST_PUSH = 0.6
"""In radii. From 0.65 on, the picture would fold over itself."""

MOST_WARPS = 512
"""In one frame. Each costs time when all are carried out, which no filter is charged for."""
_SMALLEST, _FURTHEST = 1e-3, 1e6
"""Pixels. Beyond these, single precision overflows."""
_GRID = 128
"""The displacement of one warp is computed on about so many points across, then enlarged."""
_STEPS = 24
_CLOSE = 0.01


@dataclass(frozen=True, slots=True)
class _Warp:
    """One ellipse that is scaled about its centre and shifted, most in the middle.

    A pixel at p shows what was at p - falloff(p) * (amount * (p - centre) + shift), where falloff
    is (1 - r²)² and r the elliptical distance from the centre, 1 on the edge. Its value and its
    slope are 0 on the edge: no seam.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]
    angle: float
    amount: float
    shift: tuple[float, float]

    @property
    def box(self) -> Box:
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        across = math.hypot(self.radii[0] * cos, self.radii[1] * sin)
        down = math.hypot(self.radii[0] * sin, self.radii[1] * cos)
        return Box(self.centre[0] - across, self.centre[1] - down, 2 * across, 2 * down)

    def displacement(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How far from (x, y) to fetch, in pixels; the arguments broadcast."""
        x, y = x - np.float32(self.centre[0]), y - np.float32(self.centre[1])
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        along = x * np.float32(cos / self.radii[0]) + y * np.float32(sin / self.radii[0])
        across = y * np.float32(cos / self.radii[1]) - x * np.float32(sin / self.radii[1])
        falloff = np.maximum(1 - along * along - across * across, 0)
        falloff *= -falloff
        amount, right, down = (np.float32(value) for value in (self.amount, *self.shift))
        return falloff * (amount * x + right), falloff * (amount * y + down)


class WarpField:
    """Every warp that was asked for in one frame. Where warps overlap, they add up.

    What is not finite or absurdly far away warps nothing.

    Coordinates are those of landmarks: pixels from the picture's upper left corner, so that the
    centre of the first pixel lies at (0.5, 0.5).
    """

    def __init__(self) -> None:
        self._warps: list[_Warp] = []
        self._kept = 0

    def magnify(
        self, centre: Point, radii: tuple[float, float], amount: float, angle: float = 0.0
    ) -> None:
        """Enlarge what an ellipse holds about its centre, smoothly down to nothing at its edge.

        Args:
            centre: x and y, pixels.
            radii: along the ellipse's own axes, pixels.
            amount: 0 changes nothing, 0.5 doubles the middle, less than 0 shrinks. Limited to
                `STRONGEST_SHRINK` and `STRONGEST_MAGNIFY`, so that nothing folds.
            angle: of the first axis, radians, clockwise on the screen.

        Raises:
            RuntimeError: more than `MOST_WARPS` in one frame.
        """
        amount = min(max(amount, STRONGEST_SHRINK), STRONGEST_MAGNIFY)
        self._add(_Warp(_pair(centre), _pair(radii), float(angle), float(amount), (0.0, 0.0)))

    def push(self, centre: Point, radius: float, offset: Point) -> None:
        """Move what is at a place, and less of what is around it.

        Args:
            centre: x and y, pixels; what was here is seen at `centre + offset`.
            radius: how far around that place anything moves, pixels.
            offset: x and y, pixels; shortened to `FURTHEST_PUSH` radii, so that nothing folds.

        Raises:
            RuntimeError: more than `MOST_WARPS` in one frame.
        """
        (x, y), start = _pair(offset), _pair(centre)
        shorter = min(1.0, FURTHEST_PUSH * radius / (math.hypot(x, y) or 1.0))
        x, y = x * shorter, y * shorter
        goal = (start[0] + x, start[1] + y)
        self._add(_Warp(goal, (float(radius), float(radius)), 0.0, 0.0, (x, y)))

    @property
    def bounds(self) -> Box:
        """A box around everything that moves; empty when nothing does."""
        boxes = [warp.box for warp in self._warps]
        if not boxes:
            return Box(0.0, 0.0, 0.0, 0.0)
        left, top = min(box.x for box in boxes), min(box.y for box in boxes)
        right = max(box.x + box.width for box in boxes)
        bottom = max(box.y + box.height for box in boxes)
        return Box(left, top, right - left, bottom - top)

    @property
    def pending(self) -> bool:
        """Whether anything was asked since `keep`."""
        return len(self._warps) > self._kept

    def undo(self) -> None:
        """Forget what was asked since `keep`."""
        del self._warps[self._kept :]

    def keep(self) -> None:
        """Make what was asked so far final."""
        self._kept = len(self._warps)

    def draw(self, view: NDArray[np.uint8], origin: tuple[int, int]) -> None:
        """Carry out every warp on a crop, in place: one dense map, whatever the number of warps.

        Where nothing moves, as between two distant faces, nothing is computed.

        Args:
            view: (height, width, 3) uint8, the part of the picture that `bounds` touches. Where
                a warp fetches from beyond it, its edge is repeated.
            origin: the view's left and top in the picture.
        """
        height, width = view.shape[:2]
        spans = [_part(warp.box, origin, width, height) for warp in self._warps]
        for area in joined(span for span in spans if not span.empty):
            _remap(view, area, self._warps, origin)

    def moved(self, face: Face) -> Face:
        """The face where the warps carry it: landmarks and box agree with the drawn picture."""
        points = face.points
        moving = _inside(points, self.bounds) if self._warps else np.zeros(len(points), np.bool_)
        if not moving.any():
            return face
        landmarks = face.landmarks.copy()
        landmarks[moving, :2] = self._seen(points[moving])
        return replace(face, landmarks=landmarks, box=Box.around(landmarks))

    def _seen(self, points: FloatArray) -> FloatArray:
        """Where points of the picture, (n, 2), are seen after the warps.

        The map says where each pixel fetches from. Fixed-point iteration inverts it: it
        converges because no warp is strong enough to fold.
        """
        seen = points.copy()
        for _ in range(_STEPS):
            step = points - seen
            for warp in self._warps:
                x, y = warp.displacement(seen[:, 0], seen[:, 1])
                step[:, 0] -= x
                step[:, 1] -= y
            seen += step
            if np.abs(step).max() < _CLOSE:
                break
        return seen

    def _add(self, warp: _Warp) -> None:
        numbers = (*warp.centre, *warp.radii, warp.angle, warp.amount, *warp.shift)
        within = all(abs(number) <= _FURTHEST for number in numbers)  # false for what is no number
        if not within or min(warp.radii) < _SMALLEST:
            return
        if len(self._warps) >= MOST_WARPS:
            raise RuntimeError(f"filters bend a frame in at most {MOST_WARPS} places")
        self._warps.append(warp)


def _part(box: Box, origin: tuple[int, int], width: int, height: int) -> Rect:
    """The part of a view that a box of the picture touches."""
    return Rect.clip(replace(box, x=box.x - origin[0], y=box.y - origin[1]), width, height)


def _remap(
    view: NDArray[np.uint8], area: Rect, warps: list[_Warp], origin: tuple[int, int]
) -> None:
    columns = np.arange(area.left, area.right, dtype=np.float32)
    rows = np.arange(area.top, area.bottom, dtype=np.float32)
    map_x, map_y = (np.ascontiguousarray(grid) for grid in np.meshgrid(columns, rows))
    for warp in warps:
        _displace(warp, map_x, map_y, (area.left + origin[0], area.top + origin[1]))
    view[area.slices] = cv2.remap(
        view, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _displace(warp: _Warp, map_x: FloatArray, map_y: FloatArray, origin: tuple[int, int]) -> None:
    """Add one warp to a map; `origin` is the map's left and top in the picture."""
    height, width = map_x.shape
    span = _part(warp.box, origin, width, height)
    if span.empty:
        return
    left, top = span.left + origin[0], span.top + origin[1]
    x, y = _samples(left, span.right - span.left), _samples(top, span.bottom - span.top)
    size = (span.right - span.left, span.bottom - span.top)
    for grid, move in zip((map_x, map_y), warp.displacement(x, y[:, None]), strict=True):
        grid[span.slices] += cv2.resize(move, size, interpolation=cv2.INTER_LINEAR)


def _samples(start: int, length: int) -> FloatArray:
    """The middles of at most `_GRID` equal steps from `start`."""
    count = min(length, _GRID)
    middles = (np.arange(count) + 0.5) * (length / count) + start
    return middles.astype(np.float32)


def _inside(points: FloatArray, box: Box) -> NDArray[np.bool_]:
    low = np.array((box.x, box.y), np.float32)
    size = np.array((box.width, box.height), np.float32)
    return np.asarray(((points > low) & (points < low + size)).all(axis=1))


def _pair(point: Point) -> tuple[float, float]:
    return float(point[0]), float(point[1])
