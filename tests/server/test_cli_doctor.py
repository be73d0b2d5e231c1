"""`omote doctor`: reads the whole configuration, says what is wrong, and never breaks itself."""

from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from omote_server.cli import app, doctor
from tests.client.certificates import certificate

run = CliRunner()
ANYWHERE = {"OMOTE_PORT": "0"}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def findings(*arguments: str, code: int, **environment: str) -> dict[str, dict[str, Any]]:
    """By name; those of one name are joined, and bad if one is."""
    done = run.invoke(app, ["doctor", "--json", *arguments], env={**ANYWHERE, **environment})
    assert done.exit_code == code, done.output
    found: dict[str, dict[str, Any]] = {}
    for each in json.loads(done.stdout):
        before = found.get(each["what"], {"well": True, "detail": ""})
        well = each["well"] and before["well"]
        detail = f"{before['detail']} {each['detail']}"
        found[each["what"]] = {**each, "well": well, "detail": detail}
    return found


@pytest.mark.usefixtures("tools")
def test_a_sound_machine_and_configuration_are_well(tmp_path: Path) -> None:
    (tmp_path / "omote.toml").write_text("workers = 2\n")
    found = findings("--log-level", "debug", code=0, OMOTE_TOKEN="open sesame")
    assert found["omote.toml"]["detail"] == " 1 settings"
    assert "omote.toml, line 1" in found["workers"]["detail"]
    assert "--log-level" in found["log_level"]["detail"]
    assert "OMOTE_PORT" in found["port"]["detail"]
    assert "sesame" not in json.dumps(found)
    assert {"Python", "estimator", "cache", "filters", "settings", "machine"} <= set(found)
    assert "kernel" in found["face mesh"]["detail"] or "MediaPipe" in found["face mesh"]["detail"]


@pytest.mark.usefixtures("tools")
def test_what_the_face_mesh_runs_in_is_told() -> None:
    found = findings("--mesh-runtime", "stock", code=0)
    assert "stock MediaPipe, as it is set" in found["face mesh"]["detail"]


@pytest.mark.usefixtures("tools")
def test_everything_that_is_wrong_with_the_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "omote.toml").write_text('prot = 1\nhost = "0.0.0.0"\nworkers = 0\n')
    (tmp_path / "empty").mkdir()
    found = findings(
        *("--packs", "empty", "--estimator", "/no/such"), code=1, OMOTE_PRT="1", OMOTE_MARKS="maybe"
    )
    bad = {what: each["detail"] for what, each in found.items() if not each["well"]}
    assert "did you mean port?" in bad["omote.toml, line 1"]
    assert "did you mean OMOTE_PORT?" in bad["OMOTE_PRT"]
    assert "line 3: workers = 0" in bad["workers"]
    assert "OMOTE_MARKS=maybe" in bad["marks"]
    assert "--insecure" in bad["settings"]
    assert "/no/such" in bad["estimator"]
    assert "0 found" in bad["packs"]
    assert set(bad) == {
        *("omote.toml, line 1", "OMOTE_PRT", "workers", "marks", "settings", "estimator", "packs")
    }


@pytest.mark.parametrize("text", [b"port = ", b"\xff\xfe", b"a = " + b"[" * 50_000])
def test_a_file_that_cannot_be_parsed_is_a_finding(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "omote.toml").write_bytes(text)
    assert "cannot be read" in findings(code=1)["omote.toml"]["detail"]


@pytest.mark.usefixtures("tools")
def test_a_broken_pack_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "filter.yaml").write_text("id: mine\n")
    found = findings(code=1, OMOTE_PACKS="mine")
    assert not found["filter mine"]["well"]
    assert not found["filters"]["well"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_a_free_port_is_free_and_a_taken_one_taken(host: str) -> None:
    plain = host.strip("[]")
    family = socket.AF_INET6 if ":" in plain else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as held:
        try:
            held.bind((plain, 0))
        except OSError:
            pytest.skip(f"this machine has no {plain}")
        held.listen()
        port = held.getsockname()[1]
        taken = findings("--host", host, "--port", str(port), code=1)["port"]
        assert "is taken" in taken["detail"]
    free = findings("--host", host, "--port", str(port), code=0)["port"]
    assert "is free" in free["detail"]


def test_an_address_that_is_not_ours_is_told_apart_from_a_taken_port() -> None:
    # Of a range that is set apart for documents: nobody has it.
    found = findings("--host", "192.0.2.1", "--insecure", "--port", "8560", code=1, OMOTE_TOKEN="t")
    assert "cannot be bound" in found["port"]["detail"]
    assert found["settings"]["well"]


def pair(folder: Path, until: str = "20991231000000Z") -> tuple[str, str]:
    """The files of a certificate and its key."""
    folder.mkdir()
    certificate(folder, until=until)
    return str(folder / "pem"), str(folder / "key")


def tls(chain: str, key: str, code: int) -> dict[str, Any]:
    return findings("--tls-certificate", chain, "--tls-key", key, code=code)["certificate"]


def test_a_certificate_must_be_readable_fit_its_key_and_be_valid(tmp_path: Path) -> None:
    in_three_days = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
    chain, key = pair(tmp_path / "one")
    _, other = pair(tmp_path / "two")
    soon = pair(tmp_path / "soon", in_three_days.strftime("%Y%m%d%H%M%SZ"))
    past = pair(tmp_path / "past", "20200102000000Z")
    good = tls(chain, key, 0)
    assert "fits its key, valid until" in good["detail"]
    assert not good["mend"]
    assert tls(*soon, 0)["mend"] == "renew it"
    assert "mismatch" in tls(chain, other, 1)["detail"]
    (tmp_path / "text.pem").write_text("this is text")
    assert not tls(str(tmp_path / "text.pem"), key, 1)["well"]
    assert "expired" in tls(*past, 1)["detail"]


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "MACHINE", ("nowhere.check", "machine.nothing", "machine.python"))
    found = findings(code=1)
    assert "ModuleNotFoundError" in found["check"]["detail"]
    assert "AttributeError" in found["nothing"]["detail"]
    assert found["Python"]["well"]


def in_a_process(code: int, **environment: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ANYWHERE, **environment},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_doctor_runs_where_packages_cannot_be_imported(tmp_path: Path) -> None:
    # A machine without OpenCV's libraries: what imports it breaks, and the doctor says so.
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open')\n")
    found = {each["what"]: each for each in in_a_process(1, PYTHONPATH=str(tmp_path))}
    assert "libGL.so.1" in found["cv2"]["detail"]
    assert found["Python"]["well"]
    assert found["port"]["well"]


@pytest.mark.usefixtures("tools")
def test_filters_that_cannot_run_here_are_named_and_nothing_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['moderngl'] = None\n")
    found = in_a_process(0, PYTHONPATH=str(tmp_path))
    [lacking] = [each for each in found if "cannot run here" in each["detail"]]
    assert "head_3d" in lacking["detail"]
    assert "omote[3d]" in lacking["mend"]


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    found = findings(code=1, OMOTE_CACHE=str(tmp_path / "file"))
    assert "cannot be written" in found["cache"]["detail"]
    assert found["model faceres"]["well"], "what this server does not need may be missing"
    assert "omote models pull face_landmarker" in found["model face_landmarker"]["mend"]
