"""`omote dataset`: data sets of faces, built, extended, labelled and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from omote_models.datasets.balance import warnings
from omote_models.datasets.build import BuildOptions, Built, extend
from omote_models.datasets.build import build as made_of
from omote_models.datasets.check import check as looked_over
from omote_models.datasets.collect import Identity
from omote_models.datasets.labelling import Desk, LabelServer
from omote_models.datasets.manifest import Manifest, ManifestProblem, read_manifest
from omote_models.evaluation.answers import Examiner
from omote_models.evaluation.samples import Sample, printable
from omote_models.store import model_store
from omote_server.cli.common import models_of, pull_missing
from omote_server.cli.terminal import console, epilog, errors, fail, print_json, progress_bar, today
from omote_server.frames.warmup import load_tools
from omote_server.serving.egress import seal_egress

app = typer.Typer(no_args_is_help=True, help="Build, extend, label and check data sets of faces.")

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False)]
_MOST_TOLD = 15


Sources = Annotated[
    list[Path],
    typer.Argument(metavar="SOURCE…", exists=True, help="Folders, files, or data sets."),
]
Licence = Annotated[
    str,
    typer.Option(help="For the pictures: CC0-1.0, CC-BY-4.0, …, or in two words and more."),
]
Consent = Annotated[str, typer.Option(help="How the people agreed to be in it.")]
TellApart = Annotated[
    Identity, typer.Option(help="What tells people apart: folder, file, or name (up to the _).")
]
Part = Annotated[float, typer.Option(min=0, max=0.5, help="Part of the people.")]
Seed = Annotated[int, typer.Option(help="Of the split.")]


@app.command(
    epilog=epilog(
        "omote dataset build photos clip.mp4 --out faces --licence 'CC0, own photos' "
        "--consent 'all signed the form of 2026-11-01'"
    )
)
def build(
    sources: Sources,
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    licence: Licence = "",
    consent: Consent = "",
    name: Annotated[str | None, typer.Option(help="Of the data set.", show_default="OUT")] = None,
    identity: TellApart = "folder",
    validation: Part = 0.15,
    test: Part = 0.15,
    seed: Seed = 1,
) -> None:
    """Find faces, align them, drop copies, and split them so that nobody stands in two splits.

    Labels are taken over from folders that `omote evaluate` reads. No face is recognised: who is
    whom comes from folders or names, and everybody in a video counts as one person. Of a data set
    that is there already, pictures, labels, identities and splits are taken over.
    """
    options = BuildOptions(
        printable(name or out.name),
        licence,
        consent,
        identity,
        validation,
        test,
        seed,
        today(),
    )
    built = _with_progress(partial(made_of, sources, out), options)
    console.print(f"{out}: {_told(built.manifest)}", soft_wrap=True)


@app.command(
    epilog=epilog(
        "omote dataset add faces photos-of-may --licence 'CC0, own photos' "
        "--consent 'all signed the form of 2026-11-01'"
    )
)
def add(
    folder: Folder,
    sources: Sources,
    licence: Licence = "",
    consent: Consent = "",
    identity: TellApart = "folder",
    validation: Part = 0.15,
    test: Part = 0.15,
    seed: Seed = 1,
) -> None:
    """Add faces to a data set; labels, identities and splits that are in it stay.

    Who is called as somebody in it is that person. A photograph that is in it is not added
    again, but gives its label to one that has none.
    """
    options = BuildOptions("", licence, consent, identity, validation, test, seed, today())
    built = _with_progress(partial(extend, folder, sources), options)
    said = f"{folder}: {built.added} faces added; {_told(built.manifest)}"
    console.print(said, soft_wrap=True)


def _with_progress(make: Callable[..., Built], options: BuildOptions) -> Built:
    """Make or extend a data set, and tell what was left out and what to look at."""
    pull_missing("face_landmarker")
    with progress_bar() as progress:
        task = progress.add_task("looking", total=None)

        def on_file(path: Path) -> None:
            progress.update(task, description=path.name[:40], advance=1)

        try:
            built = make(model_store().read("face_landmarker"), _frames, options, on_file)
        except (ManifestProblem, OSError) as error:
            fail(str(error), code=2)
    for problem in built.problems[:_MOST_TOLD]:
        errors.print(f"left out: {problem}", style="yellow")
    if len(built.problems) > _MOST_TOLD:
        errors.print(f"… and {len(built.problems) - _MOST_TOLD} more", style="yellow")
    for warning in warnings(built.manifest.samples):
        errors.print(f"look: {warning}", style="yellow", soft_wrap=True)
    return built


@app.command(epilog=epilog("omote dataset label faces"))
def label(
    folder: Folder,
    port: Annotated[int, typer.Option(help="Of the page; 0 takes a free one.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Review what is labelled, too.")] = False,
) -> None:
    """Open a page on this machine to label faces by keyboard.

    What the models think of a face is shown after it was labelled, so that it leads nobody.
    Every label is on disk at once; Ctrl-C ends it.
    """
    pull_missing(*models_of("light"))
    seal_egress()
    suggestions = _Suggestions()
    try:
        desk = Desk(folder, today(), suggestions, again)
        server = LabelServer(desk, port)
    except (ManifestProblem, OSError) as error:
        fail(str(error), code=2)
    console.print(
        f"{len(desk.queue)} to label: {server.address}",
        soft_wrap=True,
    )
    # The networks take seconds to load; by the first save they are there.
    Thread(target=suggestions.load, daemon=True).start()
    with desk, server:
        try:
            server.serve()
        except KeyboardInterrupt:
            errors.print("every label is saved")
    suggestions.close()


@app.command(epilog=epilog("omote dataset check faces --json", {1: "something must be mended"}))
def check(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Look a data set over."""
    try:
        manifest = read_manifest(folder)
    except ManifestProblem as error:
        fail(str(error))
    found = looked_over(folder, manifest)
    if as_json:
        told = {"problems": found.problems, "warnings": found.warnings, "notes": found.notes}
        print_json({**told, **_facts(manifest)})
    else:
        console.print(f"{manifest.name}: {_told(manifest)}")
        for note in found.notes:
            console.print(note)
        for warning in found.warnings:
            errors.print(warning, style="yellow", soft_wrap=True)
        for problem in found.problems:
            errors.print(problem, style="red", soft_wrap=True)
    if found.problems:
        raise typer.Exit(1)


