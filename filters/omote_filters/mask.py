"""The last resort of anonymise filters: coarse, opaque, and with nothing in it that can fail."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2

from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_models.face import Box

_REMEMBERED_S = 1.0


class LastSeen:
    """Where faces were in the last second of capture time.

    A tracker loses a face for a frame and finds it again; what must stay hidden stays hidden.
    """

    def __init__(self) -> None:
        self._boxes = TrackMemory[tuple[Box, float]]()

    def update(self, scene: Scene) -> None:
        """Take note of a frame's faces."""
        for face in scene.all_faces:
            self._boxes.put(face.track_id, (face.box, scene.time))

    def boxes(self, scene: Scene) -> list[Box]:
        """The boxes to hide in this frame."""
        recent = self._boxes.items()
        return [box for _, (box, seen) in recent if abs(scene.time - seen) <= _REMEMBERED_S]


def mask_boxes(scene: Scene, boxes: Iterable[Box]) -> None:
    """Cover faces with their mean colour, wider than each face.

    A face that is nowhere (its box is not finite or empty) could be anywhere: then all is hidden.
    """
    for box in boxes:
        if not math.isfinite(box.x + box.y) or not box.area > 0:
            mask_picture(scene)
            return
        crop = scene.edit(box.grown(0.3, 0.5, 0.3, 0.3))
        if crop.size:
            crop[:] = crop.reshape(-1, 3).mean(axis=0)


def mask_picture(scene: Scene) -> None:
    """Reduce the whole picture to a few blocks: nobody may be looked for, so all is hidden."""
    crop = scene.edit()
    blocks = cv2.resize(crop, (8, 6), interpolation=cv2.INTER_AREA)
    crop[:] = cv2.resize(blocks, (scene.width, scene.height), interpolation=cv2.INTER_NEAREST)
