"""A file that FFmpeg's libraries write into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


class Sink:
    """A file that the library writes into. It keeps its first error: the library would lose it."""

    def __init__(self, path: Path) -> None:
        """Begin a file, or empty the one that is there.

        Raises:
            OSError: it cannot be had.
        """
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._error: OSError | None = None
        self._forgotten = False

    def write(self, data: bytes) -> int:
        """Write all of it, or keep why not."""
        view = memoryview(data)
        try:
            while view and self._error is None and not self._forgotten:
                view = view[self._file.write(view) :]
        except OSError as error:
            self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """As of any file."""
        return self._file.seekable()

    def check(self) -> None:
        """Raise the first error, where there was one."""
        if self._error is not None:
            raise self._error

    def restart(self) -> None:
        """Begin once more with nothing."""
        self._file.seek(0)
        self._file.truncate()

    def forget(self) -> None:
        """Write nothing any more."""
        self._forgotten = True

    def close(self) -> None:
        """Let it go."""
        self._file.close()
