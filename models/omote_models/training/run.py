"""A whole training: from a data set's folder to an estimator's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from omote_models.datasets.balance import warnings
from omote_models.datasets.manifest import SPLITS, read_manifest
from omote_models.estimators import NetworkSpec
from omote_models.face import FloatArray
from omote_models.networks import Network
from omote_models.store import Store
from omote_models.training.export import (
    CARD,
    NETWORK,
    PLOT,
    calibrated,
    card,
    check_export,
    compact_spec,
    describe,
    frozen_spec,
    labelled,
    onnx_of,
    plot,
    trunk_of,
)
from omote_models.training.faces import TrainingFaces, cut
from omote_models.training.loop import Epoch, Scale, TrainOptions, check_faces, train
from omote_models.training.network import features_of

_CHECKED = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to, on how many faces, and what makes its figures doubtful."""

    epochs: list[Epoch]
    faces: dict[str, int]
    best: Epoch
    warnings: list[str]


def train_estimator(
    folder: Path,
    out: Path,
    store: Store,
    options: TrainOptions,
    date: str,
    on_faces: Callable[[str], None],
    on_epoch: Callable[[list[Epoch]], None],
) -> Outcome:
    """Train on a data set, and write the estimator when it is done.

    Raises:
        ManifestProblem: the data set is wrong, or there is nothing to learn from it.
        StoreError: a model is not in the cache.
        ArithmeticError: the exported network does not say what the trained one says.
    """
    manifest = read_manifest(folder)
    trunk = trunk_of(store) if options.kind == "frozen" else None
    spec = frozen_spec(trunk) if trunk else compact_spec()
    parts: dict[str, TrainingFaces] = {}
    for split in SPLITS:
        on_faces(split)
        parts[split] = cut(folder, manifest, split, spec.side, store.read("face_landmarker"))
    check_faces(parts["train"], parts["validation"])
    run, features, count = features_of(trunk.network) if trunk else (None, "", 0)
    out.mkdir(parents=True, exist_ok=True)

    def show(epochs: list[Epoch], *, running: bool) -> None:
        page = plot(epochs, f"{manifest.name}, {options.kind}", running=running)
        (out / PLOT).write_text(page, encoding="utf-8")

    def told(epochs: list[Epoch]) -> None:
        show(epochs, running=True)
        on_epoch(epochs)

    scaled = _scale(spec)
    trained = train(
        parts["train"],
        parts["validation"],
        options,
        scaled,
        (run, count) if run is not None else None,
        out,
        told,
    )
    # What is exported appears whole: a network beside another one's description would be wrong.
    beside = out / f"{NETWORK}.part"
    exported = onnx_of(trained, trunk, features)
    beside.write_bytes(exported)
    network, held = Network(spec, exported), parts["validation"]
    batch = scaled(_first(held))
    check_export(network, trained, batch, run(batch) if run is not None else batch)
    calibration, doubted = calibrated(labelled(network, held), manifest.name, date)
    test = labelled(network, parts["test"])
    text = card(manifest, options, trained, calibration, test, date)
    beside.replace(out / NETWORK)
    (out / CARD).write_text(text, encoding="utf-8")
    genders = bool(np.isfinite(parts["train"].males).any())
    describe(out, manifest, spec, calibration, genders)
    show(trained.epochs, running=False)
    return Outcome(
        trained.epochs,
        {name: len(part) for name, part in parts.items()},
        trained.best,
        [*warnings(manifest.samples), *doubted],
    )


def device_name() -> str:
    """What it is trained on."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "this machine's CPU"


def _first(faces: TrainingFaces) -> FloatArray:
    """A few faces as they are, (n, 3, side, side) float32."""
    some = [faces.plain(n) for n in range(min(_CHECKED, len(faces)))]
    return np.ascontiguousarray(np.stack(some).astype(np.float32).transpose(0, 3, 1, 2))


def _scale(spec: NetworkSpec) -> Scale:
    mean = np.array(spec.mean, np.float32).reshape(1, 3, 1, 1)

    def scaled(batch: FloatArray) -> FloatArray:
        return np.asarray((batch - mean) / np.float32(spec.scale), np.float32)

    return scaled
