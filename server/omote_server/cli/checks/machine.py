"""The machine: Python, libraries of the system, packages, memory."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from omote_models.extras import EXTRAS, lament
from omote_server.cli.checks.finding import Finding

# By the package of Debian that brings it.
_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
_PACKAGES = (
    *("numpy", "cv2", "mediapipe", "onnxruntime", "skia", "simplejpeg"),
    *("grpc", "grpc_health", "grpc_reflection", "grpc_status", "yaml", "prometheus_client"),
)
_ENOUGH_MB = 500


def python() -> Iterator[Finding]:
    """The version of Python."""
    well = sys.version_info >= (3, 11)
    yield Finding("Python", well, platform.python_version(), "" if well else "use 3.11 or newer")


def libraries() -> Iterator[Finding]:
    """Libraries of the system that packages load."""
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


def packages() -> Iterator[Finding]:
    """Packages that the server needs, and those of the extras."""
    for name in _PACKAGES:
        yield _package(name)
    for name in EXTRAS:
        # Looked for and not imported: PyTorch alone takes seconds.
        there = importlib.util.find_spec(name) is not None
        yield Finding(name, True, "found" if there else f"not installed; {lament(name)}")


def memory() -> Iterator[Finding]:
    """Cores and memory."""
    cores = f"{os.cpu_count()} cores"
    free = _free_mb()
    if free is None:
        yield Finding("machine", True, cores)
        return
    well = free > _ENOUGH_MB
    mend = "" if well else "a server takes about 300 MB, and 35 MB a stream"
    yield Finding("machine", well, f"{cores}, {free} MB of memory free", mend)


def _package(name: str) -> Finding:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        return Finding(name, False, str(error), lament(error.name))
    # Foreign code runs at import: a library that is missing, or anything else.
    except Exception as error:
        mend = "install the library of the system that it names, or install the package anew"
        return Finding(name, False, f"{type(error).__name__}: {error}", mend)
    return Finding(name, True, str(getattr(module, "__version__", "found")))


def _free_mb() -> int | None:
    """Memory that can be had, None where the system does not say so in a file."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) // 1024 if found else None
