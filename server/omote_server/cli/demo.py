"""`omote demo`: a real clip through a real server, and what came back."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress
from rich.table import Table

from omote_client import OmoteError
from omote_filters.words import ChainEntry
from omote_models.store import StoreError
from omote_server.bench.demo import ContactSheet, Record, stream_clip
from omote_server.bench.local import ServerProcessError, local_server
from omote_server.cli.common import checked_chain, pull_missing
from omote_server.cli.models import PullBars
from omote_server.cli.telling import IN_VAIN, account_rows, account_table, in_vain
from omote_server.cli.terminal import console, epilog, errors, fail, words
from omote_server.media.files import MediaError, make_folder
from omote_server.media.video import VideoWriter, open_video
from omote_server.serving.inventory import used
from omote_server.workshop.footage import footage_store

app = typer.Typer()
_FOOT = epilog(
    "omote demo --filter big_eyes+lipstick --video me.mp4",
    {
        0: "every frame was accounted for, every filter did something, the server stopped cleanly",
        1: "it did not go so",
        IN_VAIN: "a filter did nothing on any frame",
    },
)

_USUAL_FRAMES = 300


@app.command("demo", epilog=_FOOT)
def demo(
    filters: Annotated[
        str, typer.Option("--filter", help="Filters joined by +, settings after a colon.")
    ] = "face_paint",
    video: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A video file.", show_default="the clip"),
    ] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where the results go.")] = Path("out"),
) -> None:
    """Start a server, stream a clip through it at its own pace, and show what happened.

    Writes OUT/demo.mp4, original and result side by side, and OUT/demo.png, six moments.
    """
    chain = checked_chain([filters])
    pull_missing(*used())
    clip = video or _pinned_clip()
    record = _stream(clip, chain, out)
    console.print(_figures(record))
    console.print(_latencies(record))
    console.print(f"wrote {out / 'demo.mp4'} and {out / 'demo.png'}")
    _judge(record)


def _pinned_clip() -> Path:
    bars = PullBars()
    try:
        with bars.progress:
            return footage_store().pull("carphone", bars)
    except StoreError as error:
        fail(str(error))


def _stream(clip: Path, chain: tuple[ChainEntry, ...], out: Path) -> Record:
    try:
        make_folder(out)
        with open_video(clip) as reader:
            total, pace = reader.frame_count, reader.frames_per_second
        sheet = ContactSheet(total or _USUAL_FRAMES)
        with _progress() as progress:
            task = progress.add_task("starting the server", total=total)
            with local_server() as server, VideoWriter(out / "demo.mp4", pace) as writer:
                progress.update(task, description=f"streaming to {server.address}")
                record = asyncio.run(
                    stream_clip(
                        server.address, clip, chain, writer, sheet, lambda: progress.advance(task)
                    )
                )
        if not sheet.filled:
            fail("no frame came back")
        sheet.write(out / "demo.png")
    except (OmoteError, ServerProcessError, MediaError) as error:
        fail(str(error))
    return record


def _progress() -> Progress:
    return Progress(
        words(),
        BarColumn(),
        MofNCompleteColumn(),
        words("frames"),
        console=errors,
    )


def _figures(record: Record) -> Table:
    table = account_table()
    summary = record.summary
    if summary is not None:
        returned = summary.frames_returned
        counts = (
            f"{summary.frames_sent} sent, {returned} returned, {summary.frames_dropped} dropped"
        )
        table.add_row("frames", counts + f", {summary.frames_refused} refused")
        table.add_row("frames per second", f"{returned / max(record.seconds, 1e-9):.1f}")
        table.add_row("tracks", str(summary.tracks_seen))
    table.add_row("age", _age(record))
    table.add_row("gender", _gender(record))
    for row in account_rows(record.account):
        table.add_row(*row)
    return table


def _age(record: Record) -> str:
    attributes = record.attributes
    if attributes is None or attributes.age.value is None:
        return "unknown"
    age, band = attributes.age, attributes.age_band
    told = f"{math.floor(attributes.age.value)} years"  # completed, as people say it
    if age.interval is not None:
        told += f", 80 % interval {age.interval[0]:.0f} to {age.interval[1]:.0f}"
    shown = band.value.replace("_", " ") if band.value else "unknown"
    return f"{told}; band {shown}, confidence {age.confidence:.2f} ({age.source})"


def _gender(record: Record) -> str:
    attributes = record.attributes
    if attributes is None or attributes.gender.value is None:
        return "unknown"
    gender = attributes.gender
    return f"{gender.value}, confidence {gender.confidence:.2f} ({gender.source})"


def _latencies(record: Record) -> Table:
    table = Table("milliseconds", "median", "p95", box=None, pad_edge=False)
    for stage, times in record.latencies.items():
        median, high = np.percentile(times, [50, 95])
        table.add_row(stage, f"{median:.2f}", f"{high:.2f}")
    return table


def _judge(record: Record) -> None:
    summary = record.summary
    if summary is None or summary.frames_returned == 0:
        fail("no frame came back")
    accounted = summary.frames_returned + summary.frames_dropped + summary.frames_refused
    if summary.frames_refused or accounted != summary.frames_sent:
        fail("frames were refused or lost")
    if problem := in_vain(record.account):
        fail(problem, code=IN_VAIN)
