"""When and how a pack's layer is drawn: holds, fades, and faces that come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from heads import head, skin_picture
from plugins import Moonlit, registry_of

from omote_filters.chain import Chain
from omote_filters.listing import Listing
from omote_filters.packs.filter import filter_of
from omote_filters.packs.model import read_pack
from omote_filters.packs.source import Bundle, parse_yaml
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent, Event
from omote_models.face import Face
from omote_models.landmarks import BLENDSHAPE_INDEX

ALL = Consent(face_effects=True, demographics=True)
GOAL = Event("goal")
PACK = """\
id: mine
name: Mine
version: "1.0.0"
description: Tries the gate.
layers:
"""
Moment = tuple[float, Sequence[Face], Sequence[Event]]


def chain_of(folder: Path, layers: str) -> Chain:
    place = folder / "mine"
    place.mkdir()
    (place / "filter.yaml").write_text(PACK + layers)
    return Chain.build([ChainEntry("mine")], Registry(packs=[place]))


def strengths(chain: Chain, *moments: Moment) -> list[float]:
    """How much the middle of the picture changes on each frame."""
    found = []
    for time, faces, events in moments:
        scene = Scene(skin_picture(), faces, time=time, elapsed=0.1, events=events)
        applied = chain.apply(scene, ALL)
        assert not applied.bypassed
        change = abs(scene.picture.astype(int) - skin_picture())
        found.append(float(change[150:280, 180:350].mean()))
    return found


def smiling(track_id: str, smile: float = 0.9) -> Face:
    shapes = np.zeros(len(BLENDSHAPE_INDEX), np.float32)
    shapes[[BLENDSHAPE_INDEX["mouthSmileLeft"], BLENDSHAPE_INDEX["mouthSmileRight"]]] = smile
    return replace(head(track_id=track_id), blendshapes=shapes)


A, B = head(track_id="a"), head(track_id="b")
HELD = "when: {event: goal, hold_ms: 1000}\n    fade_ms: 0\n"


def test_a_picture_layer_stays_on_when_faces_come_go_and_change(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, f"  - filter: pencil\n    {HELD}")
    on = strengths(
        chain,
        (0.0, [], []),
        (0.1, [], [GOAL]),
        (0.3, [A], []),
        (0.5, [B], []),
        (0.7, [A, B], []),
        (0.9, [], []),
        (1.3, [A], []),
    )
    assert [strength > 1 for strength in on] == [False, True, True, True, True, True, False]


def test_a_face_layer_keeps_an_events_hold_when_a_track_changes(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, f"  - filter: face_paint\n    {HELD}")
    on = strengths(
        chain,
        (0.0, [A], []),
        (0.1, [], [GOAL]),
        (0.3, [A], []),
        (0.5, [B], []),
        (1.3, [B], []),
    )
    assert [strength > 1 for strength in on] == [False, False, True, True, False]


def test_a_hold_of_a_face_is_that_faces_own(tmp_path: Path) -> None:
    rule = "when: {smile: {above: 0.5}, hold_ms: 1000}\n    fade_ms: 0\n"
    on = strengths(
        chain_of(tmp_path, f"  - filter: face_paint\n    {rule}"),
        (0.0, [smiling("a")], []),
        (0.5, [smiling("a", 0.0)], []),
        (0.6, [smiling("b", 0.0)], []),
        (0.7, [smiling("a", 0.0)], []),
    )
    assert [strength > 1 for strength in on] == [True, True, False, True]


def test_mixed_rules_hold_what_asks_about_no_face(tmp_path: Path) -> None:
    rule = "when: {all: [{event: goal, hold_ms: 1000}, {smile: {above: 0.5}}]}\n    fade_ms: 0\n"
    on = strengths(
        chain_of(tmp_path, f"  - filter: pencil\n    {rule}"),
        (0.0, [smiling("a", 0.0)], [GOAL]),
        (0.2, [smiling("b")], []),
        (0.4, [smiling("b", 0.0)], []),
        (0.6, [smiling("a", 0.0), smiling("c")], []),
        (1.2, [smiling("c")], []),
    )
    assert [strength > 1 for strength in on] == [False, True, False, True, False]


def test_a_picture_layer_fades_once_for_all(tmp_path: Path) -> None:
    layer = "  - filter: pencil\n    when: {event: goal, hold_ms: 400}\n    fade_ms: 1000\n"
    faces: tuple[list[Face], ...] = ([], [A], [B], [A, B], [], [B])
    moments: list[Moment] = [(n / 10, faces[n % 6], [GOAL] if n == 1 else []) for n in range(12)]
    seen = strengths(chain_of(tmp_path, layer), *moments)
    steps = [abs(later - before) for before, later in pairwise(seen)]
    assert 0 < max(steps) < 0.5 * max(seen), "it jumps nowhere"


def test_a_clock_that_is_set_back_ends_a_hold_and_breaks_nothing(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, f"  - filter: pencil\n    {HELD}")
    on = strengths(chain, (10.0, [A], [GOAL]), (10.5, [B], []), (0.0, [B], []), (0.1, [A], [GOAL]))
    assert [strength > 1 for strength in on] == [True, True, False, True]


def test_a_pack_lacks_what_its_parts_lack() -> None:
    text = PACK + "  - filter: moonlit\n  - filter: moonlit\n"
    document = parse_yaml("filter.yaml", text)
    pack = read_pack(document, lambda name: b"")
    listing = filter_of(pack, Bundle(Path("nowhere")), registry_of(Moonlit).find)
    assert listing.lack == "the moon is not up; wait for the night"
    plain = registry_of(Moonlit).find("moonlit")
    assert isinstance(plain, Listing)
    assert [part.filter.id for part in listing.parts] == ["moonlit", "moonlit"]
    assert [part.filter for part in plain.parts] == [plain], "a filter is its own one part"


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_pack_that_is_switched_on_late_starts_with_its_own_settings(
    tmp_path: Path, seconds: float
) -> None:
    layer = "  - filter: face_paint\n    settings: {design: tiger}\n"
    chain = chain_of(tmp_path, layer)
    assert chain._slots[0].plan.settings.model_dump()["design"] == "tiger"
    assert strengths(chain, (seconds, [A], []))[0] > 1
