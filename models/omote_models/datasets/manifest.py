"""The manifest of a data set: who may use it, who agreed, and what each face is labelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from omote_models.face import Gender

NAME = "manifest.json"
FACES = "faces"
"""The folder of the pictures."""
_FAMILY = "omote-dataset/"
OLDEST = 120.0
_LOCK = ".lock"

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Text = Annotated[str, Field(min_length=3, max_length=500)]


class ManifestProblem(ValueError):
    """A manifest that cannot be used. The text says what to mend."""


class Entry(BaseModel):
    """One face.

    Attributes:
        file: of the picture, within the data set's folder.
        sha256: of that file.
        source: where it was found: a file, and for a video the second.
        identity: a name for the person within this data set; of whom is known nothing more.
        split: in which part the person stands.
        age: in years, None where it is not labelled.
        gender: None where it is not labelled.
        group: the labeller's own word, such as for skin tone.
        labelled: by what: "by hand", or the name of a data set; empty where it is not.
        skipped: whether a labeller could not tell.
    """

    model_config = ConfigDict(extra="forbid")

    file: Annotated[str, Field(pattern=rf"^{_PART}(/{_PART})*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    source: str = ""
    identity: Annotated[str, Field(min_length=1)]
    split: Split
    age: Annotated[float, Field(ge=0, le=OLDEST, allow_inf_nan=False)] | None = None
    gender: Gender | None = None
    group: str | None = None
    labelled: str = ""
    skipped: bool = False

    @property
    def has_label(self) -> bool:
        """Whether it says an age or a gender."""
        return self.age is not None or self.gender is not None


class Change(BaseModel):
    """One version of the data set."""

    model_config = ConfigDict(extra="forbid")

    version: int
    date: str
    what: str


class Manifest(BaseModel):
    """A data set.

    Attributes:
        licence: under which it may be used, and by whom it was given.
        consent: how the people in it agreed to be in it.
        version: one more with every change; `history` says what.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["omote-dataset/1"] = "omote-dataset/1"
    name: Annotated[str, Field(min_length=1, max_length=100)]
    licence: Text
    consent: Text
    version: Annotated[int, Field(ge=1)] = 1
    history: list[Change] = []
    samples: list[Entry]

    def changed(self, date: str, what: str) -> None:
        """Make it a new version."""
        self.version = self.version + 1 if self.history else 1
        self.history.append(Change(version=self.version, date=date, what=what))


def is_dataset(folder: Path) -> bool:
    """Whether a folder has a manifest of ours; it may be wrong yet."""
    try:
        values = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and str(values.get("format")).startswith(_FAMILY)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a data set's folder.

    Raises:
        ManifestProblem: there is none, or it is wrong; the text lists what, and where.
    """
    path = folder / NAME if folder.is_dir() else folder
    if not path.is_file():
        raise ManifestProblem(f"there is no {NAME} in {folder}; `omote dataset build` makes one")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestProblem(f"{path} cannot be read: {error}") from None
    return manifest_of(values, path)


def manifest_of(values: object, path: Path) -> Manifest:
    """A manifest, checked.

    Raises:
        ManifestProblem: it is wrong; the text names the path, and lists what, and where.
    """
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        more = [f"… and {len(told) - 20} more"] if len(told) > 20 else []
        raise ManifestProblem("\n  ".join([f"{path} is wrong:", *told[:20], *more])) from None


def hold(folder: Path) -> FileLock:
    """The right to change a data set, until it is released or the process ends.

    Raises:
        ManifestProblem: there is no data set, or another command is changing it.
        OSError: the folder cannot be written to.
    """
    if not (folder / NAME).is_file():
        raise ManifestProblem(f"there is no {NAME} in {folder}; `omote dataset build` makes one")
    # Two who each write the manifest that they have read would undo each other's labels.
    lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise ManifestProblem(
            f"another `omote dataset` command is changing {folder}; end that first"
        ) from None
    return lock


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put it into place whole, or not at all."""
    path = folder / NAME
    beside = path.with_suffix(".part")
    beside.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    beside.replace(path)
