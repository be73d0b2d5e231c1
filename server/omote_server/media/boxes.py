"""The containers that videos are written in: by the ending of their name, and what they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

_MP4_SOUND = frozenset(("aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"))
_PCM = frozenset(("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_mulaw", "pcm_alaw"))
Options = tuple[tuple[str, str], ...]
_H264: Options = (("crf", "18"), ("preset", "veryfast"))
_FASTSTART: Options = (("movflags", "+faststart"),)


@dataclass(frozen=True, slots=True)
class Box:
    """A container, and how its streams are coded.

    Attributes:
        name: for FFmpeg's libraries.
        video: the encoder of pictures.
        layout: its pixel format.
        clear: its pixel format for pictures with alpha; None where it knows none.
        ticks: in a second: how exact its times are.
        options: of the encoder of pictures.
        flags: of the container.
        sounds: what it takes as it is.
        sound: what other sound becomes; None where it takes none.
        text: what subtitles become: "mov_text" or "subrip"; None where it takes none.
        texts: subtitles that it takes as they are.
        plays: what it calls the number of times that it is shown; None for a video.
    """

    name: str
    video: str = "libx264"
    layout: str = "yuv420p"
    clear: str | None = None
    ticks: int = 90_000
    options: Options = _H264
    flags: Options = ()
    sounds: frozenset[str] = frozenset()
    sound: str | None = None
    text: str | None = None
    texts: frozenset[str] = field(default_factory=frozenset)
    plays: str | None = None

    @property
    def moves(self) -> bool:
        """Whether it is an animation, and not a video."""
        return self.plays is not None


_MP4 = Box(
    "mp4",
    flags=_FASTSTART,
    sounds=_MP4_SOUND,
    sound="aac",
    text="mov_text",
    texts=frozenset(("mov_text",)),
)
_MOV = Box(
    "mov",
    flags=_FASTSTART,
    sounds=(_MP4_SOUND - {"flac", "opus"}) | _PCM,
    sound="aac",
    text="mov_text",
    texts=frozenset(("mov_text",)),
)
_MATROSKA = Box(
    "matroska",
    ticks=1000,
    sounds=_MP4_SOUND | _PCM | {"vorbis", "mp2", "dts", "truehd", "pcm_u8", "pcm_f32le", "wmav2"},
    sound="aac",
    text="subrip",
    texts=frozenset(("subrip", "ass", "ssa", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle")),
)
_WEBM = Box(
    "webm",
    video="libvpx-vp9",
    clear="yuva420p",
    ticks=1000,
    options=(
        *(("crf", "24"), ("b", "0"), ("deadline", "realtime")),
        *(("cpu-used", "6"), ("row-mt", "1")),
    ),
    sounds=frozenset(("opus", "vorbis")),
    sound="libopus",
)
_GIF = Box("gif", "gif", "pal8", "pal8", 100, (), plays="loop")
_WEBP = Box(
    "webp",
    "libwebp_anim",
    "bgra",
    "bgra",
    1000,
    (("quality", "85"), ("compression_level", "3")),
    plays="loop",
)
_APNG = Box("apng", "apng", "rgb24", "rgba", 1000, (), plays="plays")

BOXES: Mapping[str, Box] = MappingProxyType(
    {
        ".mp4": _MP4,
        ".m4v": _MP4,
        ".mov": _MOV,
        ".mkv": _MATROSKA,
        ".webm": _WEBM,
        ".gif": _GIF,
        ".webp": _WEBP,
        ".png": _APNG,
        ".apng": _APNG,
    }
)
"""By ending, in small letters."""


def box_of(path: Path) -> Box | None:
    """The container that a file's ending names; None where it names none that is written here."""
    return BOXES.get(path.suffix.lower())
