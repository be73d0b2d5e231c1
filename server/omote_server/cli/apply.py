"""`omote apply`: filter a picture or a video file, without a server."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from omote_filters.registry import Registry
from omote_filters.words import Consent
from omote_models.estimators import EstimatorError
from omote_models.face import Declared
from omote_models.pictures import Sort, recognise_file
from omote_server.cli.common import (
    Packs,
    checked_chain,
    models_of,
    packs_or_configured,
    pull_missing,
)
from omote_server.cli.signals import tidy_end
from omote_server.cli.telling import (
    IN_VAIN,
    account_json,
    account_rows,
    account_table,
    in_vain,
)
from omote_server.cli.terminal import console, epilog, errors, fail, print_json, words
from omote_server.frames.codec import Pixels
from omote_server.frames.warmup import load_tools
from omote_server.media.files import MediaError
from omote_server.media.pictures import read_picture, write_picture
from omote_server.media.report import MediaReport
from omote_server.serving.egress import seal_egress
from omote_server.workshop.account import Account
from omote_server.workshop.offline import Offline

app = typer.Typer()
_FOOT = epilog(
    "omote apply face_paint+lipstick:coverage=0.9 in.mp4 out.mp4",
    {
        0: "every filter did something",
        1: "a file cannot be read or written",
        2: "something was asked for that does not exist or fit",
        IN_VAIN: "OUT was written, but a filter did nothing on any frame: it found no face, "
        "failed, or may not be used on the person",
    },
)

Work = Callable[[Offline, Path, Path, bool], MediaReport]
"""Filters a file into another, or beside its original, and tells what became of it."""


@app.command("apply", epilog=_FOOT)
def apply(
    filters: Annotated[
        str, typer.Argument(metavar="FILTER", help="Filters joined by +, settings after a colon.")
    ],
    source: Annotated[Path, typer.Argument(metavar="IN", exists=True, dir_okay=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False)],
    demographics: Annotated[
        bool, typer.Option("--demographics", help="The people agreed to an age estimate.")
    ] = False,
    age: Annotated[
        float | None, typer.Option(min=0, max=120, help="Declared age of the largest face.")
    ] = None,
    packs: Packs = None,
    faces: Annotated[int, typer.Option(min=1, max=16, help="Faces to look for.")] = 4,
    estimator: Annotated[
        str, typer.Option(help="Age and gender: light, accurate, or the path of your own.")
    ] = "light",
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the original beside the result.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Filter a picture or a video, and tell what became of each filter.

    The sound of a video is kept. Asking for a filter of faces is taken as consent to find and
    change the faces in the file.
    """
    if target.exists() and target.samefile(source):
        fail("OUT is IN; give it another name", code=2)
    brought = packs_or_configured(packs)
    chain = checked_chain([filters], brought)
    work = _work(source)
    pull_missing(*models_of(estimator))
    seal_egress()
    try:
        tools = load_tools(Registry(packs=brought), estimator=estimator)
    except EstimatorError as error:
        fail(str(error), code=2)
    consent = Consent(face_effects=True, demographics=demographics)
    try:
        with tidy_end(), Offline(tools, chain, consent, Declared(age=age), faces) as offline:
            report = work(offline, source, target, compare)
    except MediaError as error:
        fail(str(error))
    _tell(offline.account, target, report, as_json)


def _work(source: Path) -> Work:
    found = recognise_file(source)
    if found is not None and found.sort is Sort.PICTURE:
        return _picture
    # Not before it is needed: PyAV comes with omote[video]. Nor later: it is told at once.
    import_module("omote_server.media.video")
    return _video


def _picture(offline: Offline, source: Path, target: Path, compare: bool) -> MediaReport:
    picture = read_picture(source)
    pixels, alpha = _filtered(offline, picture.pixels, picture.alpha, compare)
    write_picture(target, pixels, alpha)
    return MediaReport(frames_in=1, frames_out=1, conversions=[*picture.notes])


def _video(offline: Offline, source: Path, target: Path, compare: bool) -> MediaReport:
    # Not at the top: see `_work`.
    from omote_server.media.video import VideoWriter, open_video

    with (
        open_video(source) as reader,
        VideoWriter(target, reader.frames_per_second, reader) as writer,
        _progress() as progress,
    ):
        task = progress.add_task(target.name, total=reader.frame_count)
        for frame in reader.frames(writer.accept):
            pixels, alpha = _filtered(offline, frame.pixels, frame.alpha, compare, frame.time)
            writer.write(pixels, frame.time, alpha, frame.duration)
            progress.advance(task)
    return reader.report


def _filtered(
    offline: Offline, pixels: Pixels, alpha: Pixels | None, compare: bool, time: float = 0.0
) -> tuple[Pixels, Pixels | None]:
    """A picture with a chain on it and its alpha, beside the original where that is wanted."""
    before = pixels if alpha is None else np.dstack([pixels, alpha])
    after = offline.run(before, time)
    if compare:
        after = np.hstack([before, after])
    if alpha is None:
        return after, None
    return np.ascontiguousarray(after[:, :, :3]), np.ascontiguousarray(after[:, :, 3])


def _tell(account: Account, target: Path, report: MediaReport, as_json: bool) -> None:
    if as_json:
        frames = {
            "in": report.frames_in,
            "out": report.frames_out,
            "changed": account.changed or 0,
        }
        media = report.as_json()
        told = {"out": str(target), **account_json(account), "frames": frames, "media": media}
        print_json(told)
    else:
        table = account_table()
        for row in account_rows(account):
            table.add_row(*row)
        for name, line in report.rows():
            changed = f", {account.changed or 0} changed" if name == "frames" else ""
            table.add_row(name, line + changed)
        console.print(table)
    if problem := in_vain(account):
        fail(problem, code=IN_VAIN)


def _progress() -> Progress:
    return Progress(
        words(),
        BarColumn(),
        MofNCompleteColumn(),
        words("frames"),
        TimeRemainingColumn(),
        console=errors,
    )
