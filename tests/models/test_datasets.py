"""Data sets: built of pictures and videos, split by people, checked; nothing half-written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from people import crowd

from omote_models.datasets.build import BuildOptions, build
from omote_models.datasets.check import check
from omote_models.datasets.copies import alike, fingerprint
from omote_models.datasets.manifest import (
    Manifest,
    ManifestProblem,
    read_manifest,
    write_manifest,
)
from omote_models.evaluation.samples import DatasetError, read_dataset
from omote_models.face import Face, Gender
from omote_models.stills import StillFinder
from omote_models.tracker import FaceTracker

Pixels = NDArray[np.uint8]
OPTIONS = BuildOptions("test", "CC0-1.0, drawn", "nobody exists", date="2026-11-25")


def no_video(path: Path) -> Iterator[tuple[float, Pixels]]:
    raise AssertionError(path)


@pytest.fixture(scope="module")
def photos(
    tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels, astronaut_face: Face
) -> Path:
    return crowd(tmp_path_factory.mktemp("photos"), astronaut, astronaut_face, people=24)


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, photos: Path, face_model: bytes
) -> tuple[Path, Manifest]:
    out = tmp_path_factory.mktemp("sets") / "faces"
    made = build([photos], out, face_model, no_video, OPTIONS)
    # A drawn texture may hide a face, or look like one, from one machine to another.
    assert len(made.problems) <= 4
    return out, made.manifest


def test_a_folder_becomes_a_data_set(built: tuple[Path, Manifest]) -> None:
    folder, manifest = built
    assert read_manifest(folder) == manifest
    assert len(manifest.samples) >= 44
    assert manifest.version == 1
    assert {e.gender for e in manifest.samples} == {Gender.FEMALE, Gender.MALE}
    assert all(e.age is not None for e in manifest.samples)
    assert all((folder / e.file).is_file() for e in manifest.samples)
    checked = check(folder, manifest)
    assert checked.problems == []
    assert any(note.startswith("train: ") for note in checked.notes)
    assert len(read_dataset(folder).samples) == len(manifest.samples), "it can be evaluated, too"


def test_nobody_stands_in_two_splits(built: tuple[Path, Manifest]) -> None:
    _, manifest = built
    stands: dict[str, set[str]] = {}
    for entry in manifest.samples:
        stands.setdefault(entry.identity, set()).add(entry.split)
    assert len(stands) >= 22
    assert all(len(splits) == 1 for splits in stands.values())
    assert {s for splits in stands.values() for s in splits} == {"train", "validation", "test"}


def test_it_is_the_same_every_time(
    built: tuple[Path, Manifest], photos: Path, face_model: bytes, tmp_path: Path
) -> None:
    again = build([photos], tmp_path / "again", face_model, no_video, OPTIONS)
    assert again.manifest == built[1]
    other = replace(OPTIONS, seed=2)
    differently = build([photos], tmp_path / "other", face_model, no_video, other)
    assert [e.split for e in differently.manifest.samples] != [e.split for e in built[1].samples]


def loaded(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None
    return np.ascontiguousarray(pixels, np.uint8)


def saved(path: Path, pixels: Pixels, quality: int = 95) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = cv2.imencode(
        path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    path.write_bytes(bytes(coded[1]))


def test_copies_are_dropped_and_people_who_share_a_photograph_are_one(
    tmp_path: Path, face_model: bytes, astronaut: Pixels, carphone: list[Pixels]
) -> None:
    source = tmp_path / "source"
    saved(source / "anna" / "portrait.jpg", astronaut)
    small = cv2.resize(astronaut, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    saved(source / "ben" / "copy.jpg", np.asarray(small, np.uint8), quality=50)
    saved(source / "ben" / "self.jpg", carphone[0])
    saved(source / "cleo" / "self.jpg", np.ascontiguousarray(carphone[60][:, ::-1]))
    saved(source / "dora" / "self.jpg", np.ascontiguousarray(astronaut[:, ::-1]))
    made = build([source], tmp_path / "out", face_model, no_video, OPTIONS)
    told = "ben/copy.jpg: the same photograph as anna/portrait.jpg"
    assert told in made.problems
    kept = {entry.source: entry.split for entry in made.manifest.samples}
    assert "ben/copy.jpg" not in kept
    assert kept["anna/portrait.jpg"] == kept["ben/self.jpg"]
    assert len(set(kept.values())) == 3


def test_one_photograph_with_two_labels_is_left_out(
    tmp_path: Path, photos: Path, face_model: bytes
) -> None:
    source = tmp_path / "source"
    names = [p for person in ("p000", "p001", "p002") for p in sorted((photos / person).iterdir())]
    for n, path in enumerate(names):
        saved(source / f"30_0_0_{n}.jpg", loaded(path))
    first = loaded(names[0])
    saved(source / "70_1_0_99.jpg", first)
    options = replace(OPTIONS, identity="file")
    made = build([source], tmp_path / "out", face_model, no_video, options)
    assert any("one photograph, two labels" in problem for problem in made.problems)
    assert len(made.manifest.samples) in (4, 5)


def test_what_cannot_be_used_is_listed_and_harms_nothing(
    tmp_path: Path, photos: Path, face_model: bytes, astronaut: Pixels
) -> None:
    source = tmp_path / "source"
    for n, path in enumerate(sorted((photos / "p000").iterdir())):
        saved(source / f"good{n}.jpg", loaded(path))
    saved(source / "wall.jpg", np.full((200, 200, 3), 128, np.uint8))
    saved(source / "tiny.jpg", np.asarray(cv2.resize(astronaut, (90, 90)), np.uint8))
    saved(source / "blurred.jpg", np.asarray(cv2.GaussianBlur(astronaut, (0, 0), 9), np.uint8))
    cartoon = np.full((300, 300, 3), 255, np.uint8)
    cv2.circle(cartoon, (150, 150), 100, (250, 220, 60), -1)
    saved(source / "cartoon.jpg", cartoon)
    (source / "broken.jpg").write_bytes(b"not a picture")
    (source / "empty.png").write_bytes(b"")
    made = build([source], tmp_path / "out", face_model, no_video, OPTIONS)
    told = {problem.split(":")[0]: problem for problem in made.problems}
    assert set(told) == {
        "wall.jpg",
        "tiny.jpg",
        "blurred.jpg",
        "cartoon.jpg",
        "broken.jpg",
        "empty.png",
    }
    assert "no face" in told["wall.jpg"]
    assert "damaged" in told["broken.jpg"]
    assert len(made.manifest.samples) == 2


@pytest.mark.parametrize(
    ("change", "told"), [({"licence": ""}, "--licence"), ({"consent": " "}, "--consent")]
)
def test_without_licence_or_consent_nothing_is_built(
    change: dict[str, str], told: str, tmp_path: Path, photos: Path, face_model: bytes
) -> None:
    with pytest.raises(ManifestProblem, match=told):
        build([photos], tmp_path / "out", face_model, no_video, replace(OPTIONS, **change))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_no_face_or_a_folder_that_is_there_leaves_nothing(
    tmp_path: Path, face_model: bytes
) -> None:
    saved(tmp_path / "source" / "wall.jpg", np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(ManifestProblem, match="no face"):
        build([tmp_path / "source"], tmp_path / "out", face_model, no_video, OPTIONS)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.part").exists()
    (tmp_path / "out").mkdir()
    with pytest.raises(ManifestProblem, match="there already"):
        build([tmp_path / "source"], tmp_path / "out", face_model, no_video, OPTIONS)


def test_a_video_is_one_person(tmp_path: Path, carphone: list[Pixels], face_model: bytes) -> None:
    def frames(path: Path) -> Iterator[tuple[float, Pixels]]:
        yield from ((n / 30, frame) for n, frame in enumerate(carphone))

    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "clip.mp4").write_bytes(b"read by frames()")
    made = build([tmp_path / "source"], tmp_path / "out", face_model, frames, OPTIONS)
    assert 2 <= len(made.manifest.samples) <= 9
    assert {entry.identity for entry in made.manifest.samples} == {"clip.mp4"}
    assert len({entry.split for entry in made.manifest.samples}) == 1


def test_fingerprints_know_copies_and_not_people(
    built: tuple[Path, Manifest], astronaut: Pixels
) -> None:
    folder, manifest = built
    prints = []
    for entry in manifest.samples[:20]:
        prints.append(fingerprint(loaded(folder / entry.file)))
    assert list(alike(np.stack(prints))) == []
    data = cv2.imencode(".jpg", astronaut, [cv2.IMWRITE_JPEG_QUALITY, 35])[1]
    copy = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    assert list(alike(np.stack([fingerprint(astronaut), fingerprint(copy)]))) == [(0, 1)]


def spoiled(folder: Path, manifest: Manifest, tmp_path: Path) -> Path:
    import shutil

    shutil.copytree(folder, tmp_path / "set")
    write_manifest(tmp_path / "set", manifest)
    return tmp_path / "set"


def test_check_finds_what_is_wrong(built: tuple[Path, Manifest], tmp_path: Path) -> None:
    folder, manifest = built
    bad = manifest.model_copy(deep=True)
    train = [e for e in bad.samples if e.split == "train"]
    train[0].split = "test"
    for entry in bad.samples:
        entry.gender = Gender.MALE
        if entry.split == "validation":
            entry.age = entry.gender = None
    place = spoiled(folder, bad, tmp_path)
    (place / bad.samples[5].file).unlink()
    (place / bad.samples[6].file).write_bytes(b"changed")
    found = check(place, read_manifest(place))
    told = "\n".join(found.problems)
    assert f"{train[0].identity}: this person stands in test and train" in told
    assert f"{bad.samples[5].file}: there is no such picture" in told
    assert f"{bad.samples[6].file}: it is another picture" in told
    assert "validation: no labelled face" in told
    assert any("gender cannot be learned" in note for note in found.notes)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("licence", "", "licence"),
        ("consent", None, "consent"),
        ("format", "other/9", "format"),
        ("samples.0.age", 400, r"samples.0.age"),
        ("samples.0.gender", "robot", "samples.0.gender"),
        ("samples.0.file", "../../etc/passwd", "samples.0.file"),
        ("samples.0.colour", "blue", "samples.0.colour"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(
    key: str, value: object, told: str, built: tuple[Path, Manifest], tmp_path: Path
) -> None:
    values = json.loads((built[0] / "manifest.json").read_text())
    *parents, last = key.split(".")
    at = values
    for parent in parents:
        at = at[int(parent)] if parent.isdigit() else at[parent]
    at[last] = value
    (tmp_path / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(ManifestProblem, match=told):
        read_manifest(tmp_path)


def test_stills_are_as_if_each_were_alone(
    face_model: bytes, astronaut: Pixels, carphone: list[Pixels]
) -> None:
    pictures = [astronaut, carphone[0], np.full((80, 90, 3), 9, np.uint8), carphone[60], astronaut]
    with StillFinder(face_model, 2) as finder:
        found = [finder.find(np.ascontiguousarray(picture)) for picture in pictures]
    assert [len(faces) for faces in found] == [1, 1, 0, 1, 1]
    for picture, faces in zip(pictures, found, strict=True):
        tracker = FaceTracker(face_model)
        alone = tracker.track(np.ascontiguousarray(picture), 0.0)
        tracker.close()
        for one, other in zip(alone, faces, strict=True):
            assert float(np.abs(one.landmarks - other.landmarks).max()) < 1.0


def test_forty_faces_in_one_picture_are_all_found(face_model: bytes, astronaut: Pixels) -> None:
    one = astronaut[:300, 80:380]
    crowded = np.ascontiguousarray(np.vstack([np.hstack([one] * 8)] * 5))
    with StillFinder(face_model, 16) as finder:
        assert len(finder.find(crowded)) < 40, "they are too small for one look"
        found = finder.find_all(crowded)
        assert len(finder.find_all(astronaut)) == 1, "nobody is found twice"
    assert len(found) == 40
    assert len({face.track_id for face in found}) == 40
    # Each where its copy of the portrait stands.
    places = {(int(f.box.centre[0] // 300), int(f.box.centre[1] // 300)) for f in found}
    assert len(places) == 40


def test_a_split_is_measured_by_itself(built: tuple[Path, Manifest]) -> None:
    folder, manifest = built
    test = [entry for entry in manifest.samples if entry.split == "test"]
    assert len(read_dataset(folder, "test").samples) == len(test) > 0
    with pytest.raises(DatasetError, match="it has test, train, validation"):
        read_dataset(folder, "tset")


def test_what_has_no_splits_says_so(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(DatasetError, match="leave --split out"):
        read_dataset(photos, "test")
