"""What the readings of one track add up to."""

from __future__ import annotations

from collections import deque

import numpy as np

from omote_models.calibration import AGES, Calibration, interval_of
from omote_models.demographics import Reading
from omote_models.face import AgeBand, Attributes, Estimate, FloatArray, Gender, Source

_LEAST_GENDER_CONFIDENCE = 0.7
_LEAST_BAND_CONFIDENCE = 0.35
_BAND_LEAD = 0.1
_GENDER_LEAD = 0.1
_AGE_OF_VISIBLE_GENDER = 7.0
_MEMORY = 16

_FAR = 1.5
"""Readings farther from the median than this many deviations count less (Huber, 1964)."""
_LEAST_DEVIATION_YEARS, _LEAST_DEVIATION_LOGIT = 2.0, 0.6

_BAND_OF_AGE = np.array([list(AgeBand).index(AgeBand.of(float(age))) for age in AGES])


class Evidence:
    """The last readings of a track, and the answer shown so far.

    They are averaged robustly, ages as distributions and gender as log odds. An answer that was
    shown changes only when another leads it clearly, so that nothing flickers at the edge of two
    bands.
    """

    def __init__(self, calibration: Calibration) -> None:
        self.count = 0
        self._calibration = calibration
        self._ages: deque[FloatArray] = deque(maxlen=_MEMORY)
        self._logits: deque[float] = deque(maxlen=_MEMORY)
        self._band: AgeBand | None = None
        self._gender: Gender | None = None
        self._answer: Attributes | None = None

    def add(self, reading: Reading) -> None:
        """Take one more reading into the average; of many the last sixteen count."""
        self.count += 1
        self._answer = None
        if reading.ages is not None:
            self._ages.append(reading.ages)
        if reading.male_logit is not None:
            self._logits.append(reading.male_logit)

    def attributes(self) -> Attributes:
        """Age, age band and gender; unknown where the evidence does not carry an answer."""
        if self._answer is None:
            self._answer = self._answered()
        return self._answer

    def _answered(self) -> Attributes:
        if not self._ages:
            return Attributes()
        stacked = np.stack(self._ages)
        weights = robust_weights(stacked @ AGES, _LEAST_DEVIATION_YEARS)
        mean = np.asarray(weights @ stacked / weights.sum(), np.float32)
        years = float(mean @ AGES)
        spread = self._calibration.blurred(mean, float(weights.sum()))
        bands = np.bincount(_BAND_OF_AGE, spread, len(AgeBand)).astype(np.float32)
        self._band = _steady_band(self._band, bands)
        confidence = float(bands[list(AgeBand).index(self._band)])
        age = Estimate(years, interval_of(spread), confidence, Source.INFERRED)
        band = Estimate[AgeBand]()
        if confidence >= _LEAST_BAND_CONFIDENCE:
            band = Estimate(self._band, None, confidence, Source.INFERRED)
        return Attributes(age, band, self._gender_estimate(years), spread)

    def _gender_estimate(self, years: float) -> Estimate[Gender]:
        if not self._logits or years < _AGE_OF_VISIBLE_GENDER:
            return Estimate()
        logits = np.array(self._logits, np.float32)
        weights = robust_weights(logits, _LEAST_DEVIATION_LOGIT)
        male = self._calibration.male_probability(float(weights @ logits / weights.sum()))
        lead = _GENDER_LEAD / 2 if self._gender else 0.0
        threshold = 0.5 - lead if self._gender is Gender.MALE else 0.5 + lead
        self._gender = Gender.MALE if male > threshold else Gender.FEMALE
        confidence = male if self._gender is Gender.MALE else 1 - male
        if confidence < _LEAST_GENDER_CONFIDENCE:
            return Estimate()
        return Estimate(self._gender, None, confidence, Source.INFERRED)


def robust_weights(values: FloatArray, least_deviation: float) -> FloatArray:
    """How much each of some values counts, 0 to 1: less, the farther it is from the median.

    Huber's weights, with the deviation estimated by the median of absolute deviations.

    Args:
        values: (n,).
        least_deviation: what is nearer than this always counts fully.
    """
    away = np.abs(values - np.median(values))
    deviation = max(1.4826 * float(np.median(away)), least_deviation)
    return np.asarray(1 / np.maximum(1.0, away / (_FAR * deviation)), np.float32)


def _steady_band(shown: AgeBand | None, bands: FloatArray) -> AgeBand:
    best = list(AgeBand)[int(bands.argmax())]
    if shown is None or bands.max() > bands[list(AgeBand).index(shown)] + _BAND_LEAD:
        return best
    return shown
