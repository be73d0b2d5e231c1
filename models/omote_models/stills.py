"""Faces in pictures that have nothing to do with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omote_models.face import Face
from omote_models.tracker import FaceTracker, TrackerOptions

_APART_S = 20.0
_BORDER = 0.5


class StillFinder:
    """Looks at one picture after the other with one tracker; a thread needs its own.

    To load the model for each picture costs eight times as much. Between two pictures it is shown
    an empty one, and by its clock they lie far apart, so that nothing of one reaches the next.
    """

    def __init__(self, face_model: Path, max_faces: int = 1) -> None:
        """Load the model."""
        self._tracker = FaceTracker(face_model, TrackerOptions(max_faces=max_faces))
        self._empty = np.full((64, 64, 3), 128, np.uint8)
        self._time = 0.0

    def find(self, picture: NDArray[np.uint8]) -> list[Face]:
        """The faces, largest first.

        Args:
            picture: (height, width, 3) uint8 RGB.
        """
        for shown in (self._empty, self._empty):
            self._time += _APART_S
            self._tracker.track(shown, self._time)
        self._time += _APART_S
        return sorted(self._tracker.track(picture, self._time), key=lambda face: -face.box.area)

    def find_with_border(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], list[Face]]:
        """The faces, and the picture that their landmarks are of.

        A picture that is all face has no room for the detector; it gets a grey border.
        """
        faces = self.find(picture)
        if faces:
            return picture, faces
        down, across = (round(_BORDER * side) for side in picture.shape[:2])
        wider = np.pad(picture, ((down, down), (across, across), (0, 0)), constant_values=128)
        return wider, self.find(wider)

    def close(self) -> None:
        """Give the model back."""
        self._tracker.close()

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the model back."""
        self.close()
