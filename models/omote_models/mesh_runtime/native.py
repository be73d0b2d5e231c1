"""The kernel's functions through ctypes, which lets go of the GIL while they run."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray

_PLACE = ctypes.c_void_p


class Kernel:
    """A library that `build` made: weights are passed in, nothing is kept."""

    def __init__(self, library: Path) -> None:
        """Load it.

        Raises:
            OSError: it cannot be loaded.
            AttributeError: it is another.
        """
        loaded = ctypes.CDLL(str(library))
        self._crop = _function(loaded.omote_crop, 5)
        self._crop.argtypes = [_PLACE, ctypes.c_int, ctypes.c_int, _PLACE, _PLACE]
        self._mesh = _function(loaded.omote_mesh, 5)
        self._detector = _function(loaded.omote_detector, 5)
        self._blendshapes = _function(loaded.omote_blendshapes, 4)
        sizes = (loaded.omote_mesh_workspace, loaded.omote_detector_workspace)
        self._bytes = max(int(size()) for size in (*sizes, loaded.omote_blendshapes_workspace))

    def workspace(self) -> Workspace:
        """Memory for one thread at a time."""
        return Workspace(np.zeros(self._bytes, np.uint8))

    def crop(self, picture: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
        """(3, 256, 256) uint8 planes of a part of a picture.

        Args:
            picture: (height, width, 3), both at least 2, C-contiguous.
            matrix: (2, 3), of a pixel of the crop the place in the picture.
        """
        planes = np.empty((3, 256, 256), np.uint8)
        height, width = picture.shape[:2]
        self._crop(picture.ctypes.data, height, width, matrix.ctypes.data, planes.ctypes.data)
        return planes

    def mesh(
        self,
        planes: NDArray[np.uint8],
        weights: FloatArray,
        head: NDArray[np.float16],
        workspace: Workspace,
    ) -> FloatArray:
        """(1435,) float32: 478 × 3 coordinates in pixels of the crop, the logit of presence.

        Args:
            planes: (3, 256, 256) uint8.
            weights: of `Mesh.packed`.
            head: `Mesh.head`.
            workspace: used by nobody else meanwhile.
        """
        out = np.empty(1435, np.float32)
        memory = workspace.memory
        self._mesh(*(array.ctypes.data for array in (planes, weights, head, memory, out)))
        return out

    def detector(
        self, picture: FloatArray, weights: FloatArray, workspace: Workspace
    ) -> tuple[FloatArray, FloatArray]:
        """(896, 16) boxes and (896,) logits, of (131, 131, 3) float32 from -1 to 1."""
        boxes, scores = np.empty((896, 16), np.float32), np.empty(896, np.float32)
        memory = workspace.memory
        self._detector(*(a.ctypes.data for a in (picture, weights, memory, boxes, scores)))
        return boxes, scores

    def blendshapes(
        self, points: FloatArray, weights: FloatArray, workspace: Workspace
    ) -> FloatArray:
        """(52,) logits, of (2, 146) float32 centred points of mean distance 1."""
        out = np.empty(64, np.float32)
        memory = workspace.memory
        self._blendshapes(*(array.ctypes.data for array in (points, weights, memory, out)))
        return out[:52]


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """What a network writes while it runs."""

    memory: NDArray[np.uint8]


def _function(function: ctypes._NamedFuncPointer, arguments: int) -> ctypes._NamedFuncPointer:
    function.argtypes = [_PLACE] * arguments
    function.restype = None
    return function
