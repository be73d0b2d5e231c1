import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote_models.landmarks import BLENDSHAPE_NAMES
from omote_models.meshes import MeshChoice
from omote_models.tasks import BaseOptions, mediapipe, vision
from omote_models.tracker import FaceTracker, TrackerOptions

Pixels = NDArray[np.uint8]


def test_it_follows_the_man_through_the_whole_clip(
    carphone: list[Pixels], face_model: bytes
) -> None:
    tracker = FaceTracker(face_model, TrackerOptions(blendshapes=True, pose=True))
    faces = [tracker.track(frame, i / 30) for i, frame in enumerate(carphone)]
    tracker.close()
    assert [len(found) for found in faces] == [1] * 120
    assert len({found[0].track_id for found in faces}) == 1
    mouths = [found[0].blendshape("jawOpen") for found in faces]
    assert max(mouths) > 0.3
    assert min(mouths) < 0.1


def test_values_are_those_of_mediapipes_own_reader(astronaut: Pixels, face_model: bytes) -> None:
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=face_model),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    with vision.FaceLandmarker.create_from_options(options) as theirs:
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=astronaut)
        result = theirs.detect_for_video(image, 0)
    everything = TrackerOptions(blendshapes=True, pose=True)
    tracker = FaceTracker(face_model, everything, MeshChoice.STOCK)
    face = tracker.track(astronaut, 0.0)[0]
    tracker.close()
    points = [(p.x * 512, p.y * 512, p.z * 512) for p in result.face_landmarks[0]]
    np.testing.assert_allclose(face.landmarks, points, atol=1e-3)
    assert [c.category_name for c in result.face_blendshapes[0]] == list(BLENDSHAPE_NAMES)
    assert face.blendshapes is not None
    scores = [c.score for c in result.face_blendshapes[0]]
    np.testing.assert_allclose(face.blendshapes, scores, atol=1e-6)
    assert face.pose is not None
    np.testing.assert_allclose(face.pose, result.facial_transformation_matrixes[0], atol=1e-4)
    np.testing.assert_allclose(face.pose[3], [0, 0, 0, 1], atol=1e-6)
    assert face.pose[2, 3] < -10, "the face is in front of the camera, which looks down -Z"


def test_two_faces_are_two_tracks_largest_first(astronaut: Pixels, face_model: bytes) -> None:
    head = astronaut[20:260, 100:340]
    pair = np.full((240, 440, 3), 90, np.uint8)
    pair[40:, :200] = cv2.resize(head, (200, 200))
    pair[:, 200:] = head
    tracker = FaceTracker(face_model, TrackerOptions(max_faces=2))
    seen = [tracker.track(np.ascontiguousarray(np.roll(pair, i, 1)), i / 30) for i in range(5)]
    tracker.close()
    assert all(len(faces) == 2 for faces in seen)
    assert len({faces[0].track_id for faces in seen}) == 1
    assert len({faces[1].track_id for faces in seen}) == 1
    assert all(faces[0].box.area > faces[1].box.area for faces in seen)
    assert tracker.tracks_seen == 2


def test_asking_for_more_keeps_the_ids(carphone: list[Pixels], face_model: bytes) -> None:
    tracker = FaceTracker(face_model, TrackerOptions())
    before = tracker.track(carphone[0], 0.0)[0]
    assert before.blendshapes is None
    assert before.pose is None
    tracker.require(TrackerOptions(blendshapes=True))
    after = tracker.track(carphone[1], 1 / 30)[0]
    tracker.close()
    assert after.track_id == before.track_id
    assert after.blendshapes is not None


def test_any_clock_will_do(carphone: list[Pixels], face_model: bytes) -> None:
    def landmarks(start: float) -> NDArray[np.float32]:
        tracker = FaceTracker(face_model)
        faces = [tracker.track(frame, start + i / 30) for i, frame in enumerate(carphone[:15])]
        tracker.close()
        return faces[-1][0].landmarks

    np.testing.assert_allclose(landmarks(-1e6), landmarks(0), atol=0.2)
    np.testing.assert_allclose(landmarks(1.7e9), landmarks(0), atol=0.2)


def test_no_face_is_no_face(face_model: bytes) -> None:
    tracker = FaceTracker(face_model)
    assert tracker.track(np.full((240, 320, 3), 127, np.uint8), 0.0) == []
    assert tracker.track(np.zeros((1, 1, 3), np.uint8), 0.1) == []
    tracker.close()


def test_an_unreadable_model_is_an_error() -> None:
    with pytest.raises((ValueError, RuntimeError)):
        FaceTracker(b"no model")


def test_matplotlib_is_neither_loaded_nor_heard(tmp_path: Path) -> None:
    """MediaPipe would import it, and it complains where it may not write."""
    script = (
        "import sys; import omote_models.tracker, omote_models.segmenter; "
        "from omote_models.tasks import vision; "
        "assert 'matplotlib' not in sys.modules; "
        "assert vision.drawing_utils.plt.plot; "
        "assert sys.modules['matplotlib'].__file__"
    )
    quiet = subprocess.run(
        [sys.executable, "-c", script.rsplit("; assert vision", 1)[0]],
        env={**os.environ, "HOME": str(tmp_path / "none"), "MPLCONFIGDIR": "/proc/none"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert quiet.stderr == ""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
