"""`omote apply`: filter pictures and videos, without a server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from omote_filters.words import Consent
from omote_models.estimators import EstimatorError
from omote_models.face import Declared
from omote_server.cli.apply_many import apply_many
from omote_server.cli.common import (
    Packs,
    checked_chain,
    models_of,
    packs_or_configured,
    pull_missing,
)
from omote_server.cli.signals import tidy_end
from omote_server.cli.telling import IN_VAIN, account_table, in_vain, media_json, media_rows
from omote_server.cli.terminal import console, epilog, errors, fail, print_json, words
from omote_server.media.files import MediaError, is_folder
from omote_server.serving.egress import seal_egress
from omote_server.workshop.batch import Order, Outcome
from omote_server.workshop.filing import Errand, check, same_file
from omote_server.workshop.planning import expanded

app = typer.Typer()
_FOOT = epilog(
    "omote apply face_paint+lipstick:coverage=0.9 in.mp4 out.mp4    or: … blur_face photos/ out/",
    {
        0: "every filter did something; of several files, on one of them or more",
        1: "a file cannot be read or written",
        2: "something was asked for that does not exist or fit",
        IN_VAIN: "all was written, but a filter did nothing on any frame: it found no face, "
        "failed, or may not be used on the person",
    },
)


@app.command("apply", epilog=_FOOT)
def apply(
    filters: Annotated[
        str, typer.Argument(metavar="FILTER", help="Filters joined by +, settings after a colon.")
    ],
    sources: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="A file, a folder, or several.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="OUT", help="A file, or a folder for a folder or several.")
    ],
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
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=64, help="Files at a time, of several.")
    ] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do again what is in the folder OUT already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Filter a picture or a video, or many, and tell what became of each filter and stream.

    What a file is its content says, not its name; the ending of OUT says what is written. Of a
    folder everything that is a picture or a video is filtered, sub-folders too, and keeps its
    place below OUT; stopped and started again it goes on where it was. No input is ever
    overwritten. Asking for a filter of faces is taken as consent to find and change the faces in
    the files.
    """
    try:
        found = expanded(sources)
    except MediaError as error:
        fail(str(error), code=2)
    out = Path(target)
    folders = is_folder(found[0]) or is_folder(out) or target.endswith(_SEPARATORS)
    many = len(found) > 1 or folders
    if many and not is_folder(out) and os.path.lexists(out):
        fail(f"{out} is a file, and of several files OUT is a folder", code=2)
    if not many:
        _check_one(Errand(found[0], out))
    brought = packs_or_configured(packs)
    order = Order(
        checked_chain([filters], brought),
        Consent(face_effects=True, demographics=demographics),
        Declared(age=age),
        faces,
        estimator,
        tuple(brought),
        compare,
    )
    needed = models_of(estimator)
    if many:
        apply_many(order, found, out, needed, jobs=jobs, overwrite=overwrite, as_json=as_json)
    else:
        _apply_one(order, Errand(found[0], out), needed, as_json)


_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


def _check_one(errand: Errand) -> None:
    """Exit where the work cannot be begun; before any model is loaded or pulled."""
    if same_file(errand.source, errand.target):
        fail("OUT is IN; give it another name", code=2)
    try:
        check(errand)
    except MediaError as error:
        fail(str(error))


def _apply_one(order: Order, errand: Errand, needed: Sequence[str], as_json: bool) -> None:
    pull_missing(*needed)
    seal_egress()
    try:
        tools = order.tools()
    except EstimatorError as error:
        fail(str(error), code=2)
    try:
        with tidy_end(), ExitStack() as shown:
            progress = _progress()
            task = progress.add_task(errand.target.name, total=None)

            def on_frame(done: int, promised: int | None) -> None:
                # A still picture has no bar, not even an empty line for one.
                if not progress.live.is_started:
                    shown.enter_context(progress)
                progress.update(task, completed=done, total=promised)

            outcome = order.carry_out(tools, errand, on_frame)
    except MediaError as error:
        fail(str(error))
    _tell(outcome, as_json)


def _tell(outcome: Outcome, as_json: bool) -> None:
    account, report = outcome.account, outcome.report
    assert account is not None and report is not None  # noqa: S101, PT018 - it did not fail
    if as_json:
        print_json({"out": str(outcome.errand.target), **media_json(account, report)})
    else:
        table = account_table()
        for row in media_rows(account, report):
            table.add_row(*row)
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
