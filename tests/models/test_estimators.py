"""Estimators as data: one's own network drops in by a file, and what is wrong with it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, load, numpy_helper, save

from omote_models.calibration import AGES, Calibration, interval_of
from omote_models.demographics import DemographicsEstimator
from omote_models.describe import Describer
from omote_models.estimators import EstimatorError, find_estimator, read_estimator
from omote_models.evaluation.calibrate import Labelled, doubts, fit, held, written
from omote_models.evidence import Evidence, robust_weights
from omote_models.face import Attributes, Estimate, Face
from omote_models.networks import at_age
from omote_models.ranges import BANDS, likeliest, ranges_of
from omote_models.store import model_store
from omote_server.frames.job import Toolbox

Pixels = NDArray[np.uint8]

FILE = """\
name = "mine"
licence = "CC0-1.0"
[[networks]]
file = "mine.onnx"
side = 64
layout = "{layout}"
colours = "{colours}"
mean = [10.0, 20.0, 30.0]
scale = 1.0
crop = {{ template = "box" }}
age = {{ output = "age", kind = "{age}", first = 1 }}
gender = {{ output = "gender", kind = "logit" }}
[calibration]
fitted_on = "nothing yet"
spread = [[0, 5]]
"""


def network(
    folder: Path,
    *,
    ages: int = 1,
    value: float = 30.0,
    layout: str = "nchw",
    side: int = 64,
    gender: int = 1,
) -> Path:
    """An ONNX network: `age` is constant, `gender` the mean of the first channel as it comes."""
    shape = (1, 3, side, side) if layout == "nchw" else (1, side, side, 3)
    starts, ends = ([0, 0, 0, 0], [1, 1, side, side])
    if layout == "nhwc":
        ends = [1, side, side, 1]
    constants = [
        numpy_helper.from_array(np.full((1, ages), value, np.float32), "constant"),
        numpy_helper.from_array(np.array(starts), "starts"),
        numpy_helper.from_array(np.array(ends), "ends"),
        numpy_helper.from_array(np.zeros((1, gender), np.float32), "none"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
    ]
    nodes = [
        helper.make_node("Slice", ["picture", "starts", "ends"], ["first"]),
        helper.make_node("ReduceMean", ["first"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "none"], ["gender"]),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["constant", "nothing"], ["age"]),
    ]
    inputs = [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)]
    outputs = [
        helper.make_tensor_value_info("age", TensorProto.FLOAT, (1, ages)),
        helper.make_tensor_value_info("gender", TensorProto.FLOAT, (1, gender)),
    ]
    graph = helper.make_graph(nodes, "mine", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, str(folder / "mine.onnx"))
    return folder


def written_in(folder: Path, **parts: str) -> Path:
    values = {"layout": "nchw", "colours": "rgb", "age": "years", **parts}
    (folder / "estimator.toml").write_text(FILE.format(**values))
    return folder


def loaded(folder: Path) -> DemographicsEstimator:
    return DemographicsEstimator.load(find_estimator(str(folder)), model_store())


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize(("colours", "first"), [("rgb", 200 - 10), ("bgr", 40 - 10)])
def test_a_network_of_ones_own_drops_in(
    tmp_path: Path, astronaut_face: Face, layout: str, colours: str, first: float
) -> None:
    estimator = loaded(written_in(network(tmp_path, layout=layout), layout=layout, colours=colours))
    picture = np.full((512, 512, 3), (200, 120, 40), np.uint8)
    found = estimator.read(picture, astronaut_face.landmarks)
    assert found.ages is not None
    assert float(found.ages @ AGES) == pytest.approx(30, abs=0.01)
    assert found.male_logit == pytest.approx(min(30.0, first), abs=0.5), "clipped, and in order"


def test_its_distribution_is_read_from_its_first_age(
    tmp_path: Path, astronaut: Pixels, astronaut_face: Face
) -> None:
    estimator = loaded(written_in(network(tmp_path, ages=90, value=0.0), age="logits"))
    ages = estimator.read(astronaut, astronaut_face.landmarks).ages
    assert ages is not None
    assert ages[0] == 0
    assert ages[1:91] == pytest.approx(1 / 90, abs=1e-5)


@pytest.mark.parametrize(
    ("parts", "made", "told"),
    [
        ({}, {"side": 32}, r"shape \[1, 3, 64, 64\]"),
        ({"layout": "nhwc"}, {}, r"shape \[1, 64, 64, 3\]"),
        ({}, {"value": float("nan")}, "no number, even for a grey picture"),
        ({}, {"value": float("inf")}, "no number, even for a grey picture"),
        ({}, {"ages": 3}, "age has 3 numbers, not one age"),
        ({"age": "logits"}, {"ages": 300}, "300 numbers"),
        ({}, {"gender": 2}, "gender has 2 numbers, not the 1"),
    ],
)
def test_a_network_that_is_not_as_described_is_refused(
    tmp_path: Path, parts: dict[str, str], made: dict[str, float], told: str
) -> None:
    network(tmp_path, **made)  # type: ignore[arg-type]
    written_in(tmp_path, **parts)
    with pytest.raises(EstimatorError, match=told):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("side = 64", "side = 4", "networks.0.side"),
        ('file = "mine.onnx"', 'file = "mine.onnx"\nmodel = "face-api"', "either `model`"),
        ("spread = [[0, 5]]", "spread = [[9, 5], [3, 5]]", "must rise"),
        ("scale = 1.0", "scale = 0", "scale"),
        ('kind = "logit"', 'kind = "vibes"', "gender.kind"),
        ('output = "age"', 'output = "years"', "has no output 'years'; it has age, gender"),
        ('age = { output = "age", kind = "years", first = 1 }', "", "no network says an age"),
        ("side = 64", 'side = 64\nsha256 = "' + "0" * 64 + '"', "SHA-256"),
        ("mine.onnx", "yours.onnx", "there is no yours.onnx"),
        ("name =", "nam =", "nam: Extra"),
        ("[calibration]", "[calibration", "cannot be read"),
    ],
)
def test_what_is_wrong_with_an_estimators_file_is_said(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    folder = written_in(network(tmp_path))
    text = (folder / "estimator.toml").read_text()
    assert old in text
    (folder / "estimator.toml").write_text(text.replace(old, new))
    with pytest.raises(EstimatorError, match=told):
        loaded(folder)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"not a network")
    with pytest.raises(EstimatorError, match="no ONNX network"):
        loaded(written_in(tmp_path))


def test_weights_in_a_second_file_are_refused_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hash holds them, and ONNX Runtime would look for them in the working folder."""
    folder = written_in(network(tmp_path, ages=100), age="probabilities")
    file = str(folder / "mine.onnx")
    save(load(file), file, save_as_external_data=True, location="mine.data", size_threshold=200)
    assert (folder / "mine.data").is_file()
    monkeypatch.chdir(folder)
    with pytest.raises(EstimatorError, match="second file"):
        loaded(folder)


