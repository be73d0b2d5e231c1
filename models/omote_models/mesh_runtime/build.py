"""Makes the kernel's library, once for each kind of processor, and keeps it in the cache folder.

It is compiled where it runs and not shipped: one wheel stays good for every system, and a machine
without a compiler runs stock MediaPipe, with the same results at twice the time. `cc`, gcc, clang
and `pip install ziglang` all do. A library is known by a hash of its sources and flags.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2

from omote_models.store import cache_folder

_SOURCES = Path(__file__).resolve().parent / "kernel"
# No -ffast-math: what is no number must stay none, or a broken picture would pass for a face.
_FLAGS = ("-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fPIC", "-shared")
_PATIENCE_S = 120.0
# OpenCV's numbers of what a processor can do; its Python names none of them.
_FP16, _AVX2, _FMA3, _AVX512_SKX = 9, 11, 12, 256


class KernelUnavailable(Exception):
    """The kernel cannot run here. The text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of processor: its name for people, and the flags that make code for it."""

    name: str
    flags: tuple[str, ...] = ()


def target() -> Target:
    """What this machine's processor can do, by OpenCV, which asks the processor itself.

    Raises:
        KernelUnavailable: it lacks fused multiplication; in software that takes 50 times as long.
    """
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        return Target("NEON")
    if machine not in ("x86_64", "amd64"):
        raise KernelUnavailable(f"the kernel is not made for {machine or 'this processor'}")
    if cv2.checkHardwareSupport(_AVX512_SKX):
        return Target("AVX-512", ("-march=x86-64-v4", "-mprefer-vector-width=512"))
    needed = (_AVX2, _FMA3, _FP16)
    if all(cv2.checkHardwareSupport(feature) for feature in needed):
        return Target("AVX2", ("-march=x86-64-v3",))
    raise KernelUnavailable("this processor has no AVX2 with fused multiplication")


@contextmanager
def library(kind: Target) -> Iterator[Path]:
    """The library for a processor, out of the cache or compiled now; load it inside.

    Raises:
        KernelUnavailable: no compiler is there, or it fails.
    """
    kept = cache_folder() / "kernels" / f"mesh-{_fingerprint(kind)}.so"
    if _trusted(kept):
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="omote-") as folder:
        made = Path(folder) / "mesh.so"
        _compile(kind, made)
        _keep(made, kept)
        yield made


def sources() -> list[Path]:
    """The files that are compiled, and those that they include."""
    return sorted(path for path in _SOURCES.iterdir() if path.suffix in (".c", ".h"))


def compilers() -> Iterator[tuple[str, ...]]:
    """Commands that may compile C, the wanted one first."""
    if chosen := os.environ.get("CC"):
        yield (*shlex.split(chosen),)
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            yield (found,)
    if importlib.util.find_spec("ziglang") is not None:
        yield (sys.executable, "-m", "ziglang", "cc")


def _fingerprint(kind: Target) -> str:
    whole = hashlib.sha256(repr((kind, _FLAGS, sys.platform, platform.machine())).encode())
    for path in sources():
        whole.update(path.read_bytes())
    return whole.hexdigest()[:32]


def _compile(kind: Target, out: Path) -> None:
    files = [str(path) for path in sources() if path.suffix == ".c"]
    complaint = "no C compiler is here; install gcc or clang, or `pip install ziglang`"
    for compiler in compilers():
        command = [*compiler, *_FLAGS, *_spelled(kind, compiler), *files, "-o", str(out), "-lm"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE_S)
        except subprocess.CalledProcessError as error:
            complaint = f"{compiler[0]} failed: {_first_error(error.stderr)}"
        except (OSError, subprocess.TimeoutExpired) as error:
            complaint = f"{compiler[0]} failed: {error}"
        else:
            return
    raise KernelUnavailable(complaint)


def _spelled(kind: Target, compiler: tuple[str, ...]) -> list[str]:
    """Zig has names of its own for processors, and adds checks unless it is told not to."""
    if "ziglang" not in compiler:
        return [*kind.flags]
    own = [
        flag.replace("-march=x86-64", "-mcpu=x86_64").replace("_64-v", "_64_v")
        for flag in kind.flags
    ]
    return [*(flag for flag in own if not flag.startswith("-mprefer")), "-fno-sanitize=all"]


def _first_error(output: bytes) -> str:
    lines = output.decode(errors="replace").splitlines()
    return next((line for line in lines if "error" in line), lines[0] if lines else "no word")


def _keep(made: Path, kept: Path) -> None:
    """Put a library into the cache, whole or not at all; where that cannot be, do without."""
    draft = kept.with_suffix(f".{os.getpid()}.part")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(made, draft)
        draft.chmod(0o700)
        draft.replace(kept)
    except OSError:
        with suppress(OSError):
            draft.unlink()


def _trusted(path: Path) -> bool:
    """Whether a library is there that nobody but us and root could have put there."""
    try:
        found = path.stat()
        folder = path.parent.stat()
    except OSError:
        return False
    if os.name != "posix":
        return True
    others = stat.S_IWGRP | stat.S_IWOTH
    return all(s.st_uid in (0, os.getuid()) and not s.st_mode & others for s in (found, folder))
