"""The client without asyncio: the same code, driven from a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import aclosing, contextmanager
from typing import Any, TypedDict, TypeVar, Unpack

from omote_client.channel import Tls
from omote_client.client import Client
from omote_client.errors import Forked
from omote_client.feeding import Timed
from omote_client.forks import HOME
from omote_client.pictures import FrameLike
from omote_client.reconnect import Reconnect
from omote_client.requests import ChainLike, Consent, Declared, Limits, Output
from omote_client.results import Filtered, Notice, Result
from omote_client.words import Delivery

T = TypeVar("T")


class Connection(TypedDict, total=False):
    """Keyword arguments of `Client`."""

    token: str | None
    tls: Tls
    insecure: bool
    connect_timeout: float
    name: str


class StreamOptions(TypedDict, total=False):
    """Keyword arguments of `Client.stream`."""

    consent: Consent
    declared: Declared
    output: Output
    limits: Limits
    delivery: Delivery
    rotation: int
    mirrored: bool
    in_flight: int
    reconnect: Reconnect | None
    finish_timeout: float
    on_notice: Callable[[Notice], None] | None


def filter_frames(
    target: str,
    frames: Iterable[FrameLike | Timed],
    chain: ChainLike,
    *,
    pace: float | None = None,
    fps: float | None = None,
    connection: Connection | None = None,
    **options: Unpack[StreamOptions],
) -> Generator[Result]:
    """Sends frames to the server at `target` and yields results, in a plain `for` loop.

    Frames are read and sent in other threads while the caller looks at results. Closing the
    generator, best with `contextlib.closing`, ends the stream and the threads.

    Args:
        target: "host:port" of the server.
        frames: bytes of JPEG, PNG or WebP files, or `RawPicture`s.
        chain: the filters, see `FilterUse`.
        pace: frames sent per second; see `Stream.process`.
        fps: frames per second of the footage; see `Stream.process`.
        connection: keyword arguments of `Client`.
        **options: keyword arguments of `Client.stream`, `consent` first of all.

    Raises:
        OmoteError: as the asynchronous client.
    """

    async def results() -> AsyncGenerator[Result]:
        async with (
            Client(target, **(connection or {})) as client,
            client.stream(chain, **options) as stream,
            aclosing(stream.process(frames, pace=pace, fps=fps)) as processed,
        ):
            async for result in processed:
                yield result

    return iterate(results())


def apply_picture(
    target: str,
    picture: FrameLike,
    chain: ChainLike,
    *,
    consent: Consent = Consent(),
    declared: Declared = Declared(),
    output: Output = Output(),
    rotation: int = 0,
    mirrored: bool = False,
    connection: Connection | None = None,
) -> Filtered:
    """Filters one still picture; see `Client.apply`.

    Raises:
        OmoteError: as the asynchronous client.
    """

    async def apply() -> Filtered:
        async with Client(target, **(connection or {})) as client:
            return await client.apply(
                picture,
                chain,
                consent=consent,
                declared=declared,
                output=output,
                rotation=rotation,
                mirrored=mirrored,
            )

    with _loop_in_a_thread() as loop:
        return loop.run(apply())


def iterate(items: AsyncGenerator[T]) -> Generator[T]:
    """A plain generator over an asynchronous one, which runs on while the caller is busy."""
    end: Any = object()

    async def following() -> T:
        return await anext(items, end)

    with _loop_in_a_thread() as loop:
        while (item := loop.run(following())) is not end:
            try:
                yield item
            except BaseException:  # closed here, where nothing of `items` runs in the loop
                loop.finish(items.aclose())
                raise


class _Loop:
    """An event loop that runs in another thread.

    Raises:
        OSError: there is none to be had, for want of file descriptors say.
    """

    def __init__(self) -> None:
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(
            target=_live, args=(started,), name="omote-client", daemon=True
        )
        self._thread.start()
        self._loop, self._leave = started.result()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of a coroutine. Whoever is interrupted while waiting takes it back.

        Raises:
            Forked: the loop's thread is another process's, and would be waited for in vain.
        """
        try:
            HOME.settle()
        except Forked:
            HOME.keep(work)
            raise
        outcome = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return outcome.result()
        finally:
            outcome.cancel()

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Waits for a last coroutine, unless the caller is the loop's own thread.

        That is where a generator in a reference cycle may be collected, and closed by it.
        """
        if not HOME.here:
            HOME.keep(work)
        elif threading.current_thread() is self._thread:
            work.close()
        else:
            self.run(work)

    def stop(self) -> None:
        """Cancels what runs in the loop, and waits until its thread has ended."""
        if not HOME.here:
            return  # it did not come along
        self._loop.call_soon_threadsafe(self._leave.set)
        if threading.current_thread() is not self._thread:
            self._thread.join()


def _live(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    async def wait() -> None:
        leave = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), leave))
        await leave.wait()

    try:
        with asyncio.Runner() as runner:  # on leaving it cancels and awaits whatever still runs
            runner.run(wait())
    except Exception as error:
        if started.done():
            raise
        started.set_exception(error)  # or the caller would wait for ever


@contextmanager
def _loop_in_a_thread() -> Iterator[_Loop]:
    loop = _Loop()
    try:
        yield loop
    finally:
        loop.stop()
