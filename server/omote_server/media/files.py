"""Files that are whole or not there: written beside their place, and renamed."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

_LONGEST_STEM = 40
"""Bytes of a draft's name that tell whose it is."""


class MediaError(Exception):
    """A picture or a video cannot be read or written. The text says which, and why."""


def why(error: BaseException, path: Path) -> str:
    """What the system means by an error about a file, in words that say what to do.

    Args:
        error: an OSError, or another error with its `errno`.
        path: the file that was read or written.
    """
    folder = path.absolute().parent
    number = getattr(error, "errno", None)
    known = {
        errno.ENOSPC: "the disk is full; make room, or name another place",
        errno.EDQUOT: "your share of the disk is used up; make room, or name another place",
        errno.EFBIG: "it would be larger than a file may be here (ulimit -f)",
        errno.EROFS: "the file system is read-only; name another place",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.ENOTDIR: f"{folder} is not a folder",
        errno.ENAMETOOLONG: "its name is too long",
        errno.EISDIR: "it is a folder",
        errno.EEXIST: "there is a file of that name",
    }
    if number == errno.ENOENT:
        return "there is no such file" if folder.is_dir() else f"there is no folder {folder}"
    return known.get(number or 0) or getattr(error, "strerror", None) or str(error)


def is_folder(path: Path) -> bool:
    """Whether it is a folder; a name that nothing can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def make_folder(path: Path) -> None:
    """Make a folder, and those that it is in, where they are not there yet.

    Raises:
        MediaError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"the folder {path} cannot be made: {why(error, path)}") from None


def _is_ordinary(path: Path) -> bool:
    """Whether it is a file, or can become one.

    Raises:
        OSError: it can not.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _draft_of(target: Path, process: int) -> Path:
    stem = os.fsdecode(os.fsencode(target.stem)[:_LONGEST_STEM])
    return target.with_name(f".{stem}.{process}.partial{target.suffix}")


class Draft:
    """A file in the making. It gets its name when it is whole, and is gone on any failure.

        with Draft(target) as draft:
            draft.path.write_bytes(data)

    What is no ordinary file, a device or a pipe, is written to as it is: it has no other name
    that could be changed, and must not be replaced.
    """

    def __init__(self, target: Path) -> None:
        """Choose a name beside the target; nothing is made yet.

        Raises:
            OSError: there can be no file of that name, since it is too long, say.
        """
        # Where a link points to: the link stays one.
        self._target = Path(os.path.realpath(target))
        self.path = self._target
        self._renamed = _is_ordinary(self._target)
        if self._renamed:
            # The same ending, by which writers choose the format; two commands do not meet. It
            # is short in bytes: whoever has a name of 255 wants it, and the draft's is longer.
            self.path = _draft_of(self._target, os.getpid())

    @staticmethod
    def sweep(target: Path, process: int | None) -> None:
        """Discard what a process that is no more left behind of a file."""
        place = Path(os.path.realpath(target))
        if process is not None and _is_ordinary(place):
            _draft_of(place, process).unlink(missing_ok=True)

    def keep(self) -> None:
        """Give it its name.

        Raises:
            OSError: it cannot be had; the draft is still there.
        """
        if not self._renamed:
            return
        # A disk may say only now that it is full.
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        if self._target.exists():
            shutil.copymode(self._target, self.path)
        self.path.replace(self._target)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._renamed:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.keep()
        finally:
            self.discard()
