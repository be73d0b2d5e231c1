"""What a pipeline is made of and what it is given: tools, options, directives, jobs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from omote_filters.policy import Policy
from omote_filters.registry import Registry
from omote_filters.words import (
    ChainEntry,
    Consent,
    Event,
)
from omote_models.demographics import DemographicsEstimator
from omote_models.face import Declared
from omote_models.meshes import MeshChoice
from omote_server.frames.audience import Audience
from omote_server.frames.audit import Audit
from omote_server.messages import (
    Frame,
    OutputOptions,
    Timings,
)


@dataclass(frozen=True)
class Toolbox:
    """What every pipeline of a process shares.

    Models are here as the bytes that were verified: a stream that opens tomorrow runs what was
    loaded today, whatever has become of the files.
    """

    registry: Registry
    face_model: bytes
    estimator: DemographicsEstimator
    person_model: bytes
    wide_person_model: bytes
    policy: Policy = Policy()
    audit: Audit = field(default_factory=Audit)
    audience: Audience | None = None
    mesh_runtime: MeshChoice = MeshChoice.AUTO


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """What stays the same for a whole session.

    `most_faces` is what the server allows: who must be hidden is not left to the client's
    `max_faces`. `live` holds filters to their budgets of CPU time; without it nobody is late.
    `rotation` and `mirrored` hold for frames that say nothing else.
    """

    output: OutputOptions = OutputOptions()
    declared: Declared = Declared()
    max_faces: int = 1
    most_faces: int = 1
    max_pixels: int = 3840 * 2160
    live: bool = False
    rotation: int = 0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Directives:
    """What a frame is processed under."""

    chain: tuple[ChainEntry, ...] = ()
    revision: int = 0
    consent: Consent = Consent()


@dataclass(slots=True)
class Job:
    """One frame in work: the one object that travels from the session to a worker and back.

    It has one owner at a time. The session makes it and leaves it in the mailbox; the worker
    that takes it out owns it until its result is handed back.

    Attributes:
        consent: what holds for this frame: the directives', lowered to what is left of it by
            the time a worker takes it.
        events: from the host app, given to it when it is taken.
        dropped_before: frames that were displaced before this one was taken.
        arrived: time.perf_counter() when it came.
        timings: filled in by whoever owns it.
    """

    frame: Frame
    directives: Directives
    events: Sequence[Event] = ()
    dropped_before: int = 0
    arrived: float = field(default_factory=time.perf_counter)
    timings: Timings = field(default_factory=Timings)
    consent: Consent = field(init=False)

    def __post_init__(self) -> None:
        self.consent = self.directives.consent
