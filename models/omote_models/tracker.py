"""Finds and follows faces: MediaPipe's face mesh, in our own kernel where that runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote_models.face import Box, Face
from omote_models.mesh_runtime.following import OwnFollower
from omote_models.mesh_runtime.opening import open_mesh
from omote_models.mesh_runtime.stock import StockFollower
from omote_models.meshes import Found, MeshChoice, TrackerOptions
from omote_models.smoothing import OneEuroFilter
from omote_models.tracks import Tracks

__all__ = ["FaceTracker", "MeshChoice", "TrackerOptions"]


class FaceTracker:
    """Follows the faces of one stream. One thread at a time may use it."""

    def __init__(
        self,
        model: bytes,
        options: TrackerOptions = TrackerOptions(),
        runtime: MeshChoice = MeshChoice.AUTO,
    ) -> None:
        """Load the model; a process's first takes a second, each after it next to nothing.

        Args:
            model: the bytes of `face_landmarker.task`; kept for `require`, never copied here.
            options: what to compute.
            runtime: our own kernel, stock MediaPipe, or ours where it runs.

        Raises:
            ValueError, RuntimeError: the model cannot be read.
            KernelUnavailable: our own kernel is wanted and cannot run.
        """
        self.options = options
        own = open_mesh(model, runtime).runtime
        self._follower = OwnFollower(own, options) if own else StockFollower(model, options)
        self._last_ms = -1
        self._began: float | None = None
        self._tracks = Tracks()
        self._smoothers: dict[str, OneEuroFilter] = {}

    @property
    def tracks_seen(self) -> int:
        """How many faces were given an id so far."""
        return self._tracks.created

    def require(self, options: TrackerOptions) -> None:
        """Compute at least this from the next frame on; the faces keep their ids.

        Stock MediaPipe loads the model anew where it does not yet compute all of it.
        """
        if self.options.covers(options):
            return
        self.options = TrackerOptions(
            options.max_faces,
            self.options.blendshapes or options.blendshapes,
            self.options.pose or options.pose,
        )
        self._follower.require(self.options)

    def track(self, picture: NDArray[np.uint8], time: float) -> list[Face]:
        """The faces of a frame, largest first.

        Args:
            picture: (height, width, 3) uint8 RGB, C-contiguous.
            time: capture time in seconds; must grow from frame to frame.
        """
        found = self._find(picture, time)
        found = [mesh for mesh in found if np.isfinite(mesh.landmarks).all()]
        boxes = [Box.around(mesh.landmarks) for mesh in found]
        ids = self._tracks.assign(boxes, time)
        faces = [self._face(*parts, time) for parts in zip(found, boxes, ids, strict=True)]
        self._forget()
        return sorted(faces, key=lambda face: face.box.area, reverse=True)

    def close(self) -> None:
        """Give the model's memory back."""
        self._follower.close()

    def _face(self, mesh: Found, box: Box, track_id: str, time: float) -> Face:
        landmarks = mesh.landmarks
        if self.options.max_faces > 1:  # a follower steadies only where there is one
            smoother = self._smoothers.setdefault(track_id, OneEuroFilter())
            landmarks = smoother.smooth(landmarks, (box.width + box.height) / 2, time)
            box = Box.around(landmarks)
        return Face(track_id, box, landmarks, mesh.blendshapes, mesh.pose)

    def _forget(self) -> None:
        alive = self._tracks.alive
        for track_id in [t for t in self._smoothers if t not in alive]:
            del self._smoothers[track_id]

    def _find(self, picture: NDArray[np.uint8], time: float) -> list[Found]:
        # Both runtimes count whole milliseconds from 0 on, which must grow.
        self._began = time if self._began is None else self._began
        self._last_ms = max(self._last_ms + 1, round((time - self._began) * 1000))
        return self._follower.find(picture, self._last_ms)
