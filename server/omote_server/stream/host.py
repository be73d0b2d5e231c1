"""Who may come in: admission, and goodbye to everybody when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager, suppress

from omote_filters.registry import Registry
from omote_server.errors import Busy, InvalidRequest, Leaving, OutOfOrder
from omote_server.frames.engine import Engine, Pack
from omote_server.messages import GoingAway, Limits, Malformed, Open, Request, Response
from omote_server.stream.door import Door
from omote_server.stream.session import Session

_OPEN_TIMEOUT_S = 10.0
_RETRY_S = 2.0
_MOST_AT_THE_DOOR = 256
"""Calls that have not said anything yet. They hold some kilobytes each and no seat, for ten
seconds at most."""


class SessionHost:
    """Admits sessions, knows which are open, and tells them when the server goes away."""

    def __init__(self, engine: Engine, registry: Registry, limits: Limits) -> None:
        self.engine = engine
        self.registry = registry
        self.limits = limits
        self._sessions: set[Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._calls = 0
        text = f"no message came within {_OPEN_TIMEOUT_S:g} seconds; the call is closed"
        self.door = Door(_MOST_AT_THE_DOOR, _OPEN_TIMEOUT_S, text)
        self.leaving: float | None = None

    @property
    def active(self) -> int:
        """How many sessions are open, still pictures in work included."""
        return len(self._sessions) + self._calls

    async def run(
        self,
        requests: AsyncIterator[Request],
        pack: Pack | None = None,
        patience: asyncio.Timeout | None = None,
    ) -> AsyncGenerator[Response]:
        """Serve one stream.

        Args:
            requests: what the client says.
            pack: writes down what is large of a result, on a worker's thread.
            patience: bounds how long the shell waits for its client to take a response; it gets
                its moment when the stream is over and something may still be on its way.

        Raises:
            InvalidRequest: the first message is malformed, or its chain cannot be switched on.
            OutOfOrder: the first message is not `open`, or a second `open` comes.
            Busy: the server is full.
            Leaving: the server shuts down.
            TooSlow: no message came in time, or nothing was read.
            Stuck: a filter hangs.
        """
        opening = await self._opening(requests)
        self._check()
        session = Session(self.engine, self.registry, self.limits, opening, pack, patience)
        self._sessions.add(session)
        self._empty.clear()
        # What gives the seat back stands behind no await: a call that is cancelled while it is
        # being cancelled never comes past one.
        try:
            await session.prepare()
            async with aclosing(session.responses(requests)) as responses:
                async for response in responses:
                    yield response
        finally:
            self._sessions.discard(session)
            session.close()
            self._tell_empty()

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Count a call that is no stream against the session limit while it runs.

        Raises:
            Busy: the server is full.
            Leaving: the server shuts down.
        """
        self._check()
        self._calls += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._calls -= 1
            self._tell_empty()

    async def go_away(self, grace_seconds: float) -> None:
        """Tell every session to finish, take no new ones, and wait up to the grace for them."""
        self.leaving = grace_seconds
        for session in self._sessions:
            session.notify(GoingAway(grace_seconds))
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._empty.wait()

    def _tell_empty(self) -> None:
        if self.active == 0:
            self._empty.set()

    def _check(self) -> None:
        if self.leaving is not None:
            raise Leaving("the server is shutting down; open a new stream elsewhere or later")
        if self.active >= self.limits.max_sessions:
            raise Busy(
                f"the server serves {self.limits.max_sessions} sessions, its limit; try again "
                "later",
                _RETRY_S,
            )

    async def _opening(self, requests: AsyncIterator[Request]) -> Open:
        async with self.door.waiting():
            first = await anext(requests, None)
        if isinstance(first, Malformed):
            raise InvalidRequest(first.violations)
        if not isinstance(first, Open):
            raise OutOfOrder("the first message of a stream must be `open`")
        return first
