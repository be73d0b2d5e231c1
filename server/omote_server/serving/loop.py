"""The event loop that a server runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

try:
    import uvloop
except ImportError:  # Windows
    _new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    _new_event_loop = uvloop.new_event_loop


def run(main: Coroutine[object, object, None]) -> None:
    """Run a coroutine to its end on uvloop, or on asyncio's own loop where there is none.

    Between two frames the loop only moves bytes and wakes who waits; uvloop does both in C, for
    a fifth less of its thread's time.
    """
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        runner.run(main)
