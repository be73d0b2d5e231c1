"""Data sets are read as they are published, and figures are what they say they are."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from typer.testing import CliRunner

from omote_models.estimators import find_estimator
from omote_models.evaluation.answers import Answer, AnswerBook
from omote_models.evaluation.figures import Evaluation, evaluate
from omote_models.evaluation.report import as_html, as_json, brief_interval, shown, update_card
from omote_models.evaluation.samples import Dataset, DatasetError, Sample, read_dataset
from omote_models.face import Gender
from omote_server.cli import app
from omote_server.cli.figure_tables import figure_tables, side_by_side

Pixels = NDArray[np.uint8]
run = CliRunner()


def touched(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")


# Reading


def test_utkface_names_are_read(tmp_path: Path) -> None:
    touched(
        tmp_path / "26_1_3_20170104.jpg",
        tmp_path / "part" / "4_0_0_2017.jpg.chip.jpg",
        tmp_path / "39_1_20170109.jpg",
        tmp_path / "130_1_0_2017.jpg",
    )
    dataset = read_dataset(tmp_path)
    labels = {(s.age, s.gender, s.group) for s in dataset.samples}
    assert dataset.kind == "utkface"
    assert dataset.exact
    assert labels == {
        ((26, 26), Gender.FEMALE, "indian"),
        ((4, 4), Gender.MALE, "white"),
    }
    assert any("39_1_20170109.jpg" in line and "name" in line for line in dataset.problems)
    assert any("'130' is not between 0 and 120" in line for line in dataset.problems)


def test_fairface_ranges_are_read(tmp_path: Path) -> None:
    touched(tmp_path / "train" / "1.jpg", tmp_path / "train" / "2.jpg")
    labels = tmp_path / "fairface_label_train.csv"
    labels.write_text(
        "file,age,gender,race,service_test\n"
        "train/1.jpg,50-59,Male,East Asian,True\n"
        "train/2.jpg,more than 70,Female,Black,False\n"
        "train/3.jpg,3-9,Female,White,False\n"
    )
    dataset = read_dataset(labels)
    assert dataset.kind == "fairface"
    assert not dataset.exact
    assert [s.age for s in dataset.samples] == [(50, 59), (70, 120)]
    assert [s.group for s in dataset.samples] == ["east asian", "black"]
    assert dataset.problems == [f"{labels.name}:4: there is no picture 3.jpg"]


def test_adience_folds_are_read(tmp_path: Path) -> None:
    for user, face, image in (("u1", "7", "a.jpg"), ("u2", "8", "b.jpg")):
        touched(tmp_path / "faces" / user / f"coarse_tilt_aligned_face.{face}.{image}")
    (tmp_path / "fold_0_data.txt").write_text(
        "user_id\toriginal_image\tface_id\tage\tgender\n"
        "u1\ta.jpg\t7\t(25, 32)\tf\n"
        "u2\tb.jpg\t8\tNone\tu\n"
    )
    dataset = read_dataset(tmp_path)
    assert [(s.age, s.gender) for s in dataset.samples] == [((25, 32), Gender.FEMALE)]
    assert "neither an age nor a gender" in dataset.problems[0]


def test_two_labels_for_one_picture_leave_it_out(tmp_path: Path) -> None:
    touched(tmp_path / "a.jpg", tmp_path / "b.jpg")
    rows = [
        {"file": "a.jpg", "age": 20},
        {"file": "a.jpg", "age": 30},
        {"file": "b.jpg", "age": 40, "gender": "robot"},
        {"file": "b.jpg", "age": 40, "gender": "woman"},
        {"file": "b.jpg", "age": 40, "gender": "woman"},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    dataset = read_dataset(tmp_path)
    assert [s.picture.name for s in dataset.samples] == ["b.jpg"]
    said = "\n".join(dataset.problems)
    assert "manifest.json:2: a.jpg has another label" in said
    assert "manifest.json:1: left out" in said
    assert "manifest.json:3: the gender 'robot' is not female, male or empty" in said


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="is no data set"):
        read_dataset(tmp_path)
    (tmp_path / "labels.csv").write_text("name,age\na,3\n")
    with pytest.raises(DatasetError, match="no column `file`; it has name, age"):
        read_dataset(tmp_path)
    (tmp_path / "labels.csv").write_text("file,age\na.jpg,3\n")
    with pytest.raises(DatasetError, match=r"no picture a\.jpg"):
        read_dataset(tmp_path)


# Figures


def pairs(
    *rows: tuple[float, float, str, float], group: str | None = None
) -> list[tuple[Sample, Answer]]:
    """Rows of true age in completed years, said age (of its middle), true gender, P(male)."""
    return [
        (
            Sample(Path(f"{i}.jpg"), (age, age), Gender(gender), group),
            Answer(
                f"{i}.jpg",
                years=years + 0.5,
                low=years - 4.5,
                high=years + 5.5,
                male=male,
                gender=None if 0.3 < male < 0.7 else "shown",
                milliseconds=4.0,
            ),
        )
        for i, (age, years, gender, male) in enumerate(rows)
    ]


def figure(found: Evaluation, row: str, name: str) -> float:
    return next(r.figures[name].value for r in found.rows if r.name == row)


def test_figures_are_what_they_say() -> None:
    found = evaluate(
        pairs(
            (10, 12, "female", 0.1),
            (30, 27, "male", 0.9),
            (50, 62, "male", 0.4),
            (70, 69, "female", 0.8),
        ),
        exact=True,
    )
    assert figure(found, "all", "age MAE") == pytest.approx(18 / 4)
    assert figure(found, "all", "age bias") == pytest.approx(10 / 4)
    assert figure(found, "all", "age 80 % interval") == 0.75
    assert figure(found, "all", "age band exact") == 0.75
    assert figure(found, "all", "age band within one") == 1.0
    assert figure(found, "all", "gender accuracy") == 0.5
    assert figure(found, "all", "gender shown") == 0.75
    assert figure(found, "all", "gender accuracy shown") == pytest.approx(2 / 3)
    assert figure(found, "age senior", "age MAE") == 1.0
    assert figure(found, "13 and older", "age MAE") == pytest.approx(16 / 3)
    assert figure(found, "gender male", "gender accuracy") == 0.5
    assert found.abstention[0] == (0.5, 1.0, 0.5)
    assert found.latency == (4.0, 4.0)


def test_calibration_error_is_zero_for_honest_confidence() -> None:
    honest = [(30.0, 30.0, "male", 0.8)] * 8 + [(30.0, 30.0, "female", 0.8)] * 2
    boastful = [(30.0, 30.0, "male", 0.99)] * 5 + [(30.0, 30.0, "female", 0.99)] * 5
    assert figure(evaluate(pairs(*honest), True), "all", "gender ECE") == pytest.approx(0)
    error = figure(evaluate(pairs(*boastful), True), "all", "gender ECE")
    assert error == pytest.approx(0.49)


def test_ranges_count_by_group() -> None:
    made = []
    for truth, years in (((0, 2), 1.0), ((4, 6), 3.8), ((25, 32), 45.0), ((38, 43), 50.0)):
        ((sample, answer),) = pairs((0, years, "male", 0.9))
        made.append((Sample(sample.picture, truth, sample.gender), answer))
    found = evaluate(made, exact=False)
    assert "age MAE" not in found.rows[0].figures
    assert figure(found, "all", "age group exact") == 0.75, "3.8 is nearer to 4-6 than to 0-2"
    assert figure(found, "all", "age group within one") == 1.0


def test_the_bootstrap_narrows_with_more_faces_and_is_repeatable() -> None:
    rng = np.random.default_rng(3)
    many = [(a, a + rng.normal(0, 6), "male", 0.9) for a in rng.uniform(10, 80, 400)]
    few = evaluate(pairs(*many[:25]), True).rows[0].figures["age MAE"]
    all_ = evaluate(pairs(*many), True).rows[0].figures["age MAE"]
    assert few.low < few.value < few.high
    assert all_.high - all_.low < 0.5 * (few.high - few.low)
    assert evaluate(pairs(*many), True).rows[0].figures["age MAE"] == all_


def test_one_class_is_said_and_no_answer_is_an_error() -> None:
    found = evaluate(pairs((30, 31, "female", 0.2), (40, 41, "female", 0.1)), True)
    assert any("Every labelled gender is female" in note for note in found.notes)
    with pytest.raises(ValueError, match="no face"):
        evaluate([(Sample(Path("a")), Answer("a", "no face was found"))], True)


# Reports


def test_reports_hold_the_figures_and_cards_are_replaced(tmp_path: Path) -> None:
    dataset = Dataset("faces <dev>", "manifest", problems=["a&b.jpg: damaged"])
    found = evaluate(pairs((30, 31, "female", 0.2), (40, 42, "male", 0.9), group="x"), True)
    told = json.loads(as_json(dataset, found, {"face-api": "123"}))
    assert told["rows"][0]["figures"]["age MAE"]["value"] == 1.5
    page = as_html(dataset, found, {"face-api": "123"})
    assert "1.50 y" in page
    assert "<dev>" not in page
    assert "a&amp;b.jpg" in page
    card = tmp_path / "card.md"
    card.write_text("# A model\n\nWords.\n")
    for day in ("2026-01-01", "2026-01-02"):
        update_card(card, dataset, found, day)
    text = card.read_text()
    assert text.startswith("# A model\n\nWords.\n")
    assert "2026-01-02" in text
    assert "2026-01-01" not in text
    assert math.isclose(text.count("group x"), 1)


def test_answers_outlive_a_kill_but_not_another_model(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    book = AnswerBook(path, {"model": "a"})
    book.add(Answer("1.jpg", years=30))
    with path.open("a") as sink:
        sink.write('{"file": "2.jp')
    assert AnswerBook(path, {"model": "a"}).answers == {"1.jpg": Answer("1.jpg", years=30)}
    assert AnswerBook(path, {"model": "b"}).answers == {}


def test_the_command_measures_and_resumes(
    tmp_path: Path, astronaut: Pixels, face_model: bytes
) -> None:
    data = tmp_path / "Portraits"
    data.mkdir()
    crop = astronaut[40:220, 150:300]
    for name, picture in (
        ("38_1_0_1.png", astronaut),
        ("38_1_0_2.png", crop),
        ("30_0_0_3.png", np.full((90, 90, 3), 128, np.uint8)),
    ):
        cv2.imwrite(str(data / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    (data / "44_1_0_4.png").write_text("this is text")
    out = tmp_path / "out"
    first = run.invoke(app, ["evaluate", str(data), "--out", str(out), "--json"])
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    whole = told["rows"][0]
    assert whole["count"] == 2, "the crop is found, too: it gets a border"
    assert whole["figures"]["gender accuracy"]["value"] == 1.0
    assert whole["figures"]["age MAE"]["value"] < 15
    nobody, text = sorted(told["problems"])
    assert nobody == "30_0_0_3.png: no face was found"
    assert text.startswith("44_1_0_4.png: it is not a picture, or damaged; ")
    assert "Portraits" in (out / "Portraits-light.html").read_text()

    before = (out / "Portraits-light.jsonl").read_text()
    again = run.invoke(app, ["evaluate", str(data), "--out", str(out), "--json"])
    assert json.loads(again.stdout) == told
    assert (out / "Portraits-light.jsonl").read_text() == before, "nothing is looked at twice"

    mine = tmp_path / "mine.toml"
    mine.write_text(find_estimator("light").path.read_text())
    both = ["--estimator", "light", "--estimator", str(mine)]
    narrow = {"COLUMNS": "80"}
    compared = run.invoke(app, ["evaluate", str(data), "--out", str(out), *both], env=narrow)
    assert compared.exit_code == 0, compared.output
    assert (out / "Portraits-light-1.json").is_file()
    assert (out / "Portraits-light-2.json").is_file()
    head = next(line.split() for line in compared.stdout.splitlines() if "all 2 faces" in line)
    assert head == ["all", "2", "faces", "light-1", "light-2"]
    listed = run.invoke(app, ["evaluate", str(data), "--out", str(out), *both, "--json"])
    assert [each["rows"] for each in json.loads(listed.stdout)] == [told["rows"]] * 2
    refused = run.invoke(app, ["evaluate", str(data), *both, "--card", str(mine)])
    assert refused.exit_code == 2
    assert "one --estimator" in refused.stderr


@pytest.mark.parametrize("groups", [["x"], ["middle eastern", "southeast asian and others"]])
def test_tables_fit_eighty_columns_and_lose_no_figure(groups: list[str]) -> None:
    made = []
    for n in range(240):
        truth, said = 7.0 * (n % 12), 99.0 - n % 50
        ((sample, answer),) = pairs((truth, said, "female" if n % 3 else "male", n % 11 / 10))
        made.append((replace(sample, group=groups[n % len(groups)]), answer))
    found = evaluate(made * 5, exact=True)
    narrow = Console(width=80)
    with narrow.capture() as printed:
        for table in figure_tables(found):
            narrow.print(table)
        for table in side_by_side({"light": found, "the one of ours": found}):
            narrow.print(table)
    text = printed.get()
    assert max(map(len, text.splitlines())) <= 80
    for row in found.rows:
        for name, each in row.figures.items():
            assert shown(name, each) in text
            assert brief_interval(name, each) in text
    for heading in ("±1 band", "right shown", "the one of ours"):
        assert heading in text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_text_and_damaged_files_end_nothing(
    tmp_path: Path, astronaut: Pixels, face_model: bytes
) -> None:
    data = tmp_path / os.fsdecode(b"m\xe4dchen")
    data.mkdir()
    picture = cv2.imencode(".png", cv2.cvtColor(astronaut, cv2.COLOR_RGB2BGR))[1]
    (data / os.fsdecode(b"38_1_0_\xff.png")).write_bytes(bytes(picture))
    (data / os.fsdecode(b"38_1_0_1\xff.png")).write_bytes(bytes(picture))
    (data / os.fsdecode(b"40_1_0_2\xe9.png")).write_bytes(bytes(picture)[:2000])
    (data / os.fsdecode(b"\xe9.png")).write_bytes(b"")
    out = tmp_path / "out"
    found = run.invoke(app, ["evaluate", str(data), "--out", str(out)])
    assert found.exit_code == 0, found.output
    told = json.loads((out / "m\\udce4dchen-light.json").read_text())
    assert any("40_1_0_2\\udce9.png" in problem for problem in told["problems"])
    (out / "m\\udce4dchen-light.jsonl").write_bytes(b"\xff\xfe{]")
    assert run.invoke(app, ["evaluate", str(data), "--out", str(out)]).exit_code == 0
    card = tmp_path / "card.md"
    card.write_bytes(b"\xff\xfe")
    wrong = run.invoke(app, ["evaluate", str(data), "--out", str(out), "--card", str(card)])
    assert wrong.exit_code == 1
    assert "is no text in UTF-8" in wrong.stderr


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("labels.csv", b"file,age\n\xff\xfe.jpg,3\n"),
        ("labels.csv", b"file,age\n" + b"a" * 200_000 + b",3\n"),
        ("labels.json", b'[{"file": "a.jpg"}, {"age": 3}, {"file": "\\ud800\\u0000", "age": 3}]'),
        ("labels.json", b"[" * 100_000),
        ("manifest.json", b'{"samples": 3'),
        ("fold_0_data.txt", b"user_id\toriginal_image\n" + b"x" * 200_000 + b"\ta\n"),
        ("fold_0_data.txt", b"\xff\xfe\x00"),
    ],
)
def test_damaged_labels_are_said_to_be_damaged(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DatasetError, match=r"cannot be read|no labelled picture"):
        read_dataset(tmp_path)
    said = run.invoke(app, ["evaluate", str(tmp_path)])
    assert said.exit_code == 2
    assert said.stderr.startswith("omote:")


def test_the_command_says_what_is_no_data_set(tmp_path: Path) -> None:
    outcome = run.invoke(app, ["evaluate", str(tmp_path)])
    assert outcome.exit_code == 2
    assert "is no data set" in outcome.stderr
