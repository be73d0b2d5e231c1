"""`omote evaluate`: how right the estimates are on a labelled data set."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from omote_models.estimators import EstimatorError, find_estimator
from omote_models.evaluation import report
from omote_models.evaluation.answers import Answer, AnswerBook, Examiner, labelled, name_in
from omote_models.evaluation.calibrate import doubts, fit, written
from omote_models.evaluation.figures import Evaluation
from omote_models.evaluation.figures import evaluate as measured
from omote_models.evaluation.samples import Dataset, DatasetError, Sample, printable, read_dataset
from omote_models.store import model_store
from omote_server.cli.common import models_of, pull_missing
from omote_server.cli.figure_tables import figure_tables, side_by_side
from omote_server.cli.terminal import console, epilog, errors, fail, print_json, progress_bar, today
from omote_server.frames.warmup import load_tools

app = typer.Typer()
_FOOT = epilog(
    "omote evaluate UTKFace --estimator light --estimator accurate", {1: "there are no figures"}
)


@app.command("evaluate", epilog=_FOOT)
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
        list[str] | None,
        typer.Option(
            help="Age and gender: light, accurate, or the path of your own. Repeat it to see "
            "several side by side.",
            show_default="light",
        ),
    ] = None,
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

    Stopped and started again it goes on where it was. OUT holds a report for each estimator and
    an answer for every picture, so treat it as you treat the data set. Exit code 0 when there are
    figures.
    """
    estimators = list(dict.fromkeys(estimator or ["light"]))
    if len(estimators) > 1 and (card or calibrate):
        fail("--card and --calibrate take one --estimator", code=2)
    read = _read(dataset, split, limit)
    pull_missing(*dict.fromkeys(model for each in estimators for model in models_of(each)))
    try:
        measurements = [
            _measured(read, dataset, out, each, name)
            for name, each in zip(_names(estimators), estimators, strict=True)
        ]
        if card is not None:
            report.update_card(card, read, measurements[0].found, today())
        if calibrate is not None:
            _calibrate(read, measurements[0].pairs, estimators[0], calibrate)
    except OSError as error:
        fail(f"{error.filename} cannot be read or written: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{card} is no text in UTF-8")
    if as_json:
        told = [json.loads(each.as_json()) for each in measurements]
        print_json(told[0] if len(told) == 1 else told)
        return
    _print(measurements)


@dataclass(frozen=True, slots=True)
class _Measurement:
    """One estimator, and what it came to.

    Attributes:
        name: of the estimator, unlike that of any other that was measured.
        read: the data set, and what was left out of it.
        pairs: every sample with its answer.
        found: the figures.
        made_with: the models.
        stem: of the report's files, without an ending.
    """

    name: str
    read: Dataset
    pairs: list[tuple[Sample, Answer]]
    found: Evaluation
    made_with: dict[str, object]
    stem: Path

    def as_json(self) -> str:
        """The report, for programs."""
        return report.as_json(self.read, self.found, self.made_with)


def _read(dataset: Path, split: str | None, limit: int | None) -> Dataset:
    """A data set, or so many of its pictures, evenly chosen."""
    try:
        read = read_dataset(dataset, split)
    except DatasetError as error:
        fail(str(error), code=2)
    if limit is not None and limit < len(read.samples):
        read.samples = [read.samples[i * len(read.samples) // limit] for i in range(limit)]
    read.name = printable(read.name)
    return read


def _names(estimators: Sequence[str]) -> list[str]:
    """What each is called, fit for a file's name; two of one name get a number."""
    called = [re.sub(r"[^\w.-]+", "-", find_estimator(each).spec.name) for each in estimators]
    return [
        name if called.count(name) == 1 else f"{name}-{called[: n + 1].count(name)}"
        for n, name in enumerate(called)
    ]


def _measured(read: Dataset, dataset: Path, out: Path, estimator: str, name: str) -> _Measurement:
    """Ask one estimator what was not asked yet, and write its report."""
    made_with = _made_with(estimator)
    stem = out / f"{read.name}-{name}"
    pairs = _answers(read, dataset, stem.with_name(f"{stem.name}.jsonl"), made_with, estimator)
    left_out = [printable(f"{a.file}: {a.problem}") for _, a in pairs if a.problem]
    told = replace(read, problems=[*read.problems, *left_out])
    try:
        found = measured(pairs, read.exact)
    except ValueError as error:
        fail(str(error))
    made = _Measurement(name, told, pairs, found, made_with, stem)
    page = report.as_html(told, found, made_with)
    stem.with_name(f"{stem.name}.json").write_text(made.as_json(), encoding="utf-8")
    stem.with_name(f"{stem.name}.html").write_text(page, encoding="utf-8")
    return made


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
    for doubt in doubts(made, answered):
        errors.print(f"look: {doubt}", style="yellow", soft_wrap=True)
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
    with Examiner(tools.face_model, tools.estimator) as examiner, progress_bar() as progress:
        task = progress.add_task("looking", total=done + len(missing), completed=done)
        for answer in examiner.ask(missing, root):
            book.add(answer)
            progress.advance(task)


def _print(measurements: Sequence[_Measurement]) -> None:
    read = measurements[0].read
    console.print(f"{read.name} ({read.kind}); under a figure stands its 95 % interval")
    if len(measurements) == 1:
        tables = figure_tables(measurements[0].found)
    else:
        tables = side_by_side(_on_the_same_faces(measurements))
    for table in tables:
        console.print(table, "")
    for each in measurements:
        _print_more(each.found, f"{each.name}: " if len(measurements) > 1 else "")
    for note in dict.fromkeys(note for each in measurements for note in each.found.notes):
        console.print(note)
    for each in measurements:
        console.print(f"wrote {each.stem}.html and .json", soft_wrap=True)
    for line in dict.fromkeys(line for each in measurements for line in each.read.problems[:10]):
        errors.print(f"left out: {line}", style="yellow", soft_wrap=True)
    more = max(len(each.read.problems) for each in measurements) - 10
    if more > 0:
        errors.print(f"… and {more} more, in the report", style="yellow")


def _print_more(found: Evaluation, whose: str) -> None:
    curve = ", ".join(
        f"{100 * r:.1f} % of {100 * s:.0f} %" for _, s, r in found.abstention if s > 0
    )
    if curve:
        console.print(f"{whose}gender, right of those answered, with rising threshold: {curve}")
    median, p95 = found.latency
    console.print(f"{whose}one reading: {median:.1f} ms median, {p95:.1f} ms p95")


def _on_the_same_faces(measurements: Sequence[_Measurement]) -> dict[str, Evaluation]:
    """The figures of each on the faces that all of them answered."""
    answered = [{s.picture for s, a in each.pairs if not a.problem} for each in measurements]
    common = set.intersection(*answered)
    if all(common == own for own in answered):
        return {each.name: each.found for each in measurements}
    if not common:
        fail("there is no face that all of them answered")
    same = [[(s, a) for s, a in each.pairs if s.picture in common] for each in measurements]
    return {
        each.name: measured(pairs, each.read.exact)
        for each, pairs in zip(measurements, same, strict=True)
    }
