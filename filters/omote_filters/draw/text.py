"""Text, set in the typeface that comes with OpenCV: Latin, Greek, Cyrillic, Chinese, Japanese.

No font of the system is used, so that the same text looks the same on every machine.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.draw.surface import Rgba

_LINE = 1.25
_MARGIN = 0.2
_LONGEST = 200


@lru_cache(maxsize=64)
def lettering(
    text: str, height: int = 48, widest: int = 640, weight: int = 600
) -> NDArray[np.uint8]:
    """Text in lines, centred, as (h, w) uint8: 255 where there is ink. Read-only.

    Args:
        text: at most 200 characters count; control characters are left out.
        height: of a line's letters, pixels.
        widest: a line that would be wider, in pixels, is broken between words, else within one.
        weight: of the strokes, 100 to 900.
    """
    face = cv2.FontFace("sans")
    lines = _lines(_plain(text), height, widest, weight, face) or [""]
    margin = round(_MARGIN * height)
    widths = [_width(line, height, weight, face) for line in lines]
    shape = (round(len(lines) * _LINE * height) + 2 * margin, max(*widths, 1) + 2 * margin)
    ink = np.zeros((*shape, 3), np.uint8)
    for row, (line, width) in enumerate(zip(lines, widths, strict=True)):
        at = ((shape[1] - width) // 2, margin + round((row * _LINE + 1) * height))
        if line:
            cv2.putText(ink, line, at, (255, 255, 255), face, height, weight)
    flat = np.ascontiguousarray(ink[:, :, 0])
    flat.setflags(write=False)
    return flat


def inked_text(mask: NDArray[np.uint8], colour: tuple[int, int, int]) -> Rgba:
    """Lettering in one colour, (h, w, 4) uint8 RGBA, multiplied by its alpha."""
    channels = (*colour, 255)
    layers = [cv2.convertScaleAbs(mask, alpha=value / 255) for value in channels]
    return np.asarray(cv2.merge(layers), np.uint8)


def _plain(text: str) -> str:
    kept = (" " if c.isspace() else c for c in text[:_LONGEST])
    return "".join(c for c in kept if unicodedata.category(c)[0] != "C").strip()


def _width(line: str, height: int, weight: int, face: cv2.FontFace) -> int:
    if not line:
        return 0
    box = cv2.getTextSize((8192, 8192), line, (0, 4096), face, height, weight)
    return int(box[0] + box[2])


def _lines(text: str, height: int, widest: int, weight: int, face: cv2.FontFace) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if _width(longer, height, weight, face) <= widest:
            line = longer
            continue
        if line:
            lines.append(line)
        line = ""
        for letter in word:
            if line and _width(line + letter, height, weight, face) > widest:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line] if line else lines
