"""The life of a frame: decode, track, describe, apply, encode. No asyncio, no protobuf."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack

from omote_filters.faults import hand_up, place
from omote_filters.words import (
    ChainEntry,
    Degradation,
    Need,
)
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.frames.steps import Apply, Decode, Describe, Encode, Report, Segment, Track
from omote_server.messages import (
    OutputMode,
    OutputOptions,
    Result,
)

_log = logging.getLogger(__name__)

_DEPTH = 8
"""How many places of a fault are logged, from the innermost."""


class Pipeline:
    """The steps of one session, each with its own state. One thread at a time may use it."""

    def __init__(self, tools: Toolbox, options: PipelineOptions) -> None:
        self._options = options
        self._decode = Decode(options.max_pixels, options.rotation, options.mirrored)
        self._track = Track(tools.face_model, tools.mesh_runtime)
        self._segment = Segment(tools.person_model, tools.wide_person_model)
        self._describe = Describe(tools.estimator, options.declared)
        self._apply = Apply(tools.registry, tools.policy, options.live)
        self._report = Report(tools)
        self._encode = Encode(options.output)

    def prepare(self, directives: Directives) -> None:
        """Load models and start filters before the first frame comes."""
        needs = _needs(self._apply.prepare(self._chain_of(directives)), self._options.output)
        self._apply.start()
        self._track.prepare(needs, directives.consent, self._faces_wanted())
        self._segment.prepare(needs)

    def run(self, job: Job) -> Result:
        """A processed frame.

        Raises:
            InvalidRequest: the picture cannot be decoded; nothing has changed.
            ChainError: a filter of the chain is unknown or its settings do not fit.
        """
        clock = _Stopwatch()
        timings, output, consent = job.timings, self._options.output, job.consent
        seconds = job.frame.capture_time_us / 1e6
        look = self._decode.run(job.frame)
        pixels = look.pixels
        timings.decode = clock.lap()
        chain_needs = self._apply.prepare(self._chain_of(job.directives))
        needs = _needs(chain_needs, output) | self._report.needs(consent)
        faces = self._track.run(pixels, seconds, needs, consent, self._faces_wanted())
        timings.track = clock.lap()
        faces = self._describe.run(pixels, faces, seconds, needs, consent)
        timings.describe = clock.lap()
        person = self._segment.run(pixels, seconds, needs)
        try:
            scene, applied = self._apply.run(look, faces, seconds, job, person)
            timings.apply = clock.lap()
            result = self._encode.run(scene, applied, job, look)
        except BaseException as error:  # a plugin may have left anything behind
            hand_up(error)
            _log.error("a chain broke, its frame is withheld: %s", place(error, _DEPTH))
            # From its bytes: the pixels were drawn on, nobody knows how far.
            scene, applied = self._apply.withhold(self._decode.run(job.frame), faces)
            result = self._encode.run(scene, applied, job, look)
        timings.encode = clock.lap()
        self._report.run(faces, applied, consent)
        if self._apply.anonymises and len(faces) >= self._faces_wanted():
            result.degraded = [*result.degraded, Degradation.FACE_LIMIT]
        result.attributes = consent.demographics or not self._options.declared.empty
        return result

    def _faces_wanted(self) -> int:
        options = self._options
        if self._apply.anonymises:
            return max(options.max_faces, options.most_faces)
        return options.max_faces

    def _chain_of(self, directives: Directives) -> tuple[ChainEntry, ...]:
        faces_only = self._options.output.mode is OutputMode.FACES_ONLY
        return () if faces_only else directives.chain

    @property
    def tracks_seen(self) -> int:
        """Distinct tracks so far."""
        return self._track.seen

    def close(self) -> None:
        """Give everything back; what fails to keeps nothing else from it."""
        with ExitStack() as stack:
            for step in (self._report, self._apply, self._segment, self._track):
                stack.callback(step.close)


class _Stopwatch:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        elapsed, self._last = (now - self._last) * 1000, now
        return elapsed


def _needs(chain: frozenset[Need], output: OutputOptions) -> frozenset[Need]:
    wanted = {
        Need.MESH: output.wants_faces,
        Need.BLENDSHAPES: output.blendshapes,
        Need.POSE: output.pose,
        Need.AGE: output.attributes,
        Need.GENDER: output.attributes,
    }
    return chain | {need for need, is_wanted in wanted.items() if is_wanted}
