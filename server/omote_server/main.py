"""The `omote` command's first step: say plainly what is missing, instead of a traceback."""

from __future__ import annotations

import io
import os
import signal
import sys


def main() -> None:
    """Run the command line."""
    # While modules are imported nobody has anything to tidy up: Ctrl-C ends at once.
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name need not be text; it is told with escapes, and ends nothing.
            stream.reconfigure(errors="backslashreplace")
    # Inside, so that what is not installed is told and is no traceback.
    from omote_models.extras import lament

    try:
        from omote_server.cli import app
        from omote_server.cli.chatter import without_chatter

        with without_chatter():
            if ours:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            app()
    except ModuleNotFoundError as error:
        sys.exit(f"omote: {lament(error.name)}")
    except ImportError as error:
        sys.exit(f"omote: a library of this system is missing: {error}. `omote doctor` says which")
    except OSError as error:
        if error.filename is not None:
            raise
        # What is left in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(f"omote: the output cannot be written: {error.strerror}")
