"""From a trained network to an estimator that `--estimator` takes: ONNX, description, card."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np
import torch

from omote_models.calibration import AGES, Calibration
from omote_models.datasets.manifest import Manifest
from omote_models.estimators import NAME, EstimatorSpec, NetworkSpec, find_estimator
from omote_models.evaluation.calibrate import (
    FEWEST,
    Labelled,
    aged,
    doubts,
    fit,
    held,
    quoted,
    written,
)
from omote_models.face import AgeBand, FloatArray
from omote_models.networks import Network
from omote_models.store import Store
from omote_models.training.faces import TrainingFaces
from omote_models.training.loop import Epoch, Trained, TrainOptions
from omote_models.training.network import Compact, Heads, compact_onnx, frozen_onnx

NETWORK = "network.onnx"
CARD = "card.md"
PLOT = "loss.html"
COMPACT_SIDE = 64
_COMPACT_MEAN, _COMPACT_SCALE = 127.5, 127.5
_MOST_APART = 1e-2
_SHARED = 0.93
"""As measured for `light` on portraits in motion; a data set of stills does not tell."""
_UNFITTED = Calibration(fitted_on="too few faces; a guess", spread=((0, 8.0),), temperature=1.5)


@dataclass(frozen=True, slots=True)
class Trunk:
    """A frozen network, and how it is fed."""

    network: bytes
    spec: NetworkSpec


def trunk_of(store: Store) -> Trunk:
    """face-api's network, which comes with Omote.

    Raises:
        StoreError: it is not in the cache.
    """
    light = find_estimator("light").spec
    spec = next(network for network in light.networks if network.model == "face-api")
    return Trunk(store.read("face-api"), spec)


def compact_spec() -> NetworkSpec:
    """How the compact network is fed."""
    return NetworkSpec.model_validate(
        {
            "file": NETWORK,
            "side": COMPACT_SIDE,
            "mean": [_COMPACT_MEAN] * 3,
            "scale": _COMPACT_SCALE,
            "age": {"output": "age", "kind": "logits"},
            "gender": {"output": "gender", "kind": "logit"},
        }
    )


def frozen_spec(trunk: Trunk) -> NetworkSpec:
    """How trained heads on a trunk are fed: as the trunk is."""
    mine = compact_spec().model_dump()
    kept = {name: getattr(trunk.spec, name) for name in ("side", "mean", "scale", "colours")}
    return NetworkSpec.model_validate({**mine, **kept})


def onnx_of(trained: Trained, trunk: Trunk | None, features: str) -> bytes:
    """The trained network as ONNX."""
    network = trained.network
    if isinstance(network, Heads) and trunk is not None:
        return frozen_onnx(trunk.network, features, network)
    assert isinstance(network, Compact)  # noqa: S101 - the only other kind
    return compact_onnx(network, COMPACT_SIDE)


def check_export(network: Network, trained: Trained, batch: FloatArray, inputs: FloatArray) -> None:
    """Whether the exported network says what the trained one says.

    Args:
        network: exported.
        trained: in PyTorch.
        batch: (n, 3, side, side) as the exported one takes it.
        inputs: what the trained one takes: the same, or a trunk's features.

    Raises:
        ArithmeticError: it does not.
    """
    with torch.no_grad():
        ages, males = trained.network(torch.from_numpy(inputs))
    for row, (one, age, male) in enumerate(zip(batch, ages.numpy(), males.numpy(), strict=True)):
        said = network.answers(one[None])
        apart = max(
            float(np.abs(said["age"] - age).max()), float(np.abs(said["gender"] - male).max())
        )
        if apart > _MOST_APART * max(1.0, float(np.abs(age).max())):
            raise ArithmeticError(f"face {row}: the exported network is {apart:.3g} off")


def labelled(network: Network, faces: TrainingFaces) -> list[Labelled]:
    """What an exported network says of faces."""
    found = []
    for n in range(len(faces)):
        ages, logit = network.read_aligned(faces.plain(n))
        age, male = float(faces.ages[n]), float(faces.males[n])
        assert ages is not None  # noqa: S101 - it has a head for it
        found.append(
            Labelled(
                ages,
                logit,
                age if np.isfinite(age) else None,
                bool(male) if np.isfinite(male) else None,
            )
        )
    return found


def calibrated(faces: list[Labelled], name: str, date: str) -> tuple[Calibration, list[str]]:
    """Fitted to the validation faces, a wide guess where they are too few; and what to doubt."""
    count = sum(face.age is not None for face in faces)
    if count < FEWEST:
        few = (
            f"{count} labelled ages in validation are too few to fit a calibration, {FEWEST} are "
            "needed: intervals are a wide guess"
        )
        return _UNFITTED.model_copy(update={"date": date}), [few]
    made = fit(faces, shared=_SHARED, fitted_on=f"{name}, validation split", date=date)
    return made, doubts(made, faces)


def describe(
    folder: Path,
    manifest: Manifest,
    spec: NetworkSpec,
    calibration: Calibration,
    genders: bool,
) -> EstimatorSpec:
    """Write the estimator's file; genders are left out where none was labelled."""
    digest = hashlib.sha256((folder / NETWORK).read_bytes()).hexdigest()
    mean = ", ".join(f"{value:g}" for value in spec.mean)
    gender = '\ngender = { output = "gender", kind = "logit" }' if genders else ""
    text = (
        f"name = {quoted(manifest.name[:64])}\n"
        f"summary = {quoted(f'trained on {manifest.name}, version {manifest.version}')}\n"
        f"licence = {quoted(manifest.licence)}\n"
        f'card = "{CARD}"\n\n'
        "[[networks]]\n"
        f'file = "{NETWORK}"\n'
        f'sha256 = "{digest}"\n'
        f"side = {spec.side}\n"
        f"mean = [{mean}]\n"
        f"scale = {spec.scale:g}\n"
        f'age = {{ output = "age", kind = "logits" }}{gender}\n'
    )
    (folder / NAME).write_text(written(text, calibration), encoding="utf-8")
    return find_estimator(str(folder)).spec


