"""Commands that are imported when they run, or when their help is asked for, and not before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class StandIn(TyperCommand):
    """Knows a command's name and a line of help; the command takes over when it is called."""

    module: ClassVar[str]

    def itself(self) -> TyperCommand | TyperGroup:
        """Import the command, or the group of commands, that this stands in for."""
        group = get_group(importlib.import_module(f"omote_server.cli.{self.module}").app)
        command = group.commands.get(self.name or "")
        return command if isinstance(command, TyperCommand) else group

    # Typer asks a command that it runs, completes or explains for its context first, and goes
    # on with the command that the context names.
    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """The context of the command itself."""
        return self.itself().make_context(info_name, args, parent, **extra)


def add_commands(group: typer.Typer, table: Mapping[str, tuple[str, str]]) -> None:
    """Put commands into a group without importing them.

    Args:
        group: where they go.
        table: name → the line in the group's help, and the module of this package. The module's
            `app` holds the command of that name, or is itself the group of that name.
    """
    for name, (line, module) in table.items():
        stand_in = type("StandIn", (StandIn,), {"module": module})
        group.command(name, help=line, cls=stand_in)(_nothing)


def _nothing() -> None:
    """A stand-in is never run."""
