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
_HELD_WITHIN, _CHANCE = 0.05, 2.6
"""How far off intervals may be, in parts and in standard errors."""
_TEMPERATURES = np.geomspace(0.3, 6.0, 120)


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was said of a face and what is true.

    Attributes:
        ages: (101,) the uncalibrated distribution over `AGES`.
        logit: uncalibrated log odds of male, None where it was not said.
        age: in years lived (see `calibration.lived`), None where it is not labelled to the year.
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
    said, truth = aged(faces)
    if len(truth) < FEWEST:
        raise ValueError(f"{len(truth)} faces with an exact age are too few; {FEWEST} are needed")
    spread = _spread(said, truth)
    made = Calibration(
        fitted_on=f"{fitted_on}, {len(truth)} faces",
        date=date,
        spread=_knots(spread),
        temperature=_temperature(faces),
        shared=shared,
    )
    return _with(made, spread * _scale(made, spread, said, truth))


def doubts(calibration: Calibration, faces: Sequence[Labelled]) -> list[str]:
    """Where a fit ran into its limits, so that what it says is not what the faces say.

    Args:
        calibration: as `fit` made it.
        faces: those that it was fitted to.
    """
    found = []
    widest = [age for age, value in calibration.spread if value >= _MOST_SPREAD]
    if widest:
        told = ", ".join(f"{age:g}" for age in widest)
        found.append(
            f"the spread of ages ran into its limit of {_MOST_SPREAD:g} years at {told}: the "
            "network says next to nothing of ages there"
        )
    said, truth = aged(faces)
    inside = held(calibration, said, truth)
    chance = _CHANCE * np.sqrt(_HELD * (1 - _HELD) / len(truth))
    if abs(inside - _HELD) > max(_HELD_WITHIN, chance):
        found.append(
            f"80 % intervals hold {100 * inside:.0f} % of the ages: the spread ran into a limit "
            f"({_LEAST_SPREAD:g} to {_MOST_SPREAD:g} years)"
        )
    coldest, hottest = float(_TEMPERATURES[0]), float(_TEMPERATURES[-1])
    if calibration.temperature <= round(coldest, 3):
        found.append(
            f"gender's temperature ran into its limit of {coldest:g}: hardly a face is read "
            "wrong, as when these faces are those that it was trained on"
        )
    if calibration.temperature >= round(hottest, 3):
        found.append(
            f"gender's temperature ran into its limit of {hottest:g}: the network cannot tell "
            "genders apart on these faces"
        )
    return found


def aged(faces: Sequence[Labelled]) -> tuple[FloatArray, FloatArray]:
    """What was said of the faces with an exact age, (n, 101), and the age, (n,)."""
    known = [(face.ages, face.age) for face in faces if face.age is not None]
    said = [ages for ages, _ in known]
    return (
        np.stack(said) if said else np.zeros((0, len(AGES)), np.float32),
        np.array([age for _, age in known], np.float32),
    )


def _with(made: Calibration, spread: NDArray[np.float64]) -> Calibration:
    # Not a copy: that would keep what the original had worked out of its own spread.
    return Calibration.model_validate({**made.model_dump(), "spread": _knots(spread)})


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


def _scale(
    made: Calibration, spread: NDArray[np.float64], said: FloatArray, truth: FloatArray
) -> float:
    low, high = 0.2, 4.0
    for _ in range(12):
        middle = (low + high) / 2
        if held(_with(made, spread * middle), said, truth) < _HELD:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def held(calibration: Calibration, said: FloatArray, truth: FloatArray) -> float:
    """The share of true ages inside the 80 % intervals of one reading."""
    inside = 0
    for ages, age in zip(calibration.blurred(said), truth, strict=True):
        low, high = interval_of(ages)
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
    return (
        f"{before}\n\n[calibration]\n"
        f"fitted_on = {quoted(calibration.fitted_on)}\n"
        f'date = "{calibration.date}"\n'
        f"spread = [{knots}]\n"
        f"temperature = {calibration.temperature:g}\n"
        f"shared = {calibration.shared:g}\n"
    )


def quoted(text: str) -> str:
    """A TOML string; what TOML would have to escape is written otherwise."""
    return '"' + text.replace("\\", "/").replace('"', "'").replace("\n", " ") + '"'
