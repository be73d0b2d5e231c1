"""How a command ends early: nothing half-made is left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer


class _Ended(KeyboardInterrupt):
    """A signal that ends the process; raised like Ctrl-C, which filters may not keep either."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


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
    except KeyboardInterrupt as error:
        ended_by = error.number if isinstance(error, _Ended) else signal.SIGINT
        raise typer.Exit(128 + ended_by) from None
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise _Ended(number)
