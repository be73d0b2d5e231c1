"""What became of a file: its frames, its streams, and what was converted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Fate(StrEnum):
    """What became of a stream."""

    KEPT = "kept"
    TRANSCODED = "transcoded"
    DROPPED = "dropped"


@dataclass(slots=True)
class StreamReport:
    """What became of one stream beside the pictures.

    Attributes:
        kind: "sound", "subtitles", "cover", "video" or "data".
        codec: as FFmpeg calls it; empty where nobody knows it.
        language: three letters, "und" or empty.
        fate: what became of it.
        why: what it was made into, or why it is missing.
        skipped: packets that were damaged.
    """

    kind: str
    codec: str
    language: str
    fate: Fate
    why: str = ""
    skipped: int = 0

    def __str__(self) -> str:
        named = [self.kind, self.language if self.language != "und" else "", self.codec]
        told = f"{' '.join(filter(None, named))} {self.fate}"
        if self.why:
            told += f" ({self.why})"
        return f"{told}, {self.skipped} damaged packets skipped" if self.skipped else told


@dataclass(slots=True)
class MediaReport:
    """What became of a file. Reader and writer write into the same one.

    Attributes:
        promised: how many frames the file says that it has; None where it says nothing.
        frames_in: how many could be read.
        frames_out: how many were written.
        skipped: packets of the pictures that could not be decoded.
        damaged: frames of `frames_in` of which the decoder had to make up a part.
        jumps: of the file's clock.
        unreadable: the file could not be read to its end.
        streams: all but the pictures'.
        conversions: what was made of the pictures, in words; each once.
    """

    promised: int | None = None
    frames_in: int = 0
    frames_out: int = 0
    skipped: int = 0
    damaged: int = 0
    jumps: int = 0
    unreadable: bool = False
    streams: list[StreamReport] = field(default_factory=list)
    conversions: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Frames that the file promised, and that it does not hold."""
        return max(0, (self.promised or 0) - self.frames_in - self.skipped)

    def converted(self, words: str) -> None:
        """Note what was made of the pictures; once is enough."""
        if words not in self.conversions:
            self.conversions.append(words)

    def losses(self) -> list[str]:
        """What is not in the output as it was meant to be; empty where nothing is amiss."""
        told = []
        if self.missing:
            told.append(f"{self.missing} of {self.promised} frames are missing in the file")
        if self.skipped:
            told.append(f"{self.skipped} damaged packets of pictures were skipped")
        if self.damaged:
            told.append(f"{self.damaged} frames were damaged and partly made up by the decoder")
        if self.unreadable:
            told.append("the file could not be read to its end")
        skipped = [str(stream) for stream in self.streams if stream.skipped]
        dropped = [str(s) for s in self.streams if s.fate is Fate.DROPPED and not s.skipped]
        return told + skipped + dropped

    def rows(self) -> list[tuple[str, str]]:
        """Lines for a table: a name, and what it says. Never empty."""
        told = [("frames", f"{self.frames_in} in, {self.frames_out} out")]
        told += [("damage", line) for line in self.losses()[: self._count_of_damage()]]
        told += [("stream", str(stream)) for stream in self.streams]
        told += [("converted", line) for line in self.conversions]
        if self.jumps:
            told.append(("clock", f"{self.jumps} jumps were closed"))
        return told

    def _count_of_damage(self) -> int:
        return sum((bool(self.missing), bool(self.skipped), bool(self.damaged), self.unreadable))

    def as_json(self) -> dict[str, Any]:
        """The same for a script."""
        return {**asdict(self), "missing": self.missing}
