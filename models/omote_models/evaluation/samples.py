"""Labelled pictures, from the layouts in which people publish them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omote_models.face import Gender
from omote_models.pictures import Sort, sort_of

_OLDEST = 120.0
_UTKFACE = re.compile(r"(\d+)_([01])_([0-4])_\d+.*")
_UTKFACE_GROUPS = ("white", "black", "asian", "indian", "other")
_GENDERS = {
    **dict.fromkeys(("female", "f", "woman", "girl"), Gender.FEMALE),
    **dict.fromkeys(("male", "m", "man", "boy"), Gender.MALE),
}
_UNLABELLED = ("", "u", "unknown", "none", "null")


def printable(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8 as escapes, so that it can be written."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


class DatasetError(ValueError):
    """A folder or file that is no data set. The text says what was looked for."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture.

    Attributes:
        picture: where it is.
        age: the completed years that the label leaves open, both included; equal where it is
            exact.
        gender: the data set's label.
        group: the data set's own word for skin tone or origin, as it stands there.
    """

    picture: Path
    age: tuple[float, float] | None = None
    gender: Gender | None = None
    group: str | None = None

    @property
    def exact_age(self) -> float | None:
        """The age where it is labelled to the year."""
        return self.age[0] if self.age is not None and self.age[0] == self.age[1] else None


@dataclass(slots=True)
class Dataset:
    """Samples, and what was left out and why.

    Attributes:
        name: for reports.
        kind: which layout it has.
        samples: no picture twice.
        problems: "WHERE: WHAT", a line for each label that cannot be used.
    """

    name: str
    kind: str
    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether ages are labelled to the year, and not as ranges."""
        ages = [sample.age for sample in self.samples if sample.age is not None]
        return bool(ages) and all(low == high for low, high in ages)


