"""One convention for ages: time lived, in years, and whole years are completed ones."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from omote_models.calibration import AGES, Calibration, interval_of, lived
from omote_models.demographics import Reading
from omote_models.describe import Describer
from omote_models.estimators import find_estimator
from omote_models.evaluation.answers import Answer
from omote_models.evaluation.figures import evaluate
from omote_models.evaluation.samples import Sample
from omote_models.evidence import Evidence
from omote_models.face import AgeBand, Attributes, Box, Declared, Estimate, Face
from omote_models.networks import at_age
from omote_models.ranges import BANDS, DECADES, likeliest, ranges_of

LIGHT = find_estimator("light").spec.calibration
SHARP = Calibration(fitted_on="nothing", spread=((0, 0.1),))
BORDERS = (13, 18, 20, 36, 60)


def declared(age: float) -> Attributes:
    class Nobody:
        calibration = LIGHT

    picture, points = np.zeros((8, 8, 3), np.uint8), np.zeros((478, 3), np.float32)
    describer = Describer(Nobody(), Declared(age=age))  # type: ignore[arg-type]
    face = Face("a", Box(0, 0, 1, 1), points)
    return describer.describe(picture, [face], 0.0, age=False, gender=False)[0].attributes


def estimated(age: float, calibration: Calibration = LIGHT) -> Attributes:
    evidence = Evidence(calibration)
    evidence.add(Reading(at_age(age)))
    return evidence.attributes()


def from_18(attributes: Attributes) -> float:
    return ranges_of(attributes, (0, 18))[1].probability


def test_seventeen_and_a_half_is_a_minor_however_it_is_known() -> None:
    said = declared(17.6)
    assert said.maybe_minor
    assert from_18(said) == 0
    assert said.age_band.value is AgeBand.TEENAGER
    for calibration in (LIGHT, SHARP):
        seen = estimated(17.6, calibration)
        assert seen.age.value == pytest.approx(17.6, abs=1e-3)
        assert seen.maybe_minor
        assert from_18(seen) < 0.5
    assert from_18(Attributes(Estimate(17.6), ages=at_age(17.6))) == pytest.approx(0.1, abs=1e-3)


def test_who_has_had_the_eighteenth_birthday_is_none() -> None:
    for known in (declared(18.0), declared(18.4), estimated(18.4), estimated(18.4, SHARP)):
        assert not known.maybe_minor
        assert from_18(known) > 0.5


@pytest.mark.parametrize("calibration", [LIGHT, SHARP])
def test_being_of_age_becomes_likelier_year_by_year(calibration: Calibration) -> None:
    seen = [estimated(float(age), calibration) for age in np.arange(1, 80, 0.1)]
    chances = [from_18(each) for each in seen]
    assert all(after >= before - 1e-6 for before, after in pairwise(chances))
    minors = [each.maybe_minor for each in seen]
    assert all(minor for minor, chance in zip(minors, chances, strict=True) if chance < 0.5)
    assert minors == sorted(minors, reverse=True), "who is one stops being one once"
    apart = [
        abs(each.age.value - 18)
        for each, chance in zip(seen, chances, strict=True)
        if each.age.value is not None and each.maybe_minor != (chance < 0.5)
    ]
    assert max(apart, default=0) < 0.3, "they part only where it is a toss-up"


def test_a_mean_above_18_does_not_hide_that_most_of_it_is_below() -> None:
    ages = np.asarray(0.6 * at_age(15) + 0.4 * at_age(60), np.float32)
    assert Attributes(Estimate(33.0), ages=ages).maybe_minor


@pytest.mark.parametrize("border", BORDERS)
def test_bands_and_ranges_change_on_the_birthday(border: int) -> None:
    edges = sorted({0, *BORDERS})
    before, after = border - 0.001, float(border)
    for age, wanted in ((before, border - 1), (after, border), (border - 0.5, border - 1)):
        band = AgeBand.of(wanted)
        assert AgeBand.of(age) is band
        assert declared(age).age_band.value is band
        found = likeliest(declared(age), edges)
        assert found is not None
        assert found.first <= wanted
        assert found.last is None or wanted <= found.last
    for age, wanted in ((border - 0.5, border - 1), (border + 0.5, border)):
        seen = estimated(age, SHARP)
        assert seen.age_band.value is AgeBand.of(wanted)
        found = likeliest(seen, BANDS)
        assert found is not None
        assert found.first == AgeBand.of(wanted).first_year
        assert found.probability > 0.95


def test_a_class_is_a_year_of_life_and_lies_in_its_middle() -> None:
    for year in (0, 17, 59, 99):
        ages = np.zeros(len(AGES), np.float32)
        ages[year] = 1
        assert float(ages @ AGES) == year + 0.5
        low, high = interval_of(ages)
        assert (low, high) == pytest.approx((year + 0.1, year + 0.9))
        found = likeliest(Attributes(Estimate(year + 0.5), ages=ages), DECADES)
        assert found is not None
        assert found.first == year // 10 * 10


def test_a_label_of_whole_years_means_completed_ones() -> None:
    assert lived(17.0) == 17.5
    assert lived(17.25) == 17.25
    assert np.isnan(lived(float("nan")))


@pytest.mark.parametrize(("label", "said"), [(17.0, 17.5), (17.25, 17.25)])
def test_an_evaluation_compares_time_lived(label: float, said: float) -> None:
    sample = Sample(Path("a.png"), (label, label))
    answer = Answer("a.png", years=said, low=said - 0.1, high=said + 0.1, faces=1)
    figures = evaluate([(sample, answer)], exact=True).rows[0].figures
    assert figures["age MAE"].value == pytest.approx(0, abs=1e-4)
    assert figures["age bias"].value == pytest.approx(0, abs=1e-4)
    assert figures["age 80 % interval"].value == 1
    assert figures["age band exact"].value == 1
