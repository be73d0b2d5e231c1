"""Whether somebody is still there."""

from __future__ import annotations


class Pulse:
    """The one clock of a session: when its client was last heard, and last took something.

    A session ends when nothing came in and nothing went out for the limit, or when the client
    has not taken one response for that long. While a frame is in work it is the server's turn.
    """

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._last = now
        self._saying: float | None = None
        self._working = False

    def heard(self, now: float) -> None:
        """A message came."""
        self._last = now

    def saying(self, now: float) -> None:
        """A response is offered to the transport."""
        self._saying = now

    def said(self, now: float) -> None:
        """The transport took it."""
        self._saying = None
        self._last = now

    def working(self, now: float, on: bool) -> None:
        """A frame went into work, or came back."""
        self._working = on
        self._last = now

    def rest(self, now: float) -> float:
        """Seconds until the session is over, as things stand; 0 or less when it is."""
        if self._saying is not None:
            return self._saying + self._limit - now
        if self._working:
            return self._limit
        return self._last + self._limit - now

    @property
    def why(self) -> str:
        """What to tell the client when it is over."""
        if self._saying is not None:
            return f"no response was read for {self._limit:g} seconds; the stream is closed"
        return f"no message came for {self._limit:g} seconds; the stream is closed"
