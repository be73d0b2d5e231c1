"""Options of the command line that follow from the settings of the server."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import GenericAlias
from typing import Annotated, Any, get_type_hints

import typer

from omote_server.cli.terminal import fail
from omote_server.serving.configuration import ConfigurationError, gather, here
from omote_server.serving.described import SETTINGS, Setting
from omote_server.serving.settings import Settings

Flags = dict[str, Any]
"""What was given on the command line, by the name of the setting; None was not given."""


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take every setting as an option; it gets them as `flags`, its first argument.

    Secrets have no option: they would be seen in lists of processes.
    """
    settings = [setting for setting in SETTINGS.values() if not setting.secret]
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
        if name != "flags"
    ]

    @functools.wraps(command)
    def taking_settings(**given: Any) -> None:
        flags = {setting.name: given.pop(setting.name) for setting in settings}
        command(flags, **given)

    # Typer reads a command's options off its signature.
    signature = inspect.Signature([*map(_option, settings), *own])
    vars(taking_settings)["__signature__"] = signature
    return taking_settings


def configured(flags: Flags, *, defaults_only: bool = False) -> Settings:
    """The settings of a server in this folder; or exit with everything that is wrong.

    Args:
        flags: what was given on the command line.
        defaults_only: leave the environment and omote.toml alone.
    """
    try:
        return (gather(flags) if defaults_only else here(flags)).settings()
    except ConfigurationError as error:
        fail(str(error), code=2)


def _option(setting: Setting) -> inspect.Parameter:
    option = typer.Option(
        *setting.flags,
        help=f"{setting.help} Repeat." if setting.many else setting.help,
        show_default=setting.default or False,
        min=setting.least,
        max=setting.most,
        rich_help_panel=setting.panel,
    )
    kind = GenericAlias(list, (setting.kind,)) if setting.many else setting.kind
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )
