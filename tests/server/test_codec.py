import struct
import zlib

import numpy as np
import pytest
from media import written
from numpy.typing import NDArray
from PIL import Image

from omote_models.pictures import Turn
from omote_models.pictures.codepoints import profile_for
from omote_server.errors import InvalidRequest
from omote_server.frames import codec
from omote_server.messages import EncodedPicture, PictureFormat

Pixels = NDArray[np.uint8]
MANY = 10_000_000


def encoded(data: bytes, kind: PictureFormat | None = None) -> EncodedPicture:
    return EncodedPicture(kind, 0, 0, data)


def refused(picture: EncodedPicture, max_pixels: int = MANY) -> tuple[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        codec.decode(picture, max_pixels)
    (violation,) = caught.value.violations
    return violation.field, violation.description


@pytest.mark.parametrize("kind", [PictureFormat.PNG, PictureFormat.RGB, PictureFormat.RGBA])
def test_lossless_formats_come_back_as_they_went(kind: PictureFormat, astronaut: Pixels) -> None:
    picture = codec.encode(astronaut, kind, 85)
    np.testing.assert_array_equal(codec.decode(picture, MANY).pixels, astronaut)


def test_jpeg_comes_back_nearly_as_it_went(astronaut: Pixels) -> None:
    picture = codec.encode(astronaut, PictureFormat.JPEG, 95)
    decoded = codec.decode(picture, MANY).pixels
    assert decoded.flags.c_contiguous
    assert decoded.flags.writeable
    assert np.abs(decoded.astype(int) - astronaut).mean() < 3


def test_the_header_tells_the_format(astronaut: Pixels) -> None:
    for kind in (PictureFormat.JPEG, PictureFormat.PNG):
        data = codec.encode(astronaut, kind, 90).data
        assert codec.decode(encoded(data), MANY).pixels.shape == (512, 512, 3)


def test_a_strip_of_a_larger_picture_is_encoded(astronaut: Pixels) -> None:
    picture = codec.encode(astronaut[10:50, 20:90], PictureFormat.JPEG, 90)
    assert codec.decode(picture, MANY).pixels.shape == (40, 70, 3)


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", None, "is empty"),
        (b"just some text, sent as a picture", None, "for raw pixels set picture.format"),
        (b"just some text", PictureFormat.JPEG, "pictures are taken as JPEG, PNG, WebP"),
        (b"just some text", PictureFormat.PNG, "is not a picture"),
        (b"\x89PNG\r\n\x1a\n", None, "not a PNG"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, kind: PictureFormat | None, words: str) -> None:
    field, description = refused(encoded(data, kind))
    assert field == "picture.data"
    assert words in description


@pytest.mark.parametrize("kind", [PictureFormat.JPEG, PictureFormat.PNG])
def test_a_truncated_picture_is_refused(kind: PictureFormat, astronaut: Pixels) -> None:
    data = codec.encode(astronaut, kind, 90).data
    for part in (0.2, 0.5, 0.95):
        _, description = refused(encoded(data[: int(len(data) * part)]))
        assert "truncated" in description


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_a_bomb_is_refused_by_its_header(astronaut: Pixels) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    _, description = refused(encoded(bomb))
    assert "60000 × 60000" in description
    jpeg = codec.encode(astronaut, PictureFormat.JPEG, 80)
    assert "limits.max_pixels" in refused(jpeg, max_pixels=512 * 511)[1]


@pytest.mark.parametrize("kind", [PictureFormat.JPEG, PictureFormat.PNG, PictureFormat.RGB])
def test_a_side_that_would_abort_the_process_is_refused(kind: PictureFormat) -> None:
    picture = codec.encode(np.zeros((4, 40_000, 3), np.uint8), kind, 50)
    assert "no side" in refused(picture)[1]


def test_a_jpeg_of_many_scans_is_refused(astronaut: Pixels) -> None:
    data = codec.encode(astronaut, PictureFormat.JPEG, 50).data
    scan = b"\xff\xda\0\2"
    assert "scans" in refused(encoded(data[:-2] + scan * 40 + data[-2:]))[1]


def test_what_a_png_says_beside_its_pixels_is_never_unpacked(
    astronaut: Pixels, capfd: pytest.CaptureFixture[str]
) -> None:
    data = codec.encode(astronaut, PictureFormat.PNG, 0).data
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 7_000_000))
    bomb = (
        data[:33] + chunk(b"iCCP", b"a\0\0" + zlib.compress(b"no profile")) + text * 20 + data[33:]
    )
    np.testing.assert_array_equal(codec.decode(encoded(bomb), MANY).pixels, astronaut)
    assert capfd.readouterr().err == "", "libpng complains of the profile where it unpacks it"
    pieces = data[:33] + chunk(b"tEXt", b"") * 50_000 + data[33:]
    assert "chunks" in refused(encoded(pieces))[1]


def test_bytes_after_a_png_do_no_harm(astronaut: Pixels) -> None:
    data = codec.encode(astronaut, PictureFormat.PNG, 0).data + b"trailing"
    assert codec.decode(encoded(data), MANY).pixels.shape == (512, 512, 3)


def test_raw_pictures_need_their_size() -> None:
    field, _ = refused(EncodedPicture(PictureFormat.RGB, 0, 4, b"x"))
    assert field == "picture.width"
    field, description = refused(EncodedPicture(PictureFormat.RGB, 4, 4, b"x" * 47))
    assert field == "picture.data"
    assert "48 bytes, not 47" in description
    huge = EncodedPicture(PictureFormat.RGBA, 2**31, 2**31, b"x")
    assert refused(huge)[0] == "picture.data"


def test_a_frame_of_another_gamut_becomes_srgb() -> None:
    wide = np.full((32, 32, 3), (60, 200, 60), np.uint8)
    data = written("JPEG", wide, icc_profile=profile_for(12, 13), quality=100, subsampling=0)
    found = codec.decode(encoded(data), MANY).pixels
    assert np.abs(found[16, 16].astype(int) - (0, 203, 11)).max() <= 2


def test_a_turn_comes_after_what_exif_says(astronaut: Pixels) -> None:
    tall = np.ascontiguousarray(astronaut[:, :300])
    said = Image.Exif()
    said[0x112] = 7
    stored = Turn.of_exif(7).back.upright(Turn.of(90, True).back.upright(tall))
    data = written("PNG", stored, exif=said)
    np.testing.assert_array_equal(codec.decode(encoded(data), MANY, Turn.of(90, True)).pixels, tall)


@pytest.mark.parametrize("form", ["AVIF", "TIFF", "GIF", "BMP"])
def test_what_the_server_does_not_take_is_named(form: str) -> None:
    _, description = refused(encoded(written(form)))
    assert description.startswith(f"is {form}; pictures are taken as JPEG, PNG, WebP")
