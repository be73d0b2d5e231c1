"""`omote stream`: a camera or a file through a server, into a window or a file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from omote_client import (
    Client,
    Consent,
    Declared,
    Delivery,
    FilterUse,
    OmoteError,
    Output,
    Result,
    Stream,
)
from omote_filters.words import ChainEntry
from omote_server.cli.common import chain_of
from omote_server.cli.terminal import console, errors, fail
from omote_server.frames.codec import Pixels, decode_own, encode
from omote_server.messages import PictureFormat
from omote_server.workshop.video import VideoError, VideoReader, VideoWriter

app = typer.Typer()
_EXAMPLE = "Example: omote stream face_paint --source 0    or: … --source in.mp4 --output out.mp4"

_QUALITY = 90
_WINDOW = "omote (q or Esc closes)"
_NO_WINDOW = "no window can be opened here; write a file with --output OUT.mp4"


@app.command("stream", epilog=_EXAMPLE)
def stream(
    filters: Annotated[
        str, typer.Argument(metavar="FILTER", help="Filters joined by +, settings after a colon.")
    ],
    source: Annotated[str, typer.Option(help="A camera's number or a video file.")] = "0",
    server: Annotated[str, typer.Option(help="Where the server listens.")] = "127.0.0.1:8560",
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A video file instead of a window.")
    ] = None,
    demographics: Annotated[
        bool, typer.Option("--demographics", help="The people agreed to an age estimate.")
    ] = False,
    age: Annotated[
        float | None, typer.Option(min=0, max=120, help="Declared age of the largest face.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Connect by TLS.")] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow another machine without TLS.")
    ] = False,
) -> None:
    """Send a camera or a video file to a server and show what comes back.

    A file that goes to a file is sent as fast as the server takes it and no frame is dropped;
    everything else is live. The server's token is read from OMOTE_TOKEN. Asking for a filter
    of faces is taken as consent to find and change the faces in the pictures.
    """
    if output is not None and output.exists() and output.resolve() == Path(source).resolve():
        fail("the output is the source; give it another name", code=2)
    client = Client(
        server,
        token=os.environ.get("OMOTE_TOKEN"),
        tls=tls,
        insecure=insecure,
        name="omote-stream",
    )
    chain = chain_of([filters])
    live = output is None or source.isdigit()
    try:
        asyncio.run(_run(client, chain, source, output, live, demographics, age))
    except (OmoteError, VideoError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _run(
    client: Client,
    chain: tuple[ChainEntry, ...],
    source: str,
    output: Path | None,
    live: bool,
    demographics: bool,
    age: float | None,
) -> None:
    async with client:
        opened = client.stream(
            [FilterUse(entry.filter_id, dict(entry.settings)) for entry in chain],
            consent=Consent(face_effects=True, demographics=demographics),
            declared=Declared(age=age),
            output=Output(jpeg_quality=_QUALITY),
            delivery=Delivery.NEWEST if live else Delivery.EVERY,
            on_notice=lambda notice: errors.print(notice.text, style="yellow"),
        )
        async with opened as frames:
            await _show(frames, source, output, live)
            summary = await frames.finish()
    console.print(
        f"{summary.frames_sent} frames sent, {summary.frames_returned} returned, "
        f"{summary.frames_dropped} dropped, {summary.frames_refused} refused",
        highlight=False,
    )


async def _show(stream: Stream, source: str, output: Path | None, live: bool) -> None:
    rate = await asyncio.to_thread(_rate, source)
    pace = rate if live and not source.isdigit() else None
    with ExitStack() as stack:
        writer = stack.enter_context(VideoWriter(output, rate)) if output else None
        jpegs = stack.enter_context(_Source(source))
        fps = None if source.isdigit() else rate
        async for result in stream.process(jpegs, pace=pace, fps=fps):
            if not _take(result, writer):
                break


def _take(result: Result, writer: VideoWriter | None) -> bool:
    """Write or show a result; whether to go on."""
    if result.picture is None:
        return True
    pixels = decode_own(bytes(result.picture.data))
    if writer is not None:
        writer.write(pixels, result.capture_time_us / 1e6)
        return True
    return _window(pixels)


def _window(pixels: Pixels) -> bool:
    screens = (os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY"))
    if sys.platform == "linux" and not any(screens):
        fail(_NO_WINDOW)  # Qt would abort the process
    try:
        cv2.imshow(_WINDOW, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
    except cv2.error:
        fail(_NO_WINDOW)


def _rate(source: str) -> float:
    if source.isdigit():
        return 30.0
    with VideoReader(Path(source)) as reader:
        return reader.frames_per_second


class _Source:
    """A camera or a file as JPEGs; read in the client's thread."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stack = ExitStack()

    def __enter__(self) -> Iterator[bytes]:
        pictures = self._camera() if self._source.isdigit() else self._file()
        return (encode(pixels, PictureFormat.JPEG, _QUALITY).data for pixels in pictures)

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _camera(self) -> Iterator[Pixels]:
        camera = cv2.VideoCapture(int(self._source))
        self._stack.callback(camera.release)
        if not camera.isOpened():
            raise VideoError(f"camera {self._source} cannot be opened")
        while True:
            there, picture = camera.read()
            if not there:
                return
            yield np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)

    def _file(self) -> Iterator[Pixels]:
        reader = self._stack.enter_context(VideoReader(Path(self._source)))
        return (frame.pixels for frame in reader.frames())
