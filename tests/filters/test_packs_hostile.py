"""One rule: every text, every archive and every folder gives a pack or a PackError."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omote_filters.packs.filter import PackFilter
from omote_filters.packs.load import BUILTIN, find_packs, load_pack
from omote_filters.packs.source import LARGEST_TEXT, PackError, parse_yaml
from omote_filters.registry import Broken, Registry

REGISTRY = Registry()
FIND = REGISTRY.find
SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'

RICH: dict[str, Any] = {
    "id": "mine",
    "name": "Mine",
    "version": "1.0.0",
    "description": "Something of everything.",
    "parameters": {
        "size": {"slider": 15, "low": 8, "high": 22, "label": "Size", "hint": "In centimetres"},
        "team": {"choice": "red", "of": ["red", "blue"], "label": "Team"},
        "tint": {"colour": "#d0021b", "label": "Tint"},
        "lit": {"toggle": True, "label": "Lit"},
        "word": {"text": "Go!", "label": "Word"},
    },
    "layers": [
        {
            "filter": "lipstick",
            "settings": {
                "colour": {"param": "tint"},
                "coverage": {"over": "age", "points": [[16, 0], [25, 0.5]], "unknown": 0.3},
            },
        },
        {
            "filter": "sticker",
            "settings": {"art": {"asset": "a.svg"}, "anchor": "above", "size": {"param": "size"}},
            "when": {
                "any": [
                    {"event": "goal", "hold_ms": 3000},
                    {"all": [{"smile": {"enter": 0.5, "leave": 0.3}}, {"param": "lit"}]},
                    {"not": {"age_band": ["child"], "unknown": True, "min_confidence": 0.6}},
                    {"param": "team", "is": "blue"},
                ]
            },
            "otherwise": {"filter": "blush", "settings": {"strength": 0.4}},
            "fade_ms": 500,
        },
    ],
}

WILD = [
    *(
        "",
        "~",
        "null",
        "yes",
        "0",
        "-1",
        "1e999",
        "-.inf",
        ".nan",
        "0b_",
        "0x",
        "0o9",
        "1_0",
        "12:30",
    ),
    *("2024-99-99", "2001-12-14t21:59:43.10-05:00", "=", "<<", "9" * 400, "9" * 5000, "1" * 18),
    *(
        '"\\0"',
        '"\\ud800"',
        '"\\U0010ffff"',
        '"\\x1b[2J"',
        "\u202e",
        "\ufeff",
        "!!int abc",
        "!!binary x",
    ),
    *(
        "!!python/object:os.system x",
        "!!set {a}",
        "! x",
        "&a 1",
        "*a",
        "[]",
        "{}",
        "[[]]",
        "{? [a] : 1}",
    ),
    *("{[a]: 1}", "{<<: {a: 1}}", "{a: 1, a: 2}", "{param: [a]}", "{param: nobody}", "{param: {}}"),
    *(
        "{asset: [a]}",
        "{asset: ../x.svg}",
        "{asset: ''}",
        "{asset: a.svg, param: size}",
        "{over: [a]}",
    ),
    *("{over: age, points: [[0, 1e308], [1, -1e308]], unknown: 0}", "{points: [[.nan, 1]]}"),
    *(
        "{slider: .inf, label: a}",
        "{choice: [a], of: [[a]], label: a}",
        "{text: !!int x, label: 1}",
    ),
    *(
        "{all: [{all: []}]}",
        "{not: not}",
        "{all: {}, not: {}}",
        "{emotion: happy}",
        "{age: {above: 1}}",
    ),
    *(
        "{smile: {above: .nan, below: ~}}",
        "{gender: [[a]], unknown: 1}",
        "{largest: 1}",
        "'a' 'b'",
        "]",
    ),
    *(
        "[" * 100,
        "{a: " * 40 + "1" + "}" * 40,
        "a" * 300,
        "{" + ", ".join(f"k{i}: 1" for i in range(99)) + "}",
    ),
    *(
        "? a",
        "- a",
        "--- a",
        "...",
        "%YAML 9.9",
        "|",
        "\t",
        "#",
        "@",
        "`",
        "a: b: c",
        "model_x",
        "copy",
    ),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pack, with the picture that `RICH` asks for."""
    folder = tmp_path_factory.mktemp("packs") / "mine"
    folder.mkdir()
    (folder / "a.svg").write_text(SQUARE)
    return folder


def outcome(path: Path) -> type[PackFilter] | list[str]:
    """The pack, or what is wrong with it; anything else that happens fails the test."""
    try:
        return load_pack(path, FIND)
    except PackError as error:
        assert error.problems
        assert all(isinstance(problem, str) and problem.isprintable() for problem in error.problems)
        str(error).encode()
        return error.problems


def of_text(place: Path, data: str | bytes) -> type[PackFilter] | list[str]:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    (place / "filter.yaml").write_bytes(raw)
    return outcome(place)


# Texts


def flow(value: object) -> str:
    """YAML on one line; a tuple's text stands as it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value[0]) if isinstance(value, tuple) else json.dumps(value)


def paths(value: object, above: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The path of everything in it."""
    yield above
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield from paths(item, (*above, key))


def changed(value: Any, path: tuple[object, ...], how: str, wild: object) -> object:
    """A copy in which one thing was replaced, removed, named otherwise, or given a neighbour."""
    if not path:
        return wild if how == "replace" else value
    key, rest = path[0], path[1:]
    made: dict[Any, Any] = dict(value.items() if isinstance(value, dict) else enumerate(value))
    if rest or how == "replace":
        made[key] = changed(value[key], rest, how, wild)
    elif how == "remove":
        del made[key]
    elif how == "rename":
        made = {wild if each == key else each: item for each, item in made.items()}
    else:
        made[wild] = value[key]
    return made if isinstance(value, dict) else list(made.values())


ways = st.sampled_from(["replace", "remove", "rename", "add"])
wilds = st.one_of(
    st.sampled_from(WILD), st.text(max_size=20), st.from_regex(r"[-+.0-9eExob_:]{1,9}")
)
changes = st.tuples(st.sampled_from(list(paths(RICH))), ways, wilds)


def test_the_pack_that_is_changed_below_is_sound(place: Path) -> None:
    assert not isinstance(of_text(place, flow(RICH)), list)


@pytest.mark.parametrize("wild", WILD, ids=lambda wild: repr(wild[:12]))
def test_no_value_in_any_place_escapes(wild: str, place: Path) -> None:
    for path in paths(RICH):
        of_text(place, flow(changed(RICH, path, "replace", (wild,))))


@settings(max_examples=300, deadline=None)
@given(change=st.lists(changes, min_size=1, max_size=3))
def test_packs_that_are_almost_right(change: list[tuple[Any, str, str]], place: Path) -> None:
    value: object = RICH
    for path, how, wild in change:
        if path in set(paths(value)):
            value = changed(value, path, how, (wild,))
    of_text(place, flow(value))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="ab01.:-?,[]{}#&*!|>'\"%@`~\\\n\t <=\ufeff\x85")))
@example("id: \ud800")
def test_any_text(text: str) -> None:
    try:
        parse_yaml("filter.yaml", text)
    except PackError as error:
        assert error.problems


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes(data: bytes, place: Path) -> None:
    of_text(place, data)
