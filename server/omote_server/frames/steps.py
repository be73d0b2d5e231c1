"""The steps of a frame, each with one verb and its own state. None knows its neighbours."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from omote_filters.alpha import Alpha
from omote_filters.chain import Applied, Chain
from omote_filters.onethread import cpu_elsewhere
from omote_filters.policy import Policy
from omote_filters.rect import Rect, joined
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import (
    DEMOGRAPHICS,
    FACE_NEEDS,
    ChainEntry,
    Consent,
    Need,
)
from omote_models.demographics import DemographicsEstimator
from omote_models.describe import Describer
from omote_models.face import Declared, Face
from omote_models.meshes import MeshChoice, TrackerOptions
from omote_models.pictures import Turn
from omote_models.segmenter import PersonSegmenter
from omote_models.tracker import FaceTracker
from omote_server.frames import codec
from omote_server.frames.job import Job, Toolbox
from omote_server.messages import (
    EncodedPicture,
    Frame,
    OutputMode,
    OutputOptions,
    Patch,
    Result,
    Upright,
)


@dataclass(frozen=True, slots=True)
class Look:
    """A frame as it is looked at: upright.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        alpha: what of it shows; None where all of it does.
        rotation, mirrored: what was done to the frame as shown; undone when it goes back.
    """

    pixels: codec.Pixels
    alpha: Alpha | None = None
    rotation: int = 0
    mirrored: bool = False

    @property
    def upright(self) -> Upright:
        """What faces are told in the pixels of."""
        height, width = self.pixels.shape[:2]
        return Upright(width, height, self.rotation, self.mirrored)


class Decode:
    """Bytes to upright pixels, within the limits."""

    def __init__(self, max_pixels: int, rotation: int = 0, mirrored: bool = False) -> None:
        self._max_pixels = max_pixels
        self._rotation = rotation
        self._mirrored = mirrored

    def run(self, frame: Frame) -> Look:
        """What everybody after it looks at."""
        rotation = self._rotation if frame.rotation is None else frame.rotation
        mirrored = self._mirrored if frame.mirrored is None else frame.mirrored
        turn = Turn.of(rotation, mirrored)
        pixels, alpha = codec.decode(frame.picture, self._max_pixels, turn)
        shown = None if alpha is None else Alpha(pixels, alpha)
        return Look(pixels, shown, rotation, mirrored)


class Track:
    """Pixels to faces; the model is loaded when a face is first asked for."""

    def __init__(self, model: bytes, runtime: MeshChoice = MeshChoice.AUTO) -> None:
        self._model, self._runtime = model, runtime
        self._tracker: FaceTracker | None = None
        self._seen_before = 0

    def run(
        self,
        pixels: codec.Pixels,
        seconds: float,
        needs: frozenset[Need],
        consent: Consent,
        max_faces: int,
    ) -> list[Face]:
        """The faces, largest first; none without consent, and none that nobody asks for."""
        if not consent.face_effects:
            self.close()
        tracker = self.prepare(needs, consent, max_faces)
        return tracker.track(pixels, seconds) if tracker else []

    def prepare(
        self, needs: frozenset[Need], consent: Consent, max_faces: int
    ) -> FaceTracker | None:
        """The tracker, loaded; None where nobody may or need look for faces."""
        if not consent.face_effects or not needs & FACE_NEEDS:
            return None
        options = TrackerOptions(max_faces, Need.BLENDSHAPES in needs, Need.POSE in needs)
        if self._tracker is None:
            self._tracker = FaceTracker(self._model, options, self._runtime)
        self._tracker.require(options)
        return self._tracker

    @property
    def seen(self) -> int:
        """Distinct tracks so far."""
        return self._seen_before + (self._tracker.tracks_seen if self._tracker else 0)

    def close(self) -> None:
        """Forget every face."""
        if self._tracker is not None:
            self._seen_before = self.seen
            self._tracker.close()
            self._tracker = None


class Describe:
    """Faces to faces with attributes."""

    def __init__(self, estimator: DemographicsEstimator, declared: Declared) -> None:
        self._describer = Describer(estimator, declared)
        self._idle = declared.empty

    def run(
        self,
        pixels: codec.Pixels,
        faces: list[Face],
        seconds: float,
        needs: frozenset[Need],
        consent: Consent,
    ) -> list[Face]:
        """The same faces; without consent for demographics no network runs."""
        if not consent.demographics:
            self._describer.forget_everything()
        wanted = needs & DEMOGRAPHICS if consent.demographics else frozenset[Need]()
        if self._idle and not wanted:
            return faces
        return self._describer.describe(
            pixels, faces, seconds, age=Need.AGE in wanted, gender=Need.GENDER in wanted
        )


class Segment:
    """Pixels to a mask of the people in them."""

    def __init__(self, square: bytes, wide: bytes) -> None:
        self._segmenter = PersonSegmenter(square, wide)

    def prepare(self, needs: frozenset[Need]) -> None:
        """Load the networks where they will be needed."""
        if Need.SEGMENTATION in needs:
            self._segmenter.prepare()

    def run(
        self, pixels: codec.Pixels, seconds: float, needs: frozenset[Need]
    ) -> codec.Pixels | None:
        """(h, w) uint8, coarse; None where nobody asks for it."""
        if Need.SEGMENTATION not in needs:
            return None
        return self._segmenter.segment(pixels, seconds)

    def close(self) -> None:
        """Forget the last mask."""
        self._segmenter.close()


class Apply:
    """Faces and pixels to a filtered scene."""

    def __init__(self, registry: Registry, policy: Policy, live: bool) -> None:
        self._registry = registry
        self._chain = Chain(policy=policy, clock=_cpu_seconds if live else None)
        self._entries: tuple[ChainEntry, ...] = ()
        self._last_seconds: float | None = None

    def prepare(self, entries: tuple[ChainEntry, ...]) -> frozenset[Need]:
        """Take over the chain; what it needs."""
        if entries != self._entries:
            self._chain = self._chain.revised(entries, self._registry)
            self._entries = entries
        return self._chain.needs

    @property
    def anonymises(self) -> bool:
        """Whether the chain hides who somebody is."""
        return self._chain.anonymises

    def start(self) -> None:
        """Start the filters."""
        self._chain.start()

    def run(
        self,
        look: Look,
        faces: Sequence[Face],
        seconds: float,
        job: Job,
        person: codec.Pixels | None = None,
    ) -> tuple[Scene, Applied]:
        """The scene with everything drawn on it."""
        elapsed = 0.0 if self._last_seconds is None else seconds - self._last_seconds
        self._last_seconds = seconds
        scene = Scene(
            look.pixels,
            faces,
            time=seconds,
            elapsed=elapsed,
            events=job.events,
            person=person,
            alpha=look.alpha,
            mirrored=look.mirrored,
        )
        return scene, self._chain.apply(scene, job.consent)

    def withhold(self, look: Look, faces: Sequence[Face]) -> tuple[Scene, Applied]:
        """The scene of a frame whose chain broke: as it came, or hidden where it must be."""
        scene = Scene(look.pixels, faces, alpha=look.alpha, mirrored=look.mirrored)
        return scene, self._chain.withhold(scene)

    def close(self) -> None:
        """Stop the filters."""
        self._chain.stop()


class Report:
    """Faces and what was applied to what an operator may count."""

    def __init__(self, tools: Toolbox) -> None:
        self._audit = tools.audit.stream()
        self._tally = tools.audience.stream() if tools.audience else None

    def needs(self, consent: Consent) -> frozenset[Need]:
        """What must be computed for it."""
        counted = self._tally is not None and consent.demographics and consent.face_effects
        return DEMOGRAPHICS if counted else frozenset()

    def run(self, faces: Sequence[Face], applied: Applied, consent: Consent) -> None:
        """Count; nobody who did not agree is in the audience."""
        self._audit.note(applied.restricted)
        if self._tally is not None and consent.demographics:
            self._tally.see(faces)

    def close(self) -> None:
        """The stream's faces stay as numbers."""
        if self._tally is not None:
            self._tally.close()


