"""Every filter on the public-domain portrait, against pictures that were judged by eye.

The pictures are the thumbnails of the catalogue, which `make catalogue` draws: whoever changes
how a filter looks makes them anew and looks at them.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from test_catalogue import LISTINGS
from thumbnail import Sitting, preview_of, thumbnail

from omote_filters.listing import Listing

_FARTHEST = 9.0
"""How far the two may be apart: the mean difference, in Lab, of what an eye sees of them at arm's
length. A filter that draws nothing, or elsewhere, is farther off than this where it draws much;
where it draws little, `_SAME` asks for more."""
_SAME = 0.5
"""What is drawn must be nearer to the golden picture than no filter at all would be, by half."""


@cache
def sitting() -> Sitting:
    return Sitting.held()


def seen(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray:
    soft = cv2.GaussianBlur(picture, (0, 0), 1.5)
    return cv2.cvtColor(soft.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(seen(one) - seen(other), axis=2).mean())


@pytest.mark.parametrize(
    "listing", [each for each in LISTINGS if each.draws], ids=lambda each: each.id
)
def test_a_filter_looks_as_it_was_judged(listing: Listing) -> None:
    golden = cv2.imread(str(preview_of(listing)), cv2.IMREAD_COLOR_RGB)
    assert golden is not None
    golden = np.asarray(golden, np.uint8)
    drawn, bare = thumbnail(listing, sitting()), thumbnail(None, sitting(), like=listing)
    off = apart(drawn, golden)
    assert off < _FARTHEST
    drawn_at_all = apart(bare, golden)
    # JPEG alone is about 1 apart.
    assert off < max(1.6, _SAME * drawn_at_all)
