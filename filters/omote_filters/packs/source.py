"""Where a pack's text comes from, and where in it a mistake stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import yaml

NAME = "filter.yaml"
LARGEST_TEXT = 256 * 1024
_DEEPEST = 30

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


def read_text(path: Path) -> tuple[str, str]:
    """A pack's file name and text, from its folder, its .zip or its YAML file.

    Raises:
        PackError: there is none, or it is too large.
    """
    try:
        if path.is_dir():
            return _of_bytes(path / NAME, _limited((path / NAME).read_bytes()))
        if path.suffix.lower() == ".zip":
            with ZipFile(path) as archive, archive.open(NAME) as member:
                # Read no more than allowed: a bomb is not unpacked.
                return _of_bytes(path / NAME, _limited(member.read(LARGEST_TEXT + 1)))
        return _of_bytes(path, _limited(path.read_bytes()))
    except KeyError:
        raise PackError([f"{path}: the archive holds no {NAME}"]) from None
    except (OSError, BadZipFile, RuntimeError, NotImplementedError) as error:
        raise PackError([f"{path}: it cannot be read: {error}"]) from None


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
