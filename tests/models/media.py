"""Pictures as cameras and other programs write them; those that are not made here are skipped."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

CASES = Path(__file__).parents[3] / "shared" / "data" / "cases" / "media"


def case(name: str) -> Path:
    """A file that a device made; the test is skipped where it is not at hand."""
    path = CASES / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand: it lies in ../shared/data/cases/media")
    return path


def noise(height: int = 24, width: int = 32, channels: int = 3, seed: int = 3) -> NDArray[np.uint8]:
    """(height, width, channels) uint8."""
    chance = np.random.default_rng(seed)
    return chance.integers(0, 255, (height, width, channels), np.uint8)


def written(form: str, *pictures: NDArray[np.uint8], **options: Any) -> bytes:
    """Pictures, (height, width, 3 or 4) uint8, as Pillow writes them; more than one move."""
    first, *more = [Image.fromarray(picture) for picture in pictures or (noise(),)]
    if more:
        options |= {"save_all": True, "append_images": more}
    buffer = io.BytesIO()
    first.save(buffer, form, **options)
    return buffer.getvalue()
