"""The client without asyncio: the same code, driven from a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypedDict, TypeVar, Unpack

from omote_client.channel import Tls
from omote_client.client import Client
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
    in_flight: int
    reconnect: Reconnect | None
    on_notice: Callable[[Notice], None] | None


def filter_frames(
    target: str,
    frames: Iterable[FrameLike],
    chain: ChainLike,
    *,
    pace: float | None = None,
    fps: float | None = None,
    connection: Connection | None = None,
    **options: Unpack[StreamOptions],
) -> Iterator[Result]:
    """Sends frames to the server at `target` and yields results, in a plain `for` loop.

    Frames are read and sent in other threads while the caller looks at results. Closing the
    generator, or leaving it to the garbage collector, ends the stream.

    Args:
        target: "host:port" of the server.
        frames: bytes of JPEG or PNG files, or `RawPicture`s.
        chain: the filters, see `FilterUse`.
        pace: frames sent per second; see `Stream.process`.
        fps: frames per second of the footage; see `Stream.process`.
        connection: keyword arguments of `Client`.
        **options: keyword arguments of `Client.stream`, `consent` first of all.

    Raises:
        OmoteError: as the asynchronous client.
    """

    async def results() -> AsyncIterator[Result]:
        async with (
            Client(target, **(connection or {})) as client,
            client.stream(chain, **options) as stream,
        ):
            async for result in stream.process(frames, pace=pace, fps=fps):
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
    connection: Connection | None = None,
) -> Filtered:
    """Filters one still picture; see `Client.apply`.

    Raises:
        OmoteError: as the asynchronous client.
    """

    async def apply() -> Filtered:
        async with Client(target, **(connection or {})) as client:
            return await client.apply(
                picture, chain, consent=consent, declared=declared, output=output
            )

    with _loop_in_a_thread() as run:
        return run(apply())


def iterate(items: AsyncIterator[T]) -> Iterator[T]:
    """A plain generator over an asynchronous one, which runs on while the caller is busy."""
    end: Any = object()

    async def following() -> T:
        return await anext(items, end)

    with _loop_in_a_thread() as run:
        while (item := run(following())) is not end:
            yield item


@contextmanager
def _loop_in_a_thread() -> Iterator[Callable[[Coroutine[Any, Any, T]], T]]:
    """A running event loop, and the way to run a coroutine in it and wait for the outcome."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def live() -> None:
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()

    # asyncio.run cancels and awaits whatever still runs in the loop when `live` returns.
    thread = threading.Thread(target=asyncio.run, args=(live(),), name="omote-client", daemon=True)
    thread.start()
    loop, stop = started.result()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    try:
        yield run
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
