"""Finds faces in pictures and videos, and makes a data set of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.chips import chip
from omote_models.datasets.manifest import (
    SPLITS,
    Entry,
    Manifest,
    ManifestProblem,
    Split,
    write_manifest,
)
from omote_models.describe import why_not
from omote_models.evaluation.answers import decoded_picture
from omote_models.evaluation.samples import PICTURES, DatasetError, Sample, read_dataset
from omote_models.face import Face, FloatArray
from omote_models.stills import StillFinder
from omote_models.tracker import FaceTracker, TrackerOptions

Pixels = NDArray[np.uint8]
Pair = tuple[int, int]
"""Two places in a list, the earlier one first."""
Identity = Literal["folder", "file", "name"]
Frames = Callable[[Path], Iterable[tuple[float, Pixels]]]
"""Gives a video's pictures, each with its second."""

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
SIDE = 224
PADDING = 0.65
"""Around dlib's template, so that a detector finds the face again and any network's crop fits."""

_MOST_FACES = 16
"""In one look; a large picture is looked at in parts."""
_EVERY_S = 0.5
_QUALITY = 95
_FINE = 32
_ALIKE = 0.87
"""Fingerprints whose product is larger are of the same photograph."""
_STRIP = 512


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How a data set is made.

    Attributes:
        name: of the data set.
        licence, consent: on record; see `Manifest`.
        identity: what tells one person from another: the folder that a picture is in, each file,
            or the file's name up to the first "_". A video is one person's whatever it is.
        validation, test: parts of the people, 0 to 1.
        seed: of the split.
        date: of today.
    """

    name: str
    licence: str
    consent: str
    identity: Identity = "folder"
    validation: float = 0.15
    test: float = 0.15
    seed: int = 1
    date: str = ""


@dataclass(slots=True)
class Built:
    """What was made, and what was left out and why: "WHERE: WHAT"."""

    manifest: Manifest
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    pixels: Pixels
    source: str
    identity: str
    label: Sample | None
    origin: str


def build(
    sources: Sequence[Path],
    out: Path,
    face_model: bytes,
    frames: Frames,
    options: BuildOptions,
    on_file: Callable[[Path], None] = lambda path: None,
) -> Built:
    """Make a data set; its folder appears when it is whole, or not at all.

    Labels are taken over where a source is a data set that `omote evaluate` reads.

    Raises:
        ManifestProblem: there is no licence or consent, no face, or the folder is there already.
    """
    for word, text in (("licence", options.licence), ("consent", options.consent)):
        if len(text.strip()) < 3:
            raise ManifestProblem(
                f"say the {word} (--{word}): a data set without it must not be used"
            )
    if out.exists():
        raise ManifestProblem(f"{out} is there already; give another name")
    problems: list[str] = []
    with StillFinder(face_model, _MOST_FACES) as finder:
        found = list(_faces(sources, finder, face_model, frames, options, problems, on_file))
    if not found:
        raise ManifestProblem(f"no face that can be used in {', '.join(map(str, sources))}")
    copies = list(alike(np.stack([fingerprint(each.pixels) for each in found])))
    kept = _unique(found, copies, problems)
    splits = _splits(found, copies, kept, options)
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    (beside / "faces").mkdir(parents=True)
    entries = [_written(beside, number, found[n], splits[n]) for number, n in enumerate(kept)]
    manifest = Manifest(
        name=options.name, licence=options.licence, consent=options.consent, samples=entries
    )
    manifest.changed(options.date, f"built of {len(entries)} faces")
    write_manifest(beside, manifest)
    beside.rename(out)
    return Built(manifest, problems)


def _faces(
    sources: Sequence[Path],
    finder: StillFinder,
    face_model: bytes,
    frames: Frames,
    options: BuildOptions,
    problems: list[str],
    on_file: Callable[[Path], None],
) -> Iterator[_Found]:
    for source in sources:
        labels = _labels(source, problems)
        root = source if source.is_dir() else source.parent
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for path in files:
            suffix = path.suffix.lower()
            if suffix not in (*PICTURES, *VIDEOS) or not path.is_file():
                continue
            on_file(path)
            place = path.relative_to(root).as_posix()
            if suffix in VIDEOS:
                yield from _of_video(path, place, face_model, frames, root.name, problems)
                continue
            picture = decoded_picture(path)
            if isinstance(picture, str):
                problems.append(f"{place}: {picture}")
                continue
            who = _identity(path, place, options.identity)
            label = labels.get(path)
            for pixels in _of_picture(picture, place, finder, label is not None, problems):
                yield _Found(pixels, place, who, label, root.name)


def _labels(source: Path, problems: list[str]) -> dict[Path, Sample]:
    try:
        read = read_dataset(source)
    except DatasetError:
        return {}
    problems += read.problems
    return {sample.picture: sample for sample in read.samples}


def _identity(path: Path, place: str, how: Identity) -> str:
    if how == "name":
        return path.stem.split("_", 1)[0]
    if how == "folder" and "/" in place:
        return place.rsplit("/", 1)[0]
    return place


def _of_picture(
    picture: Pixels, place: str, finder: StillFinder, labelled: bool, problems: list[str]
) -> Iterator[Pixels]:
    faces = finder.find_all(picture)
    if not faces:
        picture, faces = finder.find_with_border(picture)
    if not faces:
        problems.append(f"{place}: no face was found")
        return
    if labelled and len(faces) > 1:
        problems.append(f"{place}: it has {len(faces)} faces; the label is taken for the largest")
        faces = faces[:1]
    yield from _good(picture, faces, place, problems)


def _of_video(
    path: Path, place: str, face_model: bytes, frames: Frames, origin: str, problems: list[str]
) -> Iterator[_Found]:
    tracker = FaceTracker(face_model, TrackerOptions(max_faces=4))
    due, seen = 0.0, 0
    try:
        for second, picture in frames(path):
            faces = tracker.track(picture, second)
            if second < due:
                continue
            due = second + _EVERY_S
            here = f"{place}@{second:.1f}"
            for pixels in _good(picture, faces, here, problems):
                seen += 1
                # Who is in a video stays together: a track that is lost may be found anew.
                yield _Found(pixels, here, place, None, origin)
    except ValueError as error:
        problems.append(f"{place}: it cannot be read: {error}")
    finally:
        tracker.close()
    if not seen:
        problems.append(f"{place}: no face was found that can be used")


def _good(
    picture: Pixels, faces: Sequence[Face], place: str, problems: list[str]
) -> Iterator[Pixels]:
    for face in faces:
        if why := why_not(picture, face, faces):
            problems.append(f"{place}: a face is {why}")
        else:
            yield chip(picture, face.landmarks, SIDE, PADDING)


def fingerprint(pixels: Pixels) -> FloatArray:
    """A picture's fine structure, (1024,) float32 of length 1: copies have nearly the same.

    It tells photographs apart and not people: two pictures of one person differ in it.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_FINE, _FINE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = (small - cv2.GaussianBlur(small, (0, 0), 3)).ravel()
    return np.asarray(fine / max(float(np.linalg.norm(fine)), 1e-6), np.float32)


