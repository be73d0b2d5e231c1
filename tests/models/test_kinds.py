"""What a file is: by its content, whatever it is called."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media import CASES, noise, written

from omote_models.pictures import Format, Kind, Sort, recognise, recognise_file


def moving(form: str, frames: int) -> bytes:
    return written(form, *(noise(seed=seed) for seed in range(frames)))


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("JPEG", Format.JPEG),
        ("PNG", Format.PNG),
        ("WEBP", Format.WEBP),
        ("AVIF", Format.AVIF),
        ("TIFF", Format.TIFF),
        ("BMP", Format.BMP),
        ("GIF", Format.GIF),
    ],
)
def test_a_picture_is_known_by_its_content(form: str, kind: Format) -> None:
    data = written(form)
    assert recognise(data) == Kind(kind, Sort.PICTURE)
    assert recognise(io.BytesIO(data)) == Kind(kind, Sort.PICTURE)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_what_moves_is_an_animation(form: str) -> None:
    found = recognise(moving(form, 3))
    assert found is not None
    assert found.sort is Sort.ANIMATION
    assert str(found).startswith("animated ")


def test_several_pages_of_a_tiff_do_not_move() -> None:
    assert recognise(moving("TIFF", 3)) == Kind(Format.TIFF, Sort.PICTURE)


def test_pictures_behind_a_jpeg_are_its_own_where_it_names_them_and_else_a_video() -> None:
    data = written("JPEG")
    assert recognise(data * 4) == Kind(Format.MJPEG, Sort.VIDEO)
    assert recognise(moving("MPO", 4)) == Kind(Format.JPEG, Sort.PICTURE)
    assert recognise(data + data) == Kind(Format.JPEG, Sort.PICTURE)


def boxed(*brands: bytes) -> bytes:
    body = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body


@pytest.mark.parametrize(
    ("data", "kind", "sort"),
    [
        (boxed(b"isom", b"iso2"), Format.MP4, Sort.VIDEO),
        (boxed(b"3gp5"), Format.MP4, Sort.VIDEO),
        (boxed(b"qt  "), Format.MOV, Sort.VIDEO),
        (b"\0\0\0\x08wide\0\0\0\0mdat", Format.MOV, Sort.VIDEO),
        (boxed(b"mif1", b"mif1", b"heic"), Format.HEIC, Sort.PICTURE),
        (boxed(b"heic", b"mif1"), Format.HEIC, Sort.PICTURE),
        (boxed(b"hevc", b"msf1"), Format.HEIC, Sort.ANIMATION),
        (boxed(b"mif1", b"avif"), Format.AVIF, Sort.PICTURE),
        (boxed(b"crx "), Format.RAW, Sort.OTHER),
        (b"\x1a\x45\xdf\xa3\x01", Format.MATROSKA, Sort.VIDEO),
        (b"RIFF\0\0\0\0AVI LIST", Format.AVI, Sort.VIDEO),
        ((b"\x47" + bytes(187)) * 3, Format.MPEG_TS, Sort.VIDEO),
        ((bytes(4) + b"\x47" + bytes(187)) * 3, Format.MPEG_TS, Sort.VIDEO),
        (b"OggS\0", Format.OGG, Sort.VIDEO),
        (b"FLV\x01\5", Format.FLV, Sort.VIDEO),
        (b"\0\0\0\x01\x67\x64", Format.H264, Sort.VIDEO),
        (b"\0\0\x01\x09\xf0", Format.H264, Sort.VIDEO),
        (b"\0\0\0\x01\x40\x01", Format.H265, Sort.VIDEO),
        (b"\0\0\x01\xba\x44", Format.MPEG_PS, Sort.VIDEO),
        (b"YUV4MPEG2 W4 H4\n", Format.Y4M, Sort.VIDEO),
        (b"%PDF-1.7", Format.PDF, Sort.OTHER),
        (b"<?xml version='1.0'?>\n<svg/>", Format.SVG, Sort.OTHER),
        (b"\0\0\0\x0cJXL \r\n", Format.JPEG_XL, Sort.OTHER),
    ],
)
def test_videos_and_what_nobody_reads_are_named(data: bytes, kind: Format, sort: Sort) -> None:
    assert recognise(data) == Kind(kind, sort)


def test_a_cameras_raw_file_is_no_small_tiff() -> None:
    entries = [(254, 4, 1, 1), (330, 4, 1, 200)]
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    thumbnail_first = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4)
    assert recognise(thumbnail_first) == Kind(Format.RAW, Sort.OTHER)
    dng = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 50706, 1, 4, 0x401) + bytes(4)
    assert recognise(dng) == Kind(Format.RAW, Sort.OTHER)


def test_text_and_nothing_are_no_picture() -> None:
    for data in (b"", b"BM, a firm", b"hello", b"\0" * 4096, b"RIFF\0\0\0\0WAVEfmt "):
        assert recognise(data) is None


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/data/cases/media is not at hand")
def test_the_cases_are_what_they_are() -> None:
    videos = {".mp4", ".ts", ".mkv", ".webm"}
    for path in sorted(CASES.iterdir()):
        found = recognise_file(path)
        if path.suffix in (".md", ".txt"):
            assert found is None
            continue
        assert found is not None, path.name
        expected = Sort.VIDEO if path.suffix in videos else Sort.PICTURE
        assert found.sort is (Sort.ANIMATION if path.name == "animated.gif" else expected)


FORMS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    return {form: moving(form, 2 if form in ("GIF", "PNG") else 1) for form in FORMS}


@settings(deadline=None)
@given(form=st.sampled_from(FORMS), data=st.data())
def test_any_bytes_are_something_or_nothing(
    whole: dict[str, bytes], form: str, data: st.DataObject
) -> None:
    picture = whole[form]
    cut = data.draw(st.integers(0, len(picture)))
    foreign = data.draw(st.binary(max_size=64))
    found = recognise(picture[:cut] + foreign + picture[cut + len(foreign) :])
    assert found is None or isinstance(found, Kind)
    recognise(foreign)
