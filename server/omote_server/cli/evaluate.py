"""`omote evaluate`: how right the estimates are on a labelled data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from omote_models.estimators import EstimatorError, find_estimator
from omote_models.evaluation import report
from omote_models.evaluation.answers import Answer, AnswerBook, Examiner, labelled, name_in
from omote_models.evaluation.calibrate import fit, written
from omote_models.evaluation.figures import Evaluation
from omote_models.evaluation.figures import evaluate as measured
from omote_models.evaluation.report import interval, shown
from omote_models.evaluation.samples import Dataset, DatasetError, Sample, read_dataset
from omote_models.store import model_store
from omote_server.cli.common import models_of, pull_missing
from omote_server.cli.terminal import console, errors, fail, progress_bar, today
from omote_server.frames.warmup import load_tools

app = typer.Typer()
_EXAMPLE = "Example: omote evaluate UTKFace --out out/evaluation"


@app.command("evaluate", epilog=_EXAMPLE)
def evaluate(
    dataset: Annotated[
        Path,
        typer.Argument(
            exists=True,
            metavar="DATASET",
            help="UTKFace-style folder, FairFace CSV, Adience folds, or your own CSV or JSON.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Where answers and reports go.")
    ] = Path("out/evaluation"),
    card: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A model card to update.")
    ] = None,
    estimator: Annotated[
        str, typer.Option(help="Age and gender: light, accurate, or the path of your own.")
    ] = "light",
    calibrate: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Write the estimator here, its calibration fitted to this set."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Only these people, such as test, of `omote dataset`.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many pictures, evenly chosen.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure age and gender on labelled pictures, by band, gender and group.

    Stopped and started again it goes on where it was. OUT holds an answer for every picture,
    so treat it as you treat the data set. Exit code 0 when there are figures.
    """
    try:
        read = read_dataset(dataset, split)
    except DatasetError as error:
        fail(str(error), code=2)
    if limit is not None and limit < len(read.samples):
        read.samples = [read.samples[i * len(read.samples) // limit] for i in range(limit)]
    pull_missing(*models_of(estimator))
    made_with = _made_with(estimator)
    pairs = _answers(read, dataset, out / f"{read.name}.jsonl", made_with, estimator)
    read.problems += [f"{a.file}: {a.problem}" for _, a in pairs if a.problem]
    try:
        found = measured(pairs, read.exact)
    except ValueError as error:
        fail(str(error))
    (out / f"{read.name}.json").write_text(report.as_json(read, found, made_with))
    (out / f"{read.name}.html").write_text(report.as_html(read, found, made_with))
    if card is not None:
        report.update_card(card, read, found, today())
    if calibrate is not None:
        _calibrate(read, pairs, estimator, calibrate)
    if as_json:
        typer.echo(report.as_json(read, found, made_with))
        return
    _print(read, found)
    console.print(f"wrote {out / read.name}.html and .json")


def _calibrate(
    read: Dataset, pairs: list[tuple[Sample, Answer]], estimator: str, target: Path
) -> None:
    found = find_estimator(estimator)
    if any(n.file for n in found.spec.networks) and target.parent.resolve() != found.path.parent:
        fail(f"write it into {found.path.parent}, where its networks are", code=2)
    shared = found.spec.calibration.shared
    answered = [labelled(sample, answer) for sample, answer in pairs if not answer.problem]
    try:
        made = fit(answered, shared=shared, fitted_on=read.name, date=today())
    except ValueError as error:
        fail(str(error))
    target.write_text(written(found.path.read_text(encoding="utf-8"), made), encoding="utf-8")
    errors.print(f"wrote {target}: measure it on other faces than these")


def _made_with(estimator: str) -> dict[str, object]:
    store = model_store()
    found = find_estimator(estimator)
    names = ("face_landmarker", *found.spec.models)
    hashes: dict[str, object] = {name: store.model(name).sha256[:12] for name in names}
    return {"estimator": f"{found.spec.name} {found.key}", **hashes}


def _answers(
    read: Dataset, dataset: Path, book_path: Path, made_with: dict[str, object], estimator: str
) -> list[tuple[Sample, Answer]]:
    root = dataset if dataset.is_dir() else dataset.parent
    book = AnswerBook(book_path, {**made_with, "dataset": read.name})
    missing = [s for s in read.samples if name_in(s.picture, root) not in book.answers]
    if missing:
        _ask(missing, root, book, estimator, done=len(read.samples) - len(missing))
    return [(s, book.answers[name_in(s.picture, root)]) for s in read.samples]


def _ask(missing: list[Sample], root: Path, book: AnswerBook, estimator: str, done: int) -> None:
    try:
        tools = load_tools(estimator=estimator)
    except EstimatorError as error:
        fail(str(error), code=2)
    examiner = Examiner(tools.face_model, tools.estimator)
    with progress_bar() as progress:
        task = progress.add_task("looking", total=done + len(missing), completed=done)
        for answer in examiner.ask(missing, root):
            book.add(answer)
            progress.advance(task)


def _print(read: Dataset, found: Evaluation) -> None:
    table = Table(title=f"{read.name} ({read.kind}): figure and its 95 % interval")
    names = list(found.rows[0].figures)
    for name in ("", "faces", *names):
        table.add_column(name, justify="left" if not name else "right")
    for row in found.rows:
        cells = (f"{shown(n, f)}\n[dim]{interval(n, f)}[/dim]" for n, f in row.figures.items())
        table.add_row(row.name, str(row.count), *cells)
    console.print(table)
    curve = ", ".join(
        f"{100 * r:.1f} % of {100 * s:.0f} %" for _, s, r in found.abstention if s > 0
    )
    if curve:
        console.print(f"gender, right of those answered, with rising threshold: {curve}")
    console.print(f"one reading: {found.latency[0]:.1f} ms median, {found.latency[1]:.1f} ms p95")
    for note in found.notes:
        console.print(note)
    for line in read.problems[:10]:
        errors.print(f"left out: {line}", style="yellow")
    if len(read.problems) > 10:
        errors.print(f"… and {len(read.problems) - 10} more, in the report", style="yellow")
