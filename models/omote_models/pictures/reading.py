"""Whatever a phone or a camera makes, as upright pixels in sRGB."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from omote_models.pictures import jpeg, png
from omote_models.pictures.codepoints import profile_for
from omote_models.pictures.colour import array_to_srgb, to_srgb
from omote_models.pictures.formats import Format
from omote_models.pictures.inside import is_raw
from omote_models.pictures.limits import FIRST, Limits, PictureError
from omote_models.pictures.magic import format_of
from omote_models.pictures.turn import Turn, exif_turn

Pixels = NDArray[np.uint8]

# Pillow tells whoever started the program what odd files it met, and warns of sizes; here files
# are anybody's, sizes have limits, and what must be told is told with the picture.
warnings.filterwarnings("ignore", module=r"PIL\.")

DEEP = "its {0} bits a channel became 8"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A still picture, as a viewer shows it.

    Attributes:
        pixels: (height, width, 3) uint8 RGB in sRGB, upright, C-contiguous and writable.
        alpha: (height, width) uint8, 0 where nothing shows, straight (never multiplied into the
            colours); None where all of it shows.
        format: how it was written.
        notes: what became of it on the way that somebody might want to know.
    """

    pixels: Pixels
    alpha: Pixels | None
    format: Format
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Read:
    """A picture as it is stored."""

    pixels: Pixels
    alpha: Pixels | None = None
    turn: Turn = Turn()
    notes: list[str] = field(default_factory=list)


def read(
    data: bytes,
    limits: Limits = Limits(),
    *,
    accepted: Collection[Format] | None = None,
    turn: Turn = Turn(),
) -> Picture:
    """A picture file as upright pixels in sRGB.

    Its content says what it is. Its size is checked before a pixel is unpacked.

    Args:
        data: the whole file.
        limits: how large it may be.
        accepted: formats that are taken; None is all that can be read.
        turn: what is still to be done to the picture as a viewer shows it.

    Raises:
        PictureError: it is no picture, not an accepted one, too large or damaged. The text goes
            after the picture's name.
        ModuleNotFoundError: it is HEIC, and pillow-heif is not installed.
    """
    found = format_of(data)
    takes = _READERS if accepted is None else {f: _READERS[f] for f in accepted}
    if found not in takes:
        raise PictureError(_unknown(found, takes))
    picture = takes[found](data, limits)
    whole = picture.turn.then(turn)
    alpha = picture.alpha
    if alpha is not None:
        alpha = None if int(alpha.min(initial=255)) == 255 else whole.upright(alpha)
    return Picture(whole.upright(picture.pixels), alpha, found, tuple(picture.notes))


def _unknown(found: Format | None, takes: Collection[Format]) -> str:
    known = ", ".join(sorted((kind.value for kind in takes), key=str.lower))
    what = "is not a picture, or damaged" if found is None else f"is {found.value}"
    return f"{what}; pictures are taken as {known}"


def _jpeg(data: bytes, limits: Limits) -> _Read:
    header = jpeg.read_header(data)
    limits.check(header.width, header.height)
    jpeg.check_scans(data)
    if header.components not in (1, 3) or (header.components == 1 and header.profile):
        return replace(_with_pillow(Format.JPEG, data, limits), turn=header.turn)
    try:
        pixels = _jpeg_pixels(data)
    except KeyError:  # a subsampling that simplejpeg has no name for
        return replace(_with_pillow(Format.JPEG, data, limits), turn=header.turn)
    except ValueError:
        raise PictureError("is a damaged or truncated JPEG") from None
    if pixels.shape[:2] != (header.height, header.width):
        raise PictureError("is a damaged JPEG: it says two sizes")
    pixels, notes = array_to_srgb(pixels, header.profile)
    return _Read(pixels, None, header.turn, notes)


_PADDING = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0x(d9|e\d)")
_MOST_PADDING = 64


def _jpeg_pixels(data: bytes) -> Pixels:
    """(h, w, 3) uint8 RGB.

    Raises:
        ValueError: it is damaged.
        KeyError: its subsampling is unusual.
    """
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, colorspace="RGB")
    except ValueError as error:
        # Some phones leave a few bytes before a marker; nothing of the picture is missing then.
        found = _PADDING.match(str(error))
        if found is None or int(found[1]) > _MOST_PADDING or b"\xff\xd9" not in data:
            raise
        pixels = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=False)
    return pixels


def _png(data: bytes, limits: Limits) -> _Read:
    header = png.read_header(data)
    limits.check(header.width, header.height)
    found = png.plain(data)
    ordinary = header.depth == 8 and header.colour in (png.RGB, png.RGBA) and not found.see_through
    if ordinary:
        # Straight to pixels, and other threads may run meanwhile.
        pixels, alpha = _png_pixels(found.data, header.colour == png.RGBA)
        pixels, notes = array_to_srgb(pixels, found.profile)
        return _Read(pixels, alpha, found.turn, [*([FIRST] * found.moves), *notes])
    picture = _with_pillow(Format.PNG, found.data, limits, found.profile)
    picture.notes += [FIRST] * found.moves
    if header.depth > 8:
        picture.notes.append(DEEP.format(header.depth))
    return replace(picture, turn=found.turn)


def _png_pixels(data: bytes, see_through: bool) -> tuple[Pixels, Pixels | None]:
    how = cv2.IMREAD_UNCHANGED if see_through else cv2.IMREAD_COLOR_RGB
    try:
        read = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error:
        read = None
    if read is None:
        raise PictureError("is a damaged or truncated PNG")
    pixels = np.asarray(read, np.uint8)
    if not see_through:
        return np.ascontiguousarray(pixels), None
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB), np.uint8), pixels[:, :, 3].copy()


