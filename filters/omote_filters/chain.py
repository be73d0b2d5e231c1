"""Runs the filters of a session: in order, within their budgets, and safely."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from omote_filters.faults import hand_up, place
from omote_filters.filter import Filter
from omote_filters.listing import Listing
from omote_filters.marks import MARKED, stamp
from omote_filters.mask import LastSeen, mask_boxes, mask_picture
from omote_filters.policy import Policy
from omote_filters.registry import Registry
from omote_filters.scene import Scene, Turn
from omote_filters.slot import Slot
from omote_filters.words import (
    DEMOGRAPHICS,
    FACE_NEEDS,
    Appearance,
    Bypass,
    ChainEntry,
    Consent,
    Degradation,
    Need,
    Reason,
    Restriction,
    Stage,
)

Clock = Callable[[], float]
"""Seconds of CPU time that the calling thread has used, such as `time.thread_time`. What a thread
waits for, a lock or another process on its core, is nobody's fault and does not count."""

Note = TypeVar("Note")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Applied:
    """What happened to one frame."""

    ran: list[str] = field(default_factory=list)
    bypassed: list[Bypass] = field(default_factory=list)
    disabled: list[Bypass] = field(default_factory=list)
    degraded: set[Degradation] = field(default_factory=set)
    altered: bool = False
    restricted: set[Restriction] = field(default_factory=set)


class Chain:
    """The filters that a session has switched on, ordered by stage.

    Within a stage, anonymise filters come first: what moves parts of the picture about, as a
    glitch does, must not carry a face out from under its cover.

    A filter that raises is bypassed for that frame, and all that it did is undone. One that takes
    longer than its budget keeps its drawing. Either counts, but for a first frame that is late,
    and repeated, the filter is switched off. An anonymise filter that fails masks instead.

    A picture in which a face was replaced or its age altered carries a mark.
    """

    def __init__(
        self,
        slots: Sequence[Slot] = (),
        *,
        policy: Policy = Policy(),
        clock: Clock | None = None,
    ) -> None:
        """Take over slots.

        Args:
            slots: in any order.
            policy: what is allowed on whose face.
            clock: holds each filter to its budget, in a live stream. Without one nobody is ever
                late: what is filtered offline must come out the same on every machine.
        """
        self._policy = policy
        self._clock = clock
        self._slots = sorted(slots, key=lambda slot: _order(slot.listing))
        self._last_seen = LastSeen()

    @classmethod
    def build(
        cls,
        entries: Sequence[ChainEntry],
        registry: Registry,
        *,
        policy: Policy = Policy(),
        clock: Clock | None = None,
    ) -> Chain:
        """A chain from a client's entries.

        Raises:
            ChainError: an entry is unknown, broken or has settings that do not fit.
        """
        return cls(_expanded(entries, registry), policy=policy, clock=clock)

    def revised(self, entries: Sequence[ChainEntry], registry: Registry) -> Chain:
        """Another chain in which filters that stay keep their state; those that go are stopped.

        Raises:
            ChainError: as `build`; this chain is unchanged then.
        """
        wanted = _expanded(entries, registry)
        free = list(self._slots)
        slots = [_reuse(free, slot) or slot for slot in wanted]
        for slot in free:
            slot.stop()
        chain = Chain(slots, policy=self._policy, clock=self._clock)
        chain._last_seen = self._last_seen
        return chain

    @property
    def needs(self) -> frozenset[Need]:
        """What must be computed for this chain.

        Age is needed, where consent allows it, by whatever may not be applied to a minor.
        """
        needs = frozenset[Need]().union(*(slot.needs for slot in self._slots))
        guarded = any(self._policy.guards(slot.listing.appearance) for slot in self._slots)
        return needs | {Need.AGE} if guarded else needs

    @property
    def anonymises(self) -> bool:
        """Whether a filter of this chain hides who somebody is."""
        return any(slot.listing.appearance is Appearance.ANONYMISE for slot in self._slots)

    def start(self) -> None:
        """Start every filter now, so that no frame waits for it.

        A filter that fails is tried again on its first frame, where the failure counts.
        """
        for slot in self._slots:
            try:
                slot.started(warmed=self._clock is not None)
            except BaseException as error:
                hand_up(error)
                _log.warning("filter %s failed to start: %s", slot.listing.id, place(error))

    def apply(self, scene: Scene, consent: Consent) -> Applied:
        """Draw every filter on a scene.

        A filter may do what it likes and raise what it likes. What is raised here is a fault of
        the chain itself: then the picture is in no state to be seen, and `withhold` says what goes
        out in its place.
        """
        applied = Applied()
        self._last_seen.update(scene)
        for slot in self._slots:
            if slot.listing.stage > Stage.WARP:
                scene.settle()
            self._turn(slot, scene, consent, applied)
        scene.settle()
        if applied.altered and self._policy.marks:
            turn = scene.begin(in_front=True)
            stamp(scene)
            turn.keep()
        # What does not show may hold a face that nobody looked for: it is not handed on then.
        if not self.anonymises:
            scene.unveil()
        return applied

    def withhold(self, scene: Scene) -> Applied:
        """Make of a frame as it came what may go out where `apply` failed on it.

        That is the frame itself; where the chain would have hidden somebody, everything is hidden.
        """
        applied = Applied()
        for slot in self._slots:
            _note(applied.bypassed, Bypass(slot.id, Reason.ERROR))
        if self.anonymises:
            mask_picture(scene)
            applied.degraded.add(Degradation.MASKED)
        else:
            scene.unveil()
        return applied

    def stop(self) -> None:
        """Stop every filter."""
        for slot in self._slots:
            slot.stop()

    def _turn(self, slot: Slot, scene: Scene, consent: Consent, applied: Applied) -> None:
        listing = slot.listing
        if slot.needs & FACE_NEEDS and not consent.face_effects:
            _note(applied.bypassed, Bypass(slot.id, Reason.CONSENT))
            applied.degraded.add(Degradation.NO_FACE_CONSENT)
            self._fail_safe(listing, scene, applied, everything=True)
            return
        if slot.needs & DEMOGRAPHICS and not consent.demographics:
            applied.degraded.add(Degradation.NO_DEMOGRAPHICS_CONSENT)
        hidden = self._forbidden(listing.appearance, scene)
        if hidden:
            applied.restricted |= {Restriction(track, listing.appearance) for track in hidden}
            _note(applied.bypassed, Bypass(slot.id, Reason.MINOR))
            if len(hidden) == len(scene.all_faces):
                return
        reason = slot.disabled or self._run(slot, scene, applied, hidden)
        if reason is None:
            return
        _note(applied.bypassed, Bypass(slot.id, reason))
        # A filter that looks for no faces hides the whole picture; so does its stand-in.
        self._fail_safe(listing, scene, applied, everything=not listing.needs & FACE_NEEDS)

    def _forbidden(self, appearance: Appearance, scene: Scene) -> frozenset[str]:
        if not self._policy.guards(appearance):
            return frozenset()
        faces = scene.all_faces
        return frozenset(f.track_id for f in faces if self._policy.forbids(appearance, f))

    def _run(
        self, slot: Slot, scene: Scene, applied: Applied, hidden: frozenset[str]
    ) -> Reason | None:
        """A filter's turn; why it came to nothing, if it did. All foreign drawing happens here."""
        turn = scene.begin(slot.id, hidden, slot.listing.in_front)
        altered = applied.altered
        try:
            filter_ = slot.started(warmed=self._clock is not None)
            began = self._now()
            calls = _draw(slot, filter_, scene, turn, applied)
            late = (self._now() - began) * 1000 > slot.listing.budget_ms
        except BaseException as error:
            turn.undo()
            hand_up(error)
            applied.altered = altered
            _log.warning("filter %s failed: %s", slot.listing.id, place(error))
            _strike(slot, applied, Reason.ERROR)
            return Reason.ERROR
        turn.keep()
        if not calls:
            return None
        _note(applied.ran, slot.id)
        # The first frame may still build what these settings ask for.
        if late and not slot.fresh:
            _strike(slot, applied, Reason.OVERRUN)
        else:
            slot.breaker.succeeded()
        slot.fresh = False
        return None

    def _now(self) -> float:
        return 0.0 if self._clock is None else self._clock()

    def _fail_safe(
        self, listing: Listing, scene: Scene, applied: Applied, everything: bool
    ) -> None:
        if listing.appearance is not Appearance.ANONYMISE:
            return
        applied.degraded.add(Degradation.MASKED)
        if everything:
            mask_picture(scene)
        else:
            mask_boxes(scene, self._last_seen.boxes(scene))