def read_dataset(path: Path, split: str | None = None) -> Dataset:
    """The samples of a data set.

    Args:
        path: a folder of UTKFace-style names (`AGE_GENDER_GROUP_DATE.jpg`), a FairFace CSV
            (`file,age,gender,race`), a folder or file of Adience folds (`fold_*_data.txt`), or a
            manifest of your own: CSV with a header or a JSON list, with `file` and any of `age`
            (26 or "20-29"), `gender` and `group`.
        split: only rows whose `split` is this, as in what `omote dataset` makes.

    Raises:
        DatasetError: it is none of these, or nothing in it can be used.
    """
    if not path.exists():
        raise DatasetError(f"there is no {path}")
    try:
        dataset = _of_folder(path, split) if path.is_dir() else _of_file(path, split)
    except (OSError, RecursionError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from None
    if not dataset.samples:
        why = "; ".join(dataset.problems[:3]) or "it is empty"
        raise DatasetError(f"{path} holds no labelled picture that can be used: {why}")
    return dataset


def _of_folder(path: Path, split: str | None) -> Dataset:
    if folds := sorted(path.glob("fold_*_data.txt")):
        _refuse_split(path, split)
        rows = (row for fold in folds for row in _adience(fold))
        return _collected(Dataset(path.name, "adience"), rows)
    for name in ("manifest.json", "manifest.csv", "labels.json", "labels.csv"):
        if (path / name).is_file():
            dataset = _of_file(path / name, split)
            dataset.name = path.name
            return dataset
    _refuse_split(path, split)
    pictures = sorted(p for p in path.rglob("*") if sort_of(p) in (Sort.PICTURE, Sort.ANIMATION))
    if any(_UTKFACE.fullmatch(p.stem) for p in pictures):
        return _collected(Dataset(path.name, "utkface"), map(_utkface, pictures))
    raise DatasetError(
        f"{path} is no data set: there is no manifest.csv, manifest.json, labels.csv, no "
        "fold_*_data.txt, and no picture named like UTKFace's AGE_GENDER_GROUP_DATE.jpg"
    )


def _refuse_split(path: Path, split: str | None) -> None:
    if split is not None:
        raise DatasetError(f"{path} has no splits; leave --split out")


def _of_file(path: Path, split: str | None) -> Dataset:
    if path.suffix.lower() == ".txt":
        _refuse_split(path, split)
        return _collected(Dataset(path.stem, "adience"), _adience(path))
    try:
        if path.suffix.lower() == ".json":
            rows = json.loads(path.read_text(encoding="utf-8"))
        else:
            rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except ValueError as error:
        raise DatasetError(f"{path} cannot be read: {error}") from None
    if isinstance(rows, dict) and isinstance(rows.get("samples"), list):
        rows = rows["samples"]  # the manifest of `omote dataset`
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DatasetError(f"{path} is not a list of rows")
    if rows and "file" not in rows[0]:
        raise DatasetError(f"{path} has no column `file`; it has {', '.join(map(str, rows[0]))}")
    if split is not None:
        there = sorted({str(row["split"]) for row in rows if row.get("split")})
        rows = [row for row in rows if row.get("split") == split]
        if not rows:
            told = ", ".join(there) or "none"
            raise DatasetError(f"{path} has no row of the split {split!r}; it has {told}")
    kind = "fairface" if rows and "race" in rows[0] else "manifest"
    made = (
        Row(f"{path.name}:{line}", path.parent / str(row.get("file", "")), row)
        for line, row in enumerate(rows, 2 if path.suffix.lower() != ".json" else 1)
    )
    return _collected(Dataset(path.stem, kind), made)


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the data set, and where."""

    place: str
    picture: Path
    values: Mapping[str, Any]
    wrong: str = ""
    """Why it has no values."""


def _utkface(picture: Path) -> Row:
    match = _UTKFACE.fullmatch(picture.stem)
    if match is None:
        return Row(picture.name, picture, {}, "its name is not AGE_GENDER_GROUP_DATE")
    age, gender, group = match.groups()
    sexes = ("male", "female")
    values = {"age": age, "gender": sexes[int(gender)], "group": _UTKFACE_GROUPS[int(group)]}
    return Row(picture.name, picture, values)


def _adience(fold: Path) -> Iterator[Row]:
    lines = fold.read_text(encoding="utf-8", errors="replace").splitlines()
    for line, row in enumerate(csv.DictReader(lines, delimiter="\t"), 2):
        face = f"{row.get('face_id')}.{row.get('original_image')}"
        folder = fold.parent / "faces" / str(row.get("user_id"))
        found = [folder / f"{kind}.{face}" for kind in ("coarse_tilt_aligned_face",)]
        yield Row(f"{fold.name}:{line}", found[0], row)


def _collected(dataset: Dataset, rows: Iterable[Row]) -> Dataset:
    kept: dict[Path, tuple[str, Sample]] = {}
    twice: set[Path] = set()
    for row in rows:
        try:
            sample = _sample(row)
        except OSError as error:
            dataset.problems.append(f"{row.place}: {error.strerror}")
            continue
        except ValueError as error:
            dataset.problems.append(f"{row.place}: {error}")
            continue
        place, before = kept.setdefault(sample.picture, (row.place, sample))
        if before != sample:
            twice.add(sample.picture)
            dataset.problems.append(f"{row.place}: {sample.picture.name} has another label")
            dataset.problems.append(f"{place}: left out, because its picture has two labels")
    dataset.samples = [s for path, (_, s) in kept.items() if path not in twice]
    dataset.problems = [printable(problem) for problem in dataset.problems]
    return dataset


def _sample(row: Row) -> Sample:
    if row.wrong:
        raise ValueError(row.wrong)
    if not row.picture.is_file():
        raise ValueError(f"there is no picture {row.picture.name}")
    group = row.values.get("group", row.values.get("race"))
    sample = Sample(
        row.picture,
        _age(row.values.get("age")),
        _gender(row.values.get("gender")),
        printable(str(group)).strip().lower() if group else None,
    )
    if sample.age is None and sample.gender is None:
        raise ValueError("it has neither an age nor a gender")
    return sample


def _age(label: object) -> tuple[float, float] | None:
    text = str("" if label is None else label).strip().lower()
    if text in _UNLABELLED:
        return None
    more = re.fullmatch(r"(?:more than |over )(\d+)|(\d+)\+", text)
    if more:
        return float(more[1] or more[2]), _OLDEST
    numbers = re.fullmatch(r"\(?\s*(\d+(?:\.\d+)?)\s*(?:[-,–]\s*(\d+(?:\.\d+)?)\s*)?\)?", text)
    if numbers is None:
        raise ValueError(f"the age {text[:40]!r} is neither a number nor a range")
    low, high = float(numbers[1]), float(numbers[2] or numbers[1])
    if not 0 <= low <= high <= _OLDEST:
        raise ValueError(f"the age {text[:40]!r} is not between 0 and {_OLDEST:.0f}")
    return low, high


def _gender(label: object) -> Gender | None:
    text = str("" if label is None else label).strip().lower()
    if text in _UNLABELLED:
        return None
    if text not in _GENDERS:
        raise ValueError(f"the gender {text[:40]!r} is not female, male or empty")
    return _GENDERS[text]
