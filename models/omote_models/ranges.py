"""Ranges of age with their probabilities, from the distribution and not from its mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from omote_models.calibration import AGES
from omote_models.face import AgeBand, Attributes, FloatArray

BANDS = tuple(band.first_year for band in AgeBand)
DECADES = tuple(range(0, 100, 10))
OLDEST = 120
MOST_EDGES = 32


@dataclass(frozen=True, slots=True)
class AgeRange:
    """Some years of life and how probable they are.

    Attributes:
        first: the completed years of the youngest.
        last: those of the oldest, None where it is open; 17 is up to the eighteenth birthday.
        probability: 0 to 1.
    """

    first: int
    last: int | None
    probability: float

    @property
    def label(self) -> str:
        """Like "20-35" or "60+"."""
        return f"{self.first}+" if self.last is None else f"{self.first}-{self.last}"


def check_edges(edges: Sequence[int]) -> None:
    """Whether ages can be cut there.

    Raises:
        ValueError: they do not rise, lie outside 0 to 120, or are too many.
    """
    if not 1 <= len(edges) <= MOST_EDGES:
        raise ValueError(f"give 1 to {MOST_EDGES} first years of ranges")
    if not edges[0] >= 0 or edges[-1] >= OLDEST:
        raise ValueError(f"ranges begin between 0 and {OLDEST - 1}")
    if any(one >= other for one, other in pairwise(edges)):
        raise ValueError("the first years of ranges must rise")


def ranges_of(attributes: Attributes, edges: Sequence[int] = DECADES) -> list[AgeRange]:
    """The probability of each range; empty where the age is unknown.

    Args:
        attributes: of a face.
        edges: the first year of each range, rising; the last range is open, and what is younger
            than the first belongs to none.

    Raises:
        ValueError: see `check_edges`.
    """
    check_edges(edges)
    distribution = _distribution(attributes)
    if distribution is None:
        return []
    years = np.floor(AGES).astype(int)  # completed
    found = []
    for first, after in zip(edges, [*edges[1:], None], strict=True):
        inside = (years >= first) & (years < (after if after is not None else OLDEST))
        probability = min(1.0, float(distribution[inside].sum()))
        found.append(AgeRange(first, None if after is None else after - 1, probability))
    return found


def likeliest(attributes: Attributes, edges: Sequence[int] = DECADES) -> AgeRange | None:
    """The most probable range, None where the age is unknown."""
    return max(ranges_of(attributes, edges), key=lambda r: r.probability, default=None)


def _distribution(attributes: Attributes) -> FloatArray | None:
    if attributes.ages is not None:
        return attributes.ages
    if attributes.age.value is None:
        return None
    exact = np.zeros(len(AGES), np.float32)
    exact[int(np.clip(attributes.age.value, 0, len(AGES) - 1))] = 1  # in completed years
    return exact
