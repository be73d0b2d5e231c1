"""The command line. A command's module is imported when the command runs, not before."""

from __future__ import annotations

from typing import Annotated

import typer

from omote_server.cli.lazy import add_commands
from omote_server.version import VERSION

app = typer.Typer(
    name="omote",
    help="Omote: an open, self-hosted face filter and plugin server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"omote {VERSION}")
        raise typer.Exit


@app.callback()
def omote(
    _: Annotated[
        bool,
        typer.Option(
            "--version", "-V", is_eager=True, callback=_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options that stand before any command."""


add_commands(
    app,
    {
        "serve": ("Run the server until Ctrl-C or SIGTERM.", "serve"),
        "apply": ("Filter a picture or a video, without a server.", "apply"),
        "stream": ("Send a camera or a video file to a server.", "stream"),
        "filters": ("List, show, make, check and preview filters.", "filters_group"),
        "models": ("List, pull and verify the models.", "models"),
        "bench": ("Measure the server beside the bare loop and the naive loop.", "bench"),
        "demo": ("Stream a clip through a server and show what happened.", "demo"),
        "evaluate": ("Measure age and gender on labelled pictures.", "evaluate"),
        "train": ("Train age and gender on labelled faces.", "train"),
        "dataset": ("Build, extend, label and check data sets of faces.", "dataset"),
        "doctor": ("Check this machine and its configuration.", "doctor"),
    },
)
