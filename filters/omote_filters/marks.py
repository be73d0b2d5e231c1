"""The visible mark on a picture in which a face was replaced or its age altered."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import skia

from omote_filters.draw.blend import over
from omote_filters.draw.surface import Rgba, surface_on
from omote_filters.draw.text import inked_text, lettering
from omote_filters.rect import Rect
from omote_filters.scene import Scene
from omote_filters.words import Appearance

MARKED = frozenset({Appearance.FACE_REPLACE, Appearance.AGE_ALTER})
"""What carries a mark, unless the operator switched marks off."""

_TEXT = "面 altered"
_HEIGHT = 0.026
"""Of the letters, in parts of the picture's shorter side."""
_SMALLEST, _LARGEST = 9, 64
_INK, _GROUND = (255, 255, 255), 0x99000000


def stamp(scene: Scene) -> None:
    """Draw the mark into the corner that people see at the lower left, as far as there is room."""
    letters = round(_HEIGHT * min(scene.width, scene.height))
    mark = _mark(min(max(letters, _SMALLEST), _LARGEST))
    height, width = min(len(mark), scene.height), min(mark.shape[1], scene.width)
    left = scene.width - width if scene.mirrored else 0
    corner = scene.edit(Rect(left, scene.height - height, left + width, scene.height))
    shown = mark[-height:, :width]
    over(corner, np.ascontiguousarray(shown[:, ::-1] if scene.mirrored else shown))


@lru_cache(maxsize=8)
def _mark(letters: int) -> Rgba:
    text = inked_text(lettering(_TEXT, letters), _INK)
    gap = max(2, letters // 3)
    mark = np.zeros((len(text) + 2 * gap, text.shape[1] + 3 * gap, 4), np.uint8)
    pill = skia.Rect.MakeXYWH(gap, gap, text.shape[1] + gap, len(text))
    paint = skia.Paint(Color=_GROUND, AntiAlias=True)
    surface_on(mark).getCanvas().drawRoundRect(pill, 0.45 * len(text), 0.45 * len(text), paint)
    inside = mark[gap : gap + len(text), gap + gap // 2 : gap + gap // 2 + text.shape[1]]
    clear = (255 - text[:, :, 3:]).astype(np.uint16)
    inside[:] = (inside * clear // 255).astype(np.uint8) + text
    mark.setflags(write=False)
    return mark
