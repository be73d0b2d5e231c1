"""How patient a stream is with a server that went away."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from omote_client.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Exponential backoff with jitter. A session that returned a result starts it anew.

    Attributes:
        attempts: how often a lost session is opened again before the stream gives up.
        first_delay: seconds before the first attempt; each further one waits twice as long.
        max_delay: seconds, the longest wait, unless the server asks for more. One that asks for
            more than a minute is not waited for.
    """

    attempts: int = 8
    first_delay: float = 0.1
    max_delay: float = 5.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.first_delay <= self.max_delay:
            raise InvalidRequest.at("reconnect", "1 attempt or more; 0 ≤ first_delay ≤ max_delay.")

    def delays(self) -> Iterator[float]:
        """The waits in seconds, each between half of its due length and all of it."""
        for attempt in range(self.attempts):
            longest = min(self.first_delay * 2**attempt, self.max_delay)
            yield longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
