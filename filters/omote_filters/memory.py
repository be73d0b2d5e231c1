"""What a filter remembers of each face."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class TrackMemory(Generic[T]):
    """One value for each track. Bounded: the track that was put longest ago is forgotten first."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._values: dict[str, T] = {}

    def get(self, track_id: str) -> T | None:
        """What was last put for a track, or None."""
        return self._values.get(track_id)

    def put(self, track_id: str, value: T) -> None:
        """Remember a value for a track."""
        self._values.pop(track_id, None)
        self._values[track_id] = value
        while len(self._values) > self._most:
            del self._values[next(iter(self._values))]

    def forget(self, track_id: str) -> None:
        """Forget a track; nothing happens where it is not known."""
        self._values.pop(track_id, None)

    def items(self) -> list[tuple[str, T]]:
        """Every track and its value, the one that was put longest ago first."""
        return list(self._values.items())
