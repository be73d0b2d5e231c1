"""What comes from the server on a stream: who waits for it, and what it adds up to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from omote.v1 import stream_pb2
from omote_client import reading
from omote_client.errors import ChainRefused, OmoteError, SessionLost
from omote_client.outbox import Ask, Outbox, SentFrame
from omote_client.requests import Opening
from omote_client.results import Notice, Ready, Result, Summary
from omote_client.words import Delivery

_LOG = logging.getLogger("omote_client")
_KEPT = 8  # results of a live stream that wait for a slow reader
_WORTH_A_WARNING = ("frame_refused", "event_refused", "filter_disabled", "degraded", "session_lost")


def log_notice(notice: Notice) -> None:
    """What becomes of notices that nobody asked for."""
    level = logging.WARNING if notice.kind in _WORTH_A_WARNING else logging.INFO
    reasons = "; ".join(str(violation) for violation in notice.violations)
    _LOG.log(level, "%s: %s %s", notice.kind, notice.text, reasons)


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class Answers:
    """Matches answers with what was sent, and keeps results until they are read.

    With `Delivery.EVERY` there are never more results than the outbox has room for. With
    `Delivery.NEWEST` the oldest unread result gives way, and counts as dropped.
    """

    def __init__(
        self, opening: Opening, outbox: Outbox, on_notice: Callable[[Notice], None]
    ) -> None:
        self._opening = opening
        self._outbox = outbox
        self._on_notice = on_notice
        self._every = opening.delivery == Delivery.EVERY
        self._results: asyncio.Queue[Result | _End] = asyncio.Queue()
        self._missed = 0  # frames that a lost session left behind
        self._displaced = 0  # results that nobody read in time
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
        item = await self._results.get()
        if isinstance(item, _End):
            self._results.put_nowait(item)
            raise item.error or StopAsyncIteration
        if self._every:
            self._outbox.release()
        if self._displaced:
            item = replace(item, dropped_before=item.dropped_before + self._displaced)
            self._displaced = 0
        return item

    def opened(self, ready: stream_pb2.Ready) -> None:
        """A session is open."""
        self.ready = reading.ready(ready)
        self.revision = ready.chain_revision

    def lost(self, cause: OmoteError, frames: int) -> None:
        """A session is lost, and with it some frames."""
        self._missed += frames
        self._tell(Notice("session_lost", str(cause)))

    def reopened(self) -> None:
        """A session took the place of a lost one."""
        self.reconnects += 1
        self._tell(Notice("session_reopened", "The session is open again."))

    def result(self, message: stream_pb2.Result) -> None:
        """A frame is answered."""
        sent = self._outbox.answer_frame(message.sequence)
        self._outbox.drop_before(message.sequence)
        if sent is None and self._every:
            return  # answered twice: it was counted the first time
        if not self._every and self._results.qsize() >= _KEPT:
            self._displace()
        self._results.put_nowait(self._read(message, sent))
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
        )
        if self.finish and not self.finish.answer.done():
            self.finish.answer.set_result(figures)
        self._end(None)

    def failed(self, error: Exception) -> None:
        """The stream cannot go on. Only the first reason counts."""
        if self.failure is None:
            self.failure = error
            self._end(error)

    def _end(self, error: Exception | None) -> None:
        for ask in [*self._outbox.asks(), *([self.finish] if self.finish else [])]:
            if not ask.answer.done():
                ask.answer.set_exception(error or SessionLost("The stream is finished."))
                ask.answer.exception()  # seen: nobody may be waiting
        self._results.put_nowait(_End(error))
        self._outbox.release()

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

    def _displace(self) -> None:
        oldest = self._results.get_nowait()
        if isinstance(oldest, Result):
            self._displaced += 1 + oldest.dropped_before
            self.returned -= 1

    def _chain_applied(self, applied: stream_pb2.ChainApplied) -> None:
        if ask := self._outbox.answer_ask("chain"):
            self._opening.chain, self.revision = ask.value, applied.chain_revision
            if not ask.answer.done():
                ask.answer.set_result(None)

    def _chain_refused(self, message: stream_pb2.Notice) -> None:
        ask = self._outbox.answer_ask("chain")
        if ask and not ask.answer.done():
            violations = reading.violations(message.chain_refused.violations)
            ask.answer.set_exception(ChainRefused(message.text, violations))

    def _consent_applied(self) -> None:
        if ask := self._outbox.answer_ask("consent"):
            self._opening.consent = ask.value
            for later in self._outbox.asks():
                if later.kind == "consent":
                    self._opening.consent &= later.value
            if not ask.answer.done():
                ask.answer.set_result(None)

    def _frame_refused(self, refused: stream_pb2.FrameRefused) -> None:
        self.refused += 1
        if self._outbox.answer_frame(refused.sequence) and self._every:
            self._outbox.release()

    def _tell(self, notice: Notice) -> None:
        # Later and on its own: an error in the user's callback must not end the stream.
        asyncio.get_running_loop().call_soon(self._on_notice, notice)
