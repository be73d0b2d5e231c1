"""The `omote` command's first step: say plainly what is missing, instead of a traceback."""

from __future__ import annotations

import io
import sys

from omote_models.extras import lament


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name need not be text; it is told with escapes, and ends nothing.
            stream.reconfigure(errors="backslashreplace")
    try:
        # Inside, so that what is not installed is told and is no traceback.
        from omote_server.cli import app
        from omote_server.cli.chatter import without_chatter

        with without_chatter():
            app()
    except ModuleNotFoundError as error:
        sys.exit(f"omote: {lament(error.name)}")
    except ImportError as error:
        sys.exit(f"omote: a library of this system is missing: {error}. `omote doctor` says which")
