"""`omote stream`: a camera or a file through a server, into a window or a file."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import cv2
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
    Summary,
    Timed,
)
from omote_filters.words import ChainEntry
from omote_models.pictures import on_white
from omote_server.cli.common import chain_of
from omote_server.cli.signals import tidy_end
from omote_server.cli.telling import IN_VAIN, account_json, account_rows, account_table, in_vain
from omote_server.cli.terminal import console, epilog, errors, fail, print_json
from omote_server.frames.codec import Pixels, decode_own, encode
from omote_server.media.files import MediaError
from omote_server.media.live import NetworkCamera, is_address
from omote_server.media.video import (
    AnimationReader,
    MediaReport,
    VideoReader,
    VideoWriter,
    open_video,
)
from omote_server.messages import PictureFormat
from omote_server.workshop.account import Account, Wish
from omote_server.workshop.camera import Camera
from omote_server.workshop.filing import Errand, check, check_place, same_file

Source = Camera | NetworkCamera | VideoReader | AnimationReader
"""Where frames come from; a camera has no end, and its frames no time but now."""

app = typer.Typer()
_FOOT = epilog(
    "omote stream face_paint --source 0    or: … --source in.mp4 --output out.mp4",
    {
        1: "something cannot be read, written or reached",
        IN_VAIN: "a file was written, but a filter did nothing on any frame of it",
    },
)

_QUALITY = 90
_WINDOW = "omote (q or Esc closes)"
_NO_WINDOW = "no window can be opened here; write a file with --output OUT.mp4"


@app.command("stream", epilog=_FOOT)
def stream(
    filters: Annotated[
        str, typer.Argument(metavar="FILTER", help="Filters joined by +, settings after a colon.")
    ],
    source: Annotated[
        str,
        typer.Option(help="A camera's number or address (rtsp://…, http://…), or a video file."),
    ] = "0",
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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Send a camera or a video file to a server and show what comes back.

    A file that goes to a file is sent as fast as the server takes it, no frame is dropped, and
    its sound is kept; everything else is live. A camera of the network that does not answer for
    10 seconds is connected again. The server's token is read from OMOTE_TOKEN. Asking for a filter
    of faces is taken as consent to find and change the faces in the pictures.
    """
    if output is not None:
        _check_output(source, output)
    client = Client(
        server,
        token=os.environ.get("OMOTE_TOKEN"),
        tls=tls,
        insecure=insecure,
        name="omote-stream",
    )
    chain = chain_of([filters])
    consent = Consent(face_effects=True, demographics=demographics)
    try:
        with tidy_end():
            ended = asyncio.run(_run(client, chain, source, output, consent, age))
    except (OmoteError, MediaError) as error:
        fail(str(error))
    if as_json:
        print_json(_plain(*ended, output))
    else:
        _tell(*ended)
    if output and ended[0].frames and (problem := in_vain(ended[0])):
        fail(problem, code=IN_VAIN)


def _check_output(source: str, output: Path) -> None:
    """Exit where it cannot be written; before anybody is connected to."""
    camera = source.isdigit() or is_address(source)
    if not camera and same_file(Path(source), output):
        fail("the output is the source; give it another name", code=2)
    try:
        if not camera:
            check(Errand(Path(source), output))
        check_place(output)
    except MediaError as error:
        fail(str(error))


def _plain(
    account: Account, report: MediaReport | None, summary: Summary, output: Path | None
) -> dict[str, Any]:
    return {
        "out": str(output) if output else None,
        **account_json(account),
        "frames": asdict(summary),
        "media": report.as_json() if report else None,
    }


def _tell(account: Account, report: MediaReport | None, summary: Summary) -> None:
    console.print(
        f"{summary.frames_sent} frames sent, {summary.frames_returned} returned, "
        f"{summary.frames_dropped} dropped, {summary.frames_refused} refused"
    )
    if not account.frames:
        return
    table = account_table()
    for row in account_rows(account):
        table.add_row(*row)
    for row in report.rows() if report else ():
        table.add_row(*row)
    console.print(table)


async def _run(
    client: Client,
    chain: tuple[ChainEntry, ...],
    source: str,
    output: Path | None,
    consent: Consent,
    age: float | None,
) -> tuple[Account, MediaReport | None, Summary]:
    account = Account([Wish(name) for name in dict.fromkeys(entry.filter_id for entry in chain)])
    live = output is None or source.isdigit() or is_address(source)
    async with client:
        opened = client.stream(
            [FilterUse(entry.filter_id, dict(entry.settings)) for entry in chain],
            consent=consent,
            declared=Declared(age=age),
            output=Output(jpeg_quality=_QUALITY),
            delivery=Delivery.NEWEST if live else Delivery.EVERY,
            on_notice=lambda notice: errors.print(notice.text, style="yellow"),
        )
        async with opened as frames:
            report = await _show(frames, source, output, account)
            summary = await frames.finish()
    return account, report, summary


async def _show(
    stream: Stream, source: str, output: Path | None, account: Account
) -> MediaReport | None:
    """Stream the source; what became of it where a file becomes a file."""
    with ExitStack() as stack:
        footage = await asyncio.to_thread(_footage, source)
        stack.callback(footage.close)
        rate = footage.frames_per_second
        camera = isinstance(footage, Camera | NetworkCamera)
        file = None if isinstance(footage, Camera | NetworkCamera) else footage
        writer = stack.enter_context(VideoWriter(output, rate, file)) if output else None
        if camera and output:
            stack.enter_context(_ended_by_signals(footage))
            errors.print("Ctrl-C ends the recording")
        pace = None if camera or output else rate
        async for result in stream.process(_frames(footage, writer), pace=pace):
            account.add(result)
            if not _take(result, writer):
                break
    return writer.report if file and writer else None


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


def _footage(source: str) -> Source:
    if source.isdigit():
        return Camera(int(source))
    if is_address(source):
        return NetworkCamera(source, lambda told: errors.print(told, style="yellow"))
    return open_video(Path(source))


def _frames(footage: Source, writer: VideoWriter | None) -> Iterator[bytes | Timed]:
    """What the client sends; it reads in a thread of its own. Sound goes to the writer from here.

    A camera's frames are taken when they are sent; those of a file have their own times.
    """
    if isinstance(footage, Camera | NetworkCamera):
        for pixels in footage.pictures():
            yield encode(pixels, PictureFormat.JPEG, _QUALITY).data
        return
    for frame in footage.frames(writer.accept if writer else None):
        pixels = frame.pixels
        if frame.alpha is not None:
            footage.report.converted("transparency laid over white")
            pixels = on_white(pixels, frame.alpha)
        yield Timed(encode(pixels, PictureFormat.JPEG, _QUALITY).data, frame.time)


@contextmanager
def _ended_by_signals(footage: Source) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a recording of a camera, which has no other end: it is kept."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, footage.close)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
