"""The training itself: seeded, resumed where it was stopped, ended when it learns no more."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from omote_models.calibration import AGES
from omote_models.datasets.manifest import ManifestProblem
from omote_models.face import FloatArray
from omote_models.training.faces import TrainingFaces, shuffled
from omote_models.training.network import Compact, Heads

Kind = Literal["compact", "frozen"]
Scale = Callable[[FloatArray], FloatArray]
"""Pictures, (n, 3, side, side) float32 of 0 to 255, as the network takes them."""

FEWEST_FACES = 40
CHECKPOINT = "checkpoint.pt"
_SOFT_YEARS = 2.5
"""A label of 30 says something of 29 and 31: classes share it as a normal distribution does."""
_MEAN_WEIGHT = 0.05
_GENDER_WEIGHT = 1.0
_LEAST_BETTER = 1e-3
_CLIP = 5.0


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How it is trained.

    Attributes:
        kind: "compact": a small network of its own; "frozen": heads on face-api's features.
        epochs: at most.
        patience: epochs without a better validation loss after which it ends.
        batch: faces.
        rate: of learning, at its highest.
        views: how many varied views of each face a frozen trunk is shown.
        seed: of everything that is random.
    """

    kind: Kind = "frozen"
    epochs: int = 60
    patience: int = 12
    batch: int = 48
    rate: float = 2e-3
    views: int = 6
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Epoch:
    """One round over all faces."""

    number: int
    train_loss: float
    validation_loss: float
    validation_mae: float
    validation_gender: float
    best: bool


@dataclass(slots=True)
class Trained:
    """The best network, and how it came about."""

    network: nn.Module
    epochs: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch:
        """The epoch that the network is of."""
        return [epoch for epoch in self.epochs if epoch.best][-1]


def check_faces(train: TrainingFaces, validation: TrainingFaces) -> None:
    """Whether there is something to learn.

    Raises:
        ManifestProblem: too few faces, or all alike.
    """
    for name, part in (("train", train), ("validation", validation)):
        least = FEWEST_FACES if name == "train" else 4
        if len(part) < least:
            raise ManifestProblem(
                f"{len(part)} labelled faces to {name} with are too few; {least} are needed"
            )
    ages = train.ages[np.isfinite(train.ages)]
    if len(ages) < FEWEST_FACES or float(np.ptp(ages)) < 5:
        raise ManifestProblem(
            f"the ages of {len(ages)} faces cannot teach much: label at least {FEWEST_FACES}, "
            "young and old"
        )
    males = train.males[np.isfinite(train.males)]
    if len(males) and len(set(males.tolist())) == 1:
        only = "male" if males[0] else "female"
        raise ManifestProblem(
            f"every labelled face is {only}: a network would say so of everybody; label others, "
            "too, or no gender at all"
        )


def train(
    faces: TrainingFaces,
    validation: TrainingFaces,
    options: TrainOptions,
    scaled: Scale,
    trunk: tuple[Callable[[FloatArray], FloatArray], int] | None,
    out: Path,
    on_epoch: Callable[[list[Epoch]], None],
) -> Trained:
    """Train on faces that `check_faces` let pass; a checkpoint in `out` after every epoch.

    A checkpoint of the same faces and options is gone on with; any other is not touched.

    Raises:
        ManifestProblem: the loss is no number, or a checkpoint of something else is in the way.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(options.seed)
    source = _Views(faces, options, scaled, trunk)
    network: nn.Module = Heads(trunk[1]) if trunk else Compact()
    network.to(device)
    steps = max(1, math.ceil(len(source) / options.batch))
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.rate, total_steps=steps * options.epochs + 1, pct_start=0.15
    )
    state = _State(network, optimiser, schedule)
    key = _key(faces, validation, options)
    checkpoint = out / CHECKPOINT
    state.resume(checkpoint, key)
    held = source.plain(validation)
    for number in range(len(state.epochs) + 1, options.epochs + 1):
        if state.tired(options.patience):
            break
        chance = np.random.default_rng((options.seed, number))
        torch.manual_seed(options.seed * 100_003 + number)
        loss = _epoch(state, source, options.batch, chance, device)
        state.judge(number, loss, held, validation, device)
        state.save(checkpoint, key)
        on_epoch(state.epochs)
    network.load_state_dict(state.best)
    network.to("cpu").eval()
    return Trained(network, state.epochs)


class _Views:
    """What the network is shown: pictures, or a frozen trunk's features of them."""

    def __init__(
        self,
        faces: TrainingFaces,
        options: TrainOptions,
        scaled: Scale,
        trunk: tuple[Callable[[FloatArray], FloatArray], int] | None,
    ) -> None:
        self._faces = faces
        self._scaled = scaled
        self._trunk = trunk
        self._features: list[FloatArray] = []
        if trunk is not None:
            # The trunk does not learn, so what it says of a view never changes.
            chance = np.random.default_rng((options.seed, 0))
            for view in range(options.views):
                numbers = range(len(faces))
                shown = [faces.varied(n, chance) if view else faces.plain(n) for n in numbers]
                self._features.append(trunk[0](self._batch(shown)))

    def __len__(self) -> int:
        return len(self._faces)

    def batches(
        self, size: int, chance: np.random.Generator
    ) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """Inputs, ages and males, in an order of chance."""
        for numbers in shuffled(len(self._faces), size, chance):
            ages, males = self._faces.ages[numbers], self._faces.males[numbers]
            if self._features:
                views = chance.integers(0, len(self._features), len(numbers))
                rows = [self._features[v][n] for v, n in zip(views, numbers, strict=True)]
                yield np.stack(rows), ages, males
            else:
                shown = [self._faces.varied(int(n), chance) for n in numbers]
                yield self._batch(shown), ages, males

    def plain(self, faces: TrainingFaces) -> FloatArray:
        """Other faces as they are."""
        batch = self._batch([faces.plain(n) for n in range(len(faces))])
        return self._trunk[0](batch) if self._trunk else batch

    def _batch(self, pictures: list[Any]) -> FloatArray:
        stacked = np.stack(pictures).astype(np.float32).transpose(0, 3, 1, 2)
        return self._scaled(np.ascontiguousarray(stacked))


