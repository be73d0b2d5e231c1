"""A textured mesh on a face, drawn by Skia."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import skia
from numpy.typing import NDArray

from omote_filters.draw.crop import Crop
from omote_filters.draw.masks import openings
from omote_filters.draw.surface import Rgba, shader_of, surface_on
from omote_models.face import Face, FloatArray
from omote_models.landmarks import LEFT_EYE, LIPS_INNER, RIGHT_EYE
from omote_models.mesh import CanonicalMesh

_GRAZING = 0.02
_FACING = 0.22
"""Paint fades out where the skin turns away: the cosines of the angle to the camera at which it
is gone and at which it is whole."""


class FaceMesh:
    """Lays a texture on a face as the landmarks lie: it turns, speaks and frowns with it.

    Skin that faces away is left out, what is far is drawn first, and eyes and the inside of the
    mouth stay free, unless the mesh is `whole`. It keeps arrays to draw with, so it belongs to
    one filter.
    """

    def __init__(self, mesh: CanonicalMesh, whole: bool = False) -> None:
        self._count = len(mesh.vertices)
        holes = () if whole else (LEFT_EYE, RIGHT_EYE, LIPS_INNER)
        self._triangles = _without(mesh.triangles, holes)
        self._around = _neighbours(self._triangles, self._count)
        self._uv = mesh.uv
        self._spots: dict[int, list[Any]] = {}
        self._points = [skia.Point(0, 0) for _ in range(self._count)]

    def draw(self, texture: Rgba, face: Face, crop: Crop) -> Rgba:
        """Paint to lay over a crop of the picture.

        Args:
            texture: square, in the canonical face's texture space.
            face: drawable, see `omote_filters.draw.crop.drawable`.
            crop: where to draw.

        Returns:
            (height, width, 4) uint8 RGBA at the crop's working size, multiplied by its alpha.
        """
        placed = self._placed(face, crop)
        normals = _normals(placed, self._triangles)
        fade = _whites(self._fade(normals))
        paint = self._painted(texture, self._texels(len(texture)), placed, normals, fade, crop)
        return _cut(paint, openings(face, crop))

    def carry(self, pixels: Rgba, source: Face, taken: Crop, face: Face, crop: Crop) -> Rgba:
        """One face's pixels, moved to where another's landmarks lie.

        Args:
            pixels: (height, width, 4) uint8 RGBA, opaque: the source's window at working size.
            source: whose pixels; drawable.
            taken: the window that `pixels` shows.
            face: where to; drawable.
            crop: where to draw.

        Returns:
            As `draw`. It is clear where either face turns away from the camera.
        """
        placed, original = self._placed(face, crop), self._placed(source, taken)
        normals = _normals(placed, self._triangles)
        fade = np.minimum(self._fade(normals), self._fade(_normals(original, self._triangles)))
        texels = [skia.Point(x, y) for x, y in original[:, :2].tolist()]
        return self._painted(pixels, texels, placed, normals, _whites(fade), crop)

    def _placed(self, face: Face, crop: Crop) -> FloatArray:
        placed = np.empty((self._count, 3), np.float32)
        placed[:, :2] = crop.place(face.landmarks[: self._count])
        placed[:, 2] = face.landmarks[: self._count, 2] * crop.scale
        return placed

    def _painted(
        self,
        texture: Rgba,
        texels: list[Any],
        placed: FloatArray,
        normals: FloatArray,
        colours: list[int],
        crop: Crop,
    ) -> Rgba:
        for point, (x, y) in zip(self._points, placed[:, :2].tolist(), strict=True):
            point.set(x, y)
        vertices = skia.Vertices(
            skia.Vertices.kTriangles_VertexMode,
            self._points,
            texels,
            colours,
            self._order(placed, normals).ravel().tolist(),
        )
        paint = np.zeros((crop.height, crop.width, 4), np.uint8)
        canvas = surface_on(paint).getCanvas()
        canvas.drawVertices(vertices, skia.Paint(Shader=shader_of(texture)))
        return paint

    def _texels(self, size: int) -> list[Any]:
        if size not in self._spots:
            self._spots[size] = [skia.Point(u, v) for u, v in (self._uv * size).tolist()]
        return self._spots[size]

    def _order(self, placed: FloatArray, normals: FloatArray) -> NDArray[np.int32]:
        """The triangles that face the camera, the farthest first."""
        facing = np.flatnonzero(normals[:, 2] > 0)
        depth = placed[:, 2][self._triangles[facing]].sum(axis=1)
        return np.asarray(self._triangles[facing[np.argsort(-depth)]])

    def _fade(self, normals: FloatArray) -> FloatArray:
        """For each vertex how opaque it is, 0 to 1: clearer the more the skin turns away."""
        padded = np.vstack((normals, np.zeros((1, 3), np.float32)))
        mean = padded[self._around].sum(axis=1)
        cosine = mean[:, 2] / np.maximum(np.sqrt(np.einsum("ij,ij->i", mean, mean)), 1e-9)
        return np.asarray(np.clip((cosine - _GRAZING) / (_FACING - _GRAZING), 0, 1))


def _whites(alpha: FloatArray) -> list[int]:
    """A white for each vertex, as Skia's 0xAARRGGBB."""
    packed = (np.rint(alpha * 255).astype(np.uint32) << 24) | 0xFFFFFF
    return [int(colour) for colour in packed.tolist()]


def _cut(paint: Rgba, hole: NDArray[np.uint8]) -> Rgba:
    keep = cv2.bitwise_not(hole)
    return np.asarray(cv2.multiply(paint, cv2.merge((keep,) * 4), scale=1 / 255), np.uint8)


def _normals(placed: FloatArray, triangles: NDArray[np.int32]) -> FloatArray:
    """Twice the area of each triangle along its normal, (n, 3); z > 0 where it faces the camera."""
    a, b, c = (placed[triangles[:, corner]] for corner in range(3))
    return np.asarray(np.cross(c - a, b - a))


def _without(triangles: NDArray[np.int32], rings: tuple[tuple[int, ...], ...]) -> NDArray[np.int32]:
    """The triangles that do not lie inside one of some rings of vertices."""
    for ring in rings:
        triangles = triangles[~np.isin(triangles, ring).all(axis=1)]
    return triangles


def _neighbours(triangles: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """For each vertex its triangles, (count, most), filled up with the number of triangles."""
    found: list[list[int]] = [[] for _ in range(count)]
    for number, corners in enumerate(triangles.tolist()):
        for vertex in corners:
            found[vertex].append(number)
    most = max(map(len, found))
    filled = [row + [len(triangles)] * (most - len(row)) for row in found]
    return np.array(filled, np.int32)
