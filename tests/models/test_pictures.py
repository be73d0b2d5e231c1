"""Whatever a phone or a camera makes comes out as a viewer would see it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media import case, noise, written
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from omote_models.pictures import (
    ENDINGS,
    SEE_THROUGH,
    Format,
    Limits,
    PictureError,
    Turn,
    read,
    write,
)
from omote_models.pictures.codepoints import profile_for

Pixels = NDArray[np.uint8]
Options = dict[str, object]

ORIENTATIONS = range(1, 9)
NEAR = {"JPEG": 4, "WEBP": 0, "AVIF": 6, "PNG": 0, "TIFF": 0, "HEIF": 6}
"""How far from the original, of 255, a format may be in a flat area."""


def flags() -> Pixels:
    """Four flat quarters of different colours, 96 × 64: no two turns of it are alike."""
    picture = np.empty((64, 96, 3), np.uint8)
    picture[:32, :48], picture[:32, 48:] = (200, 30, 30), (30, 180, 40)
    picture[32:, :48], picture[32:, 48:] = (40, 60, 200), (220, 200, 60)
    return picture


def quarters(picture: Pixels) -> list[list[int]]:
    """The colours in the middle of each quarter, from the upper left on."""
    height, width = picture.shape[:2]
    return [
        [int(v) for v in picture[y, x]]
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]


def exif(orientation: int) -> bytes:
    said = Image.Exif()
    said[0x112] = orientation
    return said.tobytes()


def turned(form: str, orientation: int) -> bytes:
    exact: dict[str, Options] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95}}
    options = exact.get(form, {})
    if form == "TIFF":
        return written(form, flags(), tiffinfo={0x112: orientation})
    return written(form, flags(), exif=exif(orientation), **options)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_picture_is_upright_by_its_exif(form: str, orientation: int) -> None:
    data = turned(form, orientation)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    found = read(data)
    assert found.pixels.shape == ((96, 64, 3) if orientation >= 5 else (64, 96, 3))
    off = np.abs(np.array(quarters(found.pixels)) - np.array(quarters(np.asarray(shown))))
    assert off.max() <= NEAR[form]
    assert found.pixels.flags.c_contiguous
    assert found.pixels.flags.writeable


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_shows_the_corner_that_exif_names(orientation: int) -> None:
    # Where row 0 and column 0 of what is stored are seen: the standard's own table.
    rows = {1: "top", 2: "top", 3: "bottom", 4: "bottom", 5: "left", 6: "right", 7: "right"}
    columns = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom"}
    row, column = rows.get(orientation, "left"), columns.get(orientation, "bottom")
    stored = np.zeros((5, 7, 3), np.uint8)
    stored[0] += 1
    stored[:, 0] += 2
    shown = Turn.of_exif(orientation).upright(stored)
    edges = {"top": shown[0], "bottom": shown[-1], "left": shown[:, 0], "right": shown[:, -1]}
    assert (edges[row] & 1).all()
    assert (edges[column] & 2).all()


@pytest.mark.parametrize("number", [0, 9, 65535])
def test_an_orientation_that_there_is_not_is_upright(number: int) -> None:
    said = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1" + struct.pack(">HHI", number, 0, 0)
    data = written("JPEG", flags(), exif=said)
    assert read(data).pixels.shape == (64, 96, 3)


@given(
    one=st.builds(Turn, st.integers(0, 3), st.booleans()),
    other=st.builds(Turn, st.integers(0, 3), st.booleans()),
)
def test_turns_add_up_and_are_undone(one: Turn, other: Turn) -> None:
    picture = noise(5, 7)
    both = other.upright(one.upright(picture))
    np.testing.assert_array_equal(one.then(other).upright(picture), both)
    np.testing.assert_array_equal(one.back.upright(one.upright(picture)), picture)
    assert one.then(one.back) == Turn()
    height, width = one.upright(picture).shape[:2]
    assert one.size(7, 5) == (width, height)
    left, top, right, bottom = one.area((1, 2, 4, 5), 7, 5)
    np.testing.assert_array_equal(
        one.upright(picture)[top:bottom, left:right], one.upright(picture[2:5, 1:4].copy())
    )


def test_nothing_is_copied_where_nothing_is_turned() -> None:
    picture = noise()
    assert np.shares_memory(Turn().upright(picture), picture)


# Colour.


P3, ADOBE = 12, 4
"""Codepoints of Display P3's primaries, and of a curve of 2.2."""


