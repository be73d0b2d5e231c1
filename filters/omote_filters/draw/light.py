"""Where the light on a face comes from, read off its skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omote_filters.draw.solid import smooth_normals
from omote_filters.scene import Scene
from omote_models.face import Face, FloatArray
from omote_models.mesh import canonical_mesh

_SKIN_SPOTS = (
    *(10, 151, 9, 67, 297, 104, 333, 69, 299, 108, 337, 50, 280, 205, 425, 117, 346, 123, 352),
    *(187, 411, 147, 376, 213, 433, 192, 416, 36, 266, 118, 347, 101, 330, 199, 200, 4, 5, 195),
)
_SKIN_TINT = np.array((1.32, 0.93, 0.75))


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Where the light on a face comes from.

    Attributes:
        key: a unit vector towards the key light, (3,) float32: x right, y down, z away.
        share: how much of the light is the key's, 0 (even) to 1.
        level: linear red, green and blue, about 1 in good light, (3,) float32.
    """

    key: FloatArray
    share: float
    level: FloatArray

    @classmethod
    def on(cls, scene: Scene, face: Face) -> Light:
        """Estimated from how bright the face's skin is where it faces which way.

        A Lambertian model, brightness = a + b · normal, fitted by least squares over the
        landmarks of cheeks and forehead.
        """
        points = face.landmarks[list(_SKIN_SPOTS)]
        columns = np.clip(points[:, 0], 0, scene.width - 1).astype(int)
        rows = np.clip(points[:, 1], 0, scene.height - 1).astype(int)
        colours = scene.picture[rows, columns].astype(np.float32) / 255
        linear = colours**2.2
        bright = linear.mean(axis=1)
        normals = _vertex_normals(face.landmarks[: len(canonical_mesh().vertices)])
        system: FloatArray = np.ones((len(bright), 4), np.float32)
        system[:, 1:] = normals[list(_SKIN_SPOTS)]
        # Ridge: a face that shows little of its sides says little of where the light is.
        ridge = np.diag((1e-3, 0.8, 0.8, 0.8))
        fitted: FloatArray = np.linalg.solve(system.T @ system + ridge, system.T @ bright)
        lean = fitted[1:] / max(float(bright.mean()), 1e-3)
        strength = float(np.linalg.norm(lean))
        lean *= min(1.0, 0.6 / max(strength, 1e-6))
        # Where the face says nothing, the light comes from above and the viewer's side.
        key = lean * 2.0 + np.array((0.1, -0.5, -0.6))
        key[2] = min(key[2], -0.3)
        key /= max(float(np.linalg.norm(key)), 1e-6)
        mean = np.median(linear, axis=0)
        tint = mean / max(float(mean.mean()), 1e-4) / _SKIN_TINT
        tint = np.clip(tint / max(float(tint.mean()), 1e-4), 0.75, 1.3)
        level = float(np.clip((mean.mean() / 0.33) ** 0.8, 0.1, 1.2)) * (0.5 + 0.5 * tint)
        share = 0.45 + 0.4 * min(strength, 1.0)
        return cls(key.astype(np.float32), share, level.astype(np.float32))


def _vertex_normals(landmarks: FloatArray) -> FloatArray:
    """Of the face's mesh, outwards, x right, y down, z away, (468, 3)."""
    return smooth_normals(landmarks, canonical_mesh().triangles)
