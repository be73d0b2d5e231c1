"""The configuration: omote.toml, the environment, what they set, and whether it goes together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omote_models.store import VARIABLES
from omote_server.cli.checks.finding import Finding
from omote_server.serving.configuration import (
    FILE,
    Configuration,
    ConfigurationError,
    gather,
)
from omote_server.serving.described import SETTINGS
from omote_server.serving.settings import Settings


def sources(found: Configuration) -> Iterator[Finding]:
    """The file and the variables: there or not, read or not."""
    in_file = gather(file=Path(FILE))
    if not Path(FILE).exists():
        yield Finding(FILE, True, "there is none in this folder; one is not needed")
    elif not in_file.problems:
        yield Finding(FILE, True, f"{len(in_file.given)} settings")
    for problem in found.problems:
        where, _, rest = problem.partition(": ")
        if where.endswith("cannot be read"):
            where, rest = FILE, problem
        yield Finding(where, False, rest, "mend it there; `omote serve --help` lists what there is")
    for variable, what in VARIABLES.items():
        if variable in os.environ:
            yield Finding(variable, True, f"{os.environ[variable]}   ({what})")


def values(found: Configuration) -> Iterator[Finding]:
    """Every setting that was set: its value, and where it stands."""
    for name, given in found.given.items():
        try:
            value = found.one(name)
        except ConfigurationError as error:
            yield Finding(name, False, str(error), "mend it there")
        else:
            shown = "set" if SETTINGS[name].secret else str(_plain(value))
            yield Finding(name, True, f"{shown}   ({given.origin})")


def whole(found: Configuration) -> Iterator[Finding]:
    """Whether what is sound by itself goes together."""
    sound = found.sound()
    try:
        settings = sound.settings()
    except ConfigurationError as error:
        for problem in error.problems:
            yield Finding("settings", False, problem, "`omote serve` refuses to start with it")
    else:
        yield Finding("settings", True, f"{len(sound.given)} set, {_guarded(settings)}")


def audience(settings: Settings) -> Iterator[Finding]:
    """The file that counts are added to."""
    file = settings.audience_file
    if file is None:
        return
    place = file if file.exists() else file.absolute().parent
    well = place.exists() and os.access(place, os.W_OK) and not file.is_dir()
    detail = f"{file} can be written" if well else f"{file} cannot be written"
    yield Finding("audience_file", well, detail, "" if well else "choose another file")


def _guarded(settings: Settings) -> str:
    """Who can reach the server, and what keeps others out."""
    token = "a token" if settings.token is not None else "no token"
    tls = "TLS" if settings.tls else "no TLS"
    reach = "this machine only" if settings.loopback else "other machines, too"
    return f"reached from {reach}; {token}, {tls}"


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value