def exactly(picture: Pixels) -> NDArray[np.float64]:
    """Display P3 to sRGB by the published matrix and curve, in floating point, 0 to 255."""
    values = picture / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        (
            (1.2249402, -0.2249402, 0),
            (-0.0420570, 1.0420570, 0),
            (-0.0196376, -0.0786361, 1.0982735),
        )
    )
    light = np.clip(light @ matrix.T, 0, 1)
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(shown * 255)


def shown_in_srgb(picture: Pixels, icc: bytes) -> Pixels:
    """By an engine of its own: straight through the profile's numbers, in floating point."""
    image = ImageCms.profileToProfile(
        Image.fromarray(picture),
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    assert image is not None
    return np.asarray(image)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_wider_gamut_becomes_srgb(form: str) -> None:
    icc = profile_for(P3, ADOBE)
    exact: dict[str, Options] = {"JPEG": {"quality": 100, "subsampling": 0}}
    options = exact.get(form, {"lossless": True} if form == "WEBP" else {})
    found = read(written(form, flags(), icc_profile=icc, **options))
    plain = read(written(form, flags(), **options))
    expected = quarters(shown_in_srgb(plain.pixels, icc))
    assert np.abs(np.array(quarters(found.pixels)) - expected).max() <= 2
    assert quarters(found.pixels) != quarters(plain.pixels)
    assert any("sRGB now" in note for note in found.notes)


def test_display_p3_becomes_srgb_exactly() -> None:
    picture = noise(64, 64)
    found = read(written("PNG", picture, icc_profile=profile_for(P3, 13)))
    assert np.abs(found.pixels - exactly(picture)).max() <= 2
    assert found.notes == ("its colours were Display P3, and are sRGB now",)


def test_colours_told_by_numbers_count_too() -> None:
    picture = noise(64, 64)
    data = written("PNG", picture)
    told = read(data[:33] + chunk(b"cICP", bytes((P3, 13, 0, 1))) + data[33:])
    assert np.abs(told.pixels - exactly(picture)).max() <= 2
    plain = written("AVIF", flags(), quality=100, subsampling="4:4:4")
    at = plain.index(b"colrnclx") + 8
    found = read(plain[:at] + struct.pack(">HH", P3, 13) + plain[at + 4 :])
    off = np.array(quarters(found.pixels)) - exactly(np.array(quarters(read(plain).pixels)))
    assert np.abs(off).max() <= 2


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_hdr_is_mapped_to_what_a_screen_shows(transfer: int) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    data = written("PNG", ramp)
    found = read(data[:33] + chunk(b"cICP", bytes((9, transfer, 0, 1))) + data[33:])
    (note,) = found.notes
    assert "HDR" in note
    shown = found.pixels[0].astype(int)
    assert (np.diff(shown, axis=0) >= 0).all()
    assert np.ptp(shown, axis=1).max() <= 2, "grey stays grey"
    paper = {16: 148, 18: 191}[transfer]
    assert 215 <= shown[paper, 0] <= 250, "paper is nearly white, and lamps are brighter"


def test_srgb_by_any_name_is_left_alone() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = noise()
    found = read(written("PNG", picture, icc_profile=icc))
    np.testing.assert_array_equal(found.pixels, picture)
    assert found.notes == ()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("icc", [b"no profile at all", bytes(200)], ids=["text", "zeros"])
def test_a_damaged_profile_is_ignored_and_told(form: str, icc: bytes) -> None:
    options: Options = {"lossless": True} if form == "WEBP" else {}
    found = read(written(form, flags(), icc_profile=icc, **options))
    off = np.array(quarters(found.pixels)) - np.array(quarters(flags()))
    assert np.abs(off).max() <= NEAR[form]
    assert found.notes == ("its colour profile is damaged and was ignored",)


def test_a_profile_of_another_kind_of_picture_is_ignored_and_told() -> None:
    grey = Image.fromarray(noise()[:, :, 0])
    file = io.BytesIO()
    grey.save(file, "JPEG", icc_profile=profile_for(P3, ADOBE), quality=95)
    found = read(file.getvalue())
    assert found.notes == ("its colour profile is of another kind of picture and was ignored",)
    assert (found.pixels[:, :, 0] == found.pixels[:, :, 2]).all()


def test_cmyk_and_grey_jpegs_have_the_colours_that_others_show() -> None:
    for mode in ("CMYK", "L"):
        file = io.BytesIO()
        Image.fromarray(flags()).convert(mode).save(file, "JPEG", quality=95)
        shown = np.asarray(Image.open(file).convert("RGB"))
        off = np.array(quarters(read(file.getvalue()).pixels)) - np.array(quarters(shown))
        assert np.abs(off).max() <= 2


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = (chunk(b"IHDR", header), *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_sixteen_bits_become_eight_and_say_so() -> None:
    pixel = struct.pack(">HHH", 65535, 32896, 256)
    found = read(png(2, 1, 16, 2, b"\0" + pixel * 2))
    assert np.abs(found.pixels[0, 0].astype(int) - (255, 128, 1)).max() <= 1
    assert found.notes == ("its 16 bits a channel became 8",)
    grey = read(png(2, 1, 16, 0, b"\0" + struct.pack(">HH", 52000, 13)))
    assert grey.pixels[0, :, 0].tolist() == [52000 >> 8, 0]
    deep = read(png(1, 1, 16, 6, b"\0" + pixel + b"\x80\0"))
    assert deep.alpha is not None
    assert deep.alpha.tolist() == [[128]]


def test_sixteen_bits_of_a_tiff_become_eight_and_say_so() -> None:
    deep = cv2.imencode(".tiff", np.full((3, 4, 3), 0x80FF, np.uint16))[1].tobytes()
    found = read(deep)
    assert found.pixels[0, 0].tolist() == [128, 128, 128]
    assert found.notes == ("its 16 bits a channel became 8",)


# Alpha.


def half_there() -> Pixels:
    """(64, 96, 4) uint8 RGBA: there, nearly gone and gone."""
    alpha = np.full((64, 96), 255, np.uint8)
    alpha[:, 32:64], alpha[:, 64:] = 90, 0
    return np.dstack([flags(), alpha])


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_alpha_comes_in(form: str) -> None:
    found = read(written(form, half_there(), **({"lossless": True} if form == "WEBP" else {})))
    assert found.alpha is not None
    np.testing.assert_allclose(found.alpha.astype(int), half_there()[:, :, 3], atol=2)


def test_alpha_is_turned_with_its_picture() -> None:
    found = read(written("PNG", half_there(), exif=exif(6)))
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, np.rot90(half_there()[:, :, 3], -1))


def test_a_picture_all_of_which_shows_has_no_alpha() -> None:
    whole = np.dstack([flags(), np.full((64, 96), 255, np.uint8)])
    assert read(written("PNG", whole)).alpha is None


def test_palettes_and_keyed_colours_are_seen_through() -> None:
    indexed = Image.fromarray(flags()).quantize(8)
    where = int(np.asarray(indexed)[0, 0])
    for form in ("PNG", "GIF"):
        file = io.BytesIO()
        indexed.save(file, form, transparency=where)
        found = read(file.getvalue())
        assert found.alpha is not None
        assert (found.alpha[0, 0], found.alpha[-1, -1]) == (0, 255)
    keyed = png(2, 1, 8, 2, b"\0" + bytes((9, 9, 9, 200, 1, 2)), chunk(b"tRNS", b"\0\x09" * 3))
    found = read(keyed)
    assert found.alpha is not None
    assert found.alpha.tolist() == [[0, 255]]


# Out.


@pytest.mark.parametrize("kind", sorted(set(ENDINGS.values())))
def test_what_is_written_is_what_was_seen(kind: Format) -> None:
    rgba = half_there()
    found = read(write(rgba[:, :, :3], rgba[:, :, 3], kind))
    assert found.format is kind
    assert not any("colour" in note for note in found.notes)
    off = np.array(quarters(found.pixels))[[0, 2]] - np.array(quarters(rgba[:, :, :3]))[[0, 2]]
    assert np.abs(off).max() <= 6
    if kind is Format.GIF:
        return
    if kind in SEE_THROUGH:
        assert found.alpha is not None
        np.testing.assert_allclose(found.alpha.astype(int), rgba[:, :, 3], atol=2)
    else:
        assert found.alpha is None
        assert found.pixels[5, -3].tolist() == [255, 255, 255]


def test_hidden_colours_stay() -> None:
    rgba = half_there()
    for kind in (Format.PNG, Format.WEBP, Format.TIFF):
        found = read(write(rgba[:, :, :3], rgba[:, :, 3], kind))
        assert np.abs(found.pixels[5, -3].astype(int) - rgba[5, -3, :3]).max() <= 6


# What is it, and how large.


def test_a_motion_photo_is_its_picture() -> None:
    data = case("motion_photo.jpg").read_bytes()
    assert read(data).pixels.shape == (320, 320, 3)


def test_bytes_behind_a_jpeg_are_no_scans() -> None:
    data = written("JPEG", flags(), progressive=True)
    behind = struct.pack(">I", 24) + b"ftypmp42" + b"\xff\xda\0\0" * 500
    np.testing.assert_array_equal(read(data + behind).pixels, read(data).pixels)


def test_a_jpeg_of_many_scans_is_refused() -> None:
    data = written("JPEG", flags(), progressive=True)
    at = data.index(b"\xff\xda")
    with pytest.raises(PictureError, match="scans"):
        read(data[:at] + data[at:-2] * 10 + data[-2:])


def test_a_few_bytes_too_many_are_no_damage() -> None:
    data = written("JPEG", flags())
    np.testing.assert_array_equal(read(data[:-2] + bytes(4) + data[-2:]).pixels, read(data).pixels)
    with pytest.raises(PictureError, match="damaged or truncated JPEG"):
        read(data[: len(data) // 2])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_a_picture_that_is_too_large_is_refused_by_its_header(form: str) -> None:
    data = written(form, flags())
    for limits in (Limits(pixels=96 * 64 - 1), Limits(side=95)):
        with pytest.raises(PictureError, match="96 × 64"):
            read(data, limits)
    assert read(data, Limits(pixels=96 * 64, side=96)).pixels.shape == (64, 96, 3)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_half_a_picture_is_an_error_that_names_it(form: str) -> None:
    data = written(form, noise(80, 80))
    with pytest.raises(PictureError, match=r"damaged|truncated|not a picture"):
        read(data[: len(data) // 2])


def test_what_is_no_picture_is_named() -> None:
    with pytest.raises(PictureError, match=r"is MP4; pictures are taken as AVIF, BMP, GIF, HEIC"):
        read(struct.pack(">I", 16) + b"ftypisom" + bytes(4))
    with pytest.raises(PictureError, match="is not a picture, or damaged"):
        read(b"hello")
    with pytest.raises(PictureError, match="is TIFF; pictures are taken as JPEG, PNG"):
        read(written("TIFF", flags()), accepted=(Format.JPEG, Format.PNG))


def test_a_cameras_raw_file_is_not_taken_for_its_small_preview() -> None:
    preview = written("TIFF", flags(), tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(PictureError, match="raw file; develop it"):
        read(preview)


def test_the_first_picture_of_several_is_taken_and_told() -> None:
    for form in ("GIF", "TIFF", "WEBP", "PNG"):
        found = read(written(form, flags(), flags()[::-1].copy()))
        assert found.notes == ("it is the first of several pictures in the file",)
        off = np.array(quarters(found.pixels)) - np.array(quarters(flags()))
        assert np.abs(off).max() <= 8


@pytest.fixture(scope="module")
def wholes() -> dict[str, bytes]:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    forms = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP")
    made = {form: written(form, noise(40, 40), icc_profile=icc) for form in forms}
    return made | {"turned": turned("JPEG", 6), "alpha": written("PNG", half_there())}


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_any_bytes_are_a_picture_or_a_clear_error(
    wholes: dict[str, bytes], data: st.DataObject
) -> None:
    whole = data.draw(st.sampled_from(sorted(wholes)).map(wholes.__getitem__))
    at = data.draw(st.integers(0, len(whole)))
    change: Callable[[bytes], bytes] = data.draw(
        st.sampled_from(
            (
                lambda foreign: whole[:at] + foreign + whole[at + len(foreign) :],
                lambda foreign: whole[:at] + foreign,
                lambda foreign: whole[:at] + foreign + whole[at:],
            )
        )
    )
    spoilt = change(data.draw(st.binary(max_size=32)))
    try:
        found = read(spoilt, Limits(pixels=1 << 20))
    except PictureError:
        return
    height, width = found.pixels.shape[:2]
    assert found.pixels.shape == (height, width, 3)
    assert height * width <= 1 << 20
    assert found.alpha is None or found.alpha.shape == (height, width)
