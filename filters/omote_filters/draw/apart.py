"""Draws SVG by strangers in a process of its own, which ends in time whatever the picture asks.

Skia holds the GIL while it draws and cannot be interrupted: in this process a picture of a few
hundred bytes could stop every stream. The process is a fresh one, never a fork (gRPC's threads
would not survive that); it takes a twentieth of a second.
"""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

from omote_filters.draw.surface import Rgba

_PROGRAM = Path(__file__).with_name("apart_main.py")
_CPU_SECONDS = 4
"""What drawing may use: CPU time, so that a busy machine refuses no picture."""
_WALL_SECONDS = 60.0
"""When the process is ended in any case."""
_KEPT = 8


@lru_cache(maxsize=_KEPT)
def rasterised_apart(svg: bytes, width: int, height: int) -> Rgba:
    """An SVG picture as (height, width, 4) uint8 RGBA, multiplied by its alpha, read-only.

    The last few are kept: packs are loaded again while somebody works on one.

    Raises:
        ValueError: it is not an SVG picture, or it takes too long to draw.
    """
    # -P: beside the program lie modules whose names are not meant for others.
    command = [sys.executable, "-P", str(_PROGRAM), str(width), str(height), str(_CPU_SECONDS)]
    try:
        done = subprocess.run(
            command,
            input=svg,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError("it takes too long to draw; simplify it") from None
    except OSError as error:
        why = error.strerror or "no reason given"
        raise ValueError(f"the program that draws SVG cannot be started: {why}") from None
    if done.returncode < 0:
        raise ValueError(f"it takes more than {_CPU_SECONDS} s to draw, or crashes; simplify it")
    if done.returncode or len(done.stdout) != width * height * 4:
        raise ValueError("it is not an SVG picture that can be drawn")
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width, 4)
