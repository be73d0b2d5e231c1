"""Faces in pictures that have nothing to do with each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from omote_models.face import Box, Face
from omote_models.tracker import FaceTracker, TrackerOptions

_APART_S = 20.0
_BORDER = 0.5
_TILES = (2, 4, 8)
_OVERLAP = 1.4
_LEAST_TILE = 320


class StillFinder:
    """Looks at one picture after the other with one tracker; a thread needs its own.

    To load the model for each picture costs eight times as much. Between two pictures it is shown
    an empty one, and by its clock they lie far apart, so that nothing of one reaches the next.
    """

    def __init__(self, face_model: bytes, max_faces: int = 1) -> None:
        """Load the model, the bytes of `face_landmarker.task`."""
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

    def find_all(self, picture: NDArray[np.uint8]) -> list[Face]:
        """The faces, small ones among many too, largest first.

        The detector misses faces that are narrower than some 15 % of what it is shown, so a large
        picture is looked at in overlapping tiles as well.
        """
        found = self.find(picture)
        height, width = picture.shape[:2]
        for parts in _TILES:
            side = round(max(height, width) / parts * _OVERLAP)
            if side < _LEAST_TILE:
                break
            for top in _starts(height, side):
                for left in _starts(width, side):
                    tile = np.ascontiguousarray(picture[top : top + side, left : left + side])
                    seen = [_shifted(face, left, top) for face in self.find(tile)]
                    found += [face for face in seen if not any(_same(face, f) for f in found)]
        return sorted(found, key=lambda face: -face.box.area)

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


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin, so that they cover a length and overlap evenly."""
    if length <= side:
        return [0]
    count = 1 + int(np.ceil((length - side) / (side / _OVERLAP)))
    return [int(start) for start in np.linspace(0, length - side, count)]


def _shifted(face: Face, left: int, top: int) -> Face:
    """A face of a tile, in the whole picture, under a name of its own."""
    landmarks = face.landmarks + np.array((left, top, 0), np.float32)
    track_id = f"{face.track_id}+{left}+{top}"
    return replace(face, track_id=track_id, landmarks=landmarks, box=Box.around(landmarks))


def _same(one: Face, other: Face) -> bool:
    """Whether two finds lie over each other: the same face, perhaps cut by a tile's edge."""
    (x, y), (u, v) = one.box.centre, other.box.centre
    return float(np.hypot(x - u, y - v)) < 0.5 * max(one.width, other.width)
