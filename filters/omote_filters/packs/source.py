"""Where a pack's text comes from, and where in it a mistake stands."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import yaml

from omote_filters.assets import LARGEST_ASSET, AssetError
from omote_filters.filter import checked_preview

NAME = "filter.yaml"
PREVIEW = "preview.jpg"
LARGEST_TEXT = 256 * 1024
_DEEPEST = 30
_INSIDE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,3}")
_UNREADABLE = (OSError, BadZipFile, RuntimeError, NotImplementedError, zlib.error)

Place = tuple[str | int, ...]


class PackError(ValueError):
    """A pack that cannot be used; `problems` lists everything that is wrong, with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML document that knows its lines.

    Attributes:
        file: for messages.
        value: plain dictionaries, lists and scalars.
        lines: the line, from 1, on which the value at each path begins.
    """

    file: str
    value: object
    lines: dict[Place, int]

    def problem(self, place: Place, text: str) -> str:
        """A message with file, line and path; the nearest known ancestor gives the line."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        path = ".".join(str(part) for part in place)
        return f"{self.file}:{self.lines.get(known, 1)}: {f'{path}: ' if path else ''}{text}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A pack's folder, its .zip, or its YAML file, whose assets lie beside it."""

    path: Path

    def text(self) -> tuple[str, str]:
        """The name of its text, for messages, and the text.

        Raises:
            PackError: there is none, or it is too large.
        """
        path = self.path
        try:
            if path.is_dir():
                return _of_bytes(path / NAME, _limited((path / NAME).read_bytes()))
            if self._is_zip:
                return _of_bytes(path / NAME, _limited(self._member(NAME, LARGEST_TEXT)))
            return _of_bytes(path, _limited(path.read_bytes()))
        except KeyError:
            raise PackError([f"{path}: the archive holds no {NAME}"]) from None
        except _UNREADABLE as error:
            raise PackError([f"{path}: it cannot be read: {error}"]) from None

    def asset(self, name: str) -> bytes:
        """The bytes of a file of the pack.

        Raises:
            AssetError: there is none, it is too large, or it lies outside the pack.
        """
        if not _INSIDE.fullmatch(name) or len(name) > 128:
            raise AssetError("write a path inside the pack, such as star.svg or art/star.svg")
        try:
            if self._is_zip:
                return self._member(name, LARGEST_ASSET)
            folder = (self.path if self.path.is_dir() else self.path.parent).resolve()
            found = (folder / name).resolve()
            # A link may lead out of the pack.
            if not found.is_relative_to(folder):
                raise AssetError("it lies outside the pack")
            with found.open("rb") as file:
                return file.read(LARGEST_ASSET + 1)
        except (KeyError, FileNotFoundError):
            raise AssetError("there is no such file in the pack") from None
        except _UNREADABLE as error:
            raise AssetError(f"it cannot be read: {error}") from None

    def preview(self) -> bytes:
        """The pack's small JPEG, empty where there is none that a catalogue can take."""
        try:
            return checked_preview(self.asset(PREVIEW))
        except AssetError:
            return b""

    @property
    def _is_zip(self) -> bool:
        return self.path.suffix.lower() == ".zip"

    def _member(self, name: str, most: int) -> bytes:
        # Read no more than allowed: a bomb is not unpacked.
        with ZipFile(self.path) as archive, archive.open(name) as member:
            return member.read(most + 1)


def _limited(data: bytes) -> bytes:
    if len(data) > LARGEST_TEXT:
        raise PackError([f"{NAME} is larger than {LARGEST_TEXT // 1024} kB"])
    return data


def _of_bytes(path: Path, data: bytes) -> tuple[str, str]:
    try:
        return str(path), data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PackError([f"{path}: it is not UTF-8 text"]) from None


def parse_yaml(file: str, text: str) -> Document:
    """A document of plain values; aliases, tags and doubled keys are refused.

    Raises:
        PackError: it is not such YAML.
    """
    loader = yaml.SafeLoader(text)
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise PackError([f"{file}: YAML aliases are not allowed"])
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        value = _plain(loader, node, (), lines, file) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PackError([f"{file}:{line}: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise PackError([f"{file}: {error}"]) from None
    finally:
        loader.dispose()
    return Document(file, value, lines)


def _plain(
    loader: yaml.SafeLoader, node: yaml.Node, place: Place, lines: dict[Place, int], file: str
) -> object:
    line = lines[place] = lines.get(place, node.start_mark.line + 1)
    if len(place) > _DEEPEST:
        raise PackError([f"{file}:{line}: nested deeper than {_DEEPEST} levels"])
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, (*place, i), lines, file) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        if key in found:
            where = key_node.start_mark.line + 1
            raise PackError([f"{file}:{where}: {key!r} stands here a second time"])
        lines[(*place, key)] = key_node.start_mark.line + 1
        found[key] = _plain(loader, value_node, (*place, key), lines, file)
    return found
