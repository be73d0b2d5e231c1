"""Fixtures that every folder of tests shares: the real models, real footage, a real server."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import AsyncIterator, Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote_models.face import Face
from omote_models.store import model_store
from omote_models.tracker import FaceTracker, TrackerOptions
from omote_server.frames.job import Toolbox
from omote_server.frames.warmup import load_tools
from omote_server.media.video import VideoReader
from omote_server.serving.inventory import used
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings
from omote_server.workshop.footage import footage_store

Pixels = NDArray[np.uint8]

# Whoever starts the tests in the background may have them ignore these, and so all that they start;
# what is tested is how programs answer them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Commands that run in this process seal its ways out; the next test finds them open."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def tools() -> Toolbox:
    """The models and filters of a real server."""
    model_store().pull_all(used())
    footage_store().pull_all()
    return load_tools()


@pytest.fixture(scope="session")
def face_model(tools: Toolbox) -> bytes:
    return tools.face_model


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """The public-domain portrait, 512 × 512 RGB."""
    picture = cv2.imread(str(footage_store().pull("astronaut")), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    return np.ascontiguousarray(picture, np.uint8)


@pytest.fixture(scope="session")
def carphone() -> list[Pixels]:
    """The pinned clip, 120 frames, upscaled 3 times to 528 × 432 RGB."""
    return _clip("carphone")


@pytest.fixture(scope="session")
def carphone_distorted() -> list[Pixels]:
    return _clip("carphone_distorted")


@pytest.fixture(scope="session")
def astronaut_face(astronaut: Pixels, face_model: bytes) -> Face:
    tracker = FaceTracker(face_model, TrackerOptions(blendshapes=True, pose=True))
    try:
        return tracker.track(astronaut, 0.0)[0]
    finally:
        tracker.close()


@pytest.fixture
async def server(tools: Toolbox) -> AsyncIterator[Server]:
    """A real server on a free loopback port."""
    running = Server(Settings(port=0, workers=2, grace_seconds=2), tools)
    await running.start()
    yield running
    await running.stop()


def _clip(name: str) -> list[Pixels]:
    with VideoReader(footage_store().pull(name)) as reader:
        frames = itertools.islice(reader.frames(), 120)
        return [
            np.ascontiguousarray(
                cv2.resize(f.pixels, (528, 432), interpolation=cv2.INTER_CUBIC), np.uint8
            )
            for f in frames
        ]
