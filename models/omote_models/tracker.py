"""Finds and follows faces with MediaPipe's FaceLandmarker in video mode."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote_models.face import Box, Face, FloatArray
from omote_models.landmarks import BLENDSHAPE_NAMES, LANDMARK_COUNT
from omote_models.smoothing import OneEuroFilter
from omote_models.tasks import (
    BaseOptions,
    face_landmarker,
    mediapipe,
    mediapipe_c_bindings,
    mediapipe_c_utils,
    vision,
)
from omote_models.tracks import Tracks


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


class FaceTracker:
    """Follows the faces of one stream. One thread at a time may use it."""

    def __init__(self, model: bytes, options: TrackerOptions = TrackerOptions()) -> None:
        """Load the model; takes 20 to 150 ms.

        Args:
            model: the bytes of `face_landmarker.task`; kept for `require`, never copied here.
            options: what to compute.

        Raises:
            ValueError, RuntimeError: MediaPipe cannot read the model.
        """
        self.options = options
        self._model = model
        self._landmarker = _landmarker(model, options)
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

        Loads the model anew where it does not yet compute all of it.
        """
        if self.options.covers(options):
            return
        self.options = TrackerOptions(
            options.max_faces,
            self.options.blendshapes or options.blendshapes,
            self.options.pose or options.pose,
        )
        self._landmarker.close()
        self._landmarker = _landmarker(self._model, self.options)

    def track(self, picture: NDArray[np.uint8], time: float) -> list[Face]:
        """The faces of a frame, largest first.

        Args:
            picture: (height, width, 3) uint8 RGB, C-contiguous.
            time: capture time in seconds; must grow from frame to frame.
        """
        found = self._detect(picture, time)
        found = [mesh for mesh in found if np.isfinite(mesh.landmarks).all()]
        boxes = [Box.around(mesh.landmarks) for mesh in found]
        ids = self._tracks.assign(boxes, time)
        faces = [self._face(*parts, time) for parts in zip(found, boxes, ids, strict=True)]
        self._forget()
        return sorted(faces, key=lambda face: face.box.area, reverse=True)

    def close(self) -> None:
        """Give the model's memory back."""
        self._landmarker.close()

    def _face(self, mesh: _Mesh, box: Box, track_id: str, time: float) -> Face:
        landmarks = mesh.landmarks
        if self.options.max_faces > 1:  # MediaPipe smooths only where there is one
            smoother = self._smoothers.setdefault(track_id, OneEuroFilter())
            landmarks = smoother.smooth(landmarks, (box.width + box.height) / 2, time)
            box = Box.around(landmarks)
        return Face(track_id, box, landmarks, mesh.blendshapes, mesh.pose)

    def _forget(self) -> None:
        alive = self._tracks.alive
        for track_id in [t for t in self._smoothers if t not in alive]:
            del self._smoothers[track_id]

    def _detect(self, picture: NDArray[np.uint8], time: float) -> list[_Mesh]:
        # MediaPipe counts whole milliseconds from 0 on, which must grow.
        self._began = time if self._began is None else self._began
        self._last_ms = max(self._last_ms + 1, round((time - self._began) * 1000))
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
        height, width = picture.shape[:2]
        scale = np.array([width, height, width], np.float32)
        with _result(self._landmarker, image, self._last_ms) as result:
            return [_mesh(result, i, scale) for i in range(result.face_landmarks_count)]


def _landmarker(model: bytes, options: TrackerOptions) -> Any:
    return vision.FaceLandmarker.create_from_options(
        vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=options.max_faces,
            output_face_blendshapes=options.blendshapes,
            output_facial_transformation_matrixes=options.pose,
        )
    )


@dataclass(frozen=True, slots=True)
class _Mesh:
    landmarks: FloatArray
    blendshapes: FloatArray | None
    pose: FloatArray | None


@contextmanager
def _result(landmarker: Any, image: Any, time_ms: int) -> Iterator[Any]:
    """MediaPipe's result while it is still C memory.

    Its own wrapper hands each call to a thread of its own and makes 478 Python objects a face,
    under the GIL; calling the library here and reading the memory saves 1 ms a frame. This
    touches private names, which the pinned version keeps in place.

    Raises:
        RuntimeError, ValueError: MediaPipe refuses the frame.
    """
    library = mediapipe_c_bindings.load_raw_library()
    result = face_landmarker.MpFaceLandmarkerResultC()
    complaint = ctypes.c_char_p()
    status = library.MpFaceLandmarkerDetectForVideo(
        landmarker._handle,
        image._image_ptr,
        None,
        time_ms,
        ctypes.byref(result),
        ctypes.byref(complaint),
    )
    try:
        mediapipe_c_utils.handle_status(status, complaint)
        yield result
    finally:
        if complaint.value is not None:
            library.MpErrorFree(complaint)
        library.MpFaceLandmarkerCloseResult(ctypes.byref(result))


def _mesh(result: Any, index: int, scale: FloatArray) -> _Mesh:
    points = _floats(result.face_landmarks[index].landmarks, LANDMARK_COUNT)
    blendshapes = pose = None
    if index < result.face_blendshapes_count:
        categories = result.face_blendshapes[index].categories
        scores = (categories[i].score for i in range(len(BLENDSHAPE_NAMES)))
        blendshapes = np.fromiter(scores, np.float32, len(BLENDSHAPE_NAMES))
    if index < result.facial_transformation_matrixes_count:
        pose = result.facial_transformation_matrixes[index].to_numpy().astype(np.float32)
    return _Mesh(points[:, :3] * scale, blendshapes, pose)


def _floats(pointer: Any, count: int) -> FloatArray:
    """A C array of structs that begin with floats, as rows of float32; borrowed memory."""
    size = ctypes.sizeof(pointer._type_)
    floats = ctypes.c_float * (count * size // 4)
    memory = floats.from_address(ctypes.addressof(pointer.contents))
    return np.ctypeslib.as_array(memory).reshape(count, size // 4)
