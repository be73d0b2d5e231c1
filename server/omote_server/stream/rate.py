"""A limit on how often something may happen."""

from __future__ import annotations


class TokenBucket:
    """Lets `rate` events a second through, with bursts of a quarter of a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(2.0, rate / 4)
        self._tokens = self._most
        self._last: float | None = None

    def take(self, now: float) -> float:
        """Take one token; the seconds to wait until it is there."""
        if self._last is not None:
            self._tokens = min(self._most, self._tokens + (now - self._last) * self._rate)
        self._last = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)
