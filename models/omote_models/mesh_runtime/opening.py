"""Which runtime finds faces: our own kernel where it can be trusted, else stock MediaPipe."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import numpy as np

from omote_models.mesh_runtime.build import KernelUnavailable, library, target
from omote_models.mesh_runtime.native import Kernel
from omote_models.mesh_runtime.runtime import MeshRuntime
from omote_models.meshes import MeshChoice

_log = logging.getLogger(__name__)
_OFF = 0.01
"""How far the kernel may be from plain numpy: pixels of a crop of 256, or a score's hundredth.

Single precision leaves 0.0002; a compiler's mistake leaves anything."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What runs: our runtime, or None for stock MediaPipe; in words, and why."""

    runtime: MeshRuntime | None
    words: str


_opened: dict[bytes, Opened] = {}
_opening = threading.Lock()


def open_mesh(model: bytes, choice: MeshChoice = MeshChoice.AUTO) -> Opened:
    """What runs a model file. A process opens each file once, and all its trackers share it.

    The first time takes half a second, and some more where the kernel must be compiled.

    Args:
        model: the bytes of `face_landmarker.task`.
        choice: what is wanted.

    Raises:
        KernelUnavailable: our own kernel is wanted and cannot run. The text says why.
    """
    if choice is MeshChoice.STOCK:
        return Opened(None, "stock MediaPipe, as it is set")
    with _opening:
        if model not in _opened:
            _opened[model] = _open(model)
            _log.info("the face mesh runs in %s", _opened[model].words)
    found = _opened[model]
    if choice is MeshChoice.OWN and found.runtime is None:
        raise KernelUnavailable(found.words)
    return found


def _open(model: bytes) -> Opened:
    try:
        kind = target()
        with library(kind) as path:
            kernel = Kernel(path)
        runtime = MeshRuntime(model, kernel)
        _test(runtime, model)
    except KernelUnavailable as error:
        return Opened(None, f"stock MediaPipe: {error}")
    except (OSError, AttributeError) as error:
        return Opened(None, f"stock MediaPipe: the kernel does not load: {error}")
    except ValueError as error:
        return Opened(None, f"stock MediaPipe: {error}")
    return Opened(runtime, f"Omote's own kernel, {kind.name}")


def _test(runtime: MeshRuntime, model: bytes) -> None:
    """Hold the kernel against plain numpy.

    Raises:
        KernelUnavailable: they differ.
    """
    off = runtime.deviation(model, np.random.default_rng(0))
    if not off <= _OFF:
        raise KernelUnavailable(f"the kernel fails its self-test: it is off by {off:.3g}")
