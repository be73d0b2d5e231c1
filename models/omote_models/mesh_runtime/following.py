"""From frame to frame with our own runtime: where to look next, and when to look anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote_models.face import Box, FloatArray
from omote_models.mesh_runtime.regions import Region
from omote_models.mesh_runtime.runtime import MeshRuntime
from omote_models.mesh_runtime.steady import Steadier
from omote_models.meshes import Found, TrackerOptions

_SAME = 0.5
"""Two boxes that share more than this part of their union are one face."""


class OwnFollower:
    """Follows faces as MediaPipe's FaceLandmarker does in video mode. One thread at a time."""

    def __init__(self, runtime: MeshRuntime, options: TrackerOptions) -> None:
        self._runtime = runtime
        self._options = options
        self._regions: list[Region] = []
        self._steadier = Steadier()

    def require(self, options: TrackerOptions) -> None:
        """Compute this from the next frame on; there is nothing to load."""
        self._options = options

    def find(self, picture: NDArray[np.uint8], time_ms: int) -> list[Found]:
        """The faces of a frame. `time_ms` must grow."""
        picture = np.ascontiguousarray(picture)
        meshes = self._meshes(picture)
        # The next regions come of the landmarks as they are, what is told of those steadied:
        # steadied ones lag, and a region that lags loses a face that moves.
        self._regions = [Region.around(mesh) for mesh in meshes]
        if self._options.max_faces == 1:
            meshes = self._steadied(meshes, time_ms)
        return [self._found(mesh, *picture.shape[1::-1]) for mesh in meshes]

    def close(self) -> None:
        """Forget all faces; the runtime is shared and stays."""
        self._regions = []

    def _meshes(self, picture: NDArray[np.uint8]) -> list[FloatArray]:
        regions = [region for region in self._regions if region.usable]
        if len(regions) < self._options.max_faces:
            regions += self._newcomers(picture, regions)
        meshes: list[FloatArray] = []
        for region in regions[: self._options.max_faces]:
            mesh = self._runtime.landmarks(picture, region)
            if mesh is not None and np.isfinite(mesh).all() and not _known(mesh, meshes):
                meshes.append(mesh)
        return meshes

    def _newcomers(self, picture: NDArray[np.uint8], known: list[Region]) -> list[Region]:
        boxes = [_box(region) for region in known]
        return [
            region
            for region in self._runtime.detect(picture)
            if not any(_overlap(_box(region), box) > _SAME for box in boxes)
        ]

    def _steadied(self, meshes: list[FloatArray], time_ms: int) -> list[FloatArray]:
        if not meshes:
            self._steadier = Steadier()
        return [self._steadier.steady(mesh, time_ms) for mesh in meshes]

    def _found(self, mesh: FloatArray, width: int, height: int) -> Found:
        options, runtime = self._options, self._runtime
        return Found(
            mesh,
            runtime.blendshapes(mesh) if options.blendshapes else None,
            runtime.pose(mesh, width, height) if options.pose else None,
        )


def _known(mesh: FloatArray, others: list[FloatArray]) -> bool:
    box = Box.around(mesh)
    return any(_overlap(box, Box.around(other)) > _SAME for other in others)


def _box(region: Region) -> Box:
    half = region.size / 2
    return Box(region.x - half, region.y - half, region.size, region.size)


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    down = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / max(a.area + b.area - shared, 1e-9)