def _cpu_seconds() -> float:
    """What this thread has used, and what was drawn for it on the one thread that owns OpenGL."""
    return time.thread_time() + cpu_elsewhere()


class Encode:
    """A scene to what goes back."""

    def __init__(self, output: OutputOptions) -> None:
        self._output = output

    def run(self, scene: Scene, applied: Applied, job: Job, look: Look) -> Result:
        """The result, but for the time that encoding takes."""
        result = Result(
            job.frame.sequence,
            job.frame.capture_time_us,
            faces=scene.all_faces if self._output.wants_faces else (),
            upright=look.upright,
            output=self._output,
            bypassed=applied.bypassed,
            applied=applied.ran,
            disabled=applied.disabled,
            degraded=sorted(applied.degraded),
            events=scene.emitted,
            chain_revision=job.directives.revision,
            dropped_before=job.dropped_before,
            timings=job.timings,
        )
        back = Turn.of(look.rotation, look.mirrored).back
        if self._output.mode is OutputMode.FRAME:
            result.picture = self._pack(scene, Rect(0, 0, scene.width, scene.height), back)
        elif self._output.mode is OutputMode.PATCHES:
            result.patches = [self._patch(scene, rect, back) for rect in joined(scene.touched)]
        return result

    def _patch(self, scene: Scene, rect: Rect, back: Turn) -> Patch:
        area = (rect.left, rect.top, rect.right, rect.bottom)
        left, top, *_ = back.area(area, scene.width, scene.height)
        return Patch(left, top, self._pack(scene, rect, back))

    def _pack(self, scene: Scene, rect: Rect, back: Turn) -> EncodedPicture:
        alpha = None if scene.alpha is None else back.upright(scene.alpha[rect.slices])
        pixels = back.upright(scene.picture[rect.slices])
        return codec.encode(pixels, self._output.format, self._output.jpeg_quality, alpha)
