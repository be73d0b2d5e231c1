"""A whole training on drawn people: it learns, is resumed, and is used by --estimator at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install 'omote[train]'")

import numpy as np
import torch
from numpy.typing import NDArray
from people import crowd, person
from typer.testing import CliRunner

from omote_models.calibration import AGES
from omote_models.datasets.build import BuildOptions, build
from omote_models.datasets.manifest import ManifestProblem, read_manifest, write_manifest
from omote_models.demographics import DemographicsEstimator
from omote_models.estimators import find_estimator
from omote_models.face import Face, Gender
from omote_models.store import model_store
from omote_models.training.export import PLOT
from omote_models.training.faces import cut
from omote_models.training.loop import CHECKPOINT, Epoch, TrainOptions, losses
from omote_models.training.run import Outcome, train_estimator
from omote_server.cli import app

Pixels = NDArray[np.uint8]
QUICK = TrainOptions(kind="frozen", epochs=25, patience=25, views=3, batch=32, rate=4e-3)
run = CliRunner()


def no_video(path: Path) -> Iterator[tuple[float, Pixels]]:
    raise AssertionError(path)


@pytest.fixture(scope="module")
def faces(
    tmp_path_factory: pytest.TempPathFactory,
    astronaut: Pixels,
    astronaut_face: Face,
    face_model: bytes,
) -> Path:
    """240 faces of 120 people."""
    folder = tmp_path_factory.mktemp("training")
    photos = crowd(folder / "photos", astronaut, astronaut_face, people=120)
    options = BuildOptions("drawn people", "CC0-1.0, drawn", "nobody exists", date="2026-11-25")
    build([photos], folder / "set", face_model, no_video, options)
    return folder / "set"


def trained(faces: Path, out: Path, options: TrainOptions = QUICK) -> Outcome:
    return train_estimator(
        faces, out, model_store(), options, "2026-11-25", lambda split: None, lambda epochs: None
    )


@pytest.mark.parametrize(
    "options",
    [QUICK, replace(QUICK, kind="compact", epochs=20, patience=20)],
    ids=lambda options: options.kind,
)
def test_it_learns_and_is_an_estimator_at_once(
    options: TrainOptions,
    faces: Path,
    tmp_path: Path,
    astronaut: Pixels,
    astronaut_face: Face,
) -> None:
    outcome = trained(faces, tmp_path / "mine", options)
    assert sum(outcome.faces.values()) > 200
    assert outcome.best.validation_loss < 0.95 * outcome.epochs[0].validation_loss
    found = find_estimator(str(tmp_path / "mine"))
    assert found.spec.licence == "CC0-1.0, drawn"
    estimator = DemographicsEstimator.load(found, model_store())
    if options.kind == "frozen":
        assert outcome.best.validation_gender > 0.8
        said = {}
        for male in (False, True):
            # The rest of the portrait is not cut away, so that the landmarks fit.
            pixels = astronaut.copy()
            part = person(astronaut, astronaut_face, 30, male, 777)
            x, y = (int(v) for v in astronaut_face.box.centre)
            top, left = max(0, y - 150), max(0, x - 150)
            pixels[top : top + part.shape[0], left : left + part.shape[1]] = part
            said[male] = estimator.read(pixels, astronaut_face.landmarks).male_logit or 0.0
        assert said[True] > said[False]
    card = (tmp_path / "mine" / "card.md").read_text()
    assert "nobody exists" in card
    assert any("too few to fit a calibration" in warning for warning in outcome.warnings)
    assert re.search(r"\| all \| \d+ \| [\d.]+ y \|", card)
    assert "$" not in card
    page = (tmp_path / "mine" / PLOT).read_text()
    assert "polyline" in page
    assert "http-equiv" not in page, "it is over"
    assert not list((tmp_path / "mine").glob("*.part"))


def test_stopped_and_started_again_it_comes_to_the_same(faces: Path, tmp_path: Path) -> None:
    options = replace(QUICK, epochs=6, views=2)
    whole = trained(faces, tmp_path / "whole", options)

    class Stopped(Exception):
        pass

    def stop(epochs: list[Epoch]) -> None:
        if len(epochs) == 3:
            raise Stopped

    broken = tmp_path / "broken"
    with pytest.raises(Stopped):
        train_estimator(
            faces, broken, model_store(), options, "2026-11-25", lambda split: None, stop
        )
    assert not (broken / "estimator.toml").exists(), "nothing half-done is offered"
    resumed = trained(faces, broken, options)
    for one, other in zip(whole.epochs, resumed.epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-4)


def test_a_checkpoint_of_something_else_is_not_touched(faces: Path, tmp_path: Path) -> None:
    options = replace(QUICK, epochs=2, views=1)
    trained(faces, tmp_path / "mine", options)
    before = (tmp_path / "mine" / CHECKPOINT).read_bytes()
    with pytest.raises(ManifestProblem, match="other faces or options"):
        trained(faces, tmp_path / "mine", replace(options, seed=9))
    assert (tmp_path / "mine" / CHECKPOINT).read_bytes() == before
    (tmp_path / "mine" / CHECKPOINT).write_bytes(b"damaged")
    with pytest.raises(ManifestProblem, match="damaged"):
        trained(faces, tmp_path / "mine", options)


def relabelled(faces: Path, place: Path, gender: Gender | None, age: float | None) -> Path:
    import shutil

    shutil.copytree(faces, place)
    manifest = read_manifest(place)
    for entry in manifest.samples:
        entry.gender = gender
        entry.age = age if age is not None else entry.age
    write_manifest(place, manifest)
    return place


def test_one_class_teaches_nothing(faces: Path, tmp_path: Path) -> None:
    men = relabelled(faces, tmp_path / "men", Gender.MALE, None)
    with pytest.raises(ManifestProblem, match="every labelled face is male"):
        trained(men, tmp_path / "out")
    peers = relabelled(faces, tmp_path / "peers", None, 30.0)
    with pytest.raises(ManifestProblem, match="young and old"):
        trained(peers, tmp_path / "out")
    assert not (tmp_path / "out" / "estimator.toml").exists()


def test_without_genders_it_says_ages_only(faces: Path, tmp_path: Path) -> None:
    place = relabelled(faces, tmp_path / "set", None, None)
    trained(place, tmp_path / "mine", replace(QUICK, epochs=2, views=1))
    (network,) = find_estimator(str(tmp_path / "mine")).spec.networks
    assert network.gender is None
    assert network.age is not None


def test_faces_are_varied_and_keep_their_place(faces: Path, face_model: bytes) -> None:
    part = cut(faces, read_manifest(faces), "validation", 64, face_model)
    assert len(part) > 10
    chance = np.random.default_rng(1)
    plain = part.plain(0)
    varied = [part.varied(0, chance) for _ in range(12)]
    assert all(v.shape == plain.shape == (64, 64, 3) for v in varied)
    assert all(not np.array_equal(v, plain) for v in varied)
    apart = [abs(float(v.mean()) - float(plain.mean())) for v in varied]
    assert max(apart) < 90
    again = np.random.default_rng(1)
    assert np.array_equal(part.varied(0, again), varied[0]), "seeded"


def test_a_face_counts_for_what_it_is_labelled_with() -> None:
    ages = torch.zeros(2, len(AGES), requires_grad=True)
    males = torch.zeros(2, requires_grad=True)
    nan = float("nan")
    total = losses(ages, males, np.array([30, nan], np.float32), np.array([nan, 1], np.float32))
    total.backward()  # type: ignore[no-untyped-call]
    assert ages.grad is not None
    assert males.grad is not None
    assert ages.grad[0].abs().sum() > 0
    assert ages.grad[1].abs().sum() == 0
    assert males.grad.tolist() == [0, -0.5]


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    wrong = run.invoke(app, ["train", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")])
    assert wrong.exit_code == 1
    assert "omote dataset build" in wrong.stderr
    assert not (tmp_path / "out").exists()