class _State:
    def __init__(self, network: nn.Module, optimiser: Any, schedule: Any) -> None:
        self.network = network
        self.optimiser = optimiser
        self.schedule = schedule
        self.epochs: list[Epoch] = []
        self.best = _copy(network)

    def tired(self, patience: int) -> bool:
        best = max((epoch.number for epoch in self.epochs if epoch.best), default=0)
        return len(self.epochs) - best >= patience

    def judge(
        self,
        number: int,
        loss: float,
        held: FloatArray,
        faces: TrainingFaces,
        device: torch.device,
    ) -> None:
        """Measure on faces that it does not learn from."""
        self.network.eval()
        with torch.no_grad():
            ages, males = self.network(torch.from_numpy(held).to(device))
            validation = float(losses(ages, males, faces.ages, faces.males))
        if not math.isfinite(validation + loss):
            raise ManifestProblem("the loss is no number any more: try a lower --rate")
        years = torch.softmax(ages, 1).cpu().numpy() @ AGES
        known = np.isfinite(faces.ages)
        mae = float(np.abs(years - faces.ages)[known].mean()) if known.any() else math.nan
        told = np.isfinite(faces.males)
        right = (males.cpu().numpy() > 0) == (faces.males > 0.5)
        gender = float(right[told].mean()) if told.any() else math.nan
        before = min((e.validation_loss for e in self.epochs), default=math.inf)
        best = validation < before - _LEAST_BETTER
        if best:
            self.best = _copy(self.network)
        self.epochs.append(Epoch(number, loss, validation, mae, gender, best))

    def save(self, path: Path, key: str) -> None:
        """Put a checkpoint into place whole, or not at all."""
        beside = path.with_suffix(".part")
        values = {
            "key": key,
            "network": self.network.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }
        torch.save(values, beside)
        beside.replace(path)

    def resume(self, path: Path, key: str) -> None:
        if not path.is_file():
            return
        try:
            values = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a damaged archive raises
            raise ManifestProblem(f"{path} is damaged; remove it: {error}") from None
        if values.get("key") != key:
            raise ManifestProblem(
                f"{path} is of other faces or options; give another --out, or remove it"
            )
        self.network.load_state_dict(values["network"])
        self.best = values["best"]
        self.optimiser.load_state_dict(values["optimiser"])
        self.schedule.load_state_dict(values["schedule"])
        self.epochs = [Epoch(**epoch) for epoch in values["epochs"]]


def _epoch(
    state: _State,
    source: _Views,
    size: int,
    chance: np.random.Generator,
    device: torch.device,
) -> float:
    state.network.train()
    total, count = 0.0, 0
    for inputs, ages, males in source.batches(size, chance):
        state.optimiser.zero_grad()
        said_age, said_male = state.network(torch.from_numpy(inputs).to(device))
        loss = losses(said_age, said_male, ages, males)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(state.network.parameters(), _CLIP)
        state.optimiser.step()
        state.schedule.step()
        total, count = total + float(loss.detach()) * len(inputs), count + len(inputs)
    return total / max(count, 1)


def losses(
    ages: torch.Tensor, males: torch.Tensor, true_ages: FloatArray, true_males: FloatArray
) -> torch.Tensor:
    """Of both tasks; a face counts for those that it has a label of.

    Age: cross entropy with a soft label, and the error of the mean (after Pan et al., "Mean-
    variance loss for deep age estimation", 2018). Gender: binary cross entropy.
    """
    device = ages.device
    total = ages.sum() * 0
    known = np.isfinite(true_ages)
    if known.any():
        apart = (AGES[None] - true_ages[known, None]) / _SOFT_YEARS
        soft = np.exp(-0.5 * apart**2)
        soft /= soft.sum(axis=1, keepdims=True)
        wanted = torch.from_numpy(soft.astype(np.float32)).to(device)
        picked = ages[torch.from_numpy(known).to(device)]
        logged = torch.log_softmax(picked, 1)
        total = total - (wanted * logged).sum(1).mean()
        mean = logged.exp() @ torch.from_numpy(AGES).to(device)
        target = torch.from_numpy(true_ages[known]).to(device)
        total = total + _MEAN_WEIGHT * (mean - target).abs().mean()
    told = np.isfinite(true_males)
    if told.any():
        picked = males[torch.from_numpy(told).to(device)]
        target = torch.from_numpy(true_males[told]).to(device)
        total = total + _GENDER_WEIGHT * nn.functional.binary_cross_entropy_with_logits(
            picked, target
        )
    return total


def _copy(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _key(faces: TrainingFaces, validation: TrainingFaces, options: TrainOptions) -> str:
    digest = hashlib.sha256(json.dumps(asdict(options), sort_keys=True).encode())
    for part in (faces, validation):
        for array in (part.pictures, part.ages, part.males):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
