"""One rule: every text, every archive and every folder gives a pack or a PackError."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from omote_filters.assets import LARGEST_ASSET
from omote_filters.listing import Broken
from omote_filters.packs.files import LARGEST_ARCHIVE
from omote_filters.packs.filter import filter_of
from omote_filters.packs.load import find_packs, load_pack
from omote_filters.packs.model import read_pack
from omote_filters.packs.source import LARGEST_TEXT, Bundle, PackError, parse_yaml
from omote_filters.registry import Registry
from omote_server.cli import app
from omote_server.wire.catalogue import listed as listed_on_the_wire

FIND = Registry().find
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SQUARE = cv2.imencode(".png", np.zeros((8, 8, 4), np.uint8))[1].tobytes()

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
            "settings": {"art": {"asset": "a.png"}, "anchor": "above", "size": {"param": "size"}},
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
        "{asset: a.png, param: size}",
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


def problems_of(load: Callable[[], object]) -> list[str]:
    """What is wrong with a pack; anything but a PackError fails the test."""
    problems: list[str] = []
    try:
        load()
    except PackError as error:
        problems = error.problems or ["a PackError that says nothing"]
    assert all(problem.isprintable() for problem in problems)
    "".join(problems).encode()
    return problems


def of_text(text: str) -> list[str]:
    """What is wrong with a text, beside which lies the picture that `RICH` asks for."""

    def load() -> None:
        pack = read_pack(parse_yaml("filter.yaml", text), lambda name: SQUARE)
        filter_of(pack, Bundle(Path("nowhere")), FIND)

    return problems_of(load)


def of_path(path: Path) -> list[str]:
    return problems_of(lambda: load_pack(path, FIND))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pack."""
    made = tmp_path_factory.mktemp("packs") / "mine"
    made.mkdir()
    return made


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


def test_the_pack_that_is_changed_below_is_sound() -> None:
    assert of_text(flow(RICH)) == []


@pytest.mark.parametrize("wild", WILD, ids=lambda wild: repr(wild[:12]))
def test_no_value_in_any_place_escapes(wild: str) -> None:
    for path in paths(RICH):
        of_text(flow(changed(RICH, path, "replace", (wild,))))


@settings(QUICK, max_examples=300)
@given(st.lists(changes, min_size=1, max_size=3))
def test_packs_that_are_almost_right(change: list[tuple[Any, str, str]]) -> None:
    value: object = RICH
    for path, how, wild in change:
        if path in set(paths(value)):
            value = changed(value, path, how, (wild,))
    of_text(flow(value))


@settings(QUICK, max_examples=300)
@given(st.one_of(st.text(), st.text(alphabet="ab01.:-?,[]{}#&*!|>'\"%@`~\\\n\t <=\ufeff\x85")))
@example("id: \ud800")
def test_any_text(text: str) -> None:
    of_text(text)


@settings(QUICK)
@given(data=st.binary(max_size=200))
@example(data=b"\xff\xfei\0d\0")
def test_any_bytes(data: bytes, folder: Path) -> None:
    (folder / "filter.yaml").write_bytes(data)
    assert of_path(folder)


