"""Files handed to FFmpeg's libraries open, so that no name is taken for anything but a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.error import FFmpegError

from omote_models.pictures import Format, Sort, recognise
from omote_server.media.files import MediaError, why

_BUFFER = 1 << 20
_READABLE = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,h263,h264,hevc,vvc,av1,obu,ivf,ogg,flv,asf,mxf,"
    "yuv4mpegpipe,nut,dv,mjpeg,rm,wtv,gxf,dnxhd,vc1,bink,smk,film_cpk,roq"
)
"""What may be opened. Not the lists of other files (HLS, concat): those would open what they say.
"""


class VideoError(MediaError):
    """A file cannot be read or written as a video. The text says which and why."""


class _Nameless:
    """A file of which the library sees only the bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file; where a damaged one points to no place, -1 and no exception.

        The library asks several times before it hears of the first exception, and prints them.
        """
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -1


def opened(path: Path) -> tuple[InputContainer, BinaryIO]:
    """A file, and its container; both are the caller's to close.

    Raises:
        VideoError: there is none, or there is no video in it.
    """
    try:
        file = path.open("rb")
    # A name with a zero byte is a ValueError.
    except (OSError, ValueError) as error:
        raise VideoError(f"{path!s} cannot be read as a video: {why(error, path)}") from None
    try:
        return _container(path, file), file
    except BaseException:
        file.close()
        raise


def _container(path: Path, file: BinaryIO) -> InputContainer:
    try:
        kind = recognise(file)
        if kind is not None and kind.sort is not Sort.VIDEO:
            raise VideoError(f"{path} cannot be read as a video: it is {kind}")
        file.seek(0)
        return av.open(
            _Nameless(file),
            "r",
            container_options={"format_whitelist": _READABLE},
            buffer_size=_BUFFER,
            metadata_errors="replace",
        )
    except (OSError, ValueError, FFmpegError) as error:
        reason = _reason(error, path, kind.format if kind else None)
        raise VideoError(f"{path} cannot be read as a video: {reason}") from None


def _reason(error: Exception, path: Path, found: Format | None) -> str:
    if not isinstance(error, FFmpegError) or isinstance(error, av.error.FileNotFoundError):
        return why(error, path)
    if found in (Format.MP4, Format.MOV):
        return "its index is missing or damaged, as in a recording that was cut off"
    if found is not None:
        return f"it is damaged from its beginning on ({found})"
    return "its content is neither a picture nor a video that is known here"


def text_of(metadata: dict[str, Any]) -> dict[str, str]:
    """What people wrote into a file; not what a container says of itself."""
    own = {"major_brand", "minor_version", "compatible_brands", "encoder", "rotate", "duration"}
    return {
        name: str(value)
        for name, value in metadata.items()
        if name.lower() not in own and not name.startswith("_")
    }
