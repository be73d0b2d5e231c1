"""What foreign code raises: whose it is, and how to tell of it."""

from __future__ import annotations

import asyncio
import threading
import traceback

_LONGEST_TEXT = 300


def hand_up(error: BaseException) -> None:
    """Raise again what the host itself must see; whatever else a plugin raises is its failure.

    That is a KeyboardInterrupt where a signal may raise one: on the main thread of a command. A
    plugin may raise one of its own on a worker, or while an event loop runs, which takes signals
    itself; on its way through a future it would end the server.
    """
    if isinstance(error, KeyboardInterrupt) and _takes_signals():
        raise error


def _takes_signals() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


def place(error: BaseException, depth: int = 1) -> str:
    """What was raised and where, the innermost of `depth` places first.

    Not its text, which may quote landmarks, estimates or a client's words.
    """
    frames = list(traceback.walk_tb(error.__traceback__))[-depth:]
    places = [f"{frame.f_code.co_filename}:{line}" for frame, line in reversed(frames)]
    return f"{type(error).__name__} at {' from '.join(places) or '?'}"


def quoted(error: BaseException) -> str:
    """What was raised and its text, on one line: for an operator, before any picture was seen."""
    try:
        text = " ".join(str(error).split())
    except BaseException as second:  # an exception is foreign code, too
        hand_up(second)
        text = "(it cannot even be shown)"
    return speakable(f"{type(error).__name__}: {text}", _LONGEST_TEXT)


def speakable(text: str, longest: int) -> str:
    """A text that every log and wire can carry."""
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
