"""What a picture may ask for before a single pixel is unpacked."""

from __future__ import annotations

from dataclasses import dataclass

FIRST = "it is the first of several pictures in the file"


class PictureError(ValueError):
    """There is no picture in these bytes, or none that is taken. The text is a sentence's rest."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be.

    Attributes:
        pixels: width × height.
        side: of the longer side. MediaPipe ends the process from 32,767 pixels on.
        advice: what to tell whoever is above.
    """

    pixels: int = 256 * 1024 * 1024
    side: int = 16_384
    advice: str = "make it smaller"

    def check(self, width: int, height: int) -> None:
        """Let a picture of this size pass.

        Raises:
            PictureError: it has no pixels, or too many.
        """
        if min(width, height) < 1:
            raise PictureError("is a picture without pixels")
        if max(width, height) > self.side:
            raise PictureError(
                f"is a picture of {width} × {height} pixels; no side may be longer than {self.side}"
            )
        if width * height > self.pixels:
            raise PictureError(
                f"is a picture of {width} × {height} pixels, more than the {self.pixels} that are "
                f"taken here; {self.advice}"
            )
