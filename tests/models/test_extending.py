"""Data sets are built anew and added to: nobody forgets who somebody is, and where they stand."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from people import crowd, person, squares

from omote_models.datasets.balance import warnings
from omote_models.datasets.build import BuildOptions, build, extend
from omote_models.datasets.check import check
from omote_models.datasets.collect import FaceLabel, Found
from omote_models.datasets.licences import checked_licence
from omote_models.datasets.manifest import (
    Entry,
    Manifest,
    ManifestProblem,
    Split,
    hold,
    read_manifest,
    write_manifest,
)
from omote_models.datasets.people import split_people
from omote_models.face import Face, Gender

Pixels = NDArray[np.uint8]
OPTIONS = BuildOptions("test", "CC0-1.0, drawn", "nobody exists", date="2026-11-25")
CARRIED = replace(OPTIONS, licence="", consent="", date="2026-11-26")
SHARES: dict[Split, float] = {"validation": 0.15, "test": 0.15}


def no_video(path: Path) -> Iterator[tuple[float, Pixels]]:
    raise AssertionError(path)


@pytest.fixture(scope="module")
def photos(
    tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels, astronaut_face: Face
) -> Path:
    return crowd(tmp_path_factory.mktemp("photos"), astronaut, astronaut_face, people=12)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, photos: Path, face_model: bytes) -> Path:
    out = tmp_path_factory.mktemp("sets") / "whole"
    build([photos], out, face_model, no_video, OPTIONS)
    return out


@pytest.fixture
def labelled(whole: Path, tmp_path: Path) -> Path:
    """A copy in which somebody corrected a label, passed a face over, and left one unlabelled."""
    folder = tmp_path / "labelled"
    shutil.copytree(whole, folder)
    manifest = read_manifest(folder)
    first, second, third, *_ = manifest.samples
    first.age, first.labelled = 33.5, "by hand, 2026-11-25"
    second.age = second.gender = None
    second.skipped, second.labelled = True, ""
    third.age = third.gender = third.group = None
    third.labelled = ""
    manifest.changed("2026-11-25", "labelled by hand")
    write_manifest(folder, manifest)
    return folder


def known(manifest: Manifest) -> dict[str, Entry]:
    """What is known of each picture, whatever its number is."""
    return {e.sha256: e.model_copy(update={"file": "faces/x.jpg"}) for e in manifest.samples}


def test_built_anew_it_forgets_nothing(
    labelled: Path, tmp_path: Path, face_model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = read_manifest(labelled)
    relative = Path("labelled/../labelled")
    sources = (labelled, relative, labelled / "manifest.json", labelled / "faces")
    for n, source in enumerate(sources):
        made = build([source], tmp_path / str(n), face_model, no_video, CARRIED)
        assert made.problems == []
        assert known(made.manifest) == known(before)
        assert (made.manifest.licence, made.manifest.consent) == (before.licence, before.consent)
        assert {e.split for e in made.manifest.samples} == {"train", "validation", "test"}


def test_a_data_set_within_a_folder_is_one(
    labelled: Path, tmp_path: Path, face_model: bytes
) -> None:
    around = tmp_path / "around"
    around.mkdir()
    shutil.move(labelled, around / "old")
    with pytest.raises(ManifestProblem, match="--licence"):
        build([around], tmp_path / "out", face_model, no_video, CARRIED)
    options = replace(OPTIONS, licence="own photographs")
    made = build([around], tmp_path / "out", face_model, no_video, options)
    assert known(made.manifest) == known(read_manifest(around / "old"))
    assert made.manifest.licence == "CC0-1.0, drawn; own photographs"
    assert made.manifest.consent == "nobody exists"


def test_photographs_that_lie_in_a_data_set_are_not_its_faces(
    labelled: Path, photos: Path, tmp_path: Path, face_model: bytes
) -> None:
    shutil.copytree(photos / "p000", labelled / "extra" / "p000")
    made = build([labelled / "extra"], tmp_path / "out", face_model, no_video, OPTIONS)
    assert {entry.identity for entry in made.manifest.samples} == {"p000"}


def test_what_was_labelled_by_hand_is_kept_beside_its_photographs(
    photos: Path, labelled: Path, tmp_path: Path, face_model: bytes
) -> None:
    source = tmp_path / "photos"
    shutil.copytree(photos, source)
    for n, path in enumerate(sorted(source.rglob("*.jpg"))):
        path.rename(path.with_name(f"{n}.jpg"))  # no label in the name
    before = read_manifest(labelled)
    made = build([source, labelled], tmp_path / "out", face_model, no_video, OPTIONS)
    assert len(made.manifest.samples) == len(before.samples)
    labels = Counter((e.age, e.gender, e.skipped) for e in before.samples)
    assert Counter((e.age, e.gender, e.skipped) for e in made.manifest.samples) == labels
    splits = {e.identity: e.split for e in before.samples}
    assert {e.identity: e.split for e in made.manifest.samples} == splits


def test_a_changed_picture_is_not_taken_for_the_one_labelled(
    labelled: Path, tmp_path: Path, face_model: bytes
) -> None:
    first, second, *_ = read_manifest(labelled).samples
    shutil.copy(labelled / second.file, labelled / first.file)
    made = build([labelled], tmp_path / "out", face_model, no_video, CARRIED)
    assert made.problems == [f"{first.file}: it is another picture than the one labelled"]
    with pytest.raises(ManifestProblem, match="omote dataset check"):
        extend(labelled, [labelled], face_model, no_video, CARRIED)


@pytest.fixture
def newcomers(
    tmp_path: Path, astronaut: Pixels, astronaut_face: Face, photos: Path
) -> tuple[Path, str]:
    """Six new people, one more picture of somebody who is in the set, and a photograph from it."""
    place = crowd(tmp_path / "new", astronaut, astronaut_face, people=6, first=500)
    there = sorted(path.name for path in photos.iterdir())[0]
    (place / there).mkdir()
    pixels = person(astronaut, astronaut_face, 40, True, 9999)
    cv2.imwrite(str(place / there / "more.jpg"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    old = sorted((photos / there).iterdir())[0]
    shutil.copy(old, place / there / f"copy_of_{old.name}")
    return place, there


def test_faces_are_added_and_nobody_moves(
    labelled: Path, newcomers: tuple[Path, str], face_model: bytes
) -> None:
    place, there = newcomers
    before = read_manifest(labelled)
    made = extend(labelled, [place], face_model, no_video, OPTIONS)
    after = read_manifest(labelled)
    assert after == made.manifest
    assert after.samples[: len(before.samples)] == before.samples
    assert made.added == len(after.samples) - len(before.samples) >= 11
    assert after.version == before.version + 1
    assert after.history[-1].what == f"{made.added} faces added"
    assert after.licence == before.licence, "said once"
    stands = {entry.identity: entry.split for entry in before.samples}
    (more,) = [e for e in after.samples[len(before.samples) :] if e.identity == there]
    assert more.split == stands[there]
    assert any("the same photograph as" in problem for problem in made.problems)
    assert not [p for p in check(labelled, after).problems if "stands in" in p or "same" in p]
    new = {e.identity: e.split for e in after.samples if e.identity not in stands}
    assert {"validation", "test"} & set(new.values()), "18 people want more than 12 did"

    again = extend(labelled, [place], face_model, no_video, OPTIONS)
    assert again.added == 0
    assert read_manifest(labelled) == after, "nothing is added twice"


def test_a_copy_gives_its_label_to_a_face_without_one_and_to_no_other(
    labelled: Path, photos: Path, face_model: bytes
) -> None:
    before = read_manifest(labelled)
    made = extend(labelled, [photos], face_model, no_video, OPTIONS)
    first, second, third, *_ = made.manifest.samples
    assert made.added == 0
    assert first.age == 33.5, "labelled by hand, and named otherwise"
    assert any("keeps its own label" in problem for problem in made.problems)
    assert second.has_label, "who could not tell is told"
    assert not second.skipped
    assert third.has_label
    assert made.manifest.version == before.version + 1
    assert [e.split for e in made.manifest.samples] == [e.split for e in before.samples]


def test_what_fails_changes_nothing(
    labelled: Path, newcomers: tuple[Path, str], face_model: bytes
) -> None:
    files = sorted(labelled.rglob("*.jpg"))
    before = (labelled / "manifest.json").read_bytes()
    lock = hold(labelled)
    with pytest.raises(ManifestProblem, match="end that first"):
        extend(labelled, [newcomers[0]], face_model, no_video, OPTIONS)
    lock.release()
    with pytest.raises(ManifestProblem, match="consent"):
        extend(labelled, [newcomers[0]], face_model, no_video, replace(OPTIONS, consent="x " * 300))
    (labelled / "manifest.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        extend(labelled, [newcomers[0]], face_model, no_video, OPTIONS)
    assert sorted(labelled.rglob("*.jpg")) == files
    assert (labelled / "manifest.json").read_bytes() == before


def found(identity: str, split: Split | None = None) -> Found:
    return Found(b"", np.zeros(1024, np.float32), identity, identity, FaceLabel(), split)


def test_sets_that_disagree_train_with_whom_one_trained() -> None:
    faces = [found("anna", "test"), found("anna", "train"), found("ben", "validation")]
    faces += [found("cleo", "test")]
    problems: list[str] = []
    splits = split_people(faces, [(2, 3)], range(4), SHARES, 1, problems)
    assert splits == {0: "train", 1: "train", 2: "validation", 3: "validation"}
    assert problems == [
        "anna: stood in test and train; stands in train now",
        "ben: stood in test and validation; stands in validation now",
    ]


def test_who_is_added_one_by_one_comes_into_every_split() -> None:
    faces = [found("p0", "train"), found("p1", "train"), found("p2", "train")]
    for n in range(3, 40):
        faces.append(found(f"p{n}"))
        splits = split_people(faces, [], range(len(faces)), SHARES, 1, [])
        for place, split in splits.items():
            assert faces[place].split in (None, split)
            faces[place].split = split
    assert Counter(each.split for each in faces) == {"train": 28, "validation": 6, "test": 6}


def entries(*people: tuple[str, Split, list[float]]) -> list[Entry]:
    return [
        Entry(file=f"faces/{name}{n}.jpg", sha256="0" * 64, identity=name, split=split, age=age)
        for name, split, ages in people
        for n, age in enumerate(ages)
    ]


@pytest.mark.parametrize(
    "people",
    [
        [("20", "train", [20, 20]), ("30", "train", [30.0]), ("45", "test", [45, 45])],
        [
            ("set/0-9", "train", [1, 5, 8]),
            ("set/10-19", "train", [11, 17]),
            ("set/20-29", "test", [21.0]),
        ],
        [
            ("child", "train", [3, 9, 11]),
            ("adult", "train", [30, 35, 50]),
            ("old", "test", [65, 80, 90]),
        ],
    ],
)
def test_ages_that_stand_for_people_are_warned_of(
    people: list[tuple[str, Split, list[float]]],
) -> None:
    assert any("are these ages and not people" in w for w in warnings(entries(*people)))


def test_splits_of_other_ages_are_warned_of_and_others_are_not() -> None:
    young = [(f"a{n}", "train", [10 + n % 30]) for n in range(60)]
    old = [(f"b{n}", "test", [50 + n % 20]) for n in range(12)]
    alike = [(f"c{n}", "validation", [11 + 5 * n % 29]) for n in range(12)]
    told = warnings(entries(*young, *old, *alike))  # type: ignore[arg-type]
    assert len(told) == 1
    assert told[0].startswith("the people of test are of other ages than those of train")
    assert warnings(entries(("anna", "train", [30, 31]), ("ben", "test", [50]))) == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cc0-1.0", "CC0-1.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        (" odbl-1.0 ", "ODbL-1.0"),
        ("public domain", "public domain"),
        ("CC0, own  photos", "CC0, own photos"),
    ],
)
def test_licences_are_known_or_said_in_words(text: str, meant: str) -> None:
    assert checked_licence(text) == meant


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "'x' names no licence: Give an SPDX identifier"),
        ("CC0", "did you mean CC0-1.0"),
        ("cc-by-5.0", "CC-BY-4.0"),
        ("apache2", "Apache-2.0"),
        ("free", "two words and more"),
        ("a b", "'a b' names no licence"),
        (" ", "a data set without it must not be used"),
    ],
)
def test_what_names_no_licence_is_refused_and_guessed(text: str, told: str) -> None:
    with pytest.raises(ManifestProblem, match=told):
        checked_licence(text)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_names_that_are_not_utf_8_are_told_with_escapes(
    tmp_path: Path, photos: Path, face_model: bytes
) -> None:
    folder = tmp_path / "source" / os.fsdecode(b"m\xe4dchen")
    shutil.copytree(photos / "p000", folder)
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(b"damaged")
    made = build([tmp_path / "source"], tmp_path / "out", face_model, no_video, OPTIONS)
    assert {e.identity for e in read_manifest(tmp_path / "out").samples} == {"m\\udce4dchen"}
    name, content = made.problems
    assert name == "\\udcff.jpg: its name is not AGE_GENDER_GROUP_DATE"
    assert content.startswith("m\\udce4dchen/\\udcff.jpg: it is not a picture, or damaged")


def test_a_label_of_one_kind_agrees_with_none_but_itself() -> None:
    one = FaceLabel(30, Gender.FEMALE)
    assert one.agrees(FaceLabel())
    assert one.agrees(FaceLabel(30, Gender.FEMALE, labelled="elsewhere"))
    assert not one.agrees(FaceLabel(31, Gender.FEMALE))
    assert FaceLabel().weight < FaceLabel(skipped=True).weight < one.weight


def test_squares_are_a_data_set_too(tmp_path: Path, face_model: bytes) -> None:
    """What a data set holds is taken as it is: nobody looks for a face in it again."""
    made = build(
        [squares(tmp_path / "set", [3, 4])], tmp_path / "out", face_model, no_video, CARRIED
    )
    assert [entry.age for entry in made.manifest.samples] == [3, 4]
    assert [entry.identity for entry in made.manifest.samples] == ["0", "1"]
