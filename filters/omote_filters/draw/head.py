"""The head as a rigid body: where a point of the canonical head lies in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from omote_models.face import Face, FloatArray
from omote_models.mesh import canonical_mesh

_RIGID = (
    # Brow bone and forehead, eye corners, bridge and wings of the nose, temples and ears' roots:
    # what neither speech nor a smile moves.
    *(10, 109, 338, 67, 297, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1),
    *(33, 133, 362, 263, 21, 251, 54, 284, 162, 389, 127, 356, 234, 454, 98, 327, 2),
)
_PICTURE = np.array((1, -1, -1), np.float32)
"""From the canonical frame (Y up, Z towards the viewer) to the picture's, and back."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadFrame:
    """A similarity from the canonical head to the picture (scaled orthographic projection).

    The head's coordinates are centimetres in the canonical mesh's frame: X to the person's left,
    Y up, Z forward; the origin is inside the head between the ears, level with the nose's bridge
    and the face's surface lies some 4 to 7 cm in front of it.

    Attributes:
        scale: pixels per centimetre.
        rotation: (3, 3) float32, columns are the head's axes with Y up and Z to the viewer.
        origin: (3,) float32, the head's origin in pixels, z as for landmarks.
    """

    scale: float
    rotation: NDArray[np.float32]
    origin: NDArray[np.float32]

    @classmethod
    def of(cls, face: Face) -> HeadFrame:
        """Fitted to a drawable face (see `draw.crop.drawable`) by least squares.

        Source: S. Umeyama, "Least-squares estimation of transformation parameters between two
        point patterns", IEEE PAMI 13(4), 1991.
        """
        canonical, middle, spread = _canonical()
        seen = face.landmarks[list(_RIGID)].astype(np.float64) * _PICTURE
        centre = seen.mean(axis=0)
        covariance = (seen - centre).T @ (canonical - middle) / len(_RIGID)
        left, singular, right = np.linalg.svd(covariance)
        signs = np.array((1.0, 1.0, np.sign(np.linalg.det(left @ right)) or 1.0))
        rotation = (left * signs) @ right
        scale = float((singular * signs).sum() / spread)
        origin = (centre - scale * rotation @ middle) * _PICTURE
        return cls(scale, rotation.astype(np.float32), origin.astype(np.float32))

    def place(self, points: FloatArray) -> FloatArray:
        """Points of the head, (n, 3) cm, as (n, 3) pixels: x, y, and z, smaller is nearer."""
        turned = np.asarray(points, np.float32) @ self.rotation.T
        return np.asarray(turned * (self.scale * _PICTURE) + self.origin, np.float32)

    def found(self, points: FloatArray) -> FloatArray:
        """Where points of the picture, (n, 3) pixels, lie on the head, (n, 3) cm."""
        turned = (np.asarray(points, np.float32) - self.origin) * (_PICTURE / self.scale)
        return np.asarray(turned @ self.rotation, np.float32)

    def unturned(self, x: float, y: float, z: float) -> HeadFrame:
        """The head at a point of its own, as if it did not turn to the side.

        For what looks the same from all sides, such as a hat: it leans and nods with the head,
        and always shows its front.
        """
        up = self.rotation[:, 1]
        ahead = np.array((0, 0, 1), np.float32) - up[2] * up
        ahead /= max(float(np.linalg.norm(ahead)), 1e-6)
        rotation = np.column_stack((np.cross(up, ahead), up, ahead)).astype(np.float32)
        origin = self.place(np.array([(x, y, z)], np.float32))[0]
        return HeadFrame(self.scale, rotation, origin)

    @property
    def facing(self) -> NDArray[np.float32]:
        """Where the face looks, a unit vector (3,): x right, y down, z away from the viewer."""
        return np.asarray(self.rotation[:, 2] * _PICTURE, np.float32)

    @property
    def up(self) -> NDArray[np.float32]:
        """Where the crown of the head points, a unit vector (3,) as in `facing`."""
        return np.asarray(self.rotation[:, 1] * _PICTURE, np.float32)

    @property
    def yaw(self) -> float:
        """Degrees; positive when the head turns to the person's left."""
        return float(np.degrees(np.arctan2(self.rotation[0, 2], self.rotation[2, 2])))

    @property
    def pitch(self) -> float:
        """Degrees; positive when the face looks up."""
        return float(np.degrees(np.arcsin(np.clip(self.rotation[1, 2], -1, 1))))

    @property
    def roll(self) -> float:
        """Degrees; positive when the head tilts clockwise on the screen."""
        return float(np.degrees(np.arctan2(self.rotation[0, 1], self.rotation[1, 1])))


@lru_cache(maxsize=1)
def _canonical() -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    points = canonical_mesh().vertices[list(_RIGID)].astype(np.float64)
    middle = points.mean(axis=0)
    spread = float(((points - middle) ** 2).sum(axis=1).mean())
    return points, middle, spread
