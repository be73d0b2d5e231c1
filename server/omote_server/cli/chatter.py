"""Keeps what libraries tell themselves off a user's terminal."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

_CHATTER = re.compile(
    rb"[IW]\d{4} \d\d:\d\d:\d\d"  # MediaPipe's and gRPC's notes and warnings; errors pass
    rb"|WARNING: (All log messages|Logging) before Init"
    rb"|INFO: Created TensorFlow Lite"
    rb"|libEGL warning: |MESA: warning: "
    # Of pictures that are refused, or are good enough: whoever sent one is told.
    rb"|libpng (warning|error): "
    rb"|Corrupt JPEG data: |Premature end of JPEG|Invalid SOS|Unsupported marker"
)
_ENOUGH = 65_536
_LAST_WORDS_S = 1.0


@contextmanager
def without_chatter() -> Iterator[None]:
    """Drop the chatter of C++ libraries; Python's own `sys.stderr` goes where it always went.

    MediaPipe writes to file descriptor 2 whatever GLOG_minloglevel, TF_CPP_MIN_LOG_LEVEL and the
    like say, and its flags cannot be reached. So descriptor 2 becomes a pipe, and a thread passes
    on every line that is not known to be chatter: an error or the last words of a library still
    show, and those of a subprocess, too. A library that ends the process at once may take its own
    last line with it.
    """
    # Matplotlib comes with MediaPipe, is not used, and complains of a home without a folder for it.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    ours, terminal = sys.stderr, os.dup(2)
    source, sink = os.pipe()
    ours.flush()
    sys.stderr = io.TextIOWrapper(
        open(terminal, "wb", closefd=False),  # noqa: SIM115 - flushed below
        encoding=ours.encoding,
        errors="backslashreplace",
        line_buffering=True,  # a whole line at once, since the thread below writes there, too
    )
    os.dup2(sink, 2)
    os.close(sink)
    # A daemon: a subprocess that lives on keeps the pipe open, and must not keep us.
    reader = Thread(target=_pass_on, args=(source, terminal), name="stderr", daemon=True)
    reader.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr = ours
        os.dup2(terminal, 2)  # closes the pipe's other end: the reader comes to its end
        reader.join(_LAST_WORDS_S)
        if not reader.is_alive():
            os.close(source)
            os.close(terminal)


def _pass_on(source: int, terminal: int) -> None:
    """Copy lines that are not chatter; what is not yet a line waits for its end, within a bound."""
    waiting = b""
    while piece := os.read(source, _ENOUGH):
        *lines, waiting = (waiting + piece).split(b"\n")
        _write(terminal, b"".join(line + b"\n" for line in lines if not _CHATTER.match(line)))
        if len(waiting) > _ENOUGH:
            _write(terminal, waiting)
            waiting = b""
    if not _CHATTER.match(waiting):
        _write(terminal, waiting)


def _write(terminal: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(terminal, data) :]
        except OSError:
            return  # nobody reads it any more
