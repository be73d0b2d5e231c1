"""Tells people from the background, with MediaPipe's selfie segmentation."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.tasks import BaseOptions, mediapipe, vision

Mask = NDArray[np.uint8]

_SQUARE, _WIDE = (256, 256), (256, 144)
"""Width and height that each network works at."""
_WIDE_FROM = 1.2
"""Pictures at least so many times as wide as high are given to the network for wide ones."""
_PAUSE_S = 0.5
"""After a longer pause nothing of the last mask is kept."""
_INERTIA = 0.75


class PersonSegmenter:
    """Finds the people of one stream, steadily. One thread at a time may use it.

    A network is loaded when a picture of its shape first comes, or by `prepare`.
    """

    def __init__(self, square: bytes, wide: bytes) -> None:
        """Take note of the two models, the bytes of `person.tflite` and `person-wide.tflite`."""
        self._models = {_SQUARE: square, _WIDE: wide}
        self._loaded: dict[tuple[int, int], Any] = {}
        self._last: Mask | None = None
        self._last_time = 0.0

    def segment(self, picture: NDArray[np.uint8], time: float) -> Mask:
        """How likely each place shows a person.

        Args:
            picture: (height, width, 3) uint8 RGB.
            time: capture time in seconds.

        Returns:
            (256, 256) uint8, 255 for certainly; (144, 256) for a wide picture. It covers the
            whole picture, coarsely. Where the network is unsure, the last frame's answer counts
            for the most part, so that edges do not flicker. It is read-only.
        """
        height, width = picture.shape[:2]
        size = _WIDE if width >= _WIDE_FROM * height else _SQUARE
        small = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=small)
        likely = self._network(size).segment(image).confidence_masks[0].numpy_view()
        now = np.nan_to_num(np.asarray(likely, np.float32).reshape(size[1], size[0]))
        mask = self._eased(now, time)
        mask.flags.writeable = False  # the next frame's mask is eased from it
        self._last, self._last_time = mask, time
        return mask

    def prepare(self) -> None:
        """Load the networks now; takes 20 to 50 ms."""
        for size in self._models:
            self._network(size)

    def close(self) -> None:
        """Give the networks' memory back and forget the last frame."""
        for network in self._loaded.values():
            network.close()
        self._loaded.clear()
        self._last = None

    def _eased(self, now: NDArray[np.float32], time: float) -> Mask:
        last = self._last
        if last is None or last.shape != now.shape or not 0 <= time - self._last_time <= _PAUSE_S:
            return np.asarray(np.rint(now * 255), np.uint8)
        unsure = 1 - np.square(2 * now - 1)
        kept = _INERTIA * unsure
        return np.asarray(np.rint(now * 255 * (1 - kept) + last * kept), np.uint8)

    def _network(self, size: tuple[int, int]) -> Any:
        if size not in self._loaded:
            options = vision.ImageSegmenterOptions(
                base_options=BaseOptions(model_asset_buffer=self._models[size]),
                running_mode=vision.RunningMode.IMAGE,
                output_confidence_masks=True,
            )
            self._loaded[size] = vision.ImageSegmenter.create_from_options(options)
        return self._loaded[size]
