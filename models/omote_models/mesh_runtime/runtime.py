"""The face mesh in our own kernel: its networks and weights, which all streams share."""

from __future__ import annotations

import io
import threading
import zipfile
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray
from omote_models.mesh_runtime import detection, reference
from omote_models.mesh_runtime.native import Kernel, Workspace
from omote_models.mesh_runtime.networks import read_blendshapes, read_detector, read_mesh
from omote_models.mesh_runtime.pose import PoseSolver, read_basis
from omote_models.mesh_runtime.regions import Region

SIDE = 256
_MEMBERS = (
    "face_landmarks_detector.tflite",
    "face_detector.tflite",
    "face_blendshapes.tflite",
    "geometry_pipeline_metadata_landmarks.binarypb",
)
_EXPRESSIVE = np.array([
    *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63),
    *(65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133),
    *(136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163),
    *(168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270),
    *(276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317),
    *(318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379),
    *(380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454),
    *(466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477),
])  # fmt: skip
"""The landmarks that the blendshape network takes."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The members of `face_landmarker.task`, which is a zip."""

    mesh: bytes
    detector: bytes
    blendshapes: bytes
    geometry: bytes

    @classmethod
    def of(cls, model: bytes) -> _Parts:
        """Raises ValueError where it is no such file."""
        try:
            with zipfile.ZipFile(io.BytesIO(model)) as parts:
                return cls(*(parts.read(name) for name in _MEMBERS))
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"the model file is not the one that is known: {error}") from None


class MeshRuntime:
    """The networks of one model file. Threads share it: each has a workspace of its own."""

    def __init__(self, model: bytes, kernel: Kernel) -> None:
        """Take the weights out of `face_landmarker.task`.

        Raises:
            ValueError: it is not the file that the kernel knows.
        """
        parts = _Parts.of(model)
        mesh = read_mesh(parts.mesh)
        self._body, self._head = mesh.packed(), np.ascontiguousarray(mesh.head)
        self._detector = read_detector(parts.detector)
        self._blendshapes = read_blendshapes(parts.blendshapes)
        self._pose = PoseSolver(read_basis(parts.geometry))
        self._kernel = kernel
        self._local = threading.local()

    def detect(self, picture: NDArray[np.uint8]) -> list[Region]:
        """Where the detector sees faces, the surest first."""
        framed, whole = detection.letterbox(picture)
        boxes, scores = self._kernel.detector(framed, self._detector, self._workspace)
        return [region for region in detection.regions(boxes, scores, whole) if region.usable]

    def landmarks(self, picture: NDArray[np.uint8], region: Region) -> FloatArray | None:
        """(478, 3) float32 in pixels of the picture; None where the region shows no face."""
        out = self.raw(self.crop(picture, region))
        if not out[-1] >= 0:  # a probability of a half; and what is no number is no face
            return None
        height, width = picture.shape[:2]
        return region.place(out[:-1].reshape(-1, 3), SIDE, width, height)

    def crop(self, picture: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
        """(3, 256, 256) uint8 planes of a region; beyond the border the last pixels go on."""
        if min(picture.shape[:2]) < 2:  # the kernel reads pairs of pixels
            crop = region.crop(picture, SIDE, cv2.BORDER_REPLICATE)
            return np.ascontiguousarray(crop.transpose(2, 0, 1))
        return self._kernel.crop(picture, np.ascontiguousarray(region.matrix(SIDE)))

    def raw(self, planes: NDArray[np.uint8]) -> FloatArray:
        """(1435,) float32 of the landmark network, for the planes of a crop."""
        return self._kernel.mesh(planes, self._body, self._head, self._workspace)

    def blendshapes(self, landmarks: FloatArray) -> FloatArray:
        """(52,) float32 scores."""
        points = landmarks[_EXPRESSIVE, :2].T
        points = points - points.mean(axis=1, keepdims=True)
        size = np.hypot(points[0], points[1]).mean()
        points = np.ascontiguousarray(points / max(size, np.float32(1e-6)), np.float32)
        logits = self._kernel.blendshapes(points, self._blendshapes, self._workspace)
        # The logistic function, in a form that never overflows.
        return np.asarray((1 + np.tanh(logits / 2)) / 2, np.float32)

    def pose(self, landmarks: FloatArray, width: int, height: int) -> FloatArray:
        """The facial transformation matrix, (4, 4) float32."""
        return self._pose.solve(landmarks, width, height)

    def deviation(self, model: bytes, random: np.random.Generator) -> float:
        """The most that the kernel's networks are off from plain numpy's, on noise.

        In pixels of a crop of 256 or of the detector's 128, and in hundredths of a score.
        """
        parts = _Parts.of(model)
        crop = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        points = random.uniform(0, SIDE, (478, 3)).astype(np.float32)
        small = random.integers(0, 256, (detection.SIDE, detection.SIDE, 3), np.uint8)
        framed, _ = detection.letterbox(small)
        mesh, logit, _ = reference.run(
            parts.mesh, (crop / np.float32(255)).astype(np.float32)[None]
        )
        boxes, scores = reference.run(parts.detector, framed[None, 1:-2, 1:-2])
        (shapes,) = reference.run(parts.blendshapes, points[None, _EXPRESSIVE, :2])
        ours = self._kernel.detector(framed, self._detector, self._workspace)
        pairs = (
            (self.raw(np.ascontiguousarray(crop.transpose(2, 0, 1))), np.append(mesh, logit)),
            (ours[0], boxes[0]),
            (ours[1], scores.ravel()),
            (self.blendshapes(points) * 100, shapes * 100),
        )
        return float(max(np.abs(a - b).max() for a, b in pairs))

    @property
    def _workspace(self) -> Workspace:
        found: Workspace | None = getattr(self._local, "workspace", None)
        if found is None:
            found = self._local.workspace = self._kernel.workspace()
        return found
