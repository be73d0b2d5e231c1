"""Synthetic heads: the canonical mesh seen by a pinhole camera, with a pose that is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omote_models.face import (
    AgeBand,
    Attributes,
    Box,
    Estimate,
    Face,
    FloatArray,
    Source,
)
from omote_models.landmarks import LEFT_EYE, LIPS_INNER, RIGHT_EYE
from omote_models.mesh import canonical_mesh
from omote_models.store import model_store

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 528, 432
SKIN = (196, 150, 126)
_DISTANCE_CM = 60.0
_MOUTH_LINE = LIPS_INNER[:11]
_UPPER_LIP = LIPS_INNER[11:]


def head(
    yaw: float = 0.0,
    roll: float = 0.0,
    *,
    width: float = 150.0,
    centre: tuple[float, float] = (WIDTH / 2, HEIGHT / 2),
    mouth: float = 0.0,
    track_id: str = "a",
    band: AgeBand | None = None,
) -> Face:
    """A face.

    Args:
        yaw: degrees; the head turns to the person's left.
        roll: degrees, clockwise on the screen.
        width: from cheek to cheek when seen from the front, pixels.
        centre: where the middle of the head is seen, pixels.
        mouth: how far it is open, centimetres.
        track_id: of the face.
        band: an inferred age band, unknown by default.
    """
    model_store().pull("face_landmarker")
    vertices = _spoken(canonical_mesh().vertices, mouth)
    turned = (vertices - vertices.mean(axis=0)) @ _rotation(yaw, roll).T
    depth = _DISTANCE_CM - turned[:, 2]
    across = np.ptp(vertices[:, 0])
    scale = width / across
    seen = turned[:, :2] * (1, -1) * (scale * _DISTANCE_CM / depth)[:, None] + centre
    points = np.column_stack((seen, -turned[:, 2] * scale))
    eyes = [
        np.repeat(points[list(ring)].mean(axis=0)[None], 5, 0) for ring in (RIGHT_EYE, LEFT_EYE)
    ]
    landmarks = np.vstack((points, *eyes)).astype(np.float32)
    return Face(track_id, Box.around(landmarks), landmarks, attributes=_attributes(band))


def broken(face: Face) -> Face:
    """The same face with landmarks that are not numbers; its box is still right."""
    return replace(face, landmarks=np.full_like(face.landmarks, np.nan))


def skin_picture(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A picture of nothing but evenly lit skin, RGB."""
    return np.full((height, width, 3), SKIN, np.uint8)


def noise(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A picture in which any change shows, RGB."""
    return np.random.default_rng(7).integers(40, 216, (height, width, 3), np.uint8)


def _attributes(band: AgeBand | None) -> Attributes:
    if band is None:
        return Attributes()
    return Attributes(age_band=Estimate(band, None, 0.9, Source.INFERRED))


def _spoken(vertices: FloatArray, mouth: float) -> FloatArray:
    """The mesh with its lower lip and chin moved down, the corners of the mouth left alone."""
    line = vertices[list(_MOUTH_LINE), 1].mean()
    lower = vertices[:, 1] < line + 0.05
    lower[list(_MOUTH_LINE)] = True
    lower[list(_UPPER_LIP)] = False
    moved = vertices.copy()
    moved[:, 1] -= mouth * lower * np.clip(1 - (vertices[:, 0] / 2.6) ** 2, 0, 1)
    return moved


def _rotation(yaw: float, roll: float) -> NDArray[np.float64]:
    y, r = math.radians(yaw), math.radians(-roll)
    turn = [[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]]
    tilt = [[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]]
    return np.asarray(np.array(tilt) @ np.array(turn), np.float64)
