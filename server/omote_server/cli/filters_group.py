"""`omote filters`: its commands, none of them imported yet."""

from __future__ import annotations

import typer

from omote_server.cli.lazy import add_commands

app = typer.Typer(no_args_is_help=True, help="List, show, make, check and preview filters.")

add_commands(
    app,
    {
        "list": ("Show every filter that is installed, broken ones with their error.", "filters"),
        "show": ("Show one filter: what it does, what it needs, its settings.", "filters"),
        "new": ("Begin a pack, or a plugin in Python, that works at once.", "packs"),
        "validate": ("Check packs: folders, .zip files or YAML files.", "packs"),
        "preview": ("Show filters as a sheet and a video each.", "preview"),
        "test": ("Put filters to the test: bad input, the house's rules.", "trial"),
        "watch": ("Draw a pack's sheet anew whenever one of its files is saved.", "trial"),
        "pack": (
            "Check a pack's folder and make a .zip of it, the same bytes every time.",
            "packs",
        ),
    },
)
