"""What the readings of one track add up to."""

from __future__ import annotations

import math

import numpy as np

from omote_models.demographics import AGES, Reading
from omote_models.face import AgeBand, Attributes, Estimate, FloatArray, Gender, Source

# Fitted on the 600 labelled development faces (faces-dev). How far the truth spreads around an
# estimate grows with age: standard deviations in years, linear between these ages. The 80 %
# interval then holds 80 % of the true ages, and 75 to 90 % of them in every band.
_SPREAD_AGES = (0, 10, 18, 28, 45, 62, 100)
_SPREAD_YEARS = (1.8, 2.6, 4.6, 7.5, 9.6, 10.5, 12.0)
# A temperature of 1.3 brings the expected calibration error of gender from 0.029 to 0.016.
_GENDER_TEMPERATURE = 1.3

_LEAST_GENDER_CONFIDENCE = 0.7
_LEAST_BAND_CONFIDENCE = 0.35
_BAND_LEAD = 0.1
_GENDER_LEAD = 0.1
_AGE_OF_VISIBLE_GENDER = 7.0
_MEMORY = 16


def _blur() -> FloatArray:
    spread = np.interp(AGES, _SPREAD_AGES, _SPREAD_YEARS)
    kernel = np.exp(-0.5 * ((AGES[:, None] - AGES[None, :]) / spread) ** 2)
    normalised: FloatArray = (kernel / kernel.sum(axis=0)).astype(np.float32)
    return normalised


_BLUR = _blur()
_BAND_OF_AGE = np.array([list(AgeBand).index(AgeBand.of(float(age))) for age in AGES])


class Evidence:
    """The running average of a track's readings, and the answer shown so far.

    An answer that was shown changes only when another leads it clearly, so that nothing
    flickers at the edge of two bands.
    """

    def __init__(self) -> None:
        self.count = 0
        self._ages: FloatArray | None = None
        self._age_readings = 0
        self._male_logit: float | None = None
        self._gender_readings = 0
        self._band: AgeBand | None = None
        self._gender: Gender | None = None
        self._answer: Attributes | None = None

    def add(self, reading: Reading) -> None:
        """Take one more reading into the average; old ones fade after sixteen."""
        self.count += 1
        self._answer = None
        if reading.ages is not None:
            self._age_readings += 1
            weight = 1 / min(self._age_readings, _MEMORY)
            before = reading.ages if self._ages is None else self._ages
            self._ages = before + weight * (reading.ages - before)
        if reading.male_logit is not None:
            self._gender_readings += 1
            weight = 1 / min(self._gender_readings, _MEMORY)
            logit = reading.male_logit if self._male_logit is None else self._male_logit
            self._male_logit = logit + weight * (reading.male_logit - logit)

    def attributes(self) -> Attributes:
        """Age, age band and gender; unknown where the evidence does not carry an answer."""
        if self._answer is None:
            age, band = self._age_and_band()
            self._answer = Attributes(age, band, self._gender_estimate(age.value))
        return self._answer

    def _age_and_band(self) -> tuple[Estimate[float], Estimate[AgeBand]]:
        if self._ages is None:
            return Estimate(), Estimate()
        spread = _BLUR @ self._ages
        bands = np.bincount(_BAND_OF_AGE, spread, len(AgeBand)).astype(np.float32)
        self._band = _steady_band(self._band, bands)
        confidence = float(bands[list(AgeBand).index(self._band)])
        years = float(self._ages @ AGES)
        age = Estimate(years, _interval(spread), confidence, Source.INFERRED)
        if confidence < _LEAST_BAND_CONFIDENCE:
            return age, Estimate()
        return age, Estimate(self._band, None, confidence, Source.INFERRED)

    def _gender_estimate(self, years: float | None) -> Estimate[Gender]:
        if self._male_logit is None or (years is not None and years < _AGE_OF_VISIBLE_GENDER):
            return Estimate()
        male = male_probability(self._male_logit)
        lead = _GENDER_LEAD / 2 if self._gender else 0.0
        threshold = 0.5 - lead if self._gender is Gender.MALE else 0.5 + lead
        self._gender = Gender.MALE if male > threshold else Gender.FEMALE
        confidence = male if self._gender is Gender.MALE else 1 - male
        if confidence < _LEAST_GENDER_CONFIDENCE:
            return Estimate()
        return Estimate(self._gender, None, confidence, Source.INFERRED)


def male_probability(logit: float) -> float:
    """The calibrated probability of male from the networks' log odds."""
    return 1 / (1 + math.exp(-logit / _GENDER_TEMPERATURE))


def _steady_band(shown: AgeBand | None, bands: FloatArray) -> AgeBand:
    best = list(AgeBand)[int(bands.argmax())]
    if shown is None or bands.max() > bands[list(AgeBand).index(shown)] + _BAND_LEAD:
        return best
    return shown


def _interval(spread: FloatArray) -> tuple[float, float]:
    cumulated = np.cumsum(spread)
    low, high = np.interp([0.1, 0.9], cumulated, AGES + 0.5)
    return float(low), float(high)
