"""`omote apply` on many files: one bar, one table, and an exit code for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.table import Table

from omote_server.cli.common import pull_missing
from omote_server.cli.signals import tidy_end
from omote_server.cli.telling import IN_VAIN, media_json
from omote_server.cli.terminal import console, errors, fail, print_json, words
from omote_server.media.files import MediaError, is_folder, make_folder
from omote_server.workshop.batch import Order, Outcome, run_batch
from omote_server.workshop.filing import Errand, same_file
from omote_server.workshop.planning import Plan, plan

_MOST_ROWS = 60
"""Of the table; where there are more files, only those with something to tell stand in it."""


def apply_many(
    order: Order,
    sources: Sequence[Path],
    out: Path,
    needed: Sequence[str],
    *,
    jobs: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Filter files and folders into a folder, and exit with what became of them.

    Args:
        order: what is done to each file.
        sources: files and folders.
        out: the folder; made where it is not there.
        needed: models.
        jobs: worker processes.
        overwrite: do again what is there.
        as_json: tell it to a script.
    """
    if any(is_folder(source) and same_file(source, out) for source in sources):
        fail("OUT is IN; give it another name", code=2)
    made = plan(sources, out, overwrite=overwrite)
    outcomes = [Outcome(Errand(source, out), problem=why) for source, why in made.problems.items()]
    if made.errands:
        pull_missing(*needed)
        try:
            outcomes += _carried_out(order, made.errands, jobs)
        except MediaError as error:
            fail(str(error))
    if as_json:
        print_json(_plain(made, outcomes))
    else:
        _print(made, outcomes, out)
    _leave(made, outcomes)


def _carried_out(order: Order, errands: Sequence[Errand], jobs: int) -> list[Outcome]:
    for folder in dict.fromkeys(errand.target.parent for errand in errands):
        make_folder(folder)
    shares: dict[Errand, float] = {}
    outcomes = []
    with tidy_end(), _bar() as bar:
        task = bar.add_task(f"{len(errands)} files", total=len(errands))

        def on_share(errand: Errand, share: float) -> None:
            shares[errand] = share
            bar.update(task, completed=sum(list(shares.values())), description=errand.source.name)

        with closing(run_batch(errands, order, jobs, on_share)) as running:
            for outcome in running:
                outcomes.append(outcome)
                on_share(outcome.errand, 1.0)
    return sorted(outcomes, key=lambda outcome: errands.index(outcome.errand))


def _bar() -> Progress:
    return Progress(
        words(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=errors
    )


def _state(outcome: Outcome) -> str:
    if outcome.problem:
        return "failed"
    return "in vain" if outcome.account and outcome.account.in_vain else "filtered"


def _plain(made: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "files": [_plain_outcome(outcome) for outcome in outcomes],
        "done_before": [str(errand.source) for errand in made.done],
        "passed_over": [str(path) for path in made.passed],
        "counts": _counts(made, outcomes),
    }


def _plain_outcome(outcome: Outcome) -> dict[str, Any]:
    told = {
        "in": str(outcome.errand.source),
        "out": None if outcome.problem else str(outcome.errand.target),
        "state": _state(outcome),
        "problem": outcome.problem or None,
    }
    if outcome.account and outcome.report:
        told |= media_json(outcome.account, outcome.report)
    return told


def _counts(made: Plan, outcomes: Sequence[Outcome]) -> dict[str, int]:
    states = [_state(outcome) for outcome in outcomes]
    return {
        "filtered": states.count("filtered"),
        "in_vain": states.count("in vain"),
        "failed": states.count("failed"),
        "done_before": len(made.done),
        "passed_over": len(made.passed),
    }


def _print(made: Plan, outcomes: Sequence[Outcome], out: Path) -> None:
    rows = [(outcome, _told(outcome)) for outcome in outcomes]
    if len(rows) > _MOST_ROWS:
        rows = [(outcome, told) for outcome, told in rows if told][:_MOST_ROWS]
    if rows:
        table = Table(box=None, pad_edge=False)
        for header in ("file", "frames", "state", "to know"):
            table.add_column(header, overflow="fold")
        for outcome, told in rows:
            frames = outcome.report.frames_out if outcome.report else 0
            table.add_row(_name(outcome, out), str(frames), _state(outcome), told)
        console.print(table)
    words_for = {
        "filtered": "filtered",
        "in_vain": "written, with a filter that did nothing",
        "failed": "failed",
        "done_before": "done before (--overwrite does them again)",
        "passed_over": "passed over: neither a picture nor a video",
    }
    counted = [f"{n} {words_for[name]}" for name, n in _counts(made, outcomes).items() if n]
    console.print("; ".join(counted) or "there is no picture and no video", soft_wrap=True)


def _name(outcome: Outcome, out: Path) -> str:
    """What the table calls a file: its place below OUT; the source of one that has none."""
    source, target = outcome.errand.source, outcome.errand.target
    return str(source if outcome.problem else target.relative_to(out))


def _told(outcome: Outcome) -> str:
    """What somebody should know of a file; empty where all went as usual."""
    if outcome.problem:
        return outcome.problem
    in_vain = outcome.account.in_vain if outcome.account else ()
    told = [f"{fate.filter_id}: {fate.why}" for fate in in_vain]
    if outcome.report:
        told += [*outcome.report.losses(), *outcome.report.conversions]
    return "; ".join(told)


def _leave(made: Plan, outcomes: Sequence[Outcome]) -> NoReturn:
    states = {_state(outcome) for outcome in outcomes}
    if "failed" in states:
        count = sum(bool(outcome.problem) for outcome in outcomes)
        fail(f"{count} of {len(outcomes) + len(made.done)} files failed")
    if states == {"in vain"}:
        fail("a filter did nothing on any file", code=IN_VAIN)
    if not outcomes and not made.done:
        fail("there is nothing to filter")
    raise typer.Exit(0)
