"""Warns where a data set would teach or measure something else than it seems to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from omote_models.datasets.manifest import SPLITS, Entry, Split

_MOST_APART = 0.25
_BY_CHANCE = 1.36
"""Times sqrt(1/n + 1/m): what 5 % of two samples differ by (Kolmogorov and Smirnov)."""
_MANY_PEOPLE = 20
"""So many of whom no two have one age: among people chosen by chance that is rare."""
_WIDE_YEARS = 3.0

Ages = NDArray[np.float64]


def warnings(entries: Sequence[Entry]) -> list[str]:
    """What to look at before training: nothing of it is forbidden."""
    ages: dict[str, list[float]] = defaultdict(list)
    split_of = {entry.identity: entry.split for entry in entries}
    for entry in entries:
        if entry.age is not None:
            ages[entry.identity].append(entry.age)
    return [*_ages_for_people(ages), *_splits_apart(ages, split_of)]


def _ages_for_people(ages: Mapping[str, list[float]]) -> list[str]:
    spans = sorted((min(own), max(own), name) for name, own in ages.items())
    if len(spans) < len(SPLITS):
        return []
    apart = all(one[1] < other[0] for one, other in pairwise(spans))
    named = sum(_names_an_age(name, low, high) for low, high, name in spans)
    width = float(np.median([high - low for low, high, _ in spans]))
    if not apart or not (
        2 * named > len(spans) or len(spans) >= _MANY_PEOPLE or width >= _WIDE_YEARS
    ):
        return []
    told = ", ".join(name for *_, name in spans[:3])
    return [
        f"who somebody is coincides with how old they are ({told}, …): are these ages and not "
        "people? Then the splits hold different ages; build with --identity file"
    ]


def _names_an_age(identity: str, low: float, high: float) -> bool:
    """Whether it is called what its ages are, as folders "25" and "20-29" are."""
    numbers = [int(n) for n in re.findall(r"\d{1,3}", identity.rsplit("/", 1)[-1])]
    return bool(numbers) and min(numbers) <= low and high <= max(numbers)


def _splits_apart(ages: Mapping[str, list[float]], split_of: Mapping[str, Split]) -> list[str]:
    by_split: dict[str, list[float]] = defaultdict(list)
    for name, own in ages.items():
        by_split[split_of[name]].append(float(np.mean(own)))
    trained = np.array(by_split[SPLITS[0]])
    found = []
    for split in SPLITS[1:]:
        held = np.array(by_split[split])
        if len(held) and len(trained) and _apart(held, trained):
            found.append(
                f"the people of {split} are of other ages than those of {SPLITS[0]}: half are "
                f"under {np.median(held):.0f} there and under {np.median(trained):.0f} here. "
                "Figures will say so; build with another --seed, or add people"
            )
    return found


def _apart(one: Ages, other: Ages) -> bool:
    every = np.concatenate([one, other])
    below = [np.searchsorted(np.sort(part), every, "right") / len(part) for part in (one, other)]
    chance = _BY_CHANCE * np.sqrt(1 / len(one) + 1 / len(other))
    return bool(np.abs(below[0] - below[1]).max() > max(_MOST_APART, chance))
