"""What a face does, for heads that are drawn in its place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omote_filters.memory import TrackMemory
from omote_models.face import Face, FloatArray
from omote_models.landmarks import LEFT_CHEEK_SIDE, NOSE_TIP, RIGHT_CHEEK_SIDE

_EASE_S = 0.045
"""Time constant with which the drawn expression follows the face: it calms the scores' noise."""
_MOST_TURNED = 0.34


@dataclass(frozen=True, slots=True)
class Expression:
    """What a drawn face does; every number about 0 to 1 and 0 at rest, sides are the person's.

    Attributes:
        mouth: how far it is open.
        smile: of the corners of the mouth; less than 0 where they hang.
        pucker: how narrow the mouth is.
        blink_left: how far the eye is closed.
        blink_right: the same.
        brow_left: how far the brow is raised; less than 0 where it is lowered.
        brow_right: the same.
        turn: how far the head is turned to the picture's right, in radii.
        nod: how far it looks down, in radii.
        look_right: of the eyes, to the picture's right; less than 0 for left.
        look_up: of the eyes; less than 0 for down.
    """

    mouth: float = 0.0
    smile: float = 0.0
    pucker: float = 0.0
    blink_left: float = 0.0
    blink_right: float = 0.0
    brow_left: float = 0.0
    brow_right: float = 0.0
    turn: float = 0.0
    nod: float = 0.0
    look_right: float = 0.0
    look_up: float = 0.0


class Expressions:
    """The expressions of one stream's faces, eased a little over time."""

    def __init__(self) -> None:
        self._known = TrackMemory[FloatArray]()

    def follow(self, face: Face, elapsed: float) -> None:
        """Take note of a drawable face with blendshapes; `elapsed` in seconds."""
        goal, now = _read(face), self._known.get(face.track_id)
        if now is not None:
            keep = math.exp(-max(elapsed, 0.0) / _EASE_S)
            goal = np.asarray(goal + (now - goal) * keep, np.float32)
        self._known.put(face.track_id, goal)

    def of(self, track_id: str) -> Expression:
        """What a face did last; at rest where it was never seen."""
        known = self._known.get(track_id)
        return Expression() if known is None else Expression(*known.tolist())


def _read(face: Face) -> FloatArray:
    """What a face does, in the order of `Expression`; scores that are not numbers count as 0."""

    def score(name: str, low: float = 0.0, high: float = 1.0) -> float:
        value = face.blendshape(name)
        return min(max((value - low) / (high - low), 0.0), 1.0) if math.isfinite(value) else 0.0

    def look(way: str) -> float:
        return score(f"eyeLook{way}", 0.05, 0.8)

    smile = score("mouthSmileLeft", 0.05, 0.8) + score("mouthSmileRight", 0.05, 0.8)
    frown = score("mouthFrownLeft", 0.05, 0.5) + score("mouthFrownRight", 0.05, 0.5)
    inner = score("browInnerUp", 0.1, 0.8)
    brows = [
        max(inner, score(f"browOuterUp{side}", 0.1, 0.8)) - score(f"browDown{side}", 0.15, 0.7)
        for side in ("Left", "Right")
    ]
    values = (
        score("jawOpen", 0.03, 0.5),
        (smile - frown) / 2,
        max(score("mouthPucker", 0.4, 1.0), score("mouthFunnel", 0.1, 0.6)),
        score("eyeBlinkLeft", 0.25, 0.6),
        score("eyeBlinkRight", 0.25, 0.6),
        *brows,
        *_turned(face),
        # The person's left eye looks out to the picture's right.
        (look("OutLeft") + look("InRight") - look("InLeft") - look("OutRight")) / 2,
        (look("UpLeft") + look("UpRight") - look("DownLeft") - look("DownRight")) / 2,
    )
    return np.array(values, np.float32)


def _turned(face: Face) -> tuple[float, float]:
    """Where the nose points, in the face's own frame and in radii of the drawn head."""
    right, left = face.landmarks[RIGHT_CHEEK_SIDE], face.landmarks[LEFT_CHEEK_SIDE]
    depth = (left - right).astype(np.float64)
    turn = math.asin(max(-1.0, min(1.0, float(depth[2]) / max(face.width, 1e-6))))
    nose = face.landmarks[NOSE_TIP].astype(np.float64) - (left + right) / 2
    length = max(math.hypot(depth[0], depth[1]), 1e-6)
    down = (nose[1] * depth[0] - nose[0] * depth[1]) / length
    nod = 0.8 * (down / max(face.width, 1e-6) - 0.16)
    return tuple(max(-_MOST_TURNED, min(_MOST_TURNED, v)) for v in (0.5 * turn, nod))  # type: ignore[return-value]