@pytest.mark.parametrize(
    "text",
    [
        *("[" * LARGEST_TEXT, "{" * LARGEST_TEXT, "{a: " * (LARGEST_TEXT // 4)),
        *("- " * (LARGEST_TEXT // 2), "? " * (LARGEST_TEXT // 2), "k:\n" * (LARGEST_TEXT // 3)),
        "{" + "a: 1, " * (LARGEST_TEXT // 6) + "}",
        "{" + ", ".join(f"k{i}: 1" for i in range(LARGEST_TEXT // 12)) + "}",
        "layers: [" + "{}, " * (LARGEST_TEXT // 5) + "]",
        "layers: [{when: {any: [" + "{}, " * 8000 + "]}}]",
        "layers: [{when: {any: [" + "{smiel: 1}, " * 4000 + "]}}]",
        "layers: [{filter: blush, settings: {" + ", ".join(f"k{i}: 1" for i in range(9000)) + "}}]",
        "parameters: {" + ", ".join(f"k{i}: 1" for i in range(9000)) + "}",
        "".join(f"%TAG !{i}! x\n" for i in range(LARGEST_TEXT // 16)) + "---\na",
        "".join(f"- &a{i} 1\n" for i in range(LARGEST_TEXT // 12)),
        "id: " + "9" * (LARGEST_TEXT - 8),
        "id: 0." + "9" * (LARGEST_TEXT - 8),
        "name: " + "a" * (LARGEST_TEXT - 8),
        "a" * (LARGEST_TEXT - 8) + ": 1",
        "---\n" * (LARGEST_TEXT // 4),
        "-\n" * (LARGEST_TEXT // 2),
        "a: '" + "''" * (LARGEST_TEXT // 2 - 4) + "'",
    ],
    ids=lambda text: repr(text[:16]),
)
def test_a_text_of_the_largest_size_costs_little(text: str) -> None:
    """A second on one core would be felt: these are refused in a few hundredths."""
    assert of_text(text)


ESCAPED = {
    "date": "name: 2024-99-99",
    "binary_number": "name: 0b_",
    "digits": "name: " + "9" * 5000,
    "tag": "name: !!int abc",
    "infinite": "parameters: {p: {slider: .inf, high: .inf, label: P}}",
    "large": "parameters: {p: {slider: 0, high: " + "9" * 400 + ", label: P}}",
    "long": "parameters: {p: {text: " + "a" * 81 + ", label: P}}",
    "param": "layers: [{filter: blush, settings: {strength: {param: [a]}}}]",
    "deep": "layers: " + "[" * 100_000,
    "key": "? [a]\n: 1",
    "words": "layers: [{filter: blush, when: {gender: [[male]], unknown: true}}]",
    "curve": "layers: [{filter: blush, settings: {strength: {over: [age]}}}]",
    "choice": "parameters: {p: {choice: [a], of: [[a]], label: P}}",
    "surrogate": 'name: "\\ud800"',
    "nul": "name: \0",
    "merged": "<<: 3",
    "bytes": "name: !!binary x",
}
"""Texts that once stopped `omote serve` and `omote filters validate`, and their kin."""


def test_what_once_stopped_a_server_is_listed_with_its_place(tmp_path: Path) -> None:
    for name, text in ESCAPED.items():
        rest = RICH | {"id": name, "parameters": {}, "layers": [{"filter": "blush"}]}
        lines = [f"{k}: {flow(v)}" for k, v in rest.items() if not text.startswith(f"{k}:")]
        (tmp_path / name).mkdir()
        (tmp_path / name / "filter.yaml").write_text("\n".join([text, *lines]))
    listed = Registry(packs=[tmp_path]).catalogue()
    broken = {found.id: found.error for found in listed if isinstance(found, Broken)}
    for name in ESCAPED:
        told = CliRunner().invoke(app, ["filters", "validate", str(tmp_path / name)])
        if name in ("date", "binary_number"):  # a text like any other
            assert told.exit_code == 0, told.stderr
            continue
        place = f"{tmp_path / name / 'filter.yaml'}:1: "
        assert broken[name].startswith(place)
        assert told.stderr.startswith(place)
        assert told.exit_code == 1


def test_a_pack_has_sixteen_assets_at_most() -> None:
    def layer(number: int) -> str:
        return f"{{filter: sticker, settings: {{art: {{asset: a{number}.png}}}}}}"

    def text(count: int) -> str:
        lines = [f"{key}: {flow(RICH[key])}" for key in RICH if key not in ("parameters", "layers")]
        wear = ", ".join(layer(number) for number in range(min(count, 16)))
        more = f", when: {{largest: true}}, otherwise: {layer(16)}}}" if count > 16 else "}"
        return "\n".join([*lines, f"layers: [{wear.removesuffix('}')}{more}]"])

    assert of_text(text(16)) == []
    (told,) = of_text(text(17))
    assert "layers.15.otherwise.settings.art: a16.png: a pack has at most 16 assets" in told


# Files


def zipped(members: Mapping[str, str | bytes], method: int = ZIP_DEFLATED) -> bytes:
    """A .zip of `RICH`, and of other members."""
    data = io.BytesIO()
    with ZipFile(data, "w", method) as archive:
        for name, content in {"filter.yaml": flow(RICH), "a.png": SQUARE, **members}.items():
            archive.writestr(name, content)
    return data.getvalue()


GOOD_ZIP = zipped({})
DIRECTORY = GOOD_ZIP.index(b"PK\1\2")
END = GOOD_ZIP.index(b"PK\5\6")


def patched(at: int, new: bytes) -> bytes:
    return GOOD_ZIP[:at] + new + GOOD_ZIP[at + len(new) :]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no .zip"),
        (GOOD_ZIP[:-1], "no .zip"),
        (GOOD_ZIP[: len(GOOD_ZIP) // 2], "no .zip"),
        (GOOD_ZIP[40:], "cannot be read"),
        (zipped({}, ZIP_LZMA), "other than deflate"),
        (zipped({}, ZIP_BZIP2), "other than deflate"),
        (patched(DIRECTORY + 8, b"\1"), "encrypted"),
        (patched(DIRECTORY + 16, b"\0\0\0\0"), "Bad CRC-32"),
        (patched(40, b"\xff" * 9), "cannot be read"),
        (patched(END + 12, b"\xff\xff\xff\x7f"), "more than 256 files"),
        (GOOD_ZIP[:END] + b"PK\6\7" + bytes(16) + GOOD_ZIP[END:], "more than 256 files"),
        (zipped({f"f{i}": "" for i in range(300)}), "more than 256 files"),
        (zipped({"filter.yaml": b"#" * (LARGEST_TEXT + 1)}), "larger than 256 kB"),
        (zipped({"a.png": bytes(LARGEST_ASSET + 1)}), "larger than 4 MiB"),
    ],
)
def test_an_archive_that_cannot_be_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    path.write_bytes(data)
    assert words in "".join(of_path(path))


def test_an_archive_is_measured_unpacked_and_not_believed(tmp_path: Path) -> None:
    with (tmp_path / "large.zip").open("wb") as file:
        file.truncate(LARGEST_ARCHIVE + 1)
    assert "the archive is larger than 80 MiB" in "".join(of_path(tmp_path / "large.zip"))
    (tmp_path / "mine.zip").write_bytes(zipped({"big": bytes(LARGEST_ARCHIVE)}))
    assert "unpacked, the archive is larger" in "".join(of_path(tmp_path / "mine.zip"))
    data = zipped({"filter.yaml": b"#" * 50_000_000})
    at = data.index(b"PK\1\2") + 24
    (tmp_path / "mine.zip").write_bytes(data[:at] + b"\1\0\0\0" + data[at + 4 :])
    assert of_path(tmp_path / "mine.zip")


@settings(QUICK, max_examples=200)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(GOOD_ZIP) - 1), st.binary(max_size=4))),
    end=st.integers(0, len(GOOD_ZIP)),
)
def test_any_archive(changes: list[tuple[int, bytes]], end: int, folder: Path) -> None:
    data = bytearray(GOOD_ZIP)
    for at, new in changes:
        data[at : at + len(new)] = new
    path = folder.parent / "mine.zip"
    path.write_bytes(data[: end or None])
    of_path(path)
    Bundle(path).preview()


def test_a_sound_archive_is_good_with_its_comment(tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    path.write_bytes(GOOD_ZIP)
    with ZipFile(path, "a") as archive:
        archive.comment = b"made by hand " * 1000
    assert of_path(path) == []
    assert Bundle(path).preview() == b""


def odd_places(folder: Path) -> None:
    """Fill a folder with everything that is no sound pack, and one that is."""
    for name in ("good", "dir", "pipe", "out", "loop", "binary", "empty", "sealed", "art"):
        (folder / name).mkdir()
    (folder / "good" / "filter.yaml").write_text(flow(RICH | {"id": "good"}))
    (folder / "good" / "a.png").write_bytes(SQUARE)
    (folder / "dir" / "filter.yaml").mkdir()
    os.mkfifo(folder / "pipe" / "filter.yaml")
    (folder / "out" / "filter.yaml").symlink_to(folder / "good" / "filter.yaml")
    (folder / "loop" / "filter.yaml").symlink_to("filter.yaml")
    (folder / "binary" / "filter.yaml").write_bytes(bytes(range(256)))
    (folder / "empty" / "filter.yaml").touch()
    (folder / "sealed" / "filter.yaml").touch(0)
    (folder / "sealed").chmod(0)
    (folder / "art" / "filter.yaml").write_text(flow(RICH | {"id": "art"}))
    os.mkfifo(folder / "art" / "a.png")
    os.mkfifo(folder / "art" / "preview.jpg")
    (folder / "broken").symlink_to("nowhere")
    (folder / "broken.zip").symlink_to("nowhere")
    os.mkfifo(folder / "piped.zip")
    (folder / "self").symlink_to(folder)
    (folder / os.fsdecode(b"caf\xe9.zip")).write_bytes(GOOD_ZIP[:-9])
    (folder / "two\nlines.zip").touch()
    (folder / "notes.txt").write_text("not a pack")


def test_odd_folders_stop_nothing_and_are_listed(tmp_path: Path) -> None:
    odd_places(tmp_path)
    missing = tmp_path / "missing"
    given = [tmp_path, missing, tmp_path / "notes.txt", tmp_path / ("x" * 300), Path("/dev/zero")]
    registry = Registry([], packs=given)
    listed = {found.id: found for found in registry.catalogue()}
    broken = {key: found.error for key, found in listed.items() if isinstance(found, Broken)}
    told = {
        "dir": "not an ordinary file",
        "pipe": "not an ordinary file",
        "out": "outside the pack",
        "loop": "cannot be read",
        "binary": "not UTF-8",
        "empty": "write a pack as a mapping",
        "art": "a.png: it is not an ordinary file",
        "broken": "no such file",
        "piped": "not an ordinary file",
        "caf\\xe9": "no .zip",
        "two\ufffdlines": "no .zip",
        "missing": f"{missing}: there is no such file",
        "notes": "write a pack as a mapping",
        "x" * 300: "cannot be read",
        "zero": "not an ordinary file",
    }
    for name, words in told.items():
        assert words in broken[name], name
    assert not {"self", "nowhere"} & set(listed)
    assert Bundle(tmp_path / "art").preview() == b""
    assert listed_on_the_wire(registry.catalogue(), True), "every id and error is a text"


def test_a_pack_may_lie_behind_a_link_but_its_files_may_not_lead_out(tmp_path: Path) -> None:
    real = tmp_path / "store" / "mine-1.0.0"
    real.mkdir(parents=True)
    (real / "text.yaml").write_text(flow(RICH))
    (real / "filter.yaml").symlink_to("text.yaml")
    (real / "a.png").write_bytes(SQUARE)
    (tmp_path / "mine").symlink_to(real)
    assert of_path(tmp_path / "mine") == []
    (real / "a.png").rename(tmp_path / "store" / "a.png")
    (real / "a.png").symlink_to("../a.png")
    (told,) = of_path(tmp_path / "mine")
    assert "a.png: it lies outside the pack" in told


def test_the_current_folder_is_a_pack_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "filter.yaml").write_text(flow(RICH))
    (place / "a.png").write_bytes(SQUARE)
    monkeypatch.chdir(place)
    assert list(find_packs([Path()])) == ["mine"]
    assert of_path(Path()) == []
    assert of_path(Path("filter.yaml")) == []
