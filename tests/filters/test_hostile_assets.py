"""Every file's bytes give an asset or an `AssetError`, and none stops the process."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from glb_files import packed, parts, rewritten, write_glb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omote_filters.assets import Asset, AssetError, PictureAsset, read_asset
from omote_filters.draw import apart
from omote_filters.draw.picture import PictureError, decoded
from omote_filters.draw.solid import Material, ball
from omote_filters.draw.svg import SvgError, plain_svg
from omote_filters.draw.texture import rasterised

ART = sorted(Path(str(files("omote_filters") / "assets")).glob("*.svg"))
ART += sorted(Path(str(files("omote_filters") / "packs" / "builtin")).glob("*/*.svg"))
GLB = write_glb([ball(1, Material(texture=np.full((4, 4, 4), 9, np.uint8)), 6)])
CUBE = b"LUT_3D_SIZE 2\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\n" + b"0.5 0 1\n" * 8
DRAWN = '<rect width="9" height="9"/>'


def svg(*body: str, box: str = "0 0 9 9") -> bytes:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} viewBox="{box}">{"".join(body)}</svg>'.encode()


def encoded(suffix: str) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (6, 5, 3), np.uint8)
    return bytes(cv2.imencode(suffix, pixels)[1])


PNG, JPEG = encoded(".png"), encoded(".jpg")


def tried(name: str, data: bytes) -> Asset | None:
    """The one rule. A text that cannot be written to a terminal or a log is no text."""
    try:
        return read_asset(name, data)
    except AssetError as error:
        str(error).encode()
        return None


# What a mutation puts in: what often breaks a reader.
TOKENS = st.sampled_from(
    [
        *(b"", b"\0", b"\xff\xfe", b"-1", b"1e999", b"nan", b"9" * 400, b"[" * 300, b"<", b">"),
        *(b'"', b"{}", b"null", b"true", b"<!DOCTYPE a>", b"&a;", b"url(#a)", b"\xed\xa0\x80"),
    ]
)


@st.composite
def mutated(draw: st.DrawFn, sources: list[bytes]) -> bytes:
    """One of some files with a few stretches of it replaced, moved or left out."""
    data = draw(st.sampled_from(sources))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 4, 40])))
        other = draw(st.integers(0, len(data)))
        stretch = data[other : other + 30]
        new = draw(st.one_of(TOKENS, st.binary(max_size=4), st.just(stretch)))
        data = data[:start] + new + data[end:]
    return data


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3)
)


@st.composite
def other_json(draw: st.DrawFn) -> bytes:
    """A whole GLB file of which one value in its JSON is another."""
    gltf, _ = parts(GLB)
    holder: Any = gltf
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = draw(st.sampled_from(keys))
        if not isinstance(holder[key], dict | list) or not holder[key] or draw(st.booleans()):
            holder[key] = draw(VALUES | st.integers(0, 9))
            return rewritten(GLB, gltf)
        holder = holder[key]


JSON = VALUES.map(lambda value: packed(json.dumps(value).encode(), b"\0" * 64))
# A busy machine is slow at making examples, too: that is no fault.
quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
drawing = settings(quick, max_examples=40)
"""Each may start a process."""


@quick
@given(st.binary(max_size=200) | JSON | other_json() | mutated([GLB]))
def test_any_bytes_are_a_model_or_are_refused(data: bytes) -> None:
    tried("a.glb", data)


@quick
@given(st.text().map(str.encode) | st.binary() | mutated([CUBE]))
def test_any_bytes_are_a_table_or_are_refused(data: bytes) -> None:
    tried("a.cube", data)


@quick
@given(st.binary() | mutated([PNG, encoded(".jpg"), PNG[:33] + PNG]))
def test_any_bytes_are_a_picture_or_are_refused(data: bytes) -> None:
    tried("a.png", data)
    with suppress(PictureError):
        assert decoded(data).shape[2] == 4


@drawing
@given(st.text().map(str.encode) | st.text().map(lambda text: svg(text)))
def test_any_text_is_a_drawing_or_is_refused(data: bytes) -> None:
    tried("a.svg", data)


@drawing
@given(mutated([path.read_bytes() for path in ART]))
def test_art_that_was_changed_is_a_drawing_or_is_refused(data: bytes) -> None:
    asset = tried("a.svg", data)
    if isinstance(asset, PictureAsset):
        # What was written anew is read the same a second time.
        plain = plain_svg(data)
        assert plain_svg(plain.text) == plain


@pytest.mark.parametrize("path", ART, ids=lambda path: path.stem)
def test_our_own_art_passes_and_looks_the_same(path: Path) -> None:
    asset = read_asset(path.name, path.read_bytes())
    assert isinstance(asset, PictureAsset)
    height, width = asset.pixels.shape[:2]
    np.testing.assert_array_equal(asset.pixels, rasterised(path.read_bytes(), width, height))


DOUBLING = [
    f'<g id="a{n + 1}"><use xlink:href="#a{n}"/><use xlink:href="#a{n}"/></g>' for n in range(25)
]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (svg('<path d="M0 0H9" stroke="#000" stroke-dasharray="1e-6"/>'), "stroke-dasharray"),
        (svg('<path d="M0 0H9" style="stroke-dasharray:0,0"/>'), "stroke-dasharray"),
        (svg('<path d="M0 0H9" stroke-dasharray="-1 9"/>'), "stroke-dasharray"),
        (svg(*DOUBLING), "another <use>"),
        (svg('<g id="a"><use xlink:href="#a"/></g>'), "another <use>"),
        (svg(f'<g id="a">{DRAWN * 80}</g>', '<use href="#a"/>' * 60), "copies"),
        (svg('<filter id="a"><feGaussianBlur stdDeviation="1e4"/></filter>'), "stdDeviation"),
        (svg('<filter id="a" x="-9000%"/>'), "filter x"),
        (svg('<filter id="a"/>', '<rect filter="url(#a)"/>' * 40), "blurred"),
        (svg("<g>" * 40, "</g>" * 40), "nested deeper"),
        (svg("<g/>" * 5000), "more than 4000 elements"),
        (svg('<rect width="1e9" height="1"/>'), "beyond"),
        (svg(f'<rect width="{"0" * 5000}1"/>'), "beyond"),
        (svg(f'<path d="M{"9" * 400} 0"/>'), "beyond"),
        (svg(f'<path transform="scale(1){" " * 100_000}x"/>'), "transform"),
        (svg(f'<rect width="{"1" * 400_000}x"/>'), "not a number"),
        (svg('<rect width="NaN"/>'), "not a number"),
        (svg('<rect fill="url(http://x/a)"/>'), "not a paint"),
        (svg('<use xlink:href="data:image/svg+xml;base64,AAAA"/>'), "not a link"),
        (svg('<use xlink:href="file:///etc/passwd#a"/>'), "not a link"),
        (svg('<rect onclick="x()"/>'), "'onclick'"),
        (svg('<rect style="mask:url(#a)"/>'), "'mask'"),
        (svg("<text>Hello</text>"), "turn text into paths"),
        (svg("<style>*{fill:red}</style>"), "as attributes"),
        (svg('<svg viewBox="0 0 1 1"/>'), "no other may be one"),
        (svg("<animate/>"), "no <animate>"),
        (svg('<filter id="a"><feTurbulence/></filter>'), "no <feTurbulence>"),
        (svg("&a;"), "undefined entity"),
        (svg(box="0 0 1e-9 1e-9"), "viewBox"),
        (svg(box="0 0 100 1"), "16 times"),
        (b'<svg viewBox="0 0 9 9"><x:rect/></svg>', "unbound prefix"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><svg id="\xe4"/>', "UTF-8"),
    ],
)
def test_an_svg_bomb_is_refused_before_it_is_drawn(data: bytes, told: str) -> None:
    with pytest.raises(SvgError, match=told):
        plain_svg(data)


def test_what_editors_note_is_left_out() -> None:
    noted = svg(
        '<sodipodi:namedview xmlns:sodipodi="urn:s" pagecolor="#fff"><sodipodi:page/>'
        "</sodipodi:namedview><metadata><rdf:RDF xmlns:rdf='urn:r'/></metadata><title>Hi</title>",
        '<g xmlns:i="urn:i" i:label="Layer" class="a" data-name="b" aria-label="c">',
        '<rect width="9" height="9" style="fill:#f00;-i-stroke:none;font-size:12px" rx="1mm"/></g>',
    ).replace(b"<svg", b'<svg width="210mm" height="100%" version="1.1"')
    assert plain_svg(noted).text == svg(
        '<g><rect width="9" height="9" rx="1mm" fill="#f00"></rect></g>'
    )


SLOW = svg(
    '<radialGradient id="a"><stop stop-color="#f00"/><stop offset="1"/></radialGradient>',
    '<circle r="9" fill="url(#a)" opacity="0.5"/>' * 3990,
)
"""Every word of it is allowed, and it takes many seconds."""


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends it by its CPU time")
def test_a_drawing_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_CPU_SECONDS", 1)
    with pytest.raises(AssetError, match="more than 1 s to draw"):
        read_asset("slow.svg", SLOW)


def test_a_drawing_is_ended_by_the_clock_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_WALL_SECONDS", 0.2)
    with pytest.raises(AssetError, match="too long to draw"):
        read_asset("slow.svg", SLOW)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(
    "chunks",
    [
        chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 50_000_000)),
        chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 50_000_000)),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"\0" * 50_000_000)),
        chunk(b"tEXt", b"a\0b") * 10_000,
        chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
    ],
    ids=["profile", "text", "long text", "many texts", "frames"],
)
def test_what_a_png_says_beside_its_pixels_is_never_unpacked(chunks: bytes) -> None:
    np.testing.assert_array_equal(decoded(PNG[:33] + chunks + PNG[33:]), decoded(PNG))


def test_a_png_in_a_million_pieces_is_refused() -> None:
    with pytest.raises(PictureError, match="chunks"):
        decoded(PNG[:33] + chunk(b"tEXt", b"") * 200_000 + PNG[33:])


def test_a_png_of_more_pixels_than_it_says_is_not_filled() -> None:
    body = zlib.compress(b"\0" * 50_000_000)
    header = PNG[:16] + struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    header += struct.pack(">I", zlib.crc32(header[12:]))
    data = header + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    assert decoded(data).shape == (2, 2, 4)


def jpeg_of(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments) + JPEG[2:]


HUGE_FRAME = struct.pack(">BBHBHHB", 0xFF, 0xC0, 17, 8, 60_000, 60_000, 3) + b"\1\x11\0" * 3


@pytest.mark.parametrize(
    "data",
    [
        jpeg_of(HUGE_FRAME),
        # A marker without a length: a reader that takes one skips what a decoder does not.
        jpeg_of(b"\xff\x01", HUGE_FRAME[:2], HUGE_FRAME[2:]),
        jpeg_of(b"\xff\xff", HUGE_FRAME),
        JPEG[:-2] + b"\xff\xda\0\2" * 100 + JPEG[-2:],
    ],
    ids=["huge", "no length", "filled", "scans"],
)
def test_a_jpeg_bomb_is_refused_before_it_is_decoded(data: bytes) -> None:
    with pytest.raises(PictureError, match=r"at most 2048|scans"):
        decoded(data)
