"""Finds faces in pictures, in videos and in data sets that are there already."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.chips import chip
from omote_models.datasets.copies import fingerprint
from omote_models.datasets.manifest import (
    FACES,
    NAME,
    Entry,
    Manifest,
    Split,
    is_dataset,
    read_manifest,
)
from omote_models.describe import why_not
from omote_models.evaluation.answers import decoded_picture
from omote_models.evaluation.samples import (
    DatasetError,
    Sample,
    printable,
    read_dataset,
)
from omote_models.face import Face, FloatArray, Gender
from omote_models.pictures import Sort, sort_of
from omote_models.stills import StillFinder
from omote_models.tracker import FaceTracker, TrackerOptions

Pixels = NDArray[np.uint8]
Identity = Literal["folder", "file", "name"]
Frames = Callable[[Path], Iterable[tuple[float, Pixels]]]
"""Gives a video's pictures, each with its second."""

SIDE = 224
PADDING = 0.65
"""Around dlib's template, so that a detector finds the face again and any network's crop fits."""

_MOST_FACES = 16
"""In one look; a large picture is looked at in parts."""
_EVERY_S = 0.5
_QUALITY = 95


@dataclass(frozen=True, slots=True)
class FaceLabel:
    """What is known of a face; the attributes are those of `Entry`."""

    age: float | None = None
    gender: Gender | None = None
    group: str | None = None
    labelled: str = ""
    skipped: bool = False

    @property
    def given(self) -> bool:
        """Whether it says an age or a gender."""
        return self.age is not None or self.gender is not None

    @property
    def weight(self) -> int:
        """Of two copies the one with more is kept: labelled, looked at, neither."""
        return 2 if self.given else int(self.skipped)

    def agrees(self, other: FaceLabel) -> bool:
        """Whether both say the same, or one says nothing."""
        same = (self.age, self.gender) == (other.age, other.gender)
        return same or not (self.given and other.given)


@dataclass(slots=True)
class Found:
    """One face.

    Attributes:
        data: of its picture: JPEG, `SIDE` pixels square.
        print: its fingerprint.
        source: where it was found: a file, and for a video the second.
        identity: a name for the person.
        label: what is known of it.
        split: in which part the person stood, None where it is new.
    """

    data: bytes
    print: FloatArray
    source: str
    identity: str
    label: FaceLabel
    split: Split | None = None


