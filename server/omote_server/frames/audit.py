"""How often a policy kept a filter off a face: numbers, and nothing about anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from threading import Lock

from omote_filters.words import Restriction

_MOST_REMEMBERED = 512


class Audit:
    """Counts of a whole server, by appearance class. Any thread may use it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def stream(self) -> StreamAudit:
        """The part of one stream."""
        return StreamAudit(self)

    def count(self, appearance: str) -> None:
        """One more."""
        with self._lock:
            self._counts[appearance] += 1

    @property
    def counts(self) -> dict[str, int]:
        """Faces that were left alone, by class."""
        with self._lock:
            return dict(self._counts)


class StreamAudit:
    """Counts each face of a stream once for each class."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._seen: dict[Restriction, None] = {}

    def note(self, restrictions: Iterable[Restriction]) -> None:
        """What was restricted in a frame."""
        for restriction in restrictions:
            if restriction in self._seen:
                continue
            self._seen[restriction] = None
            while len(self._seen) > _MOST_REMEMBERED:
                del self._seen[next(iter(self._seen))]
            self._audit.count(restriction.appearance.value)