def card(
    manifest: Manifest,
    options: TrainOptions,
    trained: Trained,
    calibration: Calibration,
    test: list[Labelled],
    date: str,
) -> str:
    """A model card, measured on the test split."""
    kinds = {
        "compact": "a compact network of its own, 64×64 RGB",
        "frozen": "trained heads on face-api's features, 112×112 RGB (see face-api's card)",
    }
    template = files("omote_models.training").joinpath("card.md").read_text(encoding="utf-8")
    return Template(template).substitute(
        name=manifest.name,
        file=NETWORK,
        kind=kinds[options.kind],
        date=date,
        seed=options.seed,
        best=trained.best.number,
        epochs=len(trained.epochs),
        licence=manifest.licence,
        consent=manifest.consent,
        version=manifest.version,
        faces=len(manifest.samples),
        people=len({entry.identity for entry in manifest.samples}),
        figures=_figures(test, calibration),
        fitted_on=calibration.fitted_on,
    )


def _figures(faces: list[Labelled], calibration: Calibration) -> str:
    lines = ["| | faces | age MAE | age 80 % interval | gender accuracy |", "|---|---|---|---|---|"]
    groups = [("all", faces)]
    groups += [(b.value, [f for f in faces if _band(f) is b]) for b in AgeBand]
    for name, part in groups:
        if not part:
            continue
        said, truth = aged(part)
        mae = inside = "–"
        if len(truth):
            mae = f"{float(np.abs(said @ AGES - truth).mean()):.2f} y"
            inside = f"{100 * held(calibration, said, truth):.0f} %"
        told = [((f.logit or 0.0) > 0) == f.male for f in part if f.male is not None]
        right = f"{100 * sum(told) / len(told):.1f} %" if told else "–"
        lines.append(f"| {name} | {len(part)} | {mae} | {inside} | {right} |")
    return "\n".join(lines) if faces else "There is no labelled face in it."


def _band(face: Labelled) -> AgeBand | None:
    return None if face.age is None else AgeBand.of(face.age)


def plot(epochs: list[Epoch], title: str, running: bool) -> str:
    """A page with the losses, which loads itself anew while the training runs."""
    width, height, edge = 720, 320, 40
    losses = [loss for e in epochs for loss in (e.train_loss, e.validation_loss)]
    low, high = min(losses), max(losses)
    span = max(high - low, 1e-6)

    def line(values: list[float], colour: str) -> str:
        step = (width - 2 * edge) / max(len(values) - 1, 1)
        points = " ".join(
            f"{edge + n * step:.1f},{height - edge - (v - low) / span * (height - 2 * edge):.1f}"
            for n, v in enumerate(values)
        )
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'

    last = epochs[-1]
    refresh = '<meta http-equiv="refresh" content="2">' if running else ""
    lines = line([e.train_loss for e in epochs], "#2a6fd6")
    lines += line([e.validation_loss for e in epochs], "#d0603a")
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}
<title>{html.escape(title)}</title></head>
<body style="font: 16px system-ui, sans-serif; margin: 2rem"><h1>{html.escape(title)}</h1>
<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="losses by epoch">
<rect x="{edge}" y="{edge}" width="{width - 2 * edge}" height="{height - 2 * edge}" fill="none"
stroke="#8886"/><text x="4" y="{edge + 4}" font-size="12">{high:.2f}</text>
<text x="4" y="{height - edge}" font-size="12">{low:.2f}</text>
<text x="{edge}" y="{height - 12}" font-size="12">1</text>
<text x="{width - edge - 20}" y="{height - 12}" font-size="12">{last.number}</text>{lines}</svg>
<p><span style="color:#2a6fd6">train {last.train_loss:.3f}</span>,
<span style="color:#d0603a">validation {last.validation_loss:.3f}</span>;
age error {last.validation_mae:.2f} years, gender {100 * last.validation_gender:.1f} %</p>
</body></html>
"""
