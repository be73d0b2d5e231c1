"""Signals of eyes, mouth and head."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.head import HeadFrame
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_CLOSED, _OPEN = 0.38, 0.22
"""Past the first an eye counts as closing, below the second as open again: blendshape scores.

On real faces a whole blink reaches about 0.5, and eyes at rest stay under 0.1."""
_MOSTLY_CLOSED = 0.45
"""As good as closed: what PERCLOS counts."""
_SHORTEST_BLINK_S, _LONGEST_BLINK_S = 0.04, 0.5
_GAPING, _SHUT = 0.6, 0.35
_SHORTEST_YAWN_S = 1.2
_LONGEST_GAP_S = 0.5
"""A face that was away for longer has no closure or yawn that goes on."""
_GAZE_DEGREES = 35.0
"""How far a score of 1 turns the eye."""
_MOST_SAMPLES = 4000
_LEAST_SEEN_S = 1.5


@dataclass(slots=True)
class _Watched:
    """One face over the window."""

    samples: deque[tuple[float, float, float, float]] = field(
        default_factory=lambda: deque(maxlen=_MOST_SAMPLES)
    )
    blinks: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_SAMPLES))
    yawns: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_SAMPLES))
    last: float = -1e9
    told: float = 0.0
    closed_since: float | None = None
    gaping_since: float | None = None
    yawn_counted: bool = False


class Wellness(Filter):
    """Draws nothing: blinks, closed eyes, gaze, head posture and yawns as the event `wellness`.

    Counted from the face mesh's blendshapes. **Not a medical device**: the figures depend on
    light, glasses and the camera, nobody has tested them on patients, and they must not be used
    to judge whether somebody is ill, fit to drive or paying attention.

    PERCLOS is the part of the time that the eyes are at least 80 % closed (Wierwille et al.,
    1994), here as told by the blendshapes.
    """

    id = "wellness"
    name = "Wellness signals"
    appearance = Appearance.NOVELTY
    stage = Stage.MARK
    needs = frozenset({Need.MESH, Need.BLENDSHAPES, Need.AGE})
    draws = False

    class Settings(FilterSettings):
        """How often it speaks, and of how long a time."""

        every: float = slider(1.0, 0.2, 60, label="Every", hint="Seconds between two events")
        window: float = slider(60, 5, 300, label="Window", hint="Seconds that are looked back on")

    def start(self) -> None:
        """Nobody was seen yet."""
        self._watched: TrackMemory[_Watched] = TrackMemory()

    def apply(self, scene: Scene) -> None:
        """Watch every face, and speak of each when it is time."""
        settings: Wellness.Settings = self.settings
        for face in scene.faces:
            if face.blendshapes is None or not drawable(face):
                continue
            watched = self._watched.get(face.track_id)
            if watched is None or scene.time < watched.last:
                watched = _Watched(told=scene.time)
            self._watched.put(face.track_id, watched)
            self._watch(watched, face, scene.time, settings.window)
            if scene.time - watched.told >= settings.every:
                watched.told = scene.time
                self._tell(scene, face, watched)

    def _watch(self, watched: _Watched, face: Face, now: float, window: float) -> None:
        closure = _score(face, "eyeBlinkLeft", "eyeBlinkRight")
        gape = _score(face, "jawOpen")
        step = now - watched.last
        if step > _LONGEST_GAP_S:
            step, watched.closed_since, watched.gaping_since = 0.0, None, None
        watched.last = now
        watched.samples.append((now, step, closure, gape))
        if watched.closed_since is None and closure > _CLOSED:
            watched.closed_since = now
        elif watched.closed_since is not None and closure < _OPEN:
            if _SHORTEST_BLINK_S <= now - watched.closed_since <= _LONGEST_BLINK_S:
                watched.blinks.append(now)
            watched.closed_since = None
        if watched.gaping_since is None and gape > _GAPING:
            watched.gaping_since, watched.yawn_counted = now, False
        elif watched.gaping_since is not None and gape < _SHUT:
            watched.gaping_since = None
        elif (
            watched.gaping_since is not None
            and not watched.yawn_counted
            and now - watched.gaping_since >= _SHORTEST_YAWN_S
        ):
            watched.yawns.append(now)
            watched.yawn_counted = True
        while watched.samples and now - watched.samples[0][0] > window:
            watched.samples.popleft()
        for times in (watched.blinks, watched.yawns):
            while times and now - times[0] > window:
                times.popleft()

    def _tell(self, scene: Scene, face: Face, watched: _Watched) -> None:
        _, steps, closures, _ = np.array(watched.samples).T
        seen = float(steps.sum())
        if seen < _LEAST_SEEN_S:
            return
        shut = float(steps[closures > _MOSTLY_CLOSED].sum()) / seen
        head = HeadFrame.of(face)
        across, up = _gaze(face)
        band = face.attributes.age_band.value
        scene.emit(
            "wellness",
            track_id=face.track_id,
            seen_s=round(seen, 1),
            blinks_per_minute=round(60 * len(watched.blinks) / seen, 1),
            perclos=round(shut, 3),
            eyes_closed_s=round(
                scene.time - watched.closed_since if watched.closed_since is not None else 0.0, 2
            ),
            yawns=len(watched.yawns),
            gaze_left=round(across, 1),
            gaze_up=round(up, 1),
            head_yaw=round(head.yaw, 1),
            head_pitch=round(head.pitch, 1),
            head_roll=round(head.roll, 1),
            age_band=band.value if band else "unknown",
        )


def _score(face: Face, *names: str) -> float:
    values = [face.blendshape(name) for name in names]
    mean = float(np.mean(values))
    return mean if np.isfinite(mean) else 0.0


def _gaze(face: Face) -> tuple[float, float]:
    """Where the eyes look against the head: degrees to the person's left, and up."""
    left = _score(face, "eyeLookOutLeft", "eyeLookInRight")
    right = _score(face, "eyeLookInLeft", "eyeLookOutRight")
    up = _score(face, "eyeLookUpLeft", "eyeLookUpRight")
    down = _score(face, "eyeLookDownLeft", "eyeLookDownRight")
    return _GAZE_DEGREES * (left - right), _GAZE_DEGREES * (up - down)
