"""Where a pack's text comes from, and where in it a mistake stands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from omote_filters.assets import LARGEST_ASSET, AssetError
from omote_filters.filter import LARGEST_PREVIEW, checked_preview
from omote_filters.packs.files import from_archive, from_folder, is_folder, printable, shown

NAME = "filter.yaml"
PREVIEW = "preview.jpg"
LARGEST_TEXT = 256 * 1024
MOST_PROBLEMS = 50
"""Mistakes of one pack that are told at once."""
_DEEPEST = 30
_MOST_VALUES = 10_000
_LONGEST_SHOWN = 40
_INSIDE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,3}")
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,14}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# libyaml where PyYAML was built with it (its wheels are): a hundred times as fast.
_LOADER: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Place = tuple[str | int, ...]


class PackError(ValueError):
    """A pack that cannot be used; `problems` lists everything that is wrong, with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        kept = list(problems[:MOST_PROBLEMS])
        if len(problems) > len(kept):
            kept.append("and more; mend these first")
        super().__init__("\n".join(kept))
        self.problems = kept


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML document that knows its lines.

    Attributes:
        file: for messages.
        value: plain dictionaries, lists and scalars.
        lines: the line, from 1, on which the value at each path begins.
        problems: what YAML allows and a pack does not, each with its line.
    """

    file: str
    value: object
    lines: dict[Place, int]
    problems: tuple[str, ...] = ()

    def problem(self, place: Place, text: str) -> str:
        """A message with file, line and path."""
        path = ".".join(clipped(str(part)) for part in place)
        return f"{self.file}:{self.line(place)}: {f'{path}: ' if path else ''}{text}"

    def line(self, place: Place) -> int:
        """The line of a place, or of what is nearest above it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def clipped(text: str) -> str:
    """Any text, fit for a message."""
    kept = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
    return printable(kept)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A pack's folder, its .zip, or its YAML file, whose assets lie beside it."""

    path: Path

    def text(self) -> tuple[str, str]:
        """The name of its text, for messages, and the text.

        Raises:
            PackError: there is none, it is too large, or no text.
        """
        inside = self._is_zip or is_folder(self.path)
        name = NAME if inside else self.path.name
        file = shown(self.path / NAME if inside else self.path)
        try:
            return file, self._bytes(name, LARGEST_TEXT).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise PackError([f"{file}: it is not UTF-8 text"]) from None
        except AssetError as error:
            raise PackError([f"{file}: {error}"]) from None

    def asset(self, name: str) -> bytes:
        """The bytes of a file of the pack.

        Raises:
            AssetError: there is none, it is too large, or it lies outside the pack.
        """
        if not _INSIDE.fullmatch(name) or len(name) > 128:
            raise AssetError("write a path inside the pack, such as star.svg or art/star.svg")
        return self._bytes(name, LARGEST_ASSET)

    def preview(self) -> bytes:
        """The pack's small JPEG, empty where there is none that a catalogue can take."""
        try:
            return checked_preview(self._bytes(PREVIEW, LARGEST_PREVIEW))
        except AssetError:
            return b""

    @property
    def _is_zip(self) -> bool:
        return self.path.suffix.lower() == ".zip" and not is_folder(self.path)

    def _bytes(self, name: str, most: int) -> bytes:
        if self._is_zip:
            return from_archive(self.path, name, most)
        return from_folder(self.path if is_folder(self.path) else self.path.parent, name, most)


def parse_yaml(file: str, text: str) -> Document:
    """A document of plain values: texts, numbers, true, false, null, in lists and mappings.

    Scalars are those of YAML's core schema (1.2): `yes`, dates and numbers that no float can
    hold are texts.

    Raises:
        PackError: it is not such YAML, too deep or too long.
    """
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise PackError([f"{file}:{line}: an unprintable character stands here; leave it out"])
    reader = _Reader(file, text)
    try:
        value = reader.document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PackError([f"{file}:{line}: {error.problem or error.context}"]) from None
    except yaml.YAMLError:
        raise PackError([f"{file}: it is not YAML"]) from None
    return Document(file, value, reader.lines, tuple(reader.problems))


class _Reader:
    """Plain values from a parser's events, so that nothing is built before it is measured."""

    def __init__(self, file: str, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[str] = []
        self._file = file
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)

    def document(self) -> object:
        """The value of the only document; None where there is none."""
        starts = (event for event in self._events if isinstance(event, yaml.DocumentStartEvent))
        if next(starts, None) is None:
            return None
        value = self._value(next(self._events), ())
        if second := next(starts, None):
            self._tell(second, "a pack is one YAML document; take out the `---`")
        return value

    def _tell(self, event: yaml.Event, text: str) -> None:
        self.problems.append(f"{self._file}:{_line(event)}: {text}")
        if len(self.problems) > MOST_PROBLEMS:
            raise PackError(self.problems)

    def _value(self, event: yaml.Event, place: Place) -> object:
        line = self.lines.setdefault(place, _line(event))
        if len(place) > _DEEPEST or len(self.lines) > _MOST_VALUES:
            deep = f"nested deeper than {_DEEPEST} levels"
            many = f"a pack holds at most {_MOST_VALUES} values"
            raise PackError([f"{self._file}:{line}: {deep if len(place) > _DEEPEST else many}"])
        if isinstance(event, yaml.AliasEvent):
            self._tell(event, "YAML aliases are not allowed; write it out")
            return None
        if tag := getattr(event, "tag", None):
            self._tell(
                event, f"YAML tags such as {clipped(tag)} are not allowed; put texts in quotes"
            )
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        if isinstance(event, yaml.ScalarEvent):
            text = self._text(event)
            return _plain(text) if event.implicit[0] else text
        return self._mapping(place)

    def _sequence(self, place: Place) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return items

    def _mapping(self, place: Place) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise PackError([f"{self._file}:{_line(event)}: a key is a plain text"])
            key = self._text(event)
            if key in found:
                self._tell(event, f"{clipped(key)!r} stands here a second time")
            self.lines[(*place, key)] = _line(event)
            found[key] = self._value(next(self._events), (*place, key))
        return found

    def _text(self, event: yaml.ScalarEvent) -> str:
        text = str(event.value)
        if _UNPRINTABLE.search(text):
            self._tell(event, "an unprintable character stands here; leave it out")
        return _UNPRINTABLE.sub("\ufffd", text)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _plain(text: str) -> object:
    """What a scalar without quotes says; a text where it is nothing else."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