def _facts(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "licence": manifest.licence,
        "consent": manifest.consent,
        "faces": len(manifest.samples),
        "people": len({entry.identity for entry in manifest.samples}),
        "labelled": sum(entry.has_label for entry in manifest.samples),
    }


def _told(manifest: Manifest) -> str:
    facts = _facts(manifest)
    return (
        f"version {facts['version']}, {facts['faces']} faces of {facts['people']} people, "
        f"{facts['labelled']} labelled; licence: {facts['licence']}"
    )


class _Suggestions:
    """What the default estimator says. Any thread may ask; who is early waits for the networks."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._examiner: Examiner | None = None

    def load(self) -> Examiner:
        """The networks, loaded once."""
        with self._lock:
            if self._examiner is None:
                tools = load_tools()
                self._examiner = Examiner(tools.face_model, tools.estimator)
            return self._examiner

    def close(self) -> None:
        """Free the networks, where they were loaded."""
        with self._lock:
            if self._examiner is not None:
                self._examiner.close()

    def __call__(self, picture: Path) -> dict[str, object]:
        answer = self.load().answer(Sample(picture), picture.parent)
        if answer.problem:
            return {"text": answer.problem}
        low, high = round(answer.low), round(answer.high)
        gender = answer.gender or "of unknown gender"
        return {"text": f"{int(answer.years)} years ({low} to {high}), {gender}"}


def _frames(path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    # Only who has a video among the sources needs PyAV, the extra omote[video].
    from omote_server.media.video import VideoError, open_video

    try:
        with open_video(path) as reader:
            for frame in reader.frames():
                yield frame.time, frame.pixels
    except VideoError as error:
        raise ValueError(str(error)) from None
