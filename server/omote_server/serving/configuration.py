"""Reads what an operator set: flags over environment (`OMOTE_*`) over `omote.toml`.

Whatever is wrong is told with the place where it was written, all of it at once.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from omote_models.store import VARIABLES
from omote_server.serving.described import PREFIX, SETTINGS, Setting
from omote_server.serving.settings import Settings, Unfit

FILE = "omote.toml"

# Kubernetes sets these in every container beside a service that is called omote. They are nobody's
# misspelling, and the port in them is no setting.
_SERVICE_LINK = re.compile(r"OMOTE_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))(_\w+)?")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp)://")

_SHOWN = 60


class ConfigurationError(Exception):
    """What was set cannot be used; `problems` says it all, a line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        """A line for each thing that is wrong."""
        self.problems = tuple(problems)
        super().__init__("\n  ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was written, and where: `--port`, `OMOTE_PORT` or `omote.toml, line 3`."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What was set, before it is checked.

    Attributes:
        given: what is in force, by the name of the setting.
        problems: what names no setting or cannot be read, a line each.
    """

    given: Mapping[str, Given]
    problems: tuple[str, ...] = ()

    def settings(self) -> Settings:
        """All of it, checked.

        Raises:
            ConfigurationError: something is wrong.
        """
        values = {name: given.value for name, given in self.given.items()}
        problems = list(self.problems)
        try:
            settings = Settings.model_validate(values)
        except ValidationError as error:
            problems += [self._told(detail) for detail in error.errors()]
        if problems:
            raise ConfigurationError(problems)
        return settings

    def one(self, name: str) -> Any:
        """One setting, checked; whatever else is wrong does not matter.

        Raises:
            ConfigurationError: it is wrong.
        """
        field = Settings.model_fields[name]
        given = self.given.get(name)
        if given is None:
            return field.get_default(call_default_factory=True, validated_data={})
        kind: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        try:
            return kind.validate_python(given.value)
        except ValidationError as error:
            details = [{**detail, "loc": (name, *detail["loc"])} for detail in error.errors()]
            raise ConfigurationError(self._told(detail) for detail in details) from None

    def sound(self) -> Configuration:
        """Without whatever is wrong by itself."""
        return Configuration({name: g for name, g in self.given.items() if self._fits(name)})

    def _fits(self, name: str) -> bool:
        try:
            self.one(name)
        except ConfigurationError:
            return False
        return True

    def _told(self, detail: Mapping[str, Any] | ErrorDetails) -> str:
        message = str(detail["msg"]).removeprefix("Value error, ")
        if not detail["loc"]:
            return message + self._places(detail)
        name = str(detail["loc"][0])
        given = self.given[name]
        return f"{_where(name, given)}: {message[:1].lower() + message[1:]}"

    def _places(self, detail: Mapping[str, Any] | ErrorDetails) -> str:
        """Where the settings stand that a rule between several of them is about."""
        cause = detail.get("ctx", {}).get("error")
        names = cause.names if isinstance(cause, Unfit) else ()
        places = [f"{name}: {self.given[name].origin}" for name in names if name in self.given]
        return f" ({', '.join(places)})" if places else ""


def gather(
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Configuration:
    """Collect what was set; flags beat the environment, which beats the file.

    Args:
        flags: values from the command line by the name of the setting; None was not given.
        environment: variables; those that begin with OMOTE_ are ours.
        file: a TOML file, which need not exist.
    """
    given: dict[str, Given] = {}
    problems: list[str] = []
    if file is not None:
        _from_file(file, given, problems)
    _from_environment(environment or {}, given, problems)
    for name, value in (flags or {}).items():
        if value is not None:
            given[name] = Given(value, SETTINGS[name].flags[0].partition("/")[0])
    return Configuration(given, tuple(problems))


def here(flags: Mapping[str, Any] | None = None) -> Configuration:
    """What was set for this process: by flags, its environment, and `omote.toml` in its folder."""
    return gather(flags, os.environ, Path(FILE))


def _from_file(file: Path, given: dict[str, Given], problems: list[str]) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{file} cannot be read: {error}")
        return
    for name, value in values.items():
        origin = f"{file}, line {_line_of(name, text)}"
        if name in SETTINGS:
            given[name] = Given(value, origin)
        else:
            hint = _meant(name, SETTINGS)
            problems.append(f"{origin}: there is no setting {name!r}{hint}")


def _from_environment(
    environment: Mapping[str, str], given: dict[str, Given], problems: list[str]
) -> None:
    known = {setting.variable: setting for setting in SETTINGS.values()}
    for written, text in environment.items():
        variable = written.upper()
        # The store reads its own.
        if not variable.startswith(PREFIX) or variable in VARIABLES or _linked(variable, text):
            continue
        if variable not in known:
            hint = _meant(variable, [*known, *VARIABLES])
            problems.append(f"{written}: there is no such setting{hint}")
            continue
        setting = known[variable]
        try:
            given[setting.name] = Given(_parsed(setting, text), written)
        except (ValueError, RecursionError) as error:
            problems.append(f"{written}={_short(text)}: this is no JSON list: {error}")


def _linked(variable: str, text: str) -> bool:
    if variable == SETTINGS["port"].variable:
        return _SERVICE_ADDRESS.match(text) is not None
    return _SERVICE_LINK.fullmatch(variable) is not None


def _parsed(setting: Setting, text: str) -> Any:
    """The text of a variable; where a setting holds several values it lists them.

    As PATH does, paths with the system's separator between them, words with commas; or in JSON.
    """
    if not setting.many:
        return text
    if text.lstrip().startswith("["):
        return json.loads(text)
    parts = text.split(os.pathsep if setting.is_path else ",")
    return [part if setting.is_path else part.strip() for part in parts if part.strip()]


def _line_of(name: str, text: str) -> int:
    """The line where a key of the file's top level is written."""
    key = rf"""["']?{re.escape(name)}["']?"""
    found = re.search(rf"^[ \t]*(?:{key}[ \t]*[=.]|\[+[ \t]*{key}[ \t]*[\].])", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _meant(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name, list(known), 1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _where(name: str, given: Given) -> str:
    """A setting's place and value, as the one who wrote it knows it."""
    variable = SETTINGS[name].variable
    if SETTINGS[name].secret:
        return given.origin if given.origin.upper() == variable else f"{given.origin}, {name}"
    value = _short(given.value)
    if given.origin.startswith("--"):
        return f"{given.origin} {value}"
    if given.origin.upper() == variable:
        return f"{given.origin}={value}"
    return f"{given.origin}: {name} = {value}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
