"""`omote train`: an estimator of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from omote_models.datasets.manifest import ManifestProblem
from omote_models.store import StoreError, model_store
from omote_server.cli.common import pull_missing
from omote_server.cli.terminal import console, epilog, errors, fail, progress_bar, today

if TYPE_CHECKING:
    from omote_models.training.loop import Epoch
    from omote_models.training.run import Outcome

app = typer.Typer()
_FOOT = epilog("omote train faces --out mine && omote serve --estimator mine", {1: "it failed"})


@app.command("train", epilog=_FOOT)
def train(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET", exists=True, file_okay=False, help="Made by `omote dataset build`."
        ),
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the estimator.")],
    kind: Annotated[
        Literal["frozen", "compact"],
        typer.Option(help="frozen: heads on face-api; compact: a network of its own."),
    ] = "frozen",
    epochs: Annotated[int, typer.Option(min=1, max=10_000, help="At most.")] = 60,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without getting better.")] = 12,
    batch: Annotated[int, typer.Option(min=2, max=4096, help="Faces at once.")] = 48,
    rate: Annotated[float, typer.Option(min=1e-6, max=1.0, help="Of learning.")] = 2e-3,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is random.")] = 1,
) -> None:
    r"""Train age and gender on labelled faces; the result is ready for --estimator.

    With hundreds of faces take frozen; a compact network wants tens of thousands.

    Stopped and started again it goes on from its last epoch. OUT/loss.html shows the losses
    while it runs. It uses a GPU where PyTorch finds one. Needs the extra: omote\[train].
    """
    # Help must not need PyTorch; where it is missing, `main` says what to install.
    from omote_models.training.loop import TrainOptions
    from omote_models.training.run import device_name, train_estimator

    pull_missing("face_landmarker", "face-api")
    options = TrainOptions(kind, epochs, patience, batch, rate, seed=seed)
    errors.print(f"on {device_name()}")
    with progress_bar() as progress:
        task = progress.add_task("cutting faces", total=epochs)

        def shown(done: list[Epoch]) -> None:
            last = done[-1]
            progress.update(task, completed=last.number, description=_line(last))

        try:
            outcome = train_estimator(
                folder,
                out,
                model_store(),
                options,
                today(),
                lambda split: progress.update(task, description=f"cutting faces: {split}"),
                shown,
            )
        except (ManifestProblem, StoreError, ArithmeticError, OSError) as error:
            fail(str(error))
    _tell(outcome)
    console.print(f"next: omote serve --estimator {out}")


def _tell(outcome: Outcome) -> None:
    faces = ", ".join(f"{count} to {name} with" for name, count in outcome.faces.items())
    console.print(f"{len(outcome.epochs)} epochs; {faces}")
    console.print(f"best: {_line(outcome.best)}")
    for warning in outcome.warnings:
        errors.print(f"look: {warning}", style="yellow", soft_wrap=True)


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number}: loss {epoch.validation_loss:.3f}, "
        f"age {epoch.validation_mae:.1f} y off, gender {100 * epoch.validation_gender:.0f} %"
    )
