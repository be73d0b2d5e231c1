"""Keeps a session open: serves one, and opens the next when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from omote.v1 import stream_pb2
from omote_client.errors import (
    InvalidRequest,
    OmoteError,
    ServerFull,
    ServerUnavailable,
    SessionLost,
    TlsFailed,
)
from omote_client.outbox import Ask, Goodbye, Outbox
from omote_client.reconnect import Reconnect
from omote_client.requests import Opening
from omote_client.session import Line, Session
from omote_client.tasks import stop

_LONGEST_WAIT = 60.0  # seconds; a server that asks for more is not waited for
_LAST_WORDS = 1.0  # seconds that the server may take to end a call after its summary


class Listener(Protocol):
    """Who hears what happens on a link."""

    def opened(self, ready: stream_pb2.Ready, offered: Mapping[Ask, Any]) -> None: ...
    def unopened(self, offered: Mapping[Ask, Any], error: InvalidRequest) -> None: ...
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
        self._session: Session | None = None
        self._silence: asyncio.Timeout | None = None  # while a session is served
        self._ending = False  # of the stream
        self._leaving = False  # of this session
        self._rest()

    async def open(self) -> None:
        """Opens a session, with patience where the server is away or full.

        It opens with the changes that wait ahead of every frame, rather than with an old chain
        first: the server need not make ready what is not wanted any more.

        Raises:
            OmoteError: the server refuses, or patience is over.
        """
        while True:
            offered = {ask: ask.value for ask in self._outbox.leading()}
            try:
                opening = self._opened_with(offered).to_wire()
                self._session, ready = await Session.open(self._line, opening)
            except (ServerUnavailable, ServerFull) as error:
                await self._wait(error)
            except InvalidRequest as error:
                self._listener.unopened(offered, error)
            else:
                self._listener.opened(ready, offered)
                return

    async def run(self) -> stream_pb2.Summary:
        """Serves session after session until the stream is finished.

        Raises:
            OmoteError: it cannot go on.
        """
        while self._session:
            summary = stream_pb2.Summary()
            try:
                summary = await self._serve(self._session)
                if self._outbox.answer_ask("finish"):
                    break
                cause: OmoteError = ServerUnavailable(f"{self._line.target} is going away.")
            except ServerUnavailable as error:
                cause = error
            frames = self._outbox.rewind()
            if self._outbox.only_finish():
                break
            await self._reopen(cause, frames)
        return summary

    def hurry(self) -> None:
        """The stream is being finished: from now on a silent server has `finish_timeout`."""
        self._ending = True
        self._heard()

    async def close(self) -> None:
        """Ends the session at once, if one is open."""
        if self._session:
            await self._session.close()

    async def _serve(self, session: Session) -> stream_pb2.Summary:
        """Writes and reads until the server sums up the session."""
        writer = asyncio.create_task(self._write(session), name="omote-client-writer")
        reader = asyncio.create_task(self._read(session), name="omote-client-reader")
        self._leaving = False
        try:
            async with asyncio.timeout(None) as self._silence:
                self._heard()
                done, _ = await asyncio.wait((writer, reader), return_when=asyncio.FIRST_COMPLETED)
                if reader not in done:
                    writer.result()  # it has nothing more to write, or raises what stopped it
                return await reader
        except TimeoutError:
            text = f"{self._line.target} said nothing for {self._line.finish_timeout:g} s"
            if self._ending:
                raise SessionLost(f"{text} while the stream was being finished.") from None
            raise ServerUnavailable(f"{text} after it had announced its end.") from None
        finally:
            self._silence = None
            session.cancel()
            await stop([writer, reader])
            await session.close()

    async def _write(self, session: Session) -> None:
        last = False
        while not last:
            item = await self._outbox.take()
            again = False
            try:
                again = last = not await session.write(item.request)
            finally:
                self._outbox.written(item, again=again)
            last |= isinstance(item, Goodbye) or (isinstance(item, Ask) and item.kind == "finish")

    async def _read(self, session: Session) -> stream_pb2.Summary:
        while True:
            response = await session.read()
            self._heard()
            match response.WhichOneof("message"):
                case "result":
                    self._rest()
                    self._listener.result(response.result)
                case "notice":
                    if response.notice.HasField("going_away"):
                        self._leave()
                    self._listener.notice(response.notice)
                case "summary":
                    with contextlib.suppress(OmoteError, TimeoutError):
                        async with asyncio.timeout(_LAST_WORDS):
                            await session.read()
                    return response.summary

    def _leave(self) -> None:
        self._leaving = True
        self._outbox.leave()
        self._heard()

    def _heard(self) -> None:
        """The server has said something. Only towards an end does anybody wait for the next."""
        if self._silence and (self._ending or self._leaving):
            now = asyncio.get_running_loop().time()
            self._silence.reschedule(now + self._line.finish_timeout)

    def _opened_with(self, offered: Mapping[Ask, Any]) -> Opening:
        """How to open a session so that these changes are in force from its first frame on."""
        opening = replace(self._opening)
        for ask, value in offered.items():
            if ask.kind == "chain":
                opening.chain = value
            else:
                opening.consent = value
        for later in self._outbox.asks():  # withdrawals hold for the frames before them, too
            if later.kind == "consent" and later not in offered:
                opening.consent &= later.value
        return opening

    async def _reopen(self, cause: OmoteError, frames: int) -> None:
        self._listener.lost(cause, frames)
        try:
            await self._wait(cause)
            await self.open()
        except (ServerUnavailable, ServerFull) as error:
            raise SessionLost(f"The session is lost. {error}") from error
        self._listener.reopened()

    def _rest(self) -> None:
        """A session that works starts patience anew."""
        self._delays = self._reconnect.delays() if self._reconnect else iter(())

    async def _wait(self, cause: OmoteError) -> None:
        """Waits before the next attempt; raises the cause where none is left, or none helps."""
        asked = (cause.retry_after if isinstance(cause, ServerFull) else None) or 0.0
        hopeless = isinstance(cause, TlsFailed) or asked > _LONGEST_WAIT
        delay = None if hopeless else next(self._delays, None)
        if delay is None:
            raise cause
        await asyncio.sleep(max(delay, asked))
