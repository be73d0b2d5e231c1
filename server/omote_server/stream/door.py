"""Where those wait whom nobody has admitted: a bounded number of them, each for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from omote_server.errors import TooSlow


class Door:
    """Waits of calls that cost little each, and would add up.

    When there are too many, who has waited longest goes. So who only knocks keeps nobody out: an
    honest call is through long before so many others have come.
    """

    def __init__(self, most: int, seconds: float, text: str) -> None:
        """Let `most` wait at once, and nobody longer than `seconds`; `text` is for who must go."""
        self._most = most
        self._seconds = seconds
        self._text = text
        self._waits: dict[asyncio.Timeout, None] = {}  # the longest first

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """What is awaited inside.

        Raises:
            TooSlow: it took too long, or too many others came after it.
        """
        try:
            async with asyncio.timeout(self._seconds) as wait:
                self._waits[wait] = None
                try:
                    if len(self._waits) > self._most:
                        self._turn_out_longest()
                    yield
                finally:
                    self._waits.pop(wait, None)
        except TimeoutError:
            raise TooSlow(self._text) from None

    def _turn_out_longest(self) -> None:
        longest = next(iter(self._waits))
        del self._waits[longest]
        longest.reschedule(asyncio.get_running_loop().time())
