"""Figures from answers: error, accuracy, calibration and abstention, with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from omote_models.calibration import lived
from omote_models.evaluation.answers import Answer
from omote_models.evaluation.samples import Sample
from omote_models.face import AgeBand, Gender

Numbers = NDArray[np.float64]

RESAMPLES = 1000
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
_BINS = 10
_BANDS = list(AgeBand)


@dataclass(frozen=True, slots=True)
class Table:
    """Labels and answers as columns; NaN where there is no label.

    Attributes:
        low, high: the label's years, completed.
        years, least, most: the answer's age and interval, in years lived.
        male: the label, 1 or 0.
        chance: the answer's calibrated probability of male.
        shown: whether a gender was shown.
        milliseconds: of the networks.
        groups: the label.
    """

    low: Numbers
    high: Numbers
    years: Numbers
    least: Numbers
    most: Numbers
    male: Numbers
    chance: Numbers
    shown: NDArray[np.bool_]
    milliseconds: Numbers
    groups: NDArray[np.str_]

    @classmethod
    def of(cls, pairs: Sequence[tuple[Sample, Answer]]) -> Table:
        """The samples that were answered."""
        nan = float("nan")
        ages = [sample.age or (nan, nan) for sample, _ in pairs]
        genders = [nan if s.gender is None else float(s.gender is Gender.MALE) for s, _ in pairs]
        return cls(
            low=np.array([low for low, _ in ages]),
            high=np.array([high for _, high in ages]),
            years=np.array([a.years for _, a in pairs]),
            least=np.array([a.low for _, a in pairs]),
            most=np.array([a.high for _, a in pairs]),
            male=np.array(genders),
            chance=np.array([a.male for _, a in pairs]),
            shown=np.array([a.gender is not None for _, a in pairs], bool),
            milliseconds=np.array([a.milliseconds for _, a in pairs]),
            groups=np.array([s.group or "" for s, _ in pairs], str),
        )

    def __len__(self) -> int:
        return len(self.years)

    @property
    def truth(self) -> Numbers:
        """Years lived, where ages are labelled to the year."""
        return lived(self.low).astype(np.float64)

    def where(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Table:
        """Some of the rows."""
        return Table(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % confidence interval; NaN where nothing carries it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one part of the samples."""

    name: str
    count: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        rows: all samples, then each band, gender and group that is labelled.
        abstention: for each threshold: threshold, share of faces answered, accuracy on them.
        reliability: for each filled bin: mean confidence, accuracy, count.
        latency: median and 95th percentile of one reading, milliseconds.
        notes: what the reader must know before believing a figure.
    """

    rows: list[Row]
    abstention: list[tuple[float, float, float]]
    reliability: list[tuple[float, float, int]]
    latency: tuple[float, float]
    notes: list[str] = field(default_factory=list)


def evaluate(pairs: Sequence[tuple[Sample, Answer]], exact: bool, seed: int = 0) -> Evaluation:
    """The figures of every labelled part.

    Args:
        pairs: samples with the answer to each; those with a problem are left out.
        exact: whether ages are labelled to the year; else ranges are, and an age is right when
            it falls into its range.
        seed: of the bootstrap.

    Raises:
        ValueError: there is no answer at all.
    """
    table = Table.of([pair for pair in pairs if not pair[1].problem])
    if not len(table):
        raise ValueError("no face was found in any picture")
    measures = MEASURES_EXACT if exact else MEASURES_RANGES
    ranges = sorted({(a, b) for a, b in zip(table.low, table.high, strict=True) if a == a})
    rng = np.random.default_rng(seed)
    rows = [
        Row(name, len(part), _figures(part, measures, ranges, rng)) for name, part in _parts(table)
    ]
    answered = table.where(np.isfinite(table.male))
    return Evaluation(
        rows,
        _abstention(answered),
        _reliability(answered),
        (float(np.median(table.milliseconds)), float(np.percentile(table.milliseconds, 95))),
        _notes(table),
    )


def _parts(table: Table) -> list[tuple[str, Table]]:
    parts = [("all", table)]
    bands = np.array([_band(age) for age in (table.low + table.high) / 2])
    parts += [(f"age {band}", table.where(bands == band)) for band in _BANDS]
    older = np.nan_to_num(table.low, nan=-1) >= 13
    parts += [("13 and older", table.where(older))]
    for name, label in (("female", 0.0), ("male", 1.0)):
        parts.append((f"gender {name}", table.where(table.male == label)))
    for group in sorted(set(table.groups.tolist()) - {""}):
        parts.append((f"group {group}", table.where(table.groups == group)))
    return [(name, part) for name, part in parts if len(part)]


def _band(age: float) -> str:
    return "" if age != age else AgeBand.of(age).value


Ranges = list[tuple[float, float]]


def _figures(
    table: Table,
    measures: Mapping[str, Callable[[Table, Ranges], float]],
    ranges: Ranges,
    rng: np.random.Generator,
) -> dict[str, Figure]:
    """Each measure with a percentile bootstrap (Efron, 1979)."""
    draws = [rng.integers(0, len(table), len(table)) for _ in range(RESAMPLES)]
    samples = [table.where(draw) for draw in draws] if len(table) > 1 else []
    found = {}
    for name, measure in measures.items():
        spread = np.array([measure(sample, ranges) for sample in samples])
        spread = spread[np.isfinite(spread)]
        low, high = np.percentile(spread, [2.5, 97.5]) if spread.size else (np.nan, np.nan)
        found[name] = Figure(measure(table, ranges), float(low), float(high))
    return found


def _mean(values: NDArray[np.bool_] | Numbers) -> float:
    return float(np.mean(values)) if values.size else float("nan")


def _aged(table: Table) -> Table:
    return table.where(np.isfinite(table.low))


def _sexed(table: Table) -> Table:
    return table.where(np.isfinite(table.male))


def age_error(table: Table, ranges: Ranges) -> float:
    """Mean absolute error in years."""
    aged = _aged(table)
    return _mean(np.abs(aged.years - aged.truth))


def age_bias(table: Table, ranges: Ranges) -> float:
    """Mean of answer minus label; negative where faces are read too young."""
    aged = _aged(table)
    return _mean(aged.years - aged.truth)


def _group_distance(table: Table, ranges: Ranges) -> NDArray[np.int64]:
    """How many age groups the answer lies from the label's.

    Without ranges the groups are Omote's five bands. An age between two ranges belongs to the
    nearer one.
    """
    aged = _aged(table)
    if not ranges:
        starts = np.array([band.first_year for band in _BANDS])
        said = np.searchsorted(starts, aged.years, "right")
        return np.asarray(np.abs(said - np.searchsorted(starts, aged.low, "right")), np.int64)
    lows, highs = (np.array(ends) for ends in zip(*ranges, strict=True))
    outside = np.maximum(lows - aged.years[:, None], aged.years[:, None] - (highs + 1))
    said = np.argmin(np.maximum(outside, 0), axis=1)
    truth = np.array([ranges.index(pair) for pair in zip(aged.low, aged.high, strict=True)], int)
    return np.asarray(np.abs(said - truth), np.int64)


def band_exact(table: Table, ranges: Ranges) -> float:
    """Share of answers in the right age group."""
    return _mean(_group_distance(table, ranges) == 0)


def band_near(table: Table, ranges: Ranges) -> float:
    """Share of answers in the right age group or the one beside it."""
    return _mean(_group_distance(table, ranges) <= 1)


def interval_coverage(table: Table, ranges: Ranges) -> float:
    """Share of labels that the stated 80 % interval holds."""
    aged = _aged(table)
    return _mean((aged.least <= aged.truth) & (aged.truth <= aged.most))


def gender_accuracy(table: Table, ranges: Ranges) -> float:
    """Share of right genders when an answer is forced."""
    sexed = _sexed(table)
    return _mean((sexed.chance > 0.5) == (sexed.male > 0.5))


def gender_shown(table: Table, ranges: Ranges) -> float:
    """Share of faces for which a gender is shown and not unknown."""
    return _mean(_sexed(table).shown)


def gender_shown_accuracy(table: Table, ranges: Ranges) -> float:
    """Share of right genders among those that are shown."""
    sexed = _sexed(table)
    return gender_accuracy(sexed.where(sexed.shown), ranges)


def gender_calibration_error(table: Table, ranges: Ranges) -> float:
    """Expected calibration error, ten bins of confidence (Guo and others, 2017)."""
    bins = _reliability(_sexed(table))
    total = sum(count for _, _, count in bins)
    if not total:
        return float("nan")
    return sum(count * abs(said - right) for said, right, count in bins) / total


_GENDER = {
    "gender accuracy": gender_accuracy,
    "gender ECE": gender_calibration_error,
    "gender shown": gender_shown,
    "gender accuracy shown": gender_shown_accuracy,
}
_GROUPS = {"age group exact": band_exact, "age group within one": band_near}
MEASURES_RANGES: Mapping[str, Callable[[Table, Ranges], float]] = {**_GROUPS, **_GENDER}
MEASURES_EXACT: Mapping[str, Callable[[Table, Ranges], float]] = {
    "age MAE": age_error,
    "age bias": age_bias,
    "age 80 % interval": interval_coverage,
    "age band exact": lambda table, _: band_exact(table, []),
    "age band within one": lambda table, _: band_near(table, []),
    **_GENDER,
}


def _confidence(table: Table) -> tuple[Numbers, NDArray[np.bool_]]:
    right = (table.chance > 0.5) == (table.male > 0.5)
    return np.maximum(table.chance, 1 - table.chance), right


def _reliability(table: Table) -> list[tuple[float, float, int]]:
    confidence, right = _confidence(table)
    which = np.minimum(((confidence - 0.5) * 2 * _BINS).astype(int), _BINS - 1)
    bins = [which == number for number in range(_BINS)]
    return [
        (float(confidence[rows].mean()), float(right[rows].mean()), int(rows.sum()))
        for rows in bins
        if rows.any()
    ]


def _abstention(table: Table) -> list[tuple[float, float, float]]:
    confidence, right = _confidence(table)
    if not confidence.size:
        return []
    kept = [(threshold, confidence >= threshold) for threshold in THRESHOLDS]
    return [(threshold, float(rows.mean()), _mean(right[rows])) for threshold, rows in kept]


def _notes(table: Table) -> list[str]:
    notes = []
    labels = set(table.male[np.isfinite(table.male)].tolist())
    if not labels:
        notes.append("No gender is labelled: there are no figures of gender.")
    elif len(labels) == 1:
        only = "male" if labels == {1.0} else "female"
        notes.append(f"Every labelled gender is {only}: its accuracy says nothing of the other.")
    if not np.isfinite(table.low).any():
        notes.append("No age is labelled: there are no figures of age.")
    if len(table) < 100:
        notes.append(f"Only {len(table)} faces: every interval is wide.")
    return notes
