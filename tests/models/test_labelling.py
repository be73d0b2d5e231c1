"""The page to label faces: only for who knows its address; nothing suggested before the label."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from omote_models.datasets.labelling import Desk, LabelServer
from omote_models.datasets.manifest import Entry, Manifest, read_manifest, write_manifest
from omote_models.face import Gender
from omote_server.cli import app

run = CliRunner()
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Whatever proxy the machine has, this is not for it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three faces, one of them labelled."""
    (tmp_path / "faces").mkdir()
    entries = []
    for n in range(3):
        pixels = np.full((40, 40, 3), 60 * n, np.uint8)
        data = bytes(cv2.imencode(".jpg", pixels)[1])
        (tmp_path / "faces" / f"{n}.jpg").write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        age = 30.0 if n == 1 else None
        entries.append(
            Entry(file=f"faces/{n}.jpg", sha256=digest, identity=str(n), split="train", age=age)
        )
    manifest = Manifest(name="three", licence="CC0-1.0", consent="nobody", samples=entries)
    manifest.changed("2026-11-24", "built")
    write_manifest(tmp_path, manifest)
    return tmp_path


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
            with _DIRECT.open(request, timeout=10) as answer:
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

    with LabelServer(Desk(folder, "2026-11-25", suggest)) as server:
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
    assert json.loads(body) == {"name": "three", "queue": [0, 2], "labels": {}}
    assert page.get("/face/0")[1] == (folder / "faces" / "0.jpg").read_bytes()
    assert b"<form" in page.get("/")[1]
    assert asked == [], "nothing was suggested yet"
    status, said = page.post({"number": 0, "age": 25, "gender": "female", "group": "a"})
    assert (status, said) == (200, {"text": "41 years"})
    assert asked == [folder / "faces" / "0.jpg"]
    manifest = read_manifest(folder)
    first = manifest.samples[0]
    assert (first.age, first.gender, first.group) == (25, Gender.FEMALE, "a")
    assert first.labelled == "by hand, 2026-11-25"
    assert [change.what for change in manifest.history] == ["built", "labelled by hand"]
    assert manifest.version == 2


def test_who_cannot_tell_skips_and_is_not_led(page: Page, folder: Path, asked: list[Path]) -> None:
    assert page.post({"number": 2, "skip": True}) == (200, {})
    assert asked == []
    assert read_manifest(folder).samples[2].skipped
    assert page.post({"number": 2, "age": 7})[0] == 200
    assert not read_manifest(folder).samples[2].skipped


@pytest.mark.parametrize(
    "label",
    [
        {"number": 0, "age": 400},
        {"number": 0, "age": -1},
        {"number": 0, "gender": "robot"},
        {"number": 0},
        {"number": 99, "age": 5},
        {"number": -1, "age": 5},
        {"number": 0, "age": 5, "file": "x"},
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
    desk = Desk(folder, "2026-11-25", lambda path: {}, again=True)
    assert desk.queue == [0, 1, 2]
    assert desk.facts()["labels"] == {1: {"age": 30.0, "gender": None, "group": None}}


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
    checked = run.invoke(app, ["dataset", "check", str(out), "--json"])
    assert checked.exit_code == 1
    told = json.loads(checked.stdout)
    assert told["licence"] == "public domain"
    assert any("no labelled face" in problem for problem in told["problems"])
    assert run.invoke(app, ["dataset", "check", str(source)]).exit_code == 1
