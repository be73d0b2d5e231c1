"""The page to label faces: only for who knows its address; nothing suggested before the label."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from people import squares
from typer.testing import CliRunner

from omote_models.datasets.labelling import Desk, LabelServer
from omote_models.datasets.manifest import (
    ManifestProblem,
    read_manifest,
)
from omote_models.face import Gender
from omote_server.cli import app

run = CliRunner()
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Whatever proxy the machine has, this is not for it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three faces, one of them labelled."""
    return squares(tmp_path / "set", (None, 30.0, None))


class Page:
    """A browser's side."""

    def __init__(self, server: LabelServer) -> None:
        self.base, self.key = server.address.split("/?key=")

    def get(self, path: str, key: str | None = None, host: str | None = None) -> tuple[int, bytes]:
        headers = {"X-Key": self.key if key is None else key}
        if host:
            headers["Host"] = host
        return self._open(urllib.request.Request(self.base + path, headers=headers))

    def post(self, label: object) -> tuple[int, Any]:
        data = label if isinstance(label, bytes) else json.dumps(label).encode()
        request = urllib.request.Request(
            f"{self.base}/label", data, {"X-Key": self.key}, method="POST"
        )
        status, body = self._open(request)
        return status, json.loads(body)

    def _open(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with _DIRECT.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture
def asked() -> list[Path]:
    return []


@pytest.fixture
def page(folder: Path, asked: list[Path]) -> Iterator[Page]:
    def suggest(picture: Path) -> dict[str, object]:
        asked.append(picture)
        return {"text": "41 years"}

    with Desk(folder, "2026-11-25", suggest) as desk, LabelServer(desk) as server:
        thread = Thread(target=server.serve, daemon=True)
        thread.start()
        yield Page(server)
        server.close()
        thread.join(5)


def test_a_face_is_labelled_and_only_then_suggested(
    page: Page, folder: Path, asked: list[Path]
) -> None:
    status, body = page.get("/facts")
    assert status == 200
    facts = json.loads(body)
    assert facts["name"] == "squares"
    assert [face["number"] for face in facts["faces"]] == [0, 2]
    assert page.get("/face/0")[1] == (folder / "faces" / "0.jpg").read_bytes()
    assert b"<form" in page.get("/")[1]
    assert page.get("/said/0") == (200, b"{}")
    assert page.get("/said/1") == (200, b"{}"), "it was labelled before, and may be reviewed yet"
    assert asked == [], "nothing was suggested yet"
    label = {"number": 0, "version": 0, "age": 25, "gender": "female", "group": "a"}
    assert page.post(label) == (200, {"version": 1})
    assert asked == [], "what the models say does not keep the label waiting"
    assert json.loads(page.get("/said/0")[1]) == {"text": "41 years"}
    assert asked == [folder / "faces" / "0.jpg"]
    manifest = read_manifest(folder)
    first = manifest.samples[0]
    assert (first.age, first.gender, first.group) == (25, Gender.FEMALE, "a")
    assert first.labelled == "by hand, 2026-11-25"
    assert [change.what for change in manifest.history] == ["built", "labelled by hand"]
    assert manifest.version == 2


def test_who_cannot_tell_skips_and_is_not_led(page: Page, folder: Path, asked: list[Path]) -> None:
    assert page.post({"number": 2, "version": 0, "skip": True}) == (200, {"version": 1})
    assert page.get("/said/2") == (200, b"{}")
    assert asked == []
    assert read_manifest(folder).samples[2].skipped
    assert page.post({"number": 2, "version": 1, "age": 7}) == (200, {"version": 2})
    assert not read_manifest(folder).samples[2].skipped


def test_a_save_that_comes_again_is_answered_and_changes_nothing(page: Page, folder: Path) -> None:
    label = {"number": 0, "version": 0, "age": 25}
    assert page.post(label) == (200, {"version": 1})
    before = (folder / "manifest.json").read_bytes()
    assert page.post(label) == (200, {"version": 1}), "its first answer was lost, perhaps"
    assert (folder / "manifest.json").read_bytes() == before


def test_a_stale_save_overwrites_nobody(page: Page, folder: Path) -> None:
    assert page.post({"number": 0, "version": 0, "age": 25, "gender": "male"})[0] == 200
    before = (folder / "manifest.json").read_bytes()
    for late in ({"age": 61}, {"skip": True}, {"age": 25}):
        status, said = page.post({"number": 0, "version": 0, **late})
        assert status == 409
        assert "meanwhile" in said["error"]
        assert (said["face"]["age"], said["face"]["gender"]) == (25, "male")
        assert said["face"]["version"] == 1
    assert page.post({"number": 0, "version": 5, "age": 61})[0] == 409, "never seen"
    assert (folder / "manifest.json").read_bytes() == before
    assert page.post({"number": 0, "version": 1, "age": 61}) == (200, {"version": 2})


def test_of_many_who_save_one_face_at_once_one_is_heard(page: Page, folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        labels = [{"number": 0, "version": 0, "age": 20 + n} for n in range(8)]
        answers = list(pool.map(page.post, labels))
    heard = [n for n, (status, _) in enumerate(answers) if status == 200]
    assert len(heard) == 1
    assert read_manifest(folder).samples[0].age == 20 + heard[0]


def test_what_cannot_be_written_is_not_held_to_be_saved(page: Page, folder: Path) -> None:
    blocked = folder / "manifest.part"
    blocked.mkdir()
    label = {"number": 0, "version": 0, "age": 25}
    status, said = page.post(label)
    assert status == 507
    assert "disk full" in said["error"]
    assert json.loads(page.get("/facts")[1])["faces"][0]["age"] is None
    blocked.rmdir()
    assert page.post(label) == (200, {"version": 1})
    assert read_manifest(folder).samples[0].age == 25


def test_only_one_command_changes_a_data_set(page: Page, folder: Path) -> None:
    with pytest.raises(ManifestProblem, match="another `omote dataset` command"):
        Desk(folder, "2026-11-25", lambda path: {})
    refused = run.invoke(app, ["dataset", "label", str(folder)])
    assert refused.exit_code == 2
    assert "end that first" in refused.stderr


@pytest.mark.parametrize(
    "label",
    [
        {"number": 0, "version": 0, "age": 400},
        {"number": 0, "version": 0, "age": -1},
        {"number": 0, "version": 0, "gender": "robot"},
        {"number": 0, "version": 0},
        {"number": 0, "age": 5},
        {"number": 0, "version": -1, "age": 5},
        {"number": 99, "version": 0, "age": 5},
        {"number": -1, "version": 0, "age": 5},
        {"number": 0, "version": 0, "age": 5, "file": "x"},
        b"not json",
        b"[]",
    ],
)
def test_a_wrong_label_changes_nothing(page: Page, folder: Path, label: object) -> None:
    before = (folder / "manifest.json").read_bytes()
    status, said = page.post(label)
    assert status == 400
    assert said["error"]
    assert (folder / "manifest.json").read_bytes() == before


def test_strangers_see_nothing(page: Page) -> None:
    assert page.get("/", key="guess")[0] == 403
    assert page.get("/face/0", key="")[0] == 403
    assert page.get("/facts", host="evil.example")[0] == 403, "another site's name for this machine"
    assert page.get("/face/../manifest.json")[0] == 404
    assert page.get("/face/77")[0] == 404
    assert page.get("/manifest.json")[0] == 404
    assert page.post(b"x" * 20_000)[0] == 404


def test_a_review_brings_up_what_is_labelled(folder: Path) -> None:
    with Desk(folder, "2026-11-25", lambda path: {}, again=True) as desk:
        assert desk.queue == [0, 1, 2]
        assert desk.face(1)["age"] == 30.0


def test_the_commands_build_and_check(tmp_path: Path, tools: object) -> None:
    from omote_server.workshop.footage import footage_store

    source = tmp_path / "source"
    source.mkdir()
    (source / "30_1_0_1.png").write_bytes(footage_store().path("astronaut").read_bytes())
    (source / "clip.mp4").write_bytes(footage_store().path("carphone").read_bytes())
    out = tmp_path / "set"
    build = ["dataset", "build", str(source), "--out", str(out)]
    refused = run.invoke(app, build)
    assert refused.exit_code == 2
    assert "--licence" in refused.stderr
    made = run.invoke(app, [*build, "--licence", "public domain", "--consent", "published"])
    assert made.exit_code == 0, made.output
    assert "of 2 people" in made.output
    more = ["dataset", "add", str(out), str(source)]
    assert run.invoke(app, more).exit_code == 2, "its licence and consent are not said"
    said = ["--licence", "public domain", "--consent", "published"]
    added = run.invoke(app, [*more, *said])
    assert added.exit_code == 0, added.output
    assert "0 faces added" in added.output
    assert "version 1" in added.output
    again = run.invoke(app, ["dataset", "build", str(out), "--out", str(tmp_path / "again")])
    assert "of 2 people" in again.output, again.output
    checked = run.invoke(app, ["dataset", "check", str(out), "--json"])
    assert checked.exit_code == 1
    told = json.loads(checked.stdout)
    assert told["licence"] == "public domain"
    assert told["warnings"] == []
    assert any("no labelled face" in problem for problem in told["problems"])
    assert run.invoke(app, ["dataset", "check", str(source)]).exit_code == 1