def _webp(data: bytes, limits: Limits) -> _Read:
    # Its decoder takes memory for the whole picture as soon as it is opened.
    limits.check(*_webp_size(data))
    return _with_pillow(Format.WEBP, data, limits)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind, body = data[12:16], data[20:30]
    if len(body) == 10 and kind == b"VP8X":
        return _number(body[4:7]) + 1, _number(body[7:10]) + 1
    if len(body) == 10 and kind == b"VP8 ":
        return _number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF
    if len(body) == 10 and kind == b"VP8L":
        packed = _number(body[1:5])
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    raise PictureError("is a damaged or truncated WebP")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _gif(data: bytes, limits: Limits) -> _Read:
    limits.check(_number(data[6:8]), _number(data[8:10]))
    return _with_pillow(Format.GIF, data, limits)


def _tiff(data: bytes, limits: Limits) -> _Read:
    if is_raw(data[:8], io.BytesIO(data)):
        raise PictureError("is a camera's raw file; develop it, or take the JPEG beside it")
    return _with_pillow(Format.TIFF, data, limits)


def _avif(data: bytes, limits: Limits) -> _Read:
    # Its reader goes by the matrix that stands there, and leaves the primaries to us.
    at = data.find(b"colrnclx", 0, _META)
    told = struct.unpack_from(">HH", data, at + 8) if 0 < at <= len(data) - 12 else (2, 2)
    return _with_pillow(Format.AVIF, data, limits, profile_for(*told))


def _bmp(data: bytes, limits: Limits) -> _Read:
    return _with_pillow(Format.BMP, data, limits)


def _heic(data: bytes, limits: Limits) -> _Read:
    return _with_pillow(Format.HEIC, data, limits)


_READERS: dict[Format, Callable[[bytes, Limits], _Read]] = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.HEIC: _heic,
    Format.TIFF: _tiff,
    Format.BMP: _bmp,
    Format.GIF: _gif,
}

_PLUGINS: dict[Format, Callable[[io.BytesIO], Image.Image]] = {
    Format.JPEG: JpegImageFile,
    Format.PNG: PngImageFile,
    Format.WEBP: WebPImageFile,
    Format.AVIF: AvifImageFile,
    Format.TIFF: TiffImageFile,
    Format.BMP: BmpImageFile,
    Format.GIF: GifImageFile,
}
_META = 1 << 20
"""Within which an AVIF says what its colours mean."""
_TURNED_ALREADY = (Format.TIFF, Format.HEIC)
"""Formats whose readers turn the picture themselves."""
_TIFF_BITS = 258


def _with_pillow(kind: Format, data: bytes, limits: Limits, profile: bytes | None = b"") -> _Read:
    """A picture by one of Pillow's readers, straight by its class: the limits are ours.

    Args:
        kind: which one.
        data: the file.
        limits: how large the picture may be.
        profile: ICC, where it was taken out of the file.
    """
    plugin = _heif_plugin() if kind is Format.HEIC else _PLUGINS[kind]
    try:
        with plugin(io.BytesIO(data)) as image:
            limits.check(*image.size)
            notes = [FIRST] if getattr(image, "is_animated", False) else []
            notes += _depth(image)
            # Before its pixels are read: some readers forget what they said of them.
            icc = image.info.get("icc_profile") or _told(image) or profile
            exif = image.info.get("exif", b"")
            image.load()
            limits.check(*image.size)
            pixels, alpha, told = _pixels(image, icc)
    except PictureError:
        raise
    except MemoryError:
        raise PictureError("is a picture that takes more memory than there is") from None
    # Readers raise whatever they stumble over in a damaged file.
    except Exception:
        raise PictureError(f"is a damaged or truncated {kind.value}, or an unusual one") from None
    turn = Turn() if kind in _TURNED_ALREADY else exif_turn(exif)
    return _Read(pixels, alpha, turn, notes + told)


def _heif_plugin() -> Callable[[io.BytesIO], Image.Image]:
    # Only who has such pictures needs it: the extra omote[heic].
    from pillow_heif import HeifImageFile

    plugin: Callable[[io.BytesIO], Image.Image] = HeifImageFile
    return plugin


def _told(image: Image.Image) -> bytes:
    """What a HEIC says of its colours by numbers, as a profile."""
    told = image.info.get("nclx_profile") or {}
    return profile_for(
        int(told.get("color_primaries", 2)), int(told.get("transfer_characteristics", 2))
    )


def _depth(image: Image.Image) -> list[str]:
    """What is to be told of more than 8 bits."""
    bits = image.info.get("bit_depth", 8)
    if isinstance(image, TiffImageFile):
        bits = max(image.tag_v2.get(_TIFF_BITS, (8,)))
    return [DEEP.format(bits)] if bits > 8 else []


def _pixels(image: Image.Image, icc: bytes | None) -> tuple[Pixels, Pixels | None, list[str]]:
    """Colours in sRGB, alpha, and what is to be told."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise PictureError("has 32 bits a channel; save it with 8 or 16")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("LA", "La") else "RGBA")
        alpha = np.array(image.getchannel("A"), np.uint8)
        image = image.convert("L" if image.mode == "LA" else "RGB")
    elif image.mode in ("P", "1", "YCbCr", "HSV"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    image, told = to_srgb(image, icc)
    return np.array(image, np.uint8), alpha, told
