"""`omote doctor`: is everything here that Omote needs, and if not, what to do."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from omote_server.cli.checks.finding import Finding
from omote_server.cli.flags import Flags, with_settings
from omote_server.cli.terminal import console, epilog, print_json
from omote_server.serving.configuration import Configuration, ConfigurationError, here
from omote_server.serving.settings import Settings

app = typer.Typer()
_FOOT = epilog(
    "omote doctor --json    or: omote doctor --host 0.0.0.0 --packs my_packs",
    {1: "something must be mended", 2: "the command line is wrong"},
)

MACHINE = ("machine.python", "machine.libraries", "machine.packages", "machine.memory")
CONFIGURATION = ("configuration.sources", "configuration.values", "configuration.whole")
SERVER = (
    *("configuration.audience", "network.certificate", "network.ports"),
    *("holdings.cache", "holdings.models", "holdings.face_mesh"),
    *("holdings.estimator", "holdings.filters"),
)
"""Of a server with these settings."""


@app.command("doctor", epilog=_FOOT)
@with_settings
def doctor(
    flags: Flags,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Check this machine, and the configuration as `omote serve` would read it in this folder.

    Libraries, packages, memory; omote.toml and the environment; certificate, ports, cache, models,
    estimator, filters and packs. Takes the options of `omote serve`.
    """
    findings = list(_examined(here(flags)))
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        _print(findings)
    if not all(f.well for f in findings):
        raise typer.Exit(1)


def _examined(found: Configuration) -> Iterator[Finding]:
    for name in MACHINE:
        yield from _checked(name)
    for name in CONFIGURATION:
        yield from _checked(name, found)
    settings = _usable(found)
    for name in SERVER:
        yield from _checked(name, settings)


def _usable(found: Configuration) -> Settings:
    """The settings, as far as they can be used: what is wrong was told, the rest is looked at."""
    sound = found.sound()
    try:
        return sound.settings()
    except ConfigurationError:
        values: dict[str, Any] = {name: sound.one(name) for name in sound.given}
        return Settings.model_construct(**values)


def _checked(name: str, *given: object) -> list[Finding]:
    """What a check finds. One that breaks is itself a finding: its imports, too, may be missing."""
    module, _, function = name.partition(".")
    findings: list[Finding] = []
    try:
        check = getattr(importlib.import_module(f"omote_server.cli.checks.{module}"), function)
        for finding in check(*given):
            findings.append(finding)
    except (Exception, SystemExit) as error:
        mend = "what stands above may be the cause"
        findings.append(Finding(function, False, f"{type(error).__name__}: {error}", mend))
    return findings


def _print(findings: list[Finding]) -> None:
    for f in findings:
        mark = ("well", "green") if f.well else ("bad ", "red")
        console.print(Text.assemble(mark, f"  {f.what:<22} {f.detail}"), soft_wrap=True)
        if f.mend:
            console.print(f"{'':<28} → {f.mend}", soft_wrap=True)
