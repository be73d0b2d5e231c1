"""A live stream: frames in, results out, matched by sequence number."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any

from omote.v1 import stream_pb2
from omote_client.answers import Answers, log_notice
from omote_client.errors import InvalidRequest, MessageTooLarge, SessionLost
from omote_client.feeding import Frames, Pace, Timed, each
from omote_client.link import Link
from omote_client.outbox import FINISH, Outbox, SentEvent, SentFrame
from omote_client.pictures import FrameLike, check_rotation, write_picture
from omote_client.reconnect import Reconnect
from omote_client.requests import ChainLike, Consent, Opening, chain_to_wire, struct
from omote_client.results import Notice, Ready, Result, Summary
from omote_client.session import Line
from omote_client.tasks import stop

_LARGEST = 64 * 1024  # bytes of a request that is not a frame: servers take no larger one


class Stream:
    """One stream to a server; `Client.stream` makes it, `async with` opens and finishes it.

    Send frames in one task and read results in another, or let `process` do both. Leaving the
    `async with` block normally finishes the stream; leaving it by an error ends it at once.
    """

    def __init__(
        self,
        line: Line,
        opening: Opening,
        *,
        in_flight: int,
        reconnect: Reconnect | None,
        on_notice: Callable[[Notice], None] | None,
    ) -> None:
        if in_flight < 1:
            raise InvalidRequest.at("in_flight", "At least 1 frame must be on its way.")
        self._opening = opening
        self._outbox = Outbox(opening.delivery, in_flight)
        self._answers = Answers(opening, self._outbox, on_notice or log_notice)
        self._link = Link(line, opening, self._outbox, self._answers, reconnect)
        self._living: list[asyncio.Task[None]] = []
        self._feeds: set[asyncio.Task[None]] = set()
        self._entered = False
        self._sequence = 0
        self._capture_time_us: int | None = None

    async def __aenter__(self) -> Stream:
        if self._entered:
            raise InvalidRequest("A stream is opened once: make another with `Client.stream`.")
        self._entered = True
        await self._link.open()
        self._living = [asyncio.create_task(self._live(), name="omote-client-stream")]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await stop(self._feeds)
            if kind is None and self._answers.failure is None:
                await self.finish()
        finally:
            self._answers.failed(SessionLost("The stream was closed."))  # where it is not finished
            try:
                await stop(self._living)
            finally:
                await self._link.close()

    @property
    def ready(self) -> Ready:
        """What the server said when it opened the session.

        Raises:
            InvalidRequest: the stream is not open yet.
        """
        if self._answers.ready is None:
            raise InvalidRequest("Open the stream with `async with` first.")
        return self._answers.ready

    @property
    def reconnects(self) -> int:
        """How often a lost session was replaced."""
        return self._answers.reconnects

    @property
    def events_dropped(self) -> int:
        """How many events gave way to later ones while no session took them."""
        return self._outbox.events_dropped

    def __aiter__(self) -> AsyncIterator[Result]:
        return self

    async def __anext__(self) -> Result:
        return await self._answers.next()

    async def send(
        self,
        frame: FrameLike,
        capture_time_us: int | None = None,
        *,
        rotation: int | None = None,
        mirrored: bool | None = None,
    ) -> int:
        """Sends a frame and returns its sequence number.

        Waits while the wire is busy or a lost session is being opened again; with
        `Delivery.EVERY` also while as many frames as `in_flight` have no result that was read.

        Args:
            frame: bytes of a JPEG, PNG or WebP, or a `RawPicture`.
            capture_time_us: when it was taken, in microseconds on any clock; it must grow.
                None takes the time of this call.
            rotation: of this frame; None is what the stream was opened with.
            mirrored: the same.

        Raises:
            InvalidRequest: the frame or its time cannot be sent. The stream goes on.
            OmoteError: the stream has failed.
        """
        sent_at, request = time.monotonic(), stream_pb2.StreamFramesRequest()
        write_picture(request.frame.picture, frame)
        if rotation is not None:
            request.frame.rotation = check_rotation(rotation)
        if mirrored is not None:
            request.frame.mirrored = mirrored
        await self._outbox.admit()
        try:
            if not self._takes_more():
                raise InvalidRequest("The stream is finished: open a new one.")
            self._stamp(request, capture_time_us)
        except BaseException:
            self._outbox.release()
            raise
        self._outbox.put(SentFrame(request, self._sequence, frame, sent_at))
        self._answers.sent += 1
        return self._sequence

    async def set_chain(self, chain: ChainLike) -> int:
        """Switches to another chain, in force on the next frame. Returns its revision.

        Where no frame follows, because the stream is being finished, it changes nothing.
        While it waits for the wire, in a lost session say, a later call with no frame between
        them overtakes it: only that chain is sent, or opens the next session, and both calls
        have its outcome.

        Raises:
            ChainRefused: it cannot run; the old chain stays.
            MessageTooLarge: its settings are more than 64 kB.
            OmoteError: the stream has failed.
        """
        wire = chain_to_wire(chain)
        request = stream_pb2.StreamFramesRequest(set_chain=stream_pb2.SetChain(chain=wire))
        revision = await self._ask("chain", request, wire)
        return self._answers.revision if revision is None else revision

    async def set_consent(self, consent: Consent) -> None:
        """Replaces the consent, in force on the next frame.

        A withdrawal holds from this call on, also in a session that must be opened again.
        A call that a later one overtakes, see `set_chain`, shares its outcome.

        Raises:
            OmoteError: the stream has failed.
        """
        message = stream_pb2.SetConsent(consent=consent.to_wire())
        self._opening.consent &= consent
        await self._ask("consent", stream_pb2.StreamFramesRequest(set_consent=message), consent)

    async def send_event(self, name: str, /, **payload: Any) -> None:
        """Tells the filters that something happened in the host app, such as "goal".

        While a session is being opened again, the last 64 events wait for it; older ones are
        dropped, and `events_dropped` counts them. With `Delivery.EVERY` none is dropped: this
        call waits. An event that is on its way when a session is lost may be lost with it.

        Raises:
            InvalidRequest: the payload is more than text, numbers, booleans, lists and mappings,
                or larger than 64 kB.
            OmoteError: the stream has failed.
        """
        event = stream_pb2.Event(name=name, payload=struct(payload, "event.payload"))
        request = stream_pb2.StreamFramesRequest(event=event)
        if not self._takes_more():
            return
        self._fit(request, "event", _LARGEST)
        await self._outbox.admit_event()
        put = False
        try:
            if put := self._takes_more():
                self._outbox.put(SentEvent(request))
        finally:
            if not put:
                self._outbox.release_event()

    async def finish(self) -> Summary:
        """Sends no more frames, waits until all are answered, and sums up.

        Results that were not read yet stay readable. Calling it again returns the same.

        Raises:
            SessionLost: the server said nothing for the stream's `finish_timeout`.
            OmoteError: the stream failed before its end.
        """
        if self._answers.finish is None:
            self._takes_more()
            self._answers.finish = self._outbox.ask("finish", FINISH)
            self._link.hurry()
        summary: Summary = await self._answers.finish.shared()
        return summary

    async def process(
        self,
        frames: Frames,
        *,
        pace: float | None = None,
        fps: float | None = None,
    ) -> AsyncGenerator[Result]:
        """Sends all frames, yields results while it does, and finishes the stream.

        Args:
            frames: a plain iterable is read in a thread, so that it may block. A generator, plain
                or asynchronous, is closed at the end, also where that comes early. A `Timed`
                frame brings its own capture time.
            pace: frames sent per second; None sends as fast as the server takes them.
            fps: frames per second of the footage, which makes capture times independent of
                any clock. None follows `pace`, or the clock where there is none.

        Raises:
            OmoteError: the stream has failed.
        """
        feed = self._feed(frames, Pace(pace, fps))
        feeding = asyncio.create_task(feed, name="omote-client-feed")
        self._feeds.add(feeding)
        try:
            async for result in self:
                yield result
        finally:
            await stop([feeding])
            self._feeds.discard(feeding)

    async def _live(self) -> None:
        try:
            self._answers.finished(await self._link.run())
        except asyncio.CancelledError:
            self._answers.failed(SessionLost("The stream was closed."))
            raise
        except Exception as error:  # whoever waits on the stream must hear of it
            self._answers.failed(error)

    async def _feed(self, frames: Frames, pace: Pace) -> None:
        feeding = asyncio.current_task()
        try:
            async with aclosing(each(frames)) as source:
                async for frame in source:
                    if isinstance(frame, Timed):
                        await self.send(frame.frame, await pace.due(frame.seconds))
                    else:
                        await self.send(frame, await pace.due())
            await self.finish()
        except Exception as error:  # raised where the results are read
            self._answers.failed(error)
        except asyncio.CancelledError:
            if (
                feeding and not feeding.cancelling()
            ):  # nobody asked for it: it came out of the source
                self._answers.failed(SessionLost("The source of frames was cancelled."))
            raise

    async def _ask(self, kind: str, request: stream_pb2.StreamFramesRequest, value: Any) -> Any:
        """The answer to a change; None where no frame follows that it could be in force for."""
        if not self._takes_more():
            return None
        self._fit(request, kind, _LARGEST)
        return await self._outbox.ask(kind, request, value).shared()

    def _stamp(self, request: stream_pb2.StreamFramesRequest, capture_time_us: int | None) -> None:
        """Numbers a frame and gives it a time, both greater than those of the frame before."""
        time_us = time.monotonic_ns() // 1000 if capture_time_us is None else capture_time_us
        before = self._capture_time_us
        if before is not None and time_us <= before:
            if capture_time_us is not None:
                raise InvalidRequest.at(
                    "frame.capture_time_us", f"{time_us} does not grow: {before} came before."
                )
            time_us = before + 1
        request.frame.sequence, request.frame.capture_time_us = self._sequence + 1, time_us
        self._fit(request, "frame.picture.data")
        self._sequence, self._capture_time_us = self._sequence + 1, time_us

    def _fit(
        self, request: stream_pb2.StreamFramesRequest, field: str, largest: int | None = None
    ) -> None:
        """Refuses a request that is larger than the server takes, which would end the stream."""
        limits = [each for each in (largest, self.ready.limits.max_message_bytes) if each]
        if limits and request.ByteSize() > min(limits):
            raise MessageTooLarge.at(field, f"Larger than {min(limits)} bytes.")

    def _takes_more(self) -> bool:
        """Whether frames may follow; raises where the stream has failed or is not open."""
        if self._answers.failure is not None:
            raise self._answers.failure
        if self._answers.ready is None:
            raise InvalidRequest("Open the stream with `async with` first.")
        return self._answers.finish is None