class Collector:
    """Finds the faces of sources, one after the other.

    Attributes:
        problems: "WHERE: WHAT", a line for everything that was left out.
        manifests: of the data sets among the sources.
    """

    def __init__(
        self,
        face_model: bytes,
        frames: Frames,
        identity: Identity,
        on_file: Callable[[Path], None],
    ) -> None:
        """See `build` for what the arguments are."""
        self.problems: list[str] = []
        self.manifests: list[Manifest] = []
        self._face_model = face_model
        self._frames = frames
        self._identity = identity
        self._on_file = on_file

    def faces(self, sources: Sequence[Path]) -> Iterator[Found]:
        """Every face that can be used.

        Raises:
            ManifestProblem: a data set among the sources is wrong.
        """
        with StillFinder(self._face_model, _MOST_FACES) as finder:
            for source in sources:
                yield from self._of_source(source, finder)

    def of_set(self, folder: Path, part: Path | None = None) -> Iterator[Found]:
        """The faces of a data set as they are, with all that is known of them.

        Args:
            folder: of the data set.
            part: only what is this file, or in this folder.

        Raises:
            ManifestProblem: it is none, or wrong.
        """
        manifest = read_manifest(folder)
        self.manifests.append(manifest)
        for entry in manifest.samples:
            path = folder / entry.file
            if part is None or path.is_relative_to(part):
                self._on_file(path)
                yield from self._of_entry(path, entry)

    def _of_entry(self, path: Path, entry: Entry) -> Iterator[Found]:
        picture = decoded_picture(path)
        if isinstance(picture, str):
            self.problems.append(f"{entry.file}: {picture}")
            return
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            self.problems.append(f"{entry.file}: it is another picture than the one labelled")
            return
        known = FaceLabel(entry.age, entry.gender, entry.group, entry.labelled, entry.skipped)
        source = entry.source or entry.file
        yield Found(data, fingerprint(picture), source, entry.identity, known, entry.split)

    def _of_source(self, source: Path, finder: StillFinder) -> Iterator[Found]:
        if within := dataset_of(source):
            yield from self.of_set(within, None if source.name == NAME else source.resolve())
            return
        labels = self._labels(source)
        root = source if source.is_dir() else source.parent
        sets = [p.parent for p in sorted(source.rglob(NAME)) if is_dataset(p.parent)]
        for folder in sets:
            yield from self.of_set(folder)
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if not path.is_file() or any(path.is_relative_to(folder) for folder in sets):
                continue
            if (sort := sort_of(path)) is None:
                continue
            self._on_file(path)
            if sort is Sort.VIDEO:
                yield from self._of_video(path, root)
            else:
                yield from self._of_picture(path, root, finder, labels)

    def _labels(self, source: Path) -> dict[Path, Sample]:
        try:
            read = read_dataset(source)
        except DatasetError:
            return {}
        self.problems += read.problems
        return {sample.picture: sample for sample in read.samples}

    def _of_picture(
        self, path: Path, root: Path, finder: StillFinder, labels: Mapping[Path, Sample]
    ) -> Iterator[Found]:
        place = printable(path.relative_to(root).as_posix())
        picture = decoded_picture(path)
        if isinstance(picture, str):
            self.problems.append(f"{place}: {picture}")
            return
        faces = finder.find_all(picture)
        if not faces:
            picture, faces = finder.find_with_border(picture)
        if not faces:
            self.problems.append(f"{place}: no face was found")
            return
        sample = labels.get(path)
        if sample and len(faces) > 1:
            told = f"{place}: it has {len(faces)} faces; the label is taken for the largest"
            self.problems.append(told)
            faces = faces[:1]
        label = _label(sample, printable(root.name))
        for pixels in self._good(picture, faces, place):
            yield _found(pixels, place, _identity(path, place, self._identity), label)

    def _of_video(self, path: Path, root: Path) -> Iterator[Found]:
        place = printable(path.relative_to(root).as_posix())
        tracker = FaceTracker(self._face_model, TrackerOptions(max_faces=4))
        due, seen = 0.0, 0
        try:
            for second, picture in self._frames(path):
                faces = tracker.track(picture, second)
                if second < due:
                    continue
                due = second + _EVERY_S
                here = f"{place}@{second:.1f}"
                for pixels in self._good(picture, faces, here):
                    seen += 1
                    # Who is in a video stays together: a track that is lost may be found anew.
                    yield _found(pixels, here, place, FaceLabel())
        except ValueError as error:
            self.problems.append(f"{place}: it cannot be read: {error}")
        finally:
            tracker.close()
        if not seen:
            self.problems.append(f"{place}: no face was found that can be used")

    def _good(self, picture: Pixels, faces: Sequence[Face], place: str) -> Iterator[Pixels]:
        for face in faces:
            if why := why_not(picture, face, faces):
                self.problems.append(f"{place}: a face is {why}")
            else:
                yield chip(picture, face.landmarks, SIDE, PADDING)


def dataset_of(source: Path) -> Path | None:
    """The data set that a source is, or is a part of: its folder, its manifest, or its faces."""
    whole = source.resolve()
    for folder in (whole, *whole.parents)[:3]:
        if is_dataset(folder):
            within = whole.relative_to(folder).parts
            return folder if not within or within[0] in (NAME, FACES) else None
    return None


def _identity(path: Path, place: str, how: Identity) -> str:
    if how == "name":
        return printable(path.stem.split("_", 1)[0])
    if how == "folder" and "/" in place:
        return place.rsplit("/", 1)[0]
    return place


def _label(sample: Sample | None, origin: str) -> FaceLabel:
    if sample is None:
        return FaceLabel()
    return FaceLabel(sample.exact_age, sample.gender, sample.group, origin)


def _found(pixels: Pixels, source: str, identity: str, label: FaceLabel) -> Found:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    # Thousands of faces wait for the others: as JPEG they take a tenth of the memory.
    data = bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
    return Found(data, fingerprint(pixels), source, identity, label)
