"""`omote doctor`: is everything here that Omote needs, and if not, what to do."""

from __future__ import annotations

import ctypes
import importlib
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.text import Text

from omote_server.cli.terminal import console, print_json

app = typer.Typer()
_EXAMPLE = "Example: omote doctor --json"

_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
_PACKAGES = ("numpy", "cv2", "mediapipe", "onnxruntime", "skia", "simplejpeg", "av", "grpc")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` says what to do where it is not well."""

    what: str
    well: bool
    detail: str
    mend: str = ""


@app.command("doctor", epilog=_EXAMPLE)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Check this machine: libraries, packages, models, filters, port, memory.

    Exit code 1 when something must be mended.
    """
    findings = [finding for check in CHECKS for finding in _findings(check)]
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        _print(findings)
    if not all(f.well for f in findings):
        raise typer.Exit(1)


def _findings(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """A check that breaks is itself a finding."""
    try:
        return list(check())
    except Exception as error:
        return [Finding(check.__name__.strip("_"), False, f"{type(error).__name__}: {error}")]


def _print(findings: list[Finding]) -> None:
    for f in findings:
        mark = ("well", "green") if f.well else ("bad ", "red")
        console.print(Text.assemble(mark, f"  {f.what:<22} {f.detail}"), soft_wrap=True)
        if f.mend:
            console.print(f"{'':<28} → {f.mend}", soft_wrap=True)


def _python() -> Iterator[Finding]:
    well = sys.version_info >= (3, 11)
    yield Finding("Python", well, platform.python_version(), "" if well else "use 3.11 or newer")


def _libraries() -> Iterator[Finding]:
    if sys.platform != "linux":
        return
    for library, package in _LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            mend = f"MediaPipe and OpenCV need it: apt-get install {package}"
            yield Finding(library, False, "cannot be loaded", mend)
        else:
            yield Finding(library, True, "found")


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            yield Finding(name, False, str(error), "pip install 'omote[server]'")
        except ImportError as error:
            yield Finding(name, False, str(error), "install the library of the system, see above")
        else:
            yield Finding(name, True, str(getattr(module, "__version__", "found")))


def _models() -> Iterator[Finding]:
    from omote_models.store import Status, model_store

    store = model_store()
    for name in store.manifest.models:
        status = store.status(name)
        well = status is Status.PRESENT
        mend = "" if well else f"omote models pull {name}"
        yield Finding(f"model {name}", well, status.value, mend)


def _filters() -> Iterator[Finding]:
    from omote_filters.registry import Broken, Registry

    found = Registry().catalogue()
    broken = [f for f in found if isinstance(f, Broken)]
    yield Finding("filters", bool(found) and not broken, f"{len(found)} found")
    for f in broken:
        yield Finding(f"filter {f.id}", False, f.error, "mend or uninstall the package it is in")


def _port() -> Iterator[Finding]:
    from omote_server.serving.settings import Settings

    settings = Settings()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            mend = "another server may run; else omote serve --port 0"
            yield Finding("port", False, f"{settings.host}:{settings.port} is taken", mend)
        else:
            yield Finding("port", True, f"{settings.host}:{settings.port} is free")


def _machine() -> Iterator[Finding]:
    import psutil

    free = psutil.virtual_memory().available / 2**20
    mend = "" if free > 500 else "a server takes about 300 MB, and 35 MB a stream"
    detail = f"{psutil.cpu_count()} cores, {free:.0f} MB of memory free"
    yield Finding("machine", free > 500, detail, mend)


CHECKS = (_python, _libraries, _packages, _models, _filters, _port, _machine)
