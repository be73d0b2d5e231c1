"""Where the host app's events wait for a frame."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from omote_server.messages import HostEvent

_MOST = 64
_MOST_BYTES = 256 * 1024
"""Of all that wait, as they came. An event has at most 64 kB; a game sends some hundred bytes.
Who sends more between two frames is told so, and nothing that was taken is lost."""


class EventBox:
    """A bounded buffer, filled on the event loop and emptied on any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._events: list[HostEvent] = []
        self._bytes = 0

    def put(self, event: HostEvent) -> str:
        """Leave an event; why it was refused, empty where it was not."""
        with self._lock:
            if len(self._events) >= _MOST:
                return f"{_MOST} events wait for a frame; send a frame first"
            if self._bytes + event.size > _MOST_BYTES:
                return f"events of {_MOST_BYTES // 1024} kB wait for a frame; send a frame first"
            self._events.append(event)
            self._bytes += event.size
            return ""

    def take(self) -> Sequence[HostEvent]:
        """All that wait, oldest first."""
        with self._lock:
            taken, self._events, self._bytes = self._events, [], 0
            return taken

    def put_back(self, events: Sequence[HostEvent]) -> None:
        """They were taken for a frame that no filter has seen."""
        with self._lock:
            self._events = [*events, *self._events]
            self._bytes += sum(event.size for event in events)