def _order(listing: Listing) -> tuple[Stage, bool]:
    return listing.stage, listing.appearance is not Appearance.ANONYMISE


def _expanded(entries: Sequence[ChainEntry], registry: Registry) -> list[Slot]:
    return [
        Slot(listing.id, part, settings)
        for listing, settings in registry.resolve(entries)
        for part in listing.parts
    ]


def _reuse(free: list[Slot], wanted: Slot) -> Slot | None:
    """The slot that does the same already, with the settings that are wanted now."""
    for slot in free:
        if slot.serves(wanted.part):
            free.remove(slot)
            slot.plan.revise(wanted.asked)
            return slot
    return None


def _draw(slot: Slot, filter_: Filter, scene: Scene, turn: Turn, applied: Applied) -> int:
    """Call a filter for each group of faces; how often it was called.

    That a face was altered is noted when it happens, not when the turn is over.
    """
    groups = slot.plan.groups(scene)
    for group in groups:
        turn.call(group.hidden)
        filter_.settings = group.settings
        filter_.apply(scene)
        if slot.listing.appearance in MARKED and turn.drawn and group.weight > 0:
            applied.altered = True
        turn.soften(group.weight)
    return len(groups)


def _note(notes: list[Note], note: Note) -> None:
    """Once is enough: the parts of a pack speak with one voice."""
    if note not in notes:
        notes.append(note)


def _strike(slot: Slot, applied: Applied, reason: Reason) -> None:
    """Count a failure, or a frame that came late; tell when it switches the filter off."""
    if slot.struck():
        applied.disabled.append(Bypass(slot.id, reason))
