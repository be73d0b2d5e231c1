"""Files and cameras are closed while they are read: nothing crashes, nobody waits."""

from __future__ import annotations

import subprocess
import sys
from threading import Event, Thread

import pytest

from omote_server.media.reading import Reading
from omote_server.workshop.footage import footage_store

_CLOSED_WHILE_READ = """
import random, sys, threading, time
from pathlib import Path
import cv2

what, clip = sys.argv[1], Path(sys.argv[2])
if what == "camera":
    # A clip stands in for a camera: the same native handle.
    opened = cv2.VideoCapture
    cv2.VideoCapture = lambda number: opened(str(clip))
    from omote_server.workshop.camera import Camera
    def source():
        camera = Camera(0)
        return camera, camera.pictures()
else:
    from omote_server.media.video import VideoReader
    def source():
        reader = VideoReader(clip)
        return reader, reader.frames()

for _ in range(120):
    handle, frames = source()
    readers = [threading.Thread(target=lambda: [None for _ in frames])]
    readers[0].start()
    time.sleep(random.random() / 100)
    closers = [threading.Thread(target=handle.close) for _ in range(3)]
    for thread in closers:
        thread.start()
    handle.close()
    for thread in readers + closers:
        thread.join()
print("whole")
"""


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("what", ["file", "camera"])
def test_closing_while_another_thread_decodes(what: str) -> None:
    clip = str(footage_store().pull("carphone"))
    command = [sys.executable, "-c", _CLOSED_WHILE_READ, what, clip]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "whole\n", "")


def test_who_leaves_last_lets_go() -> None:
    inside, answer = Event(), Event()
    released: list[str] = []

    def step() -> str:
        inside.set()
        answer.wait()
        assert not released, "never in the middle of a read"
        return "the last one"

    reading = Reading(lambda: released.append("once"))
    read: list[str | None] = []
    reader = Thread(target=lambda: read.append(reading.read(step)))
    reader.start()
    inside.wait()
    reading.close()  # does not wait for the camera that does not answer
    assert not released
    answer.set()
    reader.join()
    assert read == ["the last one"]
    assert released == ["once"]
    assert reading.read(step) is None
    reading.close()
    assert released == ["once"]


def test_a_step_that_fails_lets_go_too() -> None:
    released: list[str] = []
    reading = Reading(lambda: released.append("once"))

    def step() -> None:
        reading.close()
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        reading.read(step)
    assert released == ["once"]
