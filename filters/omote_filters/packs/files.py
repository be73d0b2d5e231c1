"""Reads a pack's files: measured first, ordinary files only, nothing from outside the pack."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from omote_filters.assets import AssetError

LARGEST_ARCHIVE = 80 * 2**20
"""Bytes of a .zip, and of all that it holds once it is unpacked."""
_NONE = "there is no such file"
_MOST_MEMBERS = 256
_LARGEST_DIRECTORY = 256 * 1024
_END = b"PK\x05\x06"
_END_SIZE = 22
_END_64 = b"PK\x06\x07"
_END_64_SIZE = 20
_LONGEST_COMMENT = 2**16


def shown(path: Path) -> str:
    """A path for messages and listings, also where its name is not UTF-8."""
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))


def printable(text: str) -> str:
    """A text that neither breaks a line nor speaks to a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def is_folder(path: Path) -> bool:
    """Whether it is one; what nobody may look at, or cannot be a path, is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def from_folder(folder: Path, name: str, most: int) -> bytes:
    """The bytes of a file in a folder, at most `most`.

    Raises:
        AssetError: there is none, it is too large, no ordinary file, or outside the folder.
    """
    try:
        root = folder.resolve()
        found = (root / name).resolve()
        # A link may lead out of the pack.
        if not found.is_relative_to(root):
            raise AssetError("it lies outside the pack")
        with _opened(found) as file:
            return _limited(file, most)
    except FileNotFoundError:
        raise AssetError(_NONE) from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise AssetError(f"it cannot be read: {_reason(error)}") from None


def from_archive(path: Path, name: str, most: int) -> bytes:
    """The bytes of a member of a .zip, at most `most`; nothing else is unpacked.

    Raises:
        AssetError: there is none, it is too large, or the archive is damaged or too large.
    """
    try:
        with _opened(path) as file:
            _measure(file)
            with ZipFile(file) as archive:
                return _member(archive, name, most)
    except AssetError:
        raise
    except FileNotFoundError:
        raise AssetError(_NONE) from None
    except Exception as error:  # zipfile raises whatever its parsing of damaged bytes meets
        raise AssetError(f"the archive cannot be read: {_reason(error)}") from None


def _opened(path: Path) -> BinaryIO:
    # A pipe that nobody writes to would keep the opening waiting for ever.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise AssetError("it is not an ordinary file")
    return os.fdopen(number, "rb")


def _limited(file: IO[bytes], most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise AssetError(f"it is larger than {_size(most)}")
    return data


def _size(count: int) -> str:
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count // 1024} kB"


def _reason(error: Exception) -> str:
    """Why, without the path that the message has already."""
    known = error.strerror if isinstance(error, OSError) else str(error)
    return known or type(error).__name__


def _measure(file: BinaryIO) -> None:
    """Refuse an archive whose mere list of members would cost seconds and gigabytes."""
    size = file.seek(0, os.SEEK_END)
    if size > LARGEST_ARCHIVE:
        raise AssetError(f"the archive is larger than {_size(LARGEST_ARCHIVE)}")
    file.seek(max(0, size - _LONGEST_COMMENT - _END_SIZE))
    tail = file.read()
    end = tail.rfind(_END)
    if not 0 <= end <= len(tail) - _END_SIZE:
        raise AssetError("the archive cannot be read: it is no .zip, or a part of one")
    directory = int.from_bytes(tail[end + 12 : end + 16], "little")
    longer = tail[max(0, end - _END_64_SIZE) : end].startswith(_END_64)
    if longer or directory > _LARGEST_DIRECTORY:
        raise AssetError(f"the archive holds more than {_MOST_MEMBERS} files")


def _member(archive: ZipFile, name: str, most: int) -> bytes:
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise AssetError(f"the archive holds more than {_MOST_MEMBERS} files")
    if sum(member.file_size for member in members) > LARGEST_ARCHIVE:
        raise AssetError(f"unpacked, the archive is larger than {_size(LARGEST_ARCHIVE)}")
    if name not in archive.NameToInfo:
        raise AssetError(_NONE)
    found = archive.getinfo(name)
    if found.flag_bits & 1:
        raise AssetError("it is encrypted")
    # Others (LZMA) may ask for gigabytes before they give a byte.
    if found.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise AssetError("it is packed with a method other than deflate; pack it anew")
    # What the archive says of its size may be a lie: no more is unpacked than is allowed.
    with archive.open(found) as file:
        return _limited(file, most)