def test_an_estimator_that_is_not_there_is_named() -> None:
    with pytest.raises(EstimatorError, match="accurate, light, or the path"):
        find_estimator("heavy")


def test_a_network_that_says_nonsense_of_a_face_leaves_it_unknown(
    tmp_path: Path, astronaut: Pixels, astronaut_face: Face
) -> None:
    estimator = loaded(written_in(network(tmp_path)))

    class Wild:
        calibration = estimator.calibration

        def read(self, *args: object, **kwargs: object) -> object:
            # What ONNX Runtime gives is checked where it comes in.
            network = estimator.networks[0]
            network._session = _NaN(network._session)
            return estimator.read(*args, **kwargs)  # type: ignore[arg-type]

    face = Describer(Wild()).describe(  # type: ignore[arg-type]
        astronaut, [astronaut_face], 0.0, age=True, gender=True
    )[0]
    assert not face.attributes.age.known
    assert not face.attributes.gender.known


class _NaN:
    """A session whose answers are not numbers."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    def run(self, names: list[str], feed: dict[str, object]) -> list[NDArray[np.float32]]:
        return [answer * np.nan for answer in self._session.run(names, feed)]


def test_accurate_adds_a_network_and_stays_near(
    tools: Toolbox, astronaut: Pixels, astronaut_face: Face
) -> None:
    spec = find_estimator("accurate").spec
    model_store().pull_all(spec.models)
    accurate = DemographicsEstimator.load(find_estimator("accurate"), model_store())
    one = tools.estimator.read(astronaut, astronaut_face.landmarks)
    other = accurate.read(astronaut, astronaut_face.landmarks)
    assert one.ages is not None
    assert other.ages is not None
    assert 0.1 < abs(float((one.ages - other.ages) @ AGES)) < 15
    assert other.male_logit is not None
    assert other.male_logit < 0, "she is a woman"


# Ranges


def test_ranges_are_of_the_distribution_and_not_of_its_mean() -> None:
    two = np.asarray((at_age(19.0) + at_age(41.0)) / 2, np.float32)
    known = Attributes(Estimate(30.0), ages=two)
    found = {each.label: each.probability for each in ranges_of(known)}
    assert found["10-19"] == pytest.approx(0.5)
    assert found["40-49"] == pytest.approx(0.5)
    assert found["30-39"] == 0
    assert sum(found.values()) == pytest.approx(1)
    assert [each.label for each in ranges_of(known, (0, 18, 65))] == ["0-17", "18-64", "65+"]


def test_ranges_of_a_declared_age_and_of_an_unknown_one() -> None:
    declared = Attributes(Estimate.declared(17.9))
    assert [r.probability for r in ranges_of(declared, (0, 18))] == [1, 0]
    assert ranges_of(Attributes()) == []
    assert likeliest(Attributes()) is None
    found = likeliest(Attributes(Estimate(64.0), ages=at_age(64.0)), BANDS)
    assert found is not None
    assert found.label == "60+"


@pytest.mark.parametrize("edges", [(), (5, 5), (9, 3), (0, 120), (-1, 3), tuple(range(40))])
def test_ranges_that_make_no_sense_are_refused(edges: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"rise|between|first years"):
        ranges_of(Attributes(), edges)


# Evidence and calibration


def test_one_wild_reading_hardly_counts() -> None:
    weights = robust_weights(np.array([30, 31, 29, 30, 75], np.float32), 2.0)
    assert weights[:4].min() == 1
    assert weights[4] < 0.1


def test_intervals_shrink_with_evidence_and_not_to_nothing() -> None:
    made = Calibration(fitted_on="x", spread=((0, 8),), shared=0.8)
    widths = [np.ptp(interval_of(made.blurred(at_age(40), n))) for n in (1, 4, 16, 1000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] > 0.85 * widths[0]


def test_the_wildest_logits_are_probabilities() -> None:
    made = Calibration(fitted_on="x", spread=((0, 8),), temperature=0.1)
    assert made.male_probability(1e6) == pytest.approx(1)
    assert made.male_probability(-1e6) == pytest.approx(0)


def synthetic(count: int, spread: float, temperature: float) -> list[Labelled]:
    chance = np.random.default_rng(11)
    faces = []
    for years in chance.uniform(15, 60, count):
        logit = float(chance.normal(0, 3))
        male = bool(chance.random() < 1 / (1 + np.exp(-logit)))
        said = float(years + chance.normal(0, spread))
        faces.append(Labelled(at_age(said), logit * temperature, float(years), male))
    return faces


def test_a_fit_finds_what_was_put_in() -> None:
    made = fit(synthetic(900, 5.0, 2.0), shared=0.9, fitted_on="synthetic", date="2026-11-25")
    assert made.temperature == pytest.approx(2.0, rel=0.2)
    assert float(made.spread_at(35.0)) == pytest.approx(5.0, rel=0.2)
    fresh = synthetic(500, 5.0, 2.0)[250:]
    said = np.stack([face.ages for face in fresh])
    truth = np.array([face.age for face in fresh], np.float32)
    assert 0.72 < held(made, said, truth) < 0.88
    assert made.fitted_on == "synthetic, 900 faces"


def test_a_fit_needs_faces_and_both_genders() -> None:
    with pytest.raises(ValueError, match="too few"):
        fit(synthetic(30, 5.0, 2.0), shared=0.9, fitted_on="x", date="")
    only_men = [Labelled(f.ages, f.logit, f.age, True) for f in synthetic(100, 5.0, 2.0)]
    assert fit(only_men, shared=0.9, fitted_on="x", date="").temperature == 1.0


def test_a_fit_that_ran_into_its_limits_is_doubted() -> None:
    honest = synthetic(900, 5.0, 2.0)
    assert doubts(fitted(honest), honest) == []
    lost = [replace(f, ages=at_age(90.0 - (f.age or 0))) for f in synthetic(400, 1.0, 2.0)]
    assert any("limit of 30 years" in doubt for doubt in doubts(fitted(lost), lost))
    exact = synthetic(400, 0.0, 2.0)
    assert any("hold 100 %" in doubt for doubt in doubts(fitted(exact), exact))
    sure = [replace(f, logit=0.1 if f.male else -0.1) for f in honest]
    assert any("limit of 0.3" in doubt for doubt in doubts(fitted(sure), sure))
    boastful = [replace(f, logit=20.0 if n % 2 else -20.0) for n, f in enumerate(honest)]
    assert any("limit of 6" in doubt for doubt in doubts(fitted(boastful), boastful))


def fitted(faces: list[Labelled]) -> Calibration:
    return fit(faces, shared=0.9, fitted_on="synthetic", date="2026-11-25")


def test_a_fitted_estimator_is_written_and_read_again(tmp_path: Path) -> None:
    folder = written_in(network(tmp_path))
    file = folder / "estimator.toml"
    made = fit(synthetic(100, 5.0, 2.0), shared=0.9, fitted_on='a "set"', date="2026-11-25")
    file.write_text(written(file.read_text(), made))
    assert read_estimator(file).spec.calibration.spread == made.spread
    assert read_estimator(file).spec.networks[0].side == 64


def test_a_shown_gender_does_not_flip_at_the_edge() -> None:
    from omote_models.demographics import Reading

    evidence = Evidence(Calibration(fitted_on="x", spread=((0, 5),), temperature=0.2))
    chance = np.random.default_rng(2)
    shown = []
    for _ in range(60):
        evidence.add(Reading(at_age(30), float(chance.normal(0.25, 0.2))))
        shown.append(evidence.attributes().gender.value)
    genders = [g for g in shown if g is not None]
    assert genders
    assert len(set(genders)) == 1
