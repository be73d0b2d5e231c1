"""What became of every filter that was asked for, added up over a file or a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from omote_filters.words import Reason

_WHY = {
    Reason.ERROR: "it failed",
    Reason.OVERRUN: "it took too long",
    Reason.DISABLED: "it failed repeatedly and was switched off",
    Reason.CONSENT: "nobody agreed to it",
    Reason.MINOR: "the person is, or may be, under 18",
}


class LeftOut(Protocol):
    """A filter that did not run on a frame, or not on every face; a pipeline's or a client's."""

    @property
    def filter_id(self) -> str:
        """Which."""

    @property
    def reason(self) -> str:
        """One of `Reason`."""


class Outcome(Protocol):
    """What is known of one filtered frame; a pipeline's result is one, and a client's."""

    @property
    def applied(self) -> Sequence[str]:
        """Ids of the filters that ran."""

    @property
    def bypassed(self) -> Sequence[LeftOut]:
        """Filters that were left out."""

    @property
    def degraded(self) -> Sequence[str]:
        """Why it is less than was asked for."""

    @property
    def faces(self) -> Sequence[object]:
        """The faces, where somebody asked for them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A filter that was asked for.

    Attributes:
        filter_id: which.
        faces: with fewer of them in a picture it does nothing.
        draws: whether there is ever anything to see of it.
        lack: what this machine lacks for it; empty where it can run.
    """

    filter_id: str
    faces: int = 0
    draws: bool = True
    lack: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a wish.

    Attributes:
        filter_id: which.
        frames: on how many it ran.
        bypassed: reason → on how many frames it left out everybody, or somebody.
        why: why it did nothing at all; empty where it did something.
        unseen: why it ran, and there is nothing to see of it; empty where there is, or where it
            cannot be known, since another filter changed the picture.
    """

    filter_id: str
    frames: int
    bypassed: Mapping[str, int]
    why: str
    unseen: str


@dataclass(slots=True)
class Account:
    """Counts what became of a chain, frame by frame.

    Attributes:
        wishes: what was asked for; each filter once.
        sees_faces: whether results say which faces there are.
        frames: how many came back filtered.
        changed: how many of them look different now; None where nobody compares them.
        faces: how many there were, all frames together.
        most_faces: at once.
        frames_with_faces: with one or more.
        ran: by filter, frames.
        bypassed: by filter and reason, frames.
        degraded: by reason, frames.
    """

    wishes: Sequence[Wish]
    sees_faces: bool = False
    frames: int = 0
    changed: int | None = None
    faces: int = 0
    most_faces: int = 0
    frames_with_faces: int = 0
    ran: Counter[str] = field(default_factory=Counter)
    bypassed: dict[str, Counter[str]] = field(default_factory=dict)
    degraded: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome, changed: bool | None = None) -> None:
        """Count one frame, and, where somebody compared, whether it looks different now."""
        self.frames += 1
        if changed is not None:
            self.changed = (self.changed or 0) + changed
        self.faces += len(outcome.faces)
        self.most_faces = max(self.most_faces, len(outcome.faces))
        self.frames_with_faces += bool(outcome.faces)
        self.ran.update(set(outcome.applied))
        for left_out in outcome.bypassed:
            reasons = self.bypassed.setdefault(left_out.filter_id, Counter())
            reasons[str(left_out.reason)] += 1
        self.degraded.update(str(reason) for reason in outcome.degraded)

    @property
    def fates(self) -> list[Fate]:
        """What became of each wish, in the order of the chain."""
        return [self._fate(wish) for wish in self.wishes]

    @property
    def in_vain(self) -> list[Fate]:
        """The wishes of which nothing came."""
        return [fate for fate in self.fates if fate.why]

    def _fate(self, wish: Wish) -> Fate:
        left_out = dict(self.bypassed.get(wish.filter_id, {}))
        why = self._why(wish)
        unseen = "" if why or self.changed != 0 else _unseen(wish)
        return Fate(wish.filter_id, self.ran[wish.filter_id], left_out, why, unseen)

    def _why(self, wish: Wish) -> str:
        """Why nothing came of a wish. A filter of faces may run where it finds none."""
        lonely = self.sees_faces and self.most_faces < wish.faces
        if self.ran[wish.filter_id] and not lonely:
            return ""
        if wish.lack:
            return wish.lack
        if reasons := self.bypassed.get(wish.filter_id):
            (reason, _), *_ = reasons.most_common(1)
            return _WHY[Reason(reason)] if reason in set(Reason) else reason
        if not lonely:
            return "its conditions were never met"
        if self.most_faces == 0:
            return "no face was found"
        return f"it needs {wish.faces} faces, and there were at most {self.most_faces}"


def _unseen(wish: Wish) -> str:
    if not wish.draws:
        return "it only sends events"
    return "what it waits for did not come: an expression, an event, some person, a next frame"
