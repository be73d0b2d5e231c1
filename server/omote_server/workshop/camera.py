"""A camera of this machine as an iterator of pictures."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from omote_server.frames.codec import Pixels
from omote_server.media.files import MediaError
from omote_server.media.reading import Closing, Reading


class Camera(Closing):
    """A camera by its number. Any thread may close it while another reads."""

    frames_per_second = 30.0
    """What video files of it are given; its pictures carry their own times."""

    def __init__(self, number: int) -> None:
        """Open a camera.

        Raises:
            MediaError: there is none of this number, or something else uses it.
        """
        self._camera = cv2.VideoCapture(number)
        self._reading = Reading(self._camera.release)
        if not self._camera.isOpened():
            self.close()
            raise MediaError(f"camera {number} cannot be opened: is it there, and is it free?")

    def pictures(self) -> Iterator[Pixels]:
        """(height, width, 3) uint8 RGB, until it is closed or gives no more."""
        while (read := self._reading.read(self._camera.read)) is not None:
            there, picture = read
            if not there:
                return
            yield np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)

    def close(self) -> None:
        """End it. From any thread."""
        self._reading.close()
