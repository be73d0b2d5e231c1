"""Solids: triangle meshes with a material, and how simple ones are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray

Colour = tuple[float, float, float]
Triangles = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """How a surface answers to light: the metallic-roughness model of glTF 2.0.

    Attributes:
        colour: red, green, blue, 0 to 1, linear.
        alpha: opacity, 0 to 1.
        metal: 0 for everything else, 1 for metal.
        rough: 0 a mirror, 1 chalk.
        glow: light of its own: red, green, blue, linear.
        texture: (h, w, 4) uint8 RGBA in sRGB that the colour is multiplied with, or None.
        both_sides: whether the back is seen too.
    """

    colour: Colour = (0.8, 0.8, 0.8)
    alpha: float = 1.0
    metal: float = 0.0
    rough: float = 0.5
    glow: Colour = (0.0, 0.0, 0.0)
    texture: NDArray[np.uint8] | None = None
    both_sides: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A triangle mesh of one material.

    Attributes:
        points: (n, 3) float32.
        normals: (n, 3) float32, of length 1, outwards.
        triangles: (m, 3) int32, counter-clockwise seen from outside.
        uv: (n, 2) float32, V down, for the texture; zeros where there is none.
        material: of its surface.
    """

    points: FloatArray
    normals: FloatArray
    triangles: Triangles
    uv: FloatArray
    material: Material = field(default_factory=Material)

    @classmethod
    def of(
        cls,
        points: FloatArray,
        triangles: Triangles,
        material: Material,
        uv: FloatArray | None = None,
    ) -> Solid:
        """A smooth solid: each vertex takes the mean normal of its triangles."""
        points = np.asarray(points, np.float32)
        if uv is None:
            uv = np.zeros((len(points), 2), np.float32)
        normals = smooth_normals(points, triangles)
        return cls(points, normals, np.asarray(triangles, np.int32), uv, material)

    def moved(
        self,
        x: float = 0,
        y: float = 0,
        z: float = 0,
        *,
        size: float = 1.0,
        turn: Colour = (0, 0, 0),
    ) -> Solid:
        """Turned about X, Y and Z (degrees, in that order), scaled, then shifted."""
        matrix = rotation(*turn)
        points = (self.points @ matrix.T) * np.float32(size) + np.array((x, y, z), np.float32)
        return replace(self, points=points, normals=self.normals @ matrix.T)


def merged(solids: Sequence[Solid]) -> list[Solid]:
    """The same solids with those of one material as one: each costs a call."""
    kinds: dict[int, list[Solid]] = {}
    for solid in solids:
        kinds.setdefault(id(solid.material), []).append(solid)
    made = []
    for alike in kinds.values():
        starts = np.cumsum([0, *(len(solid.points) for solid in alike[:-1])])
        made.append(
            Solid(
                np.concatenate([solid.points for solid in alike]),
                np.concatenate([solid.normals for solid in alike]),
                np.concatenate(
                    [s.triangles + at for s, at in zip(alike, starts.tolist(), strict=True)]
                ).astype(np.int32),
                np.concatenate([solid.uv for solid in alike]),
                alike[0].material,
            )
        )
    return made


def rotation(x: float, y: float, z: float) -> FloatArray:
    """(3, 3) float32: turns about X, then Y, then Z, degrees."""
    made = np.eye(3)
    for axis, degrees in enumerate((x, y, z)):
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        one, other = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[one, one] = step[other, other] = cos
        step[one, other], step[other, one] = -sin, sin
        made = step @ made
    return np.asarray(made, np.float32)


def layers(solids: Sequence[Solid]) -> float:
    """How many times over solids cover the box that they fill: a ball about 1.6, a knot more.

    Seen along X, Y and Z, whichever is most. It says how long drawing them may take.
    """
    points = np.concatenate([solid.points for solid in solids])
    sides = np.ptp(points, axis=0).astype(np.float64)
    # From the edge a flat solid is a line, which costs nothing.
    sides = np.maximum(sides, max(float(sides.max()), 1e-9) / 8)
    covered = np.zeros(3)
    for solid in solids:
        a, b, c = (solid.points[solid.triangles[:, corner]] for corner in range(3))
        covered += np.abs(np.cross(b - a, c - a)).sum(axis=0, dtype=np.float64) / 2
    return float((covered * sides / sides.prod()).max())


def smooth_normals(points: FloatArray, triangles: Triangles) -> FloatArray:
    """(n, 3) float32: for each vertex the mean of its triangles' normals, by their area."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros((len(points), 3))
    for axis in range(3):
        for corner in range(3):
            normals[:, axis] += np.bincount(
                triangles[:, corner], faces[:, axis], minlength=len(points)
            )
    length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return np.asarray(normals / length, np.float32)


def lathe(profile: Sequence[tuple[float, float]], material: Material, sides: int = 40) -> Solid:
    """A profile of (radius, height), from bottom to top along the outside, turned about Y."""
    outline = np.array(profile, np.float64)
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    radius, height = outline[:, 0, None], outline[:, 1, None]
    points = np.stack(
        (
            radius * np.sin(turn),
            np.broadcast_to(height, (len(outline), sides + 1)),
            radius * np.cos(turn),
        ),
        axis=-1,
    )
    rows, columns = points.shape[:2]
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(1, 0, rows))
    flat = points.reshape(-1, 3).astype(np.float32)
    triangles = grid(rows, columns)
    solid = Solid.of(
        flat, triangles, material, np.stack((u, v), -1).reshape(-1, 2).astype(np.float32)
    )
    # The seam has two vertices at each place; they share a normal.
    normals = solid.normals.reshape(rows, columns, 3).copy()
    seam = normals[:, 0] + normals[:, -1]
    seam /= np.maximum(np.linalg.norm(seam, axis=1, keepdims=True), 1e-9)
    normals[:, 0] = normals[:, -1] = seam
    return replace(solid, normals=normals.reshape(-1, 3))


def ball(radius: float, material: Material, sides: int = 24) -> Solid:
    """A sphere about the origin."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    profile = [(radius * np.cos(a), radius * np.sin(a)) for a in angles.tolist()]
    return lathe(profile, material, sides)


def ring(radius: float, thick: float, material: Material, sides: int = 48) -> Solid:
    """A torus about Y."""
    angles = np.linspace(0, 2 * np.pi, 17)
    profile = [(radius - thick * np.cos(a), thick * np.sin(a)) for a in angles.tolist()]
    return lathe(profile[::-1], material, sides)


def tube(path: FloatArray, radii: FloatArray, material: Material, sides: int = 14) -> Solid:
    """A round rod along a path, (n, 3), of a radius at each of its points, (n,)."""
    path = np.asarray(path, np.float64)
    ahead = np.gradient(path, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    aside = np.cross(ahead, (0.0, 0.13, 0.99))
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-9)
    up = np.cross(aside, ahead)
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    circle = aside[:, None] * np.cos(turn)[:, None] + up[:, None] * np.sin(turn)[:, None]
    points = path[:, None] + circle * np.asarray(radii, np.float64)[:, None, None]
    flat = points.reshape(-1, 3).astype(np.float32)
    return Solid.of(flat, grid(len(path), sides + 1), material)


def grid(rows: int, columns: int) -> Triangles:
    """The triangles of a grid of vertices, row by row."""
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    return np.asarray(np.stack((a, b, c, b, d, c), -1).reshape(-1, 3), np.int32)
