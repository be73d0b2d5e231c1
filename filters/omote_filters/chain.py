"""Runs the filters of a session: in order, within their budgets, and safely."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from omote_filters.filter import Filter
from omote_filters.marks import MARKED, stamp
from omote_filters.mask import LastSeen, mask_boxes, mask_picture
from omote_filters.packs.filter import Gate, Group, PackFilter, Part
from omote_filters.policy import Policy
from omote_filters.registry import PLUGIN_FAULTS, Registry
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings
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


class Breaker:
    """Trips after repeated failures; a success mends a little."""

    def __init__(self, limit: float = 3.0, mended: float = 0.1) -> None:
        self._limit = limit
        self._mended = mended
        self._failures = 0.0

    def failed(self) -> bool:
        """Count a failure; whether the limit is reached now."""
        self._failures += 1
        return self._failures >= self._limit

    def succeeded(self) -> None:
        """Count a success."""
        self._failures = max(0.0, self._failures - self._mended)


class _Slot:
    """One filter of a chain and how it fares; the instance is made when it is started.

    A filter that is part of a pack has a gate, which says when and how it is drawn.
    """

    def __init__(
        self, kind: type[Filter], settings: FilterSettings, gate: Gate | None = None
    ) -> None:
        self.kind = kind
        self.settings = settings
        self.gate = gate
        self.filter: Filter | None = None
        self.breaker = Breaker()
        self.disabled: Reason | None = None

    @property
    def id(self) -> str:
        """What the client asked for: the filter, or the pack that it is part of."""
        return self.gate.pack_id if self.gate else self.kind.id

    @property
    def part(self) -> Part | None:
        """Which part of a pack it is, None for a filter of its own."""
        return self.gate.part if self.gate else None

    @property
    def needs(self) -> frozenset[Need]:
        """What must be computed for it."""
        return self.kind.needs | self.gate.needs if self.gate else self.kind.needs

    def groups(self, scene: Scene) -> list[Group]:
        """The calls to make on a frame: one, but for a part of a pack."""
        return self.gate.groups(scene) if self.gate else [Group(self.settings, frozenset(), 1.0)]

    def started(self) -> Filter:
        """The instance, made and started where it is not yet."""
        if self.filter is None:
            made = self.kind(self.settings)
            made.start()
            self.filter = made
        return self.filter


class Chain:
    """The filters that a session has switched on, ordered by stage.

    Within a stage, anonymise filters come first: what moves parts of the picture about, as a
    glitch does, must not carry a face out from under its cover.

    A filter that raises or overruns its budget is bypassed for that frame and its drawing
    undone; repeated, it is switched off. An anonymise filter that fails masks instead.

    A picture in which a face was replaced or its age altered carries a mark.
    """

    def __init__(self, slots: Sequence[_Slot] = (), *, policy: Policy = Policy()) -> None:
        """Take over slots, under a policy."""
        self._policy = policy
        self._slots = sorted(slots, key=lambda slot: _order(slot.kind))
        self._last_seen = LastSeen()

    @classmethod
    def build(
        cls, entries: Sequence[ChainEntry], registry: Registry, *, policy: Policy = Policy()
    ) -> Chain:
        """A chain from a client's entries.

        Raises:
            ChainError: an entry is unknown, broken or has settings that do not fit.
        """
        return cls(_expanded(registry.resolve(entries)), policy=policy)

    def revised(self, entries: Sequence[ChainEntry], registry: Registry) -> Chain:
        """Another chain in which filters that stay keep their state; those that go are stopped.

        Raises:
            ChainError: as `build`; this chain is unchanged then.
        """
        wanted = _expanded(registry.resolve(entries))
        free = list(self._slots)
        slots = [_reuse(free, slot) or slot for slot in wanted]
        for slot in free:
            _stop(slot)
        chain = Chain(slots, policy=self._policy)
        chain._last_seen = self._last_seen
        return chain

    @property
    def needs(self) -> frozenset[Need]:
        """What must be computed for this chain.

        Age is needed, where consent allows it, by whatever may not be applied to a minor.
        """
        needs = frozenset[Need]().union(*(slot.needs for slot in self._slots))
        guarded = any(self._policy.guards(slot.kind.appearance) for slot in self._slots)
        return needs | {Need.AGE} if guarded else needs

    @property
    def anonymises(self) -> bool:
        """Whether a filter of this chain hides who somebody is."""
        return any(slot.kind.appearance is Appearance.ANONYMISE for slot in self._slots)

    def start(self) -> None:
        """Start every filter now, so that no frame waits for it.

        A filter that fails is tried again on its first frame, where the failure counts.
        """
        for slot in self._slots:
            try:
                slot.started()
            except PLUGIN_FAULTS as error:
                _log.warning("filter %s failed to start: %s", slot.kind.id, _place(error))

    def apply(self, scene: Scene, consent: Consent) -> Applied:
        """Draw every filter on a scene."""
        applied = Applied()
        self._last_seen.update(scene)
        for slot in self._slots:
            if slot.kind.stage > Stage.WARP:
                scene.settle()
            self._turn(slot, scene, consent, applied)
        scene.settle()
        if applied.altered and self._policy.marks:
            scene.begin()
            stamp(scene)
            scene.keep()
        return applied

    def stop(self) -> None:
        """Stop every filter."""
        for slot in self._slots:
            _stop(slot)

    def _turn(self, slot: _Slot, scene: Scene, consent: Consent, applied: Applied) -> None:
        kind = slot.kind
        if slot.needs & FACE_NEEDS and not consent.face_effects:
            _note(applied.bypassed, Bypass(slot.id, Reason.CONSENT))
            applied.degraded.add(Degradation.NO_FACE_CONSENT)
            self._fail_safe(kind, scene, applied, everything=True)
            return
        if slot.needs & DEMOGRAPHICS and not consent.demographics:
            applied.degraded.add(Degradation.NO_DEMOGRAPHICS_CONSENT)
        hidden = self._forbidden(kind, scene)
        if hidden:
            applied.restricted |= {Restriction(track, kind.appearance) for track in hidden}
            _note(applied.bypassed, Bypass(slot.id, Reason.MINOR))
            if len(hidden) == len(scene.all_faces):
                return
        reason = slot.disabled or self._run(slot, scene, applied, hidden)
        if reason is None:
            return
        _note(applied.bypassed, Bypass(slot.id, reason))
        # A filter that looks for no faces hides the whole picture; so does its stand-in.
        self._fail_safe(kind, scene, applied, everything=not kind.needs & FACE_NEEDS)

    def _forbidden(self, kind: type[Filter], scene: Scene) -> frozenset[str]:
        if not self._policy.guards(kind.appearance):
            return frozenset()
        faces = scene.all_faces
        return frozenset(f.track_id for f in faces if self._policy.forbids(kind.appearance, f))

    def _run(
        self, slot: _Slot, scene: Scene, applied: Applied, hidden: frozenset[str]
    ) -> Reason | None:
        scene.begin(slot.id, hidden)
        altered = False
        try:
            filter_ = slot.started()
            began = time.perf_counter()
            groups = slot.groups(scene)
            for group in groups:
                scene.begin(slot.id, hidden | group.hidden)
                filter_.settings = group.settings
                filter_.apply(scene)
                altered |= slot.kind.appearance in MARKED and scene.drawn and group.weight > 0
                scene.soften(group.weight)
            late = (time.perf_counter() - began) * 1000 > filter_.budget_ms
        except PLUGIN_FAULTS as error:
            _log.warning("filter %s failed: %s", slot.kind.id, _place(error))
            return _failed(slot, scene, applied, Reason.ERROR)
        if late:
            return _failed(slot, scene, applied, Reason.OVERRUN)
        slot.breaker.succeeded()
        scene.keep()
        applied.altered |= altered
        if groups:
            _note(applied.ran, slot.id)
        return None

    def _fail_safe(
        self, kind: type[Filter], scene: Scene, applied: Applied, everything: bool
    ) -> None:
        if kind.appearance is not Appearance.ANONYMISE:
            return
        scene.begin()
        applied.degraded.add(Degradation.MASKED)
        if everything:
            mask_picture(scene)
        else:
            mask_boxes(scene, self._last_seen.boxes(scene))
        scene.keep()


def _order(kind: type[Filter]) -> tuple[Stage, bool]:
    return kind.stage, kind.appearance is not Appearance.ANONYMISE


def _expanded(resolved: Sequence[tuple[type[Filter], FilterSettings]]) -> list[_Slot]:
    slots: list[_Slot] = []
    for kind, settings in resolved:
        if not issubclass(kind, PackFilter):
            slots.append(_Slot(kind, settings))
            continue
        for part in kind.parts:
            gate = Gate(part, kind.id, settings.model_dump())
            slots.append(_Slot(part.kind, part.kind.Settings(), gate))
    return slots


def _reuse(free: list[_Slot], wanted: _Slot) -> _Slot | None:
    """The slot that does the same already, with the settings that are wanted now."""
    for slot in free:
        if slot.kind is not wanted.kind or slot.part is not wanted.part:
            continue
        free.remove(slot)
        slot.settings = wanted.settings
        if slot.gate is not None and wanted.gate is not None:
            slot.gate.parameters = wanted.gate.parameters
        return slot
    return None


def _note(notes: list[Note], note: Note) -> None:
    """Once is enough: the parts of a pack speak with one voice."""
    if note not in notes:
        notes.append(note)


def _failed(slot: _Slot, scene: Scene, applied: Applied, reason: Reason) -> Reason:
    scene.undo()
    if slot.breaker.failed():
        slot.disabled = Reason.DISABLED
        applied.disabled.append(Bypass(slot.id, reason))
        _stop(slot)
    return reason


def _stop(slot: _Slot) -> None:
    if slot.filter is None:
        return
    filter_, slot.filter = slot.filter, None
    try:
        filter_.stop()
    except PLUGIN_FAULTS as error:
        _log.warning("filter %s failed to stop: %s", slot.kind.id, _place(error))


def _place(error: BaseException) -> str:
    """What was raised and where; not its text, which may quote landmarks or estimates."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}"
