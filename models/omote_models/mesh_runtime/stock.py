"""The face mesh in stock MediaPipe: the reference, and what runs where our own kernel does not."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray
from omote_models.landmarks import BLENDSHAPE_NAMES, LANDMARK_COUNT
from omote_models.meshes import Found, TrackerOptions
from omote_models.tasks import (
    BaseOptions,
    face_landmarker,
    mediapipe,
    mediapipe_c_bindings,
    mediapipe_c_utils,
    vision,
)


class StockFollower:
    """Follows faces with MediaPipe's FaceLandmarker in video mode. One thread at a time."""

    def __init__(self, model: bytes, options: TrackerOptions) -> None:
        """Load the model; takes 20 to 150 ms.

        Raises:
            ValueError, RuntimeError: MediaPipe cannot read it.
        """
        self._model = model
        self._landmarker = _landmarker(model, options)

    def require(self, options: TrackerOptions) -> None:
        """Compute this from the next frame on; loads the model anew."""
        self._landmarker.close()
        self._landmarker = _landmarker(self._model, options)

    def find(self, picture: NDArray[np.uint8], time_ms: int) -> list[Found]:
        """The faces of a frame. `time_ms` must grow."""
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
        height, width = picture.shape[:2]
        scale = np.array([width, height, width], np.float32)
        with _result(self._landmarker, image, time_ms) as result:
            return [_found(result, i, scale) for i in range(result.face_landmarks_count)]

    def close(self) -> None:
        """Give the model's memory back."""
        self._landmarker.close()


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


def _found(result: Any, index: int, scale: FloatArray) -> Found:
    points = _floats(result.face_landmarks[index].landmarks, LANDMARK_COUNT)
    blendshapes = pose = None
    if index < result.face_blendshapes_count:
        categories = result.face_blendshapes[index].categories
        scores = (categories[i].score for i in range(len(BLENDSHAPE_NAMES)))
        blendshapes = np.fromiter(scores, np.float32, len(BLENDSHAPE_NAMES))
    if index < result.facial_transformation_matrixes_count:
        pose = result.facial_transformation_matrixes[index].to_numpy().astype(np.float32)
    return Found(points[:, :3] * scale, blendshapes, pose)


def _floats(pointer: Any, count: int) -> FloatArray:
    """A C array of structs that begin with floats, as rows of float32; borrowed memory."""
    size = ctypes.sizeof(pointer._type_)
    floats = ctypes.c_float * (count * size // 4)
    memory = floats.from_address(ctypes.addressof(pointer.contents))
    return np.ctypeslib.as_array(memory).reshape(count, size // 4)