def alike(prints: FloatArray) -> Iterator[Pair]:
    """Pairs of pictures that are the same photograph, the earlier one first.

    Args:
        prints: (n, 1024) fingerprints.
    """
    for start in range(0, len(prints), _STRIP):
        strip = prints[start : start + _STRIP]
        close = strip @ prints[: start + len(strip)].T > _ALIKE
        for row, other in zip(*np.nonzero(close), strict=True):
            if other < start + row:
                yield int(other), int(start + row)


def _unique(found: Sequence[_Found], copies: Sequence[Pair], problems: list[str]) -> list[int]:
    """Which faces to keep: of copies the first; of one with two labels none."""
    dropped: set[int] = set()
    for one, other in copies:
        if one in dropped or other in dropped:
            continue
        a, b = found[one], found[other]
        if _label_of(a) != _label_of(b) and a.label and b.label:
            problems.append(f"{a.source} and {b.source}: one photograph, two labels; both left out")
            dropped |= {one, other}
        else:
            problems.append(f"{b.source}: the same photograph as {a.source}")
            dropped.add(one if a.label is None and b.label is not None else other)
    return [n for n in range(len(found)) if n not in dropped]


def _label_of(found: _Found) -> tuple[object, object]:
    return (found.label.age, found.label.gender) if found.label else (None, None)


def _splits(
    found: Sequence[_Found],
    copies: Sequence[Pair],
    kept: Sequence[int],
    options: BuildOptions,
) -> dict[int, Split]:
    """A split for each face; people who share a photograph count as one."""
    leader = {each.identity: each.identity for each in found}

    def led(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for one, other in copies:
        leader[led(found[other].identity)] = led(found[one].identity)
    groups = sorted(
        {led(found[n].identity) for n in kept},
        key=lambda name: hashlib.sha256(f"{options.seed}/{name}".encode()).digest(),
    )
    parts = dict(zip(groups, _parts(len(groups), options), strict=True))
    return {n: parts[led(found[n].identity)] for n in kept}


def _parts(count: int, options: BuildOptions) -> list[Split]:
    wanted = {"validation": options.validation, "test": options.test}
    sizes = {name: round(count * share) for name, share in wanted.items()}
    if count >= len(SPLITS):
        sizes = {name: max(size, int(wanted[name] > 0)) for name, size in sizes.items()}
    held: list[Split] = [*["validation"] * sizes["validation"], *["test"] * sizes["test"]]  # type: ignore[list-item]
    return [*held[:count], *["train"] * max(0, count - len(held))]  # type: ignore[list-item]


def _written(folder: Path, number: int, found: _Found, split: Split) -> Entry:
    pixels = cv2.cvtColor(found.pixels, cv2.COLOR_RGB2BGR)
    data = bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
    file = f"faces/{number:06d}.jpg"
    (folder / file).write_bytes(data)
    label = found.label
    return Entry(
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        source=found.source,
        identity=found.identity,
        split=split,
        age=label.exact_age if label else None,
        gender=label.gender if label else None,
        group=label.group if label else None,
        labelled=found.origin if label else "",
    )
