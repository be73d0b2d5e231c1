"""Packs: read strictly, judged per face, run by the chain with every safety rule."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import yaml
from heads import head, skin_picture
from pydantic import TypeAdapter
from typer.testing import CliRunner

from omote_filters.chain import Chain
from omote_filters.listing import Broken, Listing
from omote_filters.packs.facts import FACTS, Moment
from omote_filters.packs.load import BUILTIN, load_pack
from omote_filters.packs.rules import Condition, Judge, Rule
from omote_filters.packs.schema import schema
from omote_filters.packs.source import PackError, parse_yaml
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import (
    Appearance,
    ChainEntry,
    ChainError,
    Consent,
    Degradation,
    Event,
    Need,
    Reason,
)
from omote_models.face import AgeBand, Attributes, Estimate, Face, Gender, Source
from omote_models.landmarks import BLENDSHAPE_INDEX
from omote_server.cli import app

ALL = Consent(face_effects=True, demographics=True)
DOCS = Path(__file__).parents[2] / "docs"
run = CliRunner()

GOOD = """\
id: mine
name: Mine
version: "1.0.0"
description: A pack to test with.
layers:
  - filter: solid_face
"""


def person(
    track_id: str = "a",
    age: float | None = None,
    gender: str | None = None,
    confidence: float = 1.0,
    x: float = 264,
    **shapes: float,
) -> Face:
    """A face with an inferred age (give or take 5 years) and blendshapes."""
    values = np.zeros(52, np.float32)
    for name, score in shapes.items():
        values[BLENDSHAPE_INDEX[name]] = score
    known = Attributes()
    if age is not None:
        known = replace(
            known,
            age=Estimate(age, (age - 5, age + 5), confidence, Source.INFERRED),
            age_band=Estimate(AgeBand.of(age), None, confidence, Source.INFERRED),
        )
    if gender is not None:
        known = replace(known, gender=Estimate(Gender(gender), None, confidence, Source.INFERRED))
    face = head(track_id=track_id, centre=(x, 216), width=110)
    return replace(face, blendshapes=values, attributes=known)


def judged(rule: object) -> Judge:
    return Judge(TypeAdapter(Rule).validate_python(rule))


def at(time: float = 0.0, face: Face | None = None, **more: Any) -> Moment:
    return Moment(time, 528, face, **more)


def written(folder: Path, text: str = GOOD, name: str = "mine") -> Path:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "filter.yaml").write_text(text)
    return place


def problems_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(PackError) as caught:
        load_pack(written(folder, text), Registry().find)
    return caught.value.problems


# Rules


def test_hysteresis_keeps_a_condition_between_its_limits() -> None:
    judge = judged({"mouth_open": {"enter": 0.5, "leave": 0.3}})
    opened = [0.4, 0.55, 0.4, 0.31, 0.29, 0.4, 0.49]
    verdicts = [judge.verdict(at(i, person(jawOpen=v))) for i, v in enumerate(opened)]
    assert verdicts == [False, True, True, True, False, False, False]


def test_one_limit_has_hysteresis_of_its_own() -> None:
    judge = judged({"age": {"below": 20}, "unknown": False})
    verdicts = [judge.verdict(at(0, person(age=age))) for age in (21, 19.9, 21, 22.9, 23.1, 21)]
    assert verdicts == [False, True, True, True, False, False]


def test_a_condition_is_held() -> None:
    judge = judged({"smile": {"above": 0.5}, "hold_ms": 1000})
    smile, none = person(mouthSmileLeft=1, mouthSmileRight=1), person()
    told = [(0, none), (1, smile), (1.9, none), (2.1, none), (2.2, none)]
    assert [judge.verdict(at(t, f)) for t, f in told] == [False, True, True, False, False]
    assert judge.verdict(at(5, smile))
    assert not judge.verdict(at(0.5, none)), "a file that begins again ends the hold"


def test_events_last_two_seconds() -> None:
    judge = judged({"event": "goal"})
    assert judge.verdict(at(1, events=frozenset({"goal"})))
    assert judge.verdict(at(2.9))
    assert not judge.verdict(at(3.1))


@pytest.mark.parametrize("unknown", [True, False])
def test_unknown_is_what_the_rule_says(unknown: bool) -> None:
    rules: list[Mapping[str, object]] = [
        {"age": {"below": 18}, "unknown": unknown},
        {"age_low": {"above": 18}, "unknown": unknown},
        {"age_band": "child", "unknown": unknown},
        {"gender": "male", "unknown": unknown},
        {"gender": ["female", "male"], "unknown": unknown, "min_confidence": 0.9},
    ]
    for rule in rules:
        assert judged(rule).verdict(at(face=person())) is unknown
    doubtful = person(gender="female", confidence=0.8)
    assert judged(rules[-1]).verdict(at(face=doubtful)) is unknown
    assert judged(rules[-1]).verdict(at(face=person(gender="female", confidence=0.95)))


def test_rules_join_and_negate() -> None:
    rule = {
        "all": [
            {"any": [{"gender": "male", "unknown": False}, {"largest": True}]},
            {"not": {"position": "left"}},
            {"param": "team", "is": "red"},
        ]
    }
    red, blue = {"team": "red"}, {"team": "blue"}
    man = person(gender="male")
    assert judged(rule).verdict(at(face=man, parameters=red))
    assert not judged(rule).verdict(at(face=man, parameters=blue))
    assert not judged(rule).verdict(at(face=person(gender="male", x=100), parameters=red))
    assert not judged(rule).verdict(at(face=person(gender="female"), parameters=red))
    assert judged(rule).verdict(at(face=person(), largest=True, parameters=red))


def test_a_head_that_turns_is_seen() -> None:
    judge = judged({"yaw": {"above": 20}})
    assert not judge.verdict(at(face=head(0)))
    assert judge.verdict(at(face=head(35)))


def test_the_ends_of_a_declared_band_are_its_years() -> None:
    declared = Attributes(age_band=Estimate.declared(AgeBand.TEENAGER))
    teenager = replace(person(), attributes=declared)
    moment = at(face=teenager)
    low, high = moment.number("age_low"), moment.number("age_high")
    assert low == 13
    assert high is not None
    assert high < 20
    assert high == pytest.approx(20), "up to the birthday"
    assert moment.number("age") == pytest.approx(16.5)


# Reading


def test_mistakes_are_told_with_line_path_and_suggestion(tmp_path: Path) -> None:
    text = GOOD + (
        "    wen: {smile: {above: 1}}\n"
        "  - filter: lipstik\n"
        "  - filter: lipstick\n"
        "    settings: {covrage: 0.5}\n"
        "  - filter: blush\n"
        "    settings: {strength: 7}\n"
    )
    told = problems_of(tmp_path, text)
    assert [re.sub(r"^.*filter.yaml", "", line) for line in told] == [
        ":7: layers.0.wen: 'wen' does not belong here; did you mean 'when'?"
    ]
    told = problems_of(tmp_path, text.replace("wen:", "when:"))
    assert [re.sub(r"^.*filter.yaml", "", line).split(";")[0] for line in told] == [
        ":8: layers.1.filter: there is no filter 'lipstik' that works here",
        ":10: layers.2.settings.covrage: there is no such setting",
        ":12: layers.3.settings.strength: it should be less than or equal to 1, not 7",
    ]
    assert "did you mean 'coverage'?" in told[1]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("{emotion: happy}", "does not read emotions"),
        ("{happy: {above: 0.5}}", "Ask for a shape"),
        ("{ethnicity: any}", "no rule may"),
        ("{race: any}", "no rule may"),
        ("{identity: bob}", "does not recognise"),
        ("{age: {below: 18}}", "say what holds when age is unknown"),
        ("{gender: male}", "say what holds when gender is unknown"),
        ("{gender: robot, unknown: true}", "one or a list of: female, male"),
        ("{smiel: {above: 1}}", "did you mean 'smile'?"),
        ("{smile: 0.5}", "{above: N}"),
        ("{smile: {enter: 1, leave: 1}}", "must differ"),
        ("{smile: {above: 1}, blink: {above: 1}}", "exactly one fact"),
        ("{smile: {above: .nan}}", "write a number"),
        (
            "{smile: {above: 1}, hold_ms: -1}",
            "hold_ms: -1 does not fit; write a number from 0 to 60000",
        ),
        ("{all: []}", "a list of one or more rules"),
        ("{all: [{largest: true}], any: []}", "beside `all` nothing may stand"),
        ("{not: [1]}", "a rule is"),
        ("{largest: maybe}", "true or false"),
        ("{event: ''}", "1 to 64 characters"),
        ("{event: goal, hold: 3}", "did you mean 'hold_ms'?"),
        ("{param: team, is: red}", "there is no parameter 'team'; there are: none"),
        ("{smile: {enter: 1}}", "{enter: N, leave: N}"),
        ("{smile: }", "it is empty; write {above: N}"),
        ("{hold_ms: 9}", "exactly one fact"),
        ("{all: [" + "{largest: true}, " * 65 + "]}", "at most 64 questions"),
        ("yes", "a rule is"),
        ("", "it is empty; write a rule"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(when: str, words: str, tmp_path: Path) -> None:
    text = GOOD.replace("solid_face", "lipstick") + f"    when: {when}\n"
    (told,) = problems_of(tmp_path, text)
    assert ":7: layers.0.when" in told
    assert words in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write a pack as a mapping"),
        ("- 1", "write a pack as a mapping"),
        ("id: [", "expected"),
        ("id: a\nid: b", ":2: 'id' stands here a second time"),
        ("a: &x 1\nb: *x", "aliases are not allowed"),
        (
            "id: !!python/object:os.system x",
            "YAML tags such as tag:yaml.org,2002:python",
        ),
        (GOOD.replace("mine", "Mine", 1), "lower case"),
        (GOOD.replace("mine", "other", 1), "must be 'mine', as its folder"),
        (GOOD.replace('"1.0.0"', "1.0"), 'write a version like "1.0.0"'),
        (GOOD.replace("layers:", "layers: []\nx:"), "1 to 16 layers"),
        (GOOD + "    fade_ms: 9999\n", "fade_ms: 9999 does not fit; write a number from 0 to 3000"),
        (GOOD + "    otherwise: {filter: blush}\n", "otherwise needs a `when`"),
        (GOOD + "    settings: {colour: {param: c}}\n", "there is no parameter 'c'"),
        (GOOD + "parameters: {p: {slider: 3, label: P}}\n", "from low (0) to high (1)"),
        (
            GOOD + "parameters: {p: {slider: .inf, label: P}}\n",
            '".inf" does not fit; write a number',
        ),
        (GOOD + "parameters: {p: {text: " + "a" * 81 + ", label: P}}\n", "at most 80 characters"),
        (GOOD + "parameters: {p: {choice: yes, of: [no], label: P}}\n", "choice is one of: no"),
        (GOOD + "parameters: {copy: {toggle: true, label: P}}\n", "'copy' is taken"),
        (GOOD + "parameters: {P: {toggle: true, label: P}}\n", "a parameter's name is lower case"),
        (GOOD + "parameters: {p: {label: P}}\n", "a parameter is one of"),
        (GOOD + "    settings: {strength: ~}\n", "a setting is a constant"),
        (GOOD + "    settings: [strength]\n", "write a mapping of at most 64 settings"),
        (GOOD + "---\n" + GOOD, ":7: a pack is one YAML document"),
        (GOOD + '    fade_ms: !!int "3"\n', ":7: YAML tags such as tag:yaml.org,2002:int"),
        (GOOD + "    ? [a]\n    : 1\n", ":7: a key is a plain text"),
        (GOOD + '    "\\0": 1\n', ":7: an unprintable character"),
        (GOOD + "parameters: {p: {colour: red, label: P}}\n", '"red" does not fit; write a colour'),
    ],
)
def test_a_pack_that_cannot_be_is_refused(text: str, words: str, tmp_path: Path) -> None:
    assert words in "\n".join(problems_of(tmp_path, text))


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ("{over: age, points: [[1, 0], [2, 1]]}", "say what holds when it is unknown"),
        ("{over: age, points: [[2, 0], [1, 1]], unknown: 0}", "x rising"),
        ("{over: age, points: [[1, 0]], unknown: 0}", "two or more"),
        ("{over: smile, points: [[0, 0], [0.0001, 1]]}", "x rising by 0.001 or more"),
        ("{over: smile, points: [[0, -1e300], [1, 1e300]]}", "write two or more"),
        (
            "{over: gender, points: [[1, 0], [2, 1]], unknown: 0}",
            "write age, mouth_open, smile or brow_raise",
        ),
        ("{over: age, points: [[1, 0], [2, 7]], unknown: 0}", "less than or equal to 1, not 7"),
        ("{over: age, points: [[1, 0], [2, 1]], unknown: 9}", "less than or equal to 1, not 9"),
        ("{over: smile, points: [[0, 0], [1, 1]], knots: 2}", "'knots' does not belong here"),
    ],
)
def test_a_curve_that_cannot_be_is_refused(curve: str, words: str, tmp_path: Path) -> None:
    text = GOOD.replace("solid_face", "blush") + f"    settings: {{strength: {curve}}}\n"
    assert words in "\n".join(problems_of(tmp_path, text))


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = (
        "id: Mine\n"
        "version: 1\n"
        "descripton: A pack\n"
        "parameters: {p: {slider: 2, label: P}, q: {colr: red}}\n"
        "layers:\n"
        "  - filter: blush\n"
        "    settings: {strength: {param: r}}\n"
        "    when: {any: [{mood: good}, {age: {below: 9}}, {smile: 0.5}]}\n"
        "    otherwise: {filter: blush, fade_ms: 9}\n"
        "  - {filter: sticker, settings: {art: {asset: star.svg}}, fade_ms: -1}\n"
        "  - nothing\n"
    )
    told = [line.split("filter.yaml:")[1] for line in problems_of(tmp_path, text)]
    wanted = [
        "1: id: ",
        "1: name: it is missing",
        "1: description: it is missing",
        "2: version: ",
        "3: descripton: 'descripton' does not belong here; did you mean 'description'?",
        "4: parameters.p: slider is a number from low (0) to high (1)",
        "4: parameters.q: a parameter is one of",
        "7: layers.0.settings.strength.param: there is no parameter 'r'; there are: p, q",
        "8: layers.0.when.any.0.mood: Omote does not read emotions",
        "8: layers.0.when.any.1: say what holds when age is unknown",
        "8: layers.0.when.any.2.smile: write {above: N}",
        "9: layers.0.otherwise.fade_ms: 'fade_ms' does not belong here",
        "10: layers.1.settings.art: star.svg: there is no such file",
        "10: layers.1.fade_ms: -1 does not fit; write a number from 0 to 3000",
        "11: layers.2: write a layer as a mapping",
    ]
    assert len(told) == len(wanted), told
    for line in wanted:
        assert any(each.startswith(line) for each in told), line
    lines = [int(each.split(":")[0]) for each in told]
    assert lines == sorted(lines)


def test_every_fact_is_a_key_of_a_condition() -> None:
    assert list(Condition.keys())[: len(FACTS)] == list(FACTS)


def test_scalars_are_those_of_the_core_schema() -> None:
    text = (
        "[~, null, , true, False, yes, 010, 0x1F, 0o17, -3, 1e3, .5, 1e999, .inf, .nan, 1_0, "
        "2024-01-01, 12:30:00, 123456789012345678901234567890, '1', \"true\", =, <<]"
    )
    assert parse_yaml("f.yaml", text.replace(", ,", ", '',")).value == [
        *(None, None, "", True, False, "yes", 10, 31, 15, -3, 1000.0, 0.5, "1e999", ".inf", ".nan"),
        *(
            "1_0",
            "2024-01-01",
            "12:30:00",
            123456789012345678901234567890.0,
            "1",
            "true",
            "=",
            "<<",
        ),
    ]


@pytest.mark.parametrize(
    "when",
    [
        "{age_low: {below: 18}, unknown: false}",
        "{not: {age_low: {above: 18}, unknown: true}}",
        "{any: [{largest: true}, {age_band: child, unknown: false}]}",
    ],
)
def test_what_hides_faces_must_hide_unknown_ones(when: str, tmp_path: Path) -> None:
    (told,) = problems_of(tmp_path, GOOD + f"    when: {when}\n")
    assert "solid_face must cover faces of unknown age" in told


def test_archives_are_read_without_unpacking(tmp_path: Path) -> None:
    good, bomb, empty, fake = (tmp_path / f"{name}.zip" for name in ("a", "b", "c", "d"))
    with ZipFile(good, "w") as archive:
        archive.writestr("filter.yaml", GOOD)
        archive.writestr("../../escape", "never written")
    with ZipFile(bomb, "w", 8) as archive:
        archive.writestr("filter.yaml", b"#" * 50_000_000)
    with ZipFile(empty, "w") as archive:
        archive.writestr("other", "")
    fake.write_text("text")
    assert load_pack(good, Registry().find).id == "mine"
    assert not (tmp_path.parent / "escape").exists()
    for path, words in ((bomb, "larger than"), (empty, "no such file"), (fake, "cannot be read")):
        with pytest.raises(PackError, match=words):
            load_pack(path, Registry().find)


def test_a_pack_is_no_layer_of_a_pack(tmp_path: Path) -> None:
    registry = Registry(packs=[written(tmp_path, GOOD.replace("solid_face", "hero_paint"))])
    nested = registry.find("mine")
    assert isinstance(nested, Broken)
    assert "a pack cannot be a layer of a pack" in nested.error


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    deep = "{all: [" * 200 + "{largest: true}" + "]}" * 200
    assert "nested deeper" in problems_of(tmp_path, GOOD + f"    when: {deep}\n")[0]


# The registry and the chain


def test_the_shipped_packs_are_sound_and_use_demographics() -> None:
    registry = Registry()
    packs = [registry.find(path.name) for path in BUILTIN.iterdir() if path.is_dir()]
    assert len(packs) >= 8
    for pack in packs:
        assert isinstance(pack, Listing), pack
        assert pack.layers
    ours = [pack for pack in packs if isinstance(pack, Listing)]
    assert sum(bool(pack.needs & {Need.AGE, Need.GENDER}) for pack in ours) >= 8


def test_a_broken_pack_is_listed_and_stops_nothing(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("solid_face", "nothing"), "mine")
    written(tmp_path, GOOD.replace("mine", "lipstick", 1), "lipstick")
    registry = Registry(packs=[tmp_path])
    broken = registry.find("mine")
    assert isinstance(broken, Broken)
    assert "there is no filter 'nothing'" in broken.error
    twice = registry.find("lipstick")
    assert isinstance(twice, Broken)
    assert "several packages" in twice.error
    assert isinstance(registry.find("blush"), Listing)


def drawn(
    folder: Path,
    text: str,
    *frames: tuple[float, list[Face]],
    consent: Consent = ALL,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> list[tuple[np.ndarray[Any, Any], Any]]:
    """What a pack makes of frames of plain skin, and what the chain said."""
    registry = Registry(packs=[written(folder, text)])
    chain = Chain.build([ChainEntry("mine", settings)], registry)
    found = []
    for time, faces in frames:
        scene = Scene(skin_picture(), faces, time=time, elapsed=1 / 30)
        applied = chain.apply(scene, consent)
        found.append((scene.picture.copy(), applied))
    chain.stop()
    return found


def change(picture: np.ndarray[Any, Any], face: Face) -> float:
    """How much the middle of a face changed."""
    rect = Scene(skin_picture()).rect(face.box)
    difference = np.abs(picture.astype(int) - skin_picture())[rect.slices]
    return float(difference.mean())


def test_two_people_in_one_frame_each_get_their_own(tmp_path: Path) -> None:
    text = GOOD + "    when: {age_low: {below: 18}, unknown: true}\n"
    child, adult = person("c", 9, x=120), person("d", 50, x=400)
    ((picture, applied),) = drawn(tmp_path, text, (0, [child, adult]))
    assert change(picture, child) > 20
    assert change(picture, adult) == 0
    assert applied.ran == ["mine"]
    nobody_known = [person("c", x=120), person("d", x=400)]
    ((picture, _),) = drawn(tmp_path, text, (0, nobody_known))
    assert all(change(picture, face) > 20 for face in nobody_known)


def test_settings_follow_a_curve_for_each_face(tmp_path: Path) -> None:
    curve = "{over: age, points: [[20, 0], [60, 1]], unknown: 0.5}"
    text = GOOD.replace("solid_face", "blush") + f"    settings: {{strength: {curve}}}\n"
    young, old, unknown = person("a", 20, x=90), person("b", 70, x=264), person("c", x=440)
    ((picture, _),) = drawn(tmp_path, text, (0, [young, old, unknown]))
    assert change(picture, young) < 0.1 < change(picture, unknown) < change(picture, old)


def test_otherwise_takes_over_and_fades(tmp_path: Path) -> None:
    text = GOOD.replace("solid_face", "face_paint") + (
        "    settings: {design: tiger}\n"
        "    when: {mouth_open: {above: 0.5}}\n"
        "    otherwise: {filter: neon_outline}\n"
        "    fade_ms: 1000\n"
    )
    shut, shout = person(), person(jawOpen=1.0)
    frames = [(0.0, shut), (0.1, shout), (0.6, shout), (1.2, shout), (1.3, shout)]
    found = drawn(tmp_path, text, *((time, [face]) for time, face in frames))
    pictures = [picture.astype(int) for picture, _ in found]
    tiger = drawn(tmp_path, text, (0, [shout]))[0][0].astype(int)
    gaps = [float(np.abs(picture - tiger).mean()) for picture in pictures]
    assert gaps[0] > gaps[2] > gaps[3] == gaps[4] == 0
    assert not np.array_equal(pictures[2], pictures[0])


def test_what_hides_does_not_fade(tmp_path: Path) -> None:
    text = GOOD + "    when: {mouth_open: {above: 0.5}}\n    fade_ms: 3000\n"
    found = drawn(tmp_path, text, (0.0, [person()]), (0.1, [person(jawOpen=1.0)]))
    at_once = drawn(tmp_path, text, (0.0, [person(jawOpen=1.0)]))
    assert np.array_equal(found[1][0], at_once[0][0])


def test_a_face_that_is_lost_for_a_moment_stays_covered(tmp_path: Path) -> None:
    text = GOOD + "    when: {age_low: {below: 18}, unknown: true}\n"
    child, adult = person("c", 9, x=120), person("d", 50, x=400)
    found = drawn(tmp_path, text, (0, [child, adult]), (0.1, [adult]), (0.2, []), (30, []))
    covered = [change(picture, child) > 20 for picture, _ in found]
    assert covered == [True, True, True, False]
    assert all(change(picture, adult) == 0 for picture, _ in found)


def test_parameters_reach_the_layers_and_are_checked(tmp_path: Path) -> None:
    text = GOOD + (
        '    settings: {colour: {param: c}}\nparameters: {c: {colour: "#00ff00", label: C}}\n'
    )
    face = person()
    x, y = (int(v) for v in face.box.centre)
    cases: list[tuple[dict[str, str], tuple[int, int, int]]]
    cases = [({}, (0, 255, 0)), ({"c": "#0000ff"}, (0, 0, 255))]
    for settings, wanted in cases:
        ((picture, _),) = drawn(tmp_path, text, (0, [face]), settings=settings)
        assert np.abs(picture[y, x].astype(int) - wanted).max() < 40
    with pytest.raises(ChainError, match=r"entries\[0\]\.settings\.c"):
        drawn(tmp_path, text, (0, [face]), settings={"c": "blue"})


def test_consent_and_minors_hold_for_every_layer(tmp_path: Path) -> None:
    text = GOOD.replace("solid_face", "smooth_skin") + "  - filter: solid_face\n"
    child = person("c", 9)
    ((picture, applied),) = drawn(tmp_path, text, (0, [child]))
    assert [(b.filter_id, b.reason) for b in applied.bypassed] == [("mine", Reason.MINOR)]
    assert applied.ran == ["mine"]
    assert change(picture, child) > 20
    ((picture, applied),) = drawn(tmp_path, text, (0, [child]), consent=Consent())
    assert {b.reason for b in applied.bypassed} == {Reason.CONSENT}
    assert Degradation.MASKED in applied.degraded, "the anonymise layer fails safe"


def test_a_whole_picture_layer_is_on_for_anybody(tmp_path: Path) -> None:
    text = (
        GOOD.replace("solid_face", "duotone")
        + "    when: {mouth_open: {above: 0.5}}\n    fade_ms: 0\n"
    )
    quiet, loud = person("a", x=120), person("b", x=400, jawOpen=1.0)
    found = drawn(tmp_path, text, (0, []), (1, [quiet]), (2, [quiet, loud]))
    same = [np.array_equal(picture, skin_picture()) for picture, _ in found]
    assert same == [True, True, False]
    assert [applied.ran for _, applied in found] == [[], [], ["mine"]]


@pytest.mark.parametrize("pack", sorted(path.name for path in BUILTIN.iterdir() if path.is_dir()))
def test_shipped_packs_survive_bad_faces(pack: str, bad_faces: Callable[[], list[Face]]) -> None:
    chain = Chain.build([ChainEntry(pack)], Registry())
    for time, face in enumerate(bad_faces()):
        scene = Scene(skin_picture(), [face], time=time, events=[Event("goal")])
        applied = chain.apply(scene, ALL)
        assert {b.reason for b in applied.bypassed} <= {Reason.MINOR}
    chain.stop()


@pytest.fixture
def bad_faces() -> Callable[[], list[Face]]:
    from heads import broken

    return lambda: [
        head(width=20),
        head(centre=(0, 0)),
        head(yaw=80),
        head(centre=(-900, 5000)),
        broken(person(age=30)),
        person(age=9, jawOpen=1.0, mouthSmileLeft=1.0, mouthSmileRight=1.0),
        person(age=90, gender="female", eyeBlinkLeft=1.0, eyeBlinkRight=1.0),
    ]


def test_appearance_is_that_of_the_strictest_layer() -> None:
    protect = Registry().find("protect_the_young")
    assert isinstance(protect, Listing)
    assert protect.appearance is Appearance.ANONYMISE
    chain = Chain.build([ChainEntry("protect_the_young")], Registry())
    assert chain.anonymises
    assert Need.AGE in chain.needs


def test_a_chain_that_is_revised_keeps_a_packs_state(tmp_path: Path) -> None:
    registry = Registry(packs=[written(tmp_path, GOOD + "    when: {event: goal}\n")])
    chain = Chain.build([ChainEntry("mine")], registry)
    face = person()
    chain.apply(Scene(skin_picture(), [face], time=0.0, events=[Event("goal")]), ALL)
    chain = chain.revised([ChainEntry("vignette"), ChainEntry("mine")], registry)
    scene = Scene(skin_picture(), [face], time=1.0)
    assert chain.apply(scene, ALL).ran == ["mine", "vignette"], "the goal is not forgotten"


# Documentation and the command line


def test_the_example_of_the_docs_is_good(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "packs.md").read_text(), re.DOTALL)
    assert load_pack(written(tmp_path, example, "summer_look"), Registry().find).id == "summer_look"


def test_the_published_schema_is_the_one_in_the_code() -> None:
    published = json.loads((DOCS / "filter.schema.json").read_text())
    assert published == schema()
    layer = published["$defs"]["Layer"]
    for path in BUILTIN.glob("*/filter.yaml"):
        pack = yaml.safe_load(path.read_text())
        assert set(pack) <= set(published["properties"])
        assert all(set(each) <= set(layer["properties"]) for each in pack["layers"])


def test_new_validate_and_pack(tmp_path: Path) -> None:
    made = run.invoke(app, ["filters", "new", "my_look", "--folder", str(tmp_path)])
    assert made.exit_code == 0, made.output
    folder = tmp_path / "my_look"
    assert run.invoke(app, ["filters", "validate", str(folder)]).exit_code == 0
    archives = []
    for name in ("one.zip", "two.zip"):
        target = tmp_path / name
        packed = run.invoke(app, ["filters", "pack", str(folder), "--out", str(target)])
        assert packed.exit_code == 0, packed.output
        archives.append(target.read_bytes())
    assert archives[0] == archives[1]
    assert run.invoke(app, ["filters", "validate", str(tmp_path / "one.zip")]).exit_code == 0

    (folder / "filter.yaml").write_text(GOOD)
    wrong = run.invoke(app, ["filters", "validate", str(folder)])
    assert wrong.exit_code == 1
    assert "must be 'my_look', as its folder" in wrong.stderr
    assert run.invoke(app, ["filters", "new", "my_look", "--folder", str(tmp_path)]).exit_code == 2


def test_a_new_plugin_is_a_sound_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    run.invoke(app, ["filters", "new", "soft_thing", "--plugin", "--folder", str(tmp_path)])
    monkeypatch.syspath_prepend(str(tmp_path / "soft_thing"))
    point = EntryPoint("soft_thing", "soft_thing:SoftThing", "omote.filters")
    found = Registry([point]).find("soft_thing")
    assert isinstance(found, Listing), found
    assert "soft_thing:SoftThing" in (tmp_path / "soft_thing" / "pyproject.toml").read_text()


def test_places_are_found_by_line() -> None:
    document = parse_yaml("f.yaml", "a:\n  - b: 1\n    c: 2\n")
    assert document.problem(("a", 0, "c"), "no") == "f.yaml:3: a.0.c: no"
    assert document.problem(("a", 0, "z", "y"), "no") == "f.yaml:2: a.0.z.y: no"
