"""Looks a data set over: what must be mended, and what is worth knowing."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from omote_models.datasets.balance import warnings
from omote_models.datasets.copies import alike, fingerprint
from omote_models.datasets.manifest import SPLITS, Entry, Manifest
from omote_models.evaluation.answers import decoded_picture
from omote_models.face import AgeBand, FloatArray

_MOST_TOLD = 50
_FEW = 20


@dataclass(slots=True)
class Checked:
    """What was found.

    Attributes:
        problems: must be mended before anything is trained or measured.
        warnings: should be looked at; it may be meant.
        notes: worth knowing.
    """

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(folder: Path, manifest: Manifest) -> Checked:
    """Look a data set over."""
    found = Checked()
    files = Counter(entry.file for entry in manifest.samples)
    found.problems += [f"{file}: it stands {n} times" for file, n in files.items() if n > 1]
    prints = _pictures(folder, manifest, found)
    _people(manifest, prints, found)
    _labels(manifest, found)
    found.warnings += warnings(manifest.samples)
    if len(found.problems) > _MOST_TOLD:
        rest = len(found.problems) - _MOST_TOLD
        found.problems = [*found.problems[:_MOST_TOLD], f"… and {rest} more"]
    return found


def _pictures(folder: Path, manifest: Manifest, found: Checked) -> dict[int, FloatArray]:
    prints: dict[int, FloatArray] = {}
    for n, entry in enumerate(manifest.samples):
        path = folder / entry.file
        if not path.is_file():
            found.problems.append(f"{entry.file}: there is no such picture")
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
            found.problems.append(f"{entry.file}: it is another picture than the one labelled")
            continue
        picture = decoded_picture(path)
        if isinstance(picture, str):
            found.problems.append(f"{entry.file}: {picture}")
        else:
            prints[n] = fingerprint(picture)
    return prints


def _people(manifest: Manifest, prints: dict[int, FloatArray], found: Checked) -> None:
    splits = defaultdict(set)
    for entry in manifest.samples:
        splits[entry.identity].add(entry.split)
    for identity, stands in splits.items():
        if len(stands) > 1:
            told = " and ".join(sorted(stands))
            found.problems.append(f"{identity}: this person stands in {told}")
    places = list(prints)
    if not places:
        return
    values = np.stack([prints[n] for n in places])
    for one, other in alike(values):
        a, b = manifest.samples[places[one]], manifest.samples[places[other]]
        if a.split != b.split:
            found.problems.append(
                f"{a.file} ({a.split}) and {b.file} ({b.split}) are the same photograph"
            )
        elif (a.age, a.gender) != (b.age, b.gender) and a.has_label and b.has_label:
            found.problems.append(f"{a.file} and {b.file}: one photograph, two labels")
        else:
            found.notes.append(f"{a.file} and {b.file} are the same photograph")


def _labels(manifest: Manifest, found: Checked) -> None:
    labelled = [entry for entry in manifest.samples if entry.has_label]
    waiting = sum(not e.has_label and not e.skipped for e in manifest.samples)
    if not labelled:
        found.problems.append("nothing is labelled yet: omote dataset label")
        return
    if waiting:
        found.notes.append(f"{waiting} faces wait for a label")
    genders = Counter(entry.gender for entry in labelled if entry.gender)
    if len(genders) == 1:
        found.notes.append(
            f"all labelled faces are {next(iter(genders))}: gender cannot be learned"
        )
    ages = {entry.age for entry in labelled if entry.age is not None}
    if len(ages) == 1:
        found.notes.append("every labelled face has the same age: age cannot be learned")
    for split in SPLITS:
        part = [entry for entry in labelled if entry.split == split]
        if not part:
            found.problems.append(f"{split}: no labelled face")
        else:
            found.notes.append(f"{split}: {_balance(part)}")


def _balance(entries: list[Entry]) -> str:
    bands = Counter(AgeBand.of(e.age).value for e in entries if e.age is not None)
    told = ", ".join(f"{band.value} {bands[band.value]}" for band in AgeBand if bands[band.value])
    genders = Counter(e.gender.value for e in entries if e.gender)
    both = ", ".join(f"{gender} {n}" for gender, n in sorted(genders.items()))
    few = [band.value for band in AgeBand if 0 < bands[band.value] < _FEW]
    warning = f"; few of {', '.join(few)}" if few else ""
    people = len({entry.identity for entry in entries})
    return f"{len(entries)} faces of {people} people ({told}; {both}{warning})"
