"""What turns a network's numbers into honest ones: fitted once, kept beside the model."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from omote_models.face import FloatArray

AGES: FloatArray = np.arange(101, dtype=np.float32) + np.float32(0.5)
"""Where each class of an age distribution lies, in years lived. Class n is the year of life from
n up to n + 1, and lies in its middle; the last is 100 and more. So P(18 and older) is the sum
from class 18 on, and an age of 17.6 lies in class 17."""


def lived(labels: NDArray[np.floating] | float) -> FloatArray:
    """Years lived by people with such labels: who is labelled 17 is 17.5 on average.

    A label of whole years means completed years, as people count them; one with a fraction is
    taken as it stands.
    """
    ages = np.asarray(labels, np.float32)
    return np.asarray(np.where(ages == np.floor(ages), ages + np.float32(0.5), ages), np.float32)


Knot = tuple[Annotated[float, Field(ge=0, le=100)], Annotated[float, Field(gt=0, le=40)]]


class Calibration(BaseModel):
    """Of one estimator.

    Attributes:
        fitted_on: which faces, and how many, in words.
        date: of the fit, like "2026-11-25".
        spread: how far the truth spreads around an estimate at some ages: standard deviations in
            years, linear between.
        temperature: what the log odds of gender are divided by.
        shared: the part of the variance that all pictures of one person have in common, so that
            more of them do not lessen it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fitted_on: Annotated[str, Field(min_length=1)]
    date: str = ""
    spread: Annotated[tuple[Knot, ...], Field(min_length=1)]
    temperature: Annotated[float, Field(gt=0.05, le=50)] = 1.0
    shared: Annotated[float, Field(ge=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _ages_rise(self) -> Self:
        if not all(one[0] < other[0] for one, other in pairwise(self.spread)):
            raise ValueError("the ages of spread must rise")
        return self

    def male_probability(self, logit: float) -> float:
        """The probability of male from the networks' log odds."""
        scaled = float(np.clip(logit / self.temperature, -60, 60))
        return 1 / (1 + math.exp(-scaled))

    def spread_at(self, years: float | FloatArray, readings: float = 1.0) -> FloatArray:
        """Standard deviations in years around estimates from so many pictures of a person."""
        ages, deviations = zip(*self.spread, strict=True)
        lessened = math.sqrt(self.shared + (1 - self.shared) / max(readings, 1.0))
        return np.asarray(np.interp(years, ages, deviations) * lessened, np.float32)

    def blurred(self, ages: FloatArray, readings: float = 1.0) -> FloatArray:
        """Distributions over `AGES` with the spread that they should have, float32.

        Args:
            ages: what the networks say, (101,) or (n, 101).
            readings: from how many pictures of the person.
        """
        deviations = self._deviations * math.sqrt(
            self.shared + (1 - self.shared) / max(readings, 1.0)
        )
        kernel = np.exp(-0.5 * (self._apart / deviations) ** 2)
        kernel /= kernel.sum(axis=0)
        return np.asarray(ages @ kernel.T, np.float32)

    @cached_property
    def _deviations(self) -> FloatArray:
        return self.spread_at(AGES)

    @cached_property
    def _apart(self) -> FloatArray:
        return np.asarray(AGES[:, None] - AGES[None, :], np.float32)


def interval_of(ages: FloatArray, share: float = 0.8) -> tuple[float, float]:
    """The central interval of a distribution over `AGES` that holds a share of it, in years."""
    years = np.arange(len(AGES) + 1)  # where classes meet
    cumulated = np.concatenate([[0.0], np.cumsum(ages)])
    edge = (1 - share) / 2
    low, high = np.interp([edge, 1 - edge], cumulated, years)
    return float(low), float(high)
