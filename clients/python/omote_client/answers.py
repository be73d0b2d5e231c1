"""What comes from the server on a stream: who waits for it, and what it adds up to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from omote.v1 import stream_pb2
from omote_client import reading
from omote_client.errors import ChainRefused, InvalidRequest, OmoteError, SessionLost
from omote_client.outbox import Ask, Outbox, SentFrame
from omote_client.requests import Opening
from omote_client.results import Notice, Ready, Result, Summary
from omote_client.words import Delivery

_LOG = logging.getLogger("omote_client")
_EVENTS_KEPT = 64  # that results bring along which nobody read
_WORTH_A_WARNING = ("frame_refused", "event_refused", "filter_disabled", "degraded", "session_lost")


def log_notice(notice: Notice) -> None:
    """What becomes of notices that nobody asked for."""
    level = logging.WARNING if notice.kind in _WORTH_A_WARNING else logging.INFO
    reasons = "; ".join(str(violation) for violation in notice.violations)
    _LOG.log(level, "%s: %s %s", notice.kind, notice.text, reasons)


class Answers:
    """Matches answers with what was sent, and keeps results until they are read.

    With `Delivery.EVERY` there are never more results than the outbox has room for. With
    `Delivery.NEWEST` one waits: a reader who is late sees the newest, as it promises, and not one
    that is as many frames old as there are places. What gives way counts as dropped; its events
    happened nevertheless and go with the next one, the latest 64.
    """

    def __init__(
        self, opening: Opening, outbox: Outbox, on_notice: Callable[[Notice], None]
    ) -> None:
        self._opening = opening
        self._outbox = outbox
        self._on_notice = on_notice
        self._every = opening.delivery == Delivery.EVERY
        self._results: deque[Result] = deque()
        self._news = asyncio.Event()  # a result, or the end
        self._ended = False
        self._missed = 0  # frames that a lost session left behind
        self.ready: Ready | None = None
        self.finish: Ask | None = None
        self.failure: Exception | None = None
        self.revision = 0
        self.sent = self.returned = self.refused = self.reconnects = 0

    async def next(self) -> Result:
        """The next result.

        Raises:
            StopAsyncIteration: the stream is finished.
            OmoteError: the stream has failed.
        """
        while not self._results and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._results:
            raise self.failure or StopAsyncIteration
        if self._every:
            self._outbox.release()
        return self._results.popleft()

    def opened(self, ready: stream_pb2.Ready, offered: Mapping[Ask, Any]) -> None:
        """A session is open, with these changes and the values that they had at its beginning."""
        self.ready = reading.ready(ready)
        self.revision = ready.chain_revision
        for ask, value in offered.items():
            self._in_force(ask.kind, value)
            if ask.value is value:  # else it has become another change, and is still to be sent
                self._outbox.remove(ask)
                ask.settle(self.revision)

    def unopened(self, offered: Mapping[Ask, Any], error: InvalidRequest) -> None:
        """A session could not be opened with these changes: the last chain of them is refused.

        Raises:
            InvalidRequest: none of them is to blame.
        """
        chains = [ask for ask in offered if ask.kind == "chain"]
        if not chains or not any("chain" in wrong.field for wrong in error.violations):
            raise error
        if chains[-1].value is offered[chains[-1]]:
            self._outbox.remove(chains[-1])
            chains[-1].settle(ChainRefused(str(error), error.violations))

    def lost(self, cause: OmoteError, frames: int) -> None:
        """A session is lost, and with it some frames."""
        self._missed += frames
        self._tell(Notice("session_lost", str(cause)))

    def reopened(self) -> None:
        """A session took the place of a lost one."""
        self.reconnects += 1
        dropped = self._outbox.events_dropped
        count = f" Events that were dropped so far: {dropped}." if dropped else ""
        self._tell(Notice("session_reopened", f"The session is open again.{count}"))

    def result(self, message: stream_pb2.Result) -> None:
        """A frame is answered."""
        if self.failure is not None:
            return  # nobody reads past a failure
        sent = self._outbox.answer_frame(message.sequence)
        if sent is None and self._every:
            return  # answered twice: it was counted the first time
        self._outbox.drop_before(message.sequence)
        result = self._read(message, sent)
        if not self._every and self._results:
            result = self._instead_of(self._results.popleft(), result)
        self._results.append(result)
        self._news.set()
        self.returned += 1
        self._missed = 0

    def notice(self, message: stream_pb2.Notice) -> None:
        """The server has something to say."""
        match message.WhichOneof("kind"):
            case "chain_applied":
                self._chain_applied(message.chain_applied)
            case "chain_refused":
                self._chain_refused(message)
            case "consent_applied":
                self._consent_applied()
            case "frame_refused":
                self._frame_refused(message.frame_refused)
        self._tell(reading.notice(message))

    def finished(self, summary: stream_pb2.Summary) -> None:
        """The stream came to its end."""
        dropped = self.sent - self.returned - self.refused
        figures = Summary(
            frames_sent=self.sent,
            frames_returned=self.returned,
            frames_dropped=dropped,
            frames_refused=self.refused,
            tracks_seen=summary.tracks_seen,
            reconnects=self.reconnects,
            events_dropped=self._outbox.events_dropped,
        )
        if self.finish:
            self.finish.settle(figures)
        self._end(None)

    def failed(self, error: Exception) -> None:
        """The stream cannot go on. Only the first reason counts."""
        if not self._ended:
            self.failure = error
            self._end(error)

    def _end(self, error: Exception | None) -> None:
        for ask in [*self._outbox.asks(), *([self.finish] if self.finish else [])]:
            ask.settle(error or SessionLost("The stream is finished."))
        self._ended = True
        self._news.set()
        self._outbox.release()
        self._outbox.release_event()

    def _read(self, message: stream_pb2.Result, sent: SentFrame | None) -> Result:
        names = self.ready.blendshape_names if self.ready else ()
        return Result(
            **reading.filtered(message, names),
            sequence=message.sequence,
            capture_time_us=message.capture_time_us,
            sent=sent.frame if sent else None,
            round_trip_ms=(time.monotonic() - sent.sent_at) * 1000 if sent else None,
            dropped_before=message.dropped_before + self._missed,
            chain_revision=message.chain_revision,
        )

    def _instead_of(self, unread: Result, result: Result) -> Result:
        """The result that takes the place of one which nobody read in time."""
        self.returned -= 1
        return replace(
            result,
            dropped_before=result.dropped_before + 1 + unread.dropped_before,
            events=(*unread.events, *result.events)[-_EVENTS_KEPT:],
        )

    def _chain_applied(self, applied: stream_pb2.ChainApplied) -> None:
        if ask := self._outbox.answer_ask("chain"):
            self.revision = applied.chain_revision
            self._in_force("chain", ask.value)
            ask.settle(self.revision)

    def _chain_refused(self, message: stream_pb2.Notice) -> None:
        if ask := self._outbox.answer_ask("chain"):
            violations = reading.violations(message.chain_refused.violations)
            ask.settle(ChainRefused(message.text, violations))

    def _consent_applied(self) -> None:
        if ask := self._outbox.answer_ask("consent"):
            self._in_force("consent", ask.value)
            ask.settle(self.revision)

    def _in_force(self, kind: str, value: Any) -> None:
        """The server has this chain or consent: the next session opens with it."""
        if kind == "chain":
            self._opening.chain = value
            return
        self._opening.consent = value
        for later in self._outbox.asks():  # withdrawals hold before the server hears of them
            if later.kind == "consent":
                self._opening.consent &= later.value

    def _frame_refused(self, refused: stream_pb2.FrameRefused) -> None:
        self.refused += 1
        if self._outbox.answer_frame(refused.sequence) and self._every:
            self._outbox.release()

    def _tell(self, notice: Notice) -> None:
        # Later and on its own: an error in the user's callback must not end the stream.
        asyncio.get_running_loop().call_soon(self._on_notice, notice)
