"""Filters that draw nothing: what to show to whom, and signals of eyes, mouth and head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import head, noise

from omote_filters.chain import Chain
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent, Event
from omote_models.face import AgeBand, Attributes, Estimate, Face, Source
from omote_models.landmarks import BLENDSHAPE_INDEX

ALL = Consent(face_effects=True, demographics=True)
PICTURE = noise(264, 216)


def person(band: AgeBand | None, track_id: str = "a", confidence: float = 0.9) -> Face:
    face = head(width=60, centre=(130, 110), track_id=track_id)
    if band is None:
        return face
    known = Estimate(band, None, confidence, Source.INFERRED)
    return replace(face, attributes=Attributes(age_band=known))


def played(entry: ChainEntry, frames: list[list[Face]], rate: float = 30) -> list[list[Event]]:
    chain = Chain.build([entry], Registry())
    chain.start()
    events = []
    for number, faces in enumerate(frames):
        scene = Scene(
            PICTURE.copy(), faces, time=number / rate, elapsed=1 / rate if number else 0.0
        )
        applied = chain.apply(scene, ALL)
        assert not applied.bypassed
        assert np.array_equal(scene.picture, PICTURE), "nothing is drawn"
        events.append(scene.emitted)
    chain.stop()
    return events


def choices(events: list[list[Event]], track_id: str = "a") -> list[object]:
    return [
        e.payload["choice"] for frame in events for e in frame if e.payload["track_id"] == track_id
    ]


def test_each_person_gets_their_own_content_once() -> None:
    frames = [[person(AgeBand.CHILD, "a"), person(AgeBand.SENIOR, "b"), person(None, "c")]] * 5
    events = played(ChainEntry("menu_board"), frames)
    assert choices(events, "a") == ["kids_menu"]
    assert choices(events, "b") == ["classics"]
    assert choices(events, "c") == ["whole_menu"], "unknown is a normal answer"


def test_content_follows_what_is_known_and_comes_back() -> None:
    unknown, child = [person(None)], [person(AgeBand.CHILD)]
    frames = [unknown] * 3 + [child] * 10 + [unknown] * 90 + [child] * 3
    events = played(ChainEntry("menu_board"), frames)
    assert choices(events) == ["whole_menu", "kids_menu", "whole_menu", "kids_menu"]
    back = next(n for n, frame in enumerate(events) if n > 13 and frame)
    assert back >= 13 + 59, "a look away does not change the screen: it is held for two seconds"


def test_content_that_is_not_certain_is_for_everybody() -> None:
    events = played(ChainEntry("menu_board"), [[person(AgeBand.CHILD, confidence=0.4)]] * 3)
    assert choices(events) == ["whole_menu"]


def test_what_was_declared_comes_first() -> None:
    declared = Attributes(Estimate.declared(70.0), Estimate.declared(AgeBand.of(70)))
    face = replace(person(None), attributes=declared)
    assert choices(played(ChainEntry("menu_board"), [[face]] * 3)) == ["classics"]


def test_content_by_itself_is_a_setting() -> None:
    entry = ChainEntry("content", {"slot": "banner", "choice": "hello", "message": "Hi"})
    (event,) = [e for frame in played(entry, [[person(None)]] * 4) for e in frame]
    assert event.name == "content"
    assert event.payload == {
        "track_id": "a",
        "slot": "banner",
        "choice": "hello",
        "message": "Hi",
    }


def acting(**scores: float) -> Face:
    values = np.zeros(52, np.float32)
    for name, score in scores.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in BLENDSHAPE_INDEX:
                values[BLENDSHAPE_INDEX[full]] = score
    return replace(person(AgeBand.MIDDLE_AGED), blendshapes=values)


def wellness(frames: list[Face], **settings: float) -> list[dict[str, object]]:
    events = played(ChainEntry("wellness", dict(settings)), [[face] for face in frames])
    return [dict(event.payload) for frame in events for event in frame]


def test_blinks_are_counted_and_long_closures_are_not_blinks() -> None:
    blink = [acting(eyeBlink=0.9)] * 5 + [acting()] * 25
    told = wellness(blink * 20, window=30)[-1]
    assert told["blinks_per_minute"] == pytest.approx(60, rel=0.1)
    assert told["perclos"] == pytest.approx(5 / 30, abs=0.03)
    assert told["age_band"] == "middle_aged"
    nap = [acting()] * 60 + [acting(eyeBlink=0.95)] * 90
    told = wellness(nap)[-1]
    assert told["blinks_per_minute"] == 0
    assert told["eyes_closed_s"] == pytest.approx(3, abs=1.0)


def test_a_yawn_is_long_and_speech_is_not_one() -> None:
    speech = ([acting(jawOpen=0.7)] * 8 + [acting(jawOpen=0.1)] * 8) * 10
    assert wellness(speech)[-1]["yawns"] == 0
    yawn = [acting()] * 30 + [acting(jawOpen=0.8)] * 60 + [acting()] * 60
    assert wellness(yawn)[-1]["yawns"] == 1


def test_gaze_and_posture_have_a_sign() -> None:
    left = wellness([acting(eyeLookOutLeft=0.8, eyeLookInRight=0.8)] * 90)[-1]
    assert float(str(left["gaze_left"])) > 10
    up = wellness([acting(eyeLookUp=0.8)] * 90)[-1]
    assert float(str(up["gaze_up"])) > 10
    tilted = [replace(head(roll=20, width=60, centre=(130, 110)), blendshapes=np.zeros(52, "f4"))]
    assert float(str(wellness(tilted * 90)[-1]["head_roll"])) == pytest.approx(20, abs=3)


def test_nothing_is_said_of_a_glimpse_and_after_a_gap_nothing_goes_on() -> None:
    assert wellness([acting()] * 40) == [], "two seconds are needed"
    chain = Chain.build([ChainEntry("wellness")], Registry())
    chain.start()
    times = [n / 30 for n in range(90)] + [100 + n / 30 for n in range(80)]
    events = []
    for time in times:
        scene = Scene(PICTURE.copy(), [acting(eyeBlink=0.95)], time=time, elapsed=1 / 30)
        chain.apply(scene, ALL)
        events += [e.payload for e in scene.emitted]
    assert float(str(events[-1]["eyes_closed_s"])) < 3, "not the hundred seconds in between"


def test_bad_scores_break_nothing() -> None:
    bad = replace(acting(), blendshapes=np.full(52, np.nan, np.float32))
    told = wellness([bad] * 90)
    assert told[-1]["blinks_per_minute"] == 0
