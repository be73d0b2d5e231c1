"""Where the frames of a stream come from, and when they are due."""

from __future__ import annotations

import asyncio
import math
import queue
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from omote_client.errors import InvalidRequest
from omote_client.pictures import FrameLike


@dataclass(frozen=True, slots=True)
class Timed:
    """A frame with a time of its own, as recordings of phones and screens have them.

    Attributes:
        frame: bytes of a picture, or a `RawPicture`.
        seconds: since the recording's beginning; it must grow.
    """

    frame: FrameLike
    seconds: float


Frames: TypeAlias = "AsyncIterable[FrameLike | Timed] | Iterable[FrameLike | Timed]"

_END: Any = object()


class Pace:
    """When each frame is due: `pace` frames a second; capture times follow `fps`, or `pace`."""

    def __init__(self, pace: float | None, fps: float | None) -> None:
        rates = [rate for rate in (fps, pace) if rate is not None]
        if not all(0 < rate < math.inf for rate in rates):
            raise InvalidRequest.at("pace", "Frames per second must be more than 0.")
        self._pace = pace
        self._rate = rates[0] if rates else None
        self._count = 0
        self._start = asyncio.get_running_loop().time()

    async def due(self, seconds: float | None = None) -> int | None:
        """Waits for the next frame's turn. Returns its capture time in µs, if it has one.

        Args:
            seconds: the frame's own time; it replaces `fps`, and `pace` is then kept by it.
        """
        count, self._count = self._count, self._count + 1
        if self._pace:
            now = asyncio.get_running_loop().time()
            at = count / self._pace if seconds is None else seconds
            await asyncio.sleep(max(0.0, self._start + at - now))
        if seconds is not None:
            return round(seconds * 1e6)
        return round(count * 1e6 / self._rate) if self._rate else None


async def each(frames: Frames) -> AsyncGenerator[FrameLike | Timed]:
    """Frames one by one. A plain iterable is read in a thread: it may block, on a camera say.

    A generator is closed when this one is, so that what it holds is given back then.
    """
    if isinstance(frames, AsyncIterable):
        source = aiter(frames)
        try:
            async for frame in source:
                yield frame
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
        return
    reader = _Reader(iter(frames))
    try:
        while (frame := await reader.next()) is not _END:
            yield frame
    finally:
        reader.stop()


class _Reader:
    """Reads in a daemon thread: one that waits for a camera for ever must not hold up the end."""

    def __init__(self, frames: Iterator[FrameLike | Timed]) -> None:
        self._frames = frames
        self._loop = asyncio.get_running_loop()
        self._asked: queue.SimpleQueue[asyncio.Future[Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="omote-client-frames", daemon=True).start()

    async def next(self) -> Any:
        """The next frame, or `_END`; raises what the iterable raises."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._asked.put(answer)
        return await answer

    def stop(self) -> None:
        """Let the thread end, now or when the iterable comes back."""
        self._asked.put(None)

    def _read(self) -> None:
        try:
            while (answer := self._asked.get()) is not None:
                frame, error = self._one()
                self._loop.call_soon_threadsafe(_settle, answer, frame, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return
        finally:
            # Here, where it ran: a camera may belong to its thread.
            if isinstance(self._frames, Generator):
                self._frames.close()

    def _one(self) -> tuple[Any, Exception | None]:
        try:
            return next(self._frames, _END), None
        except Exception as error:  # it belongs to whoever asked
            return _END, error
        except (
            BaseException
        ) as error:  # sys.exit() say: it would end this thread, and no answer come
            stopped = RuntimeError(f"The source of frames raised {type(error).__name__}.")
            stopped.__cause__ = error
            return _END, stopped


def _settle(answer: asyncio.Future[Any], frame: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(frame)
    else:
        answer.set_exception(error)
