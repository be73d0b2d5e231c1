"""Still pictures of phones and cameras through `omote apply`: what a viewer sees."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media import case, written
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from omote_filters.words import ChainEntry, Consent
from omote_models.evaluation.answers import decoded_picture
from omote_models.pictures import ENDINGS, Sort, sort_of
from omote_server.frames.job import Toolbox
from omote_server.media.files import MediaError
from omote_server.media.pictures import read_picture, write_picture
from omote_server.workshop.offline import Offline

Pixels = NDArray[np.uint8]
PICTURES = {
    "exif6.jpg": (512, 512),
    "display_p3.jpg": (320, 320),
    "motion_photo.jpg": (320, 320),
    "portrait.avif": (320, 320),
    "portrait.jfif": (320, 320),
    "portrait.tif": (160, 160),
    "alpha.png": (256, 256),
    "alpha.webp": (256, 256),
    "animated.gif": (192, 192),
}


@pytest.fixture(scope="module")
def painting(tools: Toolbox) -> Iterator[Offline]:
    """A chain that draws on one face, for pictures with alpha too."""
    with Offline(tools, [ChainEntry("face_paint")], Consent(face_effects=True)) as made:
        yield made


def seen(path: Path) -> Pixels:
    """What an independent viewer shows: upright and in sRGB, (height, width, 4) uint8."""
    with Image.open(path) as image:
        icc = image.info.get("icc_profile")
        shown = ImageOps.exif_transpose(image)
        if icc:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            made = ImageCms.profileToProfile(
                shown, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            assert made is not None
            shown = made
        return np.asarray(shown.convert("RGBA"))


@pytest.mark.parametrize("name", PICTURES)
def test_a_case_is_read_as_a_viewer_shows_it(name: str) -> None:
    path = case(name)
    found, shown = read_picture(path), seen(path)
    assert found.pixels.shape == (*PICTURES[name], 3)
    there = shown[:, :, 3] > 0
    off = np.abs(found.pixels.astype(int) - shown[:, :, :3])[there]
    assert off.mean() <= 2
    assert np.percentile(off, 99) <= 4
    if name.startswith("alpha"):
        assert found.alpha is not None
        np.testing.assert_array_equal(found.alpha, shown[:, :, 3])


@pytest.mark.parametrize("name", PICTURES)
def test_a_case_is_painted_on_and_the_rest_stays(
    name: str, painting: Offline, tmp_path: Path
) -> None:
    before = read_picture(case(name))
    rgba = before.pixels if before.alpha is None else np.dstack([before.pixels, before.alpha])
    after = painting.run(rgba)
    target = tmp_path / "out.png"
    write_picture(
        target,
        np.ascontiguousarray(after[:, :, :3]),
        None if before.alpha is None else after[:, :, 3],
    )
    shown = seen(target)
    changed = (shown[:, :, :3] != before.pixels).any(axis=2)
    height, width = changed.shape
    rows, columns = np.nonzero(changed)
    assert 0.005 < changed.mean() < 0.2
    # She stands upright: her face is in the upper half, left of the middle, whatever was stored.
    assert rows.max() < height / 2
    assert width / 4 < columns.mean() < 0.55 * width
    if before.alpha is not None:
        np.testing.assert_array_equal(shown[:, :, 3], before.alpha)


def test_evaluation_and_data_sets_see_the_same_pictures(tmp_path: Path, astronaut: Pixels) -> None:
    said = Image.Exif()
    said[0x112] = 8
    lying = written("JPEG", np.ascontiguousarray(np.rot90(astronaut[:400], -1)), exif=said)
    path = tmp_path / "a picture without an ending"
    path.write_bytes(lying)
    assert sort_of(path) is Sort.PICTURE
    found = decoded_picture(path)
    assert not isinstance(found, str)
    np.testing.assert_array_equal(found, read_picture(path).pixels)
    assert found.shape == (400, 512, 3)
    path.write_bytes(b"text")
    assert sort_of(path) is None
    broken = tmp_path / "broken.JPG"
    broken.write_bytes(b"text")
    assert sort_of(broken) is Sort.PICTURE, "it is told of, not passed over"
    assert "not a picture" in str(decoded_picture(broken))


def test_heic_is_read_where_its_extra_is_and_named_where_it_is_not(
    tmp_path: Path, astronaut: Pixels
) -> None:
    heif = pytest.importorskip("pillow_heif", reason="omote[heic] is not installed")
    said = Image.Exif()
    said[0x112] = 6
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(astronaut[:400])))
    file = io.BytesIO()
    heif.from_pillow(lying).save(file, quality=95, exif=said.tobytes())
    path = tmp_path / "phone.heic"
    path.write_bytes(file.getvalue())
    found = read_picture(path)
    assert found.pixels.shape == (400, 512, 3)
    assert np.abs(found.pixels.astype(int) - astronaut[:400]).mean() < 5


def test_heic_says_its_colours_by_numbers(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="omote[heic] is not installed")
    green = Image.new("RGB", (64, 64), (60, 200, 60))
    for primaries, expected in ((1, (60, 200, 60)), (12, (0, 203, 11))):
        file = io.BytesIO()
        told = {"color_primaries": primaries, "transfer_characteristics": 13}
        heif.from_pillow(green).save(
            file, quality=-1, chroma=444, matrix_coefficients=0, save_nclx_profile=True, **told
        )
        path = tmp_path / "green.heic"
        path.write_bytes(file.getvalue())
        found = read_picture(path)
        assert np.abs(found.pixels[32, 32].astype(int) - expected).max() <= 3


def test_heic_without_its_extra_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "pip install 'omote[heic]'" in str(decoded_picture(path))
    with pytest.raises(ModuleNotFoundError) as missing:
        read_picture(path)
    assert missing.value.name == "pillow_heif"


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_every_ending_is_written_in_its_format(
    ending: str, astronaut: Pixels, tmp_path: Path
) -> None:
    path = tmp_path / f"out{ending.upper()}"
    write_picture(path, astronaut)
    found = read_picture(path)
    assert found.format is ENDINGS[ending]
    # A GIF has 256 colours.
    assert np.abs(found.pixels.astype(int) - astronaut).mean() < (9 if ending == ".gif" else 3)
    with Image.open(path) as image:
        assert "icc_profile" not in image.info
        assert not image.getexif().get(0x112)


def test_what_no_format_takes_is_said(tmp_path: Path) -> None:
    wide = np.zeros((2, 70_000, 3), np.uint8)
    with pytest.raises(MediaError, match=r"a JPEG has at most 65500 a side"):
        write_picture(tmp_path / "a.jpg", wide)
    with pytest.raises(MediaError, match="take one of"):
        write_picture(tmp_path / "a.heic", wide)


def apply(*arguments: bytes | str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", "apply", "--json", *arguments],
        capture_output=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.usefixtures("tools")
def test_names_are_bytes_and_contents_decide(tmp_path: Path, astronaut: Pixels) -> None:
    rgba = np.dstack([astronaut, np.full(astronaut.shape[:2], 200, np.uint8)])
    name = b"12:30 caf\xe9.txt"
    (tmp_path / os.fsdecode(name)).write_bytes(written("WEBP", rgba))
    told = apply("vignette", name, b"out \xe9.png", folder=tmp_path)
    assert told["media"]["conversions"] == []
    out = tmp_path / os.fsdecode(b"out \xe9.png")
    found = read_picture(out)
    assert found.alpha is not None
    assert (found.alpha == 200).all()
    (tmp_path / "-x").write_bytes(written("TIFF", astronaut, astronaut))
    told = apply("vignette", "--", "-x", "-y.jpg", folder=tmp_path)
    assert told["media"]["conversions"] == ["it is the first of several pictures in the file"]
    assert read_picture(tmp_path / "-y.jpg").pixels.shape == (512, 512, 3)


def test_what_stands_behind_a_picture_is_told(tmp_path: Path) -> None:
    assert read_picture(case("motion_photo.jpg")).notes == (
        "the video behind it, of a motion photo, was left out",
    )
    one = np.full((40, 40, 3), 90, np.uint8)
    (tmp_path / "both_eyes.mpo").write_bytes(written("MPO", one, one))
    assert read_picture(tmp_path / "both_eyes.mpo").notes == (
        "it is the first of several pictures in the file",
    )
    gain = b'hdrgm:Version="1.0"'
    segment = b"\xff\xe1" + (len(gain) + 2).to_bytes(2, "big") + gain
    bright = written("JPEG", one)
    (tmp_path / "hdr.jpg").write_bytes(bright[:2] + segment + bright[2:] + written("JPEG", one))
    (note,) = read_picture(tmp_path / "hdr.jpg").notes
    assert "ordinary screen" in note
    (tmp_path / "plain.jpg").write_bytes(written("JPEG", one) + bytes(1000))
    assert read_picture(tmp_path / "plain.jpg").notes == ()
