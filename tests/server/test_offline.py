"""Every filter on large photographs: it changes the picture, or the account says why not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote_filters.registry import Registry
from omote_filters.words import ChainEntry, Consent
from omote_models.face import Declared
from omote_server.frames.job import Toolbox
from omote_server.media.files import MediaError
from omote_server.workshop.offline import Offline

Pixels = NDArray[np.uint8]

_MEGAPIXELS_12 = (4032, 3024)
_MEGAPIXELS_36 = (7360, 4912)
# What is to be seen of these comes with an expression, with time, with another person, or never.
_QUIET = {
    "content",
    "face_swap",
    "fire_breath",
    "hearts",
    "menu_board",
    "protect_the_young",
    "shout_tiger",
    "snack_catch",
    "sparkles",
    "wellness",
}


def _photograph(portrait: Pixels, size: tuple[int, int]) -> Pixels:
    """The portrait on a wider canvas, as large as a photograph."""
    width, height = size
    large = cv2.resize(portrait, (height, height), interpolation=cv2.INTER_CUBIC)
    left = (width - height) // 2
    right = width - height - left
    wide = cv2.copyMakeBorder(large, 0, 0, left, right, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(wide, np.uint8)


@pytest.fixture(scope="module")
def photograph(astronaut: Pixels) -> Pixels:
    return _photograph(astronaut, _MEGAPIXELS_12)


@pytest.fixture(scope="module")
def huge_photograph(astronaut: Pixels) -> Pixels:
    return _photograph(astronaut, _MEGAPIXELS_36)


def _filtered(tools: Toolbox, filter_id: str, photograph: Pixels) -> None:
    consent = Consent(face_effects=True, demographics=True)
    with Offline(tools, [ChainEntry(filter_id)], consent, Declared(age=30)) as offline:
        offline.run(photograph)
    fate = offline.account.fates[0]
    if offline.account.changed:
        assert not fate.why
    elif fate.why:
        assert fate.bypassed == {}, "nothing fails and nobody is late"
        assert filter_id in _QUIET or "omote" in fate.why or "OpenGL" in fate.why
    else:
        assert fate.unseen
        assert filter_id in _QUIET


@pytest.mark.parametrize("filter_id", Registry().ids)
def test_every_filter_on_12_megapixels(filter_id: str, tools: Toolbox, photograph: Pixels) -> None:
    _filtered(tools, filter_id, photograph)


@pytest.mark.sweep
@pytest.mark.parametrize("filter_id", Registry().ids)
def test_every_filter_on_36_megapixels(
    filter_id: str, tools: Toolbox, huge_photograph: Pixels
) -> None:
    _filtered(tools, filter_id, huge_photograph)


def test_a_picture_that_is_too_large_is_refused(tools: Toolbox) -> None:
    with (
        Offline(tools, [ChainEntry("vignette")], Consent()) as offline,
        pytest.raises(MediaError, match="no side may be longer"),
    ):
        offline.run(np.zeros((8, 20_000, 3), np.uint8))


def test_the_same_chain_twice_is_one_wish(tools: Toolbox, astronaut: Pixels) -> None:
    chain = [ChainEntry("lipstick"), ChainEntry("lipstick", {"coverage": 0.2})]
    with Offline(tools, chain, Consent(face_effects=True)) as offline:
        after = offline.run(astronaut)
    assert [fate.filter_id for fate in offline.account.fates] == ["lipstick"]
    assert (after != astronaut).any()


def test_without_consent_nothing_is_done_to_faces(tools: Toolbox, astronaut: Pixels) -> None:
    with Offline(tools, [ChainEntry("lipstick")], Consent()) as offline:
        after = offline.run(astronaut)
    assert offline.account.in_vain[0].why == "nobody agreed to it"
    assert (after == astronaut).all()
