"""What runtimes of the face mesh are asked for, and what they find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omote_models.face import FloatArray


class MeshChoice(StrEnum):
    """What runs the face mesh: our own kernel where it runs, nothing else than it, or MediaPipe."""

    AUTO = "auto"
    OWN = "own"
    STOCK = "stock"


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """What a tracker computes; less is faster.

    Attributes:
        max_faces: faces followed at once, 1 to 16. With more than one the detector runs on
            every frame that shows fewer.
        blendshapes: whether faces carry blendshapes.
        pose: whether faces carry the facial transformation matrix.
    """

    max_faces: int = 1
    blendshapes: bool = False
    pose: bool = False

    def covers(self, other: TrackerOptions) -> bool:
        """Whether a tracker with these options gives all that `other` asks for."""
        return (
            self.max_faces == other.max_faces
            and self.blendshapes >= other.blendshapes
            and self.pose >= other.pose
        )


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One face of one frame: landmarks in pixels, and what else was asked for."""

    landmarks: FloatArray
    blendshapes: FloatArray | None
    pose: FloatArray | None
