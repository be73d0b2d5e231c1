"""Fits an estimator's calibration to labelled answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote_models.calibration import AGES, Calibration, interval_of
from omote_models.face import FloatArray

FEWEST = 50
"""Faces that a fit needs."""
_KNOTS = (0.0, 10.0, 18.0, 28.0, 45.0, 62.0, 100.0)
_REACH_YEARS = 6.0
_LEAST_SPREAD, _MOST_SPREAD = 1.0, 30.0
_PRIOR = 8.0
"""So many faces' worth of the average spread stands in where there are few of an age."""
_HELD = 0.8
_GENDER_FROM = 13.0
_TEMPERATURES = np.geomspace(0.3, 6.0, 120)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was said of a face and what is true.

    Attributes:
        ages: (101,) the uncalibrated distribution over `AGES`.
        logit: uncalibrated log odds of male, None where it was not said.
        age: in years, None where it is not labelled to the year.
        male: None where it is not labelled.
    """

    ages: FloatArray
    logit: float | None
    age: float | None
    male: bool | None


def fit(faces: Sequence[Labelled], *, shared: float, fitted_on: str, date: str) -> Calibration:
    """The calibration under which 80 % intervals hold 80 % and gender's confidence is honest.

    Gender's temperature is the one of greatest likelihood on faces of 13 and older (Guo et al.,
    "On calibration of modern neural networks", 2017); the spread is the local deviation of the
    errors, scaled until the intervals hold what they should.

    Raises:
        ValueError: there are fewer than 50 faces with an age.
    """
    aged = [(face.ages, face.age) for face in faces if face.age is not None]
    if len(aged) < FEWEST:
        raise ValueError(f"{len(aged)} faces with an exact age are too few; {FEWEST} are needed")
    said = np.stack([ages for ages, _ in aged])
    truth = np.array([age for _, age in aged], np.float32)
    spread = _spread(said, truth)
    made = Calibration(
        fitted_on=f"{fitted_on}, {len(aged)} faces",
        date=date,
        spread=_knots(spread),
        temperature=_temperature(faces),
        shared=shared,
    )
    scale = _scale(made, said, truth)
    return made.model_copy(update={"spread": _knots(spread * scale)})


def _spread(said: FloatArray, truth: FloatArray) -> NDArray[np.float64]:
    """The deviation of the errors about each knot, beyond that of the distribution itself."""
    years = said @ AGES
    own = np.maximum(said @ AGES**2 - years**2, 0)
    beyond = (truth - years) ** 2 - own
    overall = max(float(beyond.mean()), _LEAST_SPREAD**2)
    near = np.exp(-0.5 * ((years[:, None] - np.array(_KNOTS)) / _REACH_YEARS) ** 2)
    local = (beyond @ near + _PRIOR * overall) / (near.sum(axis=0) + _PRIOR)
    # Nobody is easier to read for being older; where few are old, what is younger speaks.
    rising = np.maximum.accumulate(np.maximum(local, _LEAST_SPREAD**2))
    return np.asarray(np.sqrt(rising), np.float64)


def _knots(spread: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    kept = np.clip(spread, _LEAST_SPREAD, _MOST_SPREAD)
    return tuple((age, round(float(value), 2)) for age, value in zip(_KNOTS, kept, strict=True))


def _scale(made: Calibration, said: FloatArray, truth: FloatArray) -> float:
    low, high = 0.2, 4.0
    base = np.array([value for _, value in made.spread])
    for _ in range(12):
        middle = (low + high) / 2
        tried = made.model_copy(update={"spread": _knots(base * middle)})
        # A copy keeps what the original had worked out already.
        tried = Calibration.model_validate(tried.model_dump())
        if held(tried, said, truth) < _HELD:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def held(calibration: Calibration, said: FloatArray, truth: FloatArray) -> float:
    """The share of true ages inside the 80 % intervals of one reading."""
    inside = 0
    for ages, age in zip(said, truth, strict=True):
        low, high = interval_of(calibration.blurred(ages))
        inside += low <= age <= high
    return inside / len(truth)


def _temperature(faces: Sequence[Labelled]) -> float:
    known = [
        (face.logit, face.male)
        for face in faces
        if face.logit is not None
        and face.male is not None
        and (face.age is None or face.age >= _GENDER_FROM)
    ]
    if len(known) < FEWEST or len({male for _, male in known}) < 2:
        return 1.0
    logits = np.array([logit for logit, _ in known])
    signs = np.where([male for _, male in known], 1.0, -1.0)
    losses = [np.logaddexp(0, -signs * logits / t).mean() for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def written(estimator: str, calibration: Calibration) -> str:
    """An estimator's file, as text, with another calibration."""
    before = re.split(r"(?m)^\[calibration\]", estimator, maxsplit=1)[0].rstrip()
    knots = ", ".join(f"[{age:g}, {value:g}]" for age, value in calibration.spread)
    fitted_on = calibration.fitted_on.replace("\\", "/").replace('"', "'")
    return (
        f"{before}\n\n[calibration]\n"
        f'fitted_on = "{fitted_on}"\n'
        f'date = "{calibration.date}"\n'
        f"spread = [{knots}]\n"
        f"temperature = {calibration.temperature:g}\n"
        f"shared = {calibration.shared:g}\n"
    )
