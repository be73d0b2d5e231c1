"""How a command ends early: nothing half-made is left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer


@contextmanager
def tidy_end() -> Iterator[None]:
    """End by SIGTERM, SIGHUP or Ctrl-C as by an error: what is open is closed, drafts are removed.

    Whoever ignores a signal, as nohup does, goes on ignoring it. The second one ends at once.
    The exit code is 128 and the signal's number, as shells have it.
    """
    known = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    ours = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _leave)
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)
