"""Keeps a session open: serves one, and opens the next when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from omote.v1 import stream_pb2
from omote_client.errors import OmoteError, ServerFull, ServerUnavailable, SessionLost
from omote_client.outbox import FINISH, Ask, Goodbye, Outbox
from omote_client.reconnect import Reconnect
from omote_client.requests import Opening
from omote_client.session import Line, Session
from omote_client.tasks import stop

_LAST_WORDS = 1.0  # seconds that the server may take to end a call after its summary


class Listener(Protocol):
    """Who hears what happens on a link."""

    def opened(self, ready: stream_pb2.Ready) -> None: ...
    def result(self, result: stream_pb2.Result) -> None: ...
    def notice(self, notice: stream_pb2.Notice) -> None: ...
    def lost(self, cause: OmoteError, frames: int) -> None: ...
    def reopened(self) -> None: ...


class Link:
    """Carries an outbox to the server and what comes back to a listener."""

    def __init__(
        self,
        line: Line,
        opening: Opening,
        outbox: Outbox,
        listener: Listener,
        reconnect: Reconnect | None,
    ) -> None:
        self._line = line
        self._opening = opening
        self._outbox = outbox
        self._listener = listener
        self._reconnect = reconnect
        self._rest()

    async def open(self) -> Session:
        """Opens a session, with patience where the server is away or full.

        Raises:
            OmoteError: the server refuses, or patience is over.
        """
        while True:
            try:
                session, ready = await Session.open(self._line, self._opening.to_wire())
            except (ServerUnavailable, ServerFull) as error:
                await self._wait(error)
            else:
                self._listener.opened(ready)
                return session

    async def run(self, session: Session) -> stream_pb2.Summary:
        """Serves session after session until the stream is finished.

        Raises:
            OmoteError: it cannot go on.
        """
        while True:
            summary = stream_pb2.Summary()
            try:
                summary = await self._serve(session)
                if self._outbox.answer_ask("finish"):
                    return summary
                cause: OmoteError = ServerUnavailable(f"{self._line.target} is going away.")
            except ServerUnavailable as error:
                cause = error
            frames = self._outbox.rewind()
            if self._outbox.only_finish():
                return summary
            session = await self._reopen(cause, frames)

    async def _serve(self, session: Session) -> stream_pb2.Summary:
        """Writes and reads until the server sums up the session."""
        writer = asyncio.create_task(self._write(session), name="omote-client-writer")
        try:
            summary = await self._read(session)
            with contextlib.suppress(OmoteError, TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await session.read()
            return summary
        finally:
            await session.close()
            await stop([writer])

    async def _write(self, session: Session) -> None:
        last = False
        while not last:
            item = await self._outbox.take()
            try:
                await session.write(item.request)
            finally:
                self._outbox.written(item)
            last = isinstance(item, Goodbye) or (isinstance(item, Ask) and item.kind == "finish")

    async def _read(self, session: Session) -> stream_pb2.Summary:
        while True:
            response = await session.read()
            match response.WhichOneof("message"):
                case "result":
                    self._rest()
                    self._listener.result(response.result)
                case "notice":
                    if response.notice.HasField("going_away"):
                        self._outbox.put(Goodbye(FINISH))
                    self._listener.notice(response.notice)
                case "summary":
                    return response.summary

    async def _reopen(self, cause: OmoteError, frames: int) -> Session:
        self._listener.lost(cause, frames)
        try:
            await self._wait(cause)
            session = await self.open()
        except (ServerUnavailable, ServerFull) as error:
            raise SessionLost(f"The session is lost. {error}") from error
        self._listener.reopened()
        return session

    def _rest(self) -> None:
        """A session that works starts patience anew."""
        self._delays = self._reconnect.delays() if self._reconnect else iter(())

    async def _wait(self, cause: OmoteError) -> None:
        """Waits before the next attempt; raises the cause where there is none left."""
        delay = next(self._delays, None)
        if delay is None:
            raise cause
        asked = cause.retry_after if isinstance(cause, ServerFull) else None
        await asyncio.sleep(max(delay, asked or 0.0))
