"""Packets beside the pictures, until their time is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from omote_server.media.clock import Clock, Follower

_MOST_HELD = 512
"""Packets of a stream that wait for the pictures to jump, too."""


class Beside:
    """Those of one stream."""

    def __init__(self, clock: Clock) -> None:
        """Follow the clock of the pictures."""
        self._follower = Follower(clock)
        self._held: deque[Any] = deque()

    def take(self, packet: Any) -> None:
        """Hold a packet; one without any time has no place in the film."""
        if packet.pts is not None or packet.dts is not None:
            self._held.append(packet)

    def ready(self, last: bool = False) -> Iterator[Any]:
        """Those whose time is known, in our time; in the end all."""
        while self._held:
            packet = self._held[0]
            stamp = packet.pts if packet.pts is not None else packet.dts
            base = packet.time_base
            time, duration = float(stamp * base), float((packet.duration or 0) * base)
            shift = self._follower.shift(time, duration)
            if shift is None:
                if not last and len(self._held) <= _MOST_HELD:
                    return
                shift = self._follower.shift_alone(time, duration)
            ticks = round(shift / base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
            yield self._held.popleft()
