"""A program: draws the SVG picture on its input, writes its pixels, and ends. See `draw.apart`.

    apart_main.py WIDTH HEIGHT CPU_SECONDS < picture.svg > pixels

The pixels are RGBA, multiplied by their alpha, row by row. Nothing of ours is imported, and no
numpy, so that it starts at once.
"""

from __future__ import annotations

import sys

import skia

_MOST_MEMORY = 2 * 2**30


def main() -> int:
    width, height, seconds = map(int, sys.argv[1:])
    _limit(seconds)
    svg = sys.stdin.buffer.read()
    picture = skia.SVGDOM.MakeFromStream(skia.MemoryStream(svg, True))
    if picture is None:
        return 1
    info = skia.ImageInfo.Make(width, height, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
    surface = skia.Surface.MakeRaster(info)
    picture.setContainerSize(skia.Size(width, height))
    picture.render(surface.getCanvas())
    pixels = bytearray(width * height * 4)
    surface.readPixels(info, pixels, width * 4)
    sys.stdout.buffer.write(pixels)
    return 0


def _limit(seconds: int) -> None:
    """The system ends the process when it has used so much CPU time, and gives it little memory."""
    # Elsewhere the parent's clock alone ends it.
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
