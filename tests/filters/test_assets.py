"""What packs bring beside their text: pictures, models and tables, and what is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import cv2
import numpy as np
import pytest
from glb_files import write_glb
from heads import head, skin_picture
from typer.testing import CliRunner

from omote_filters.assets import PictureAsset, read_asset
from omote_filters.chain import Chain
from omote_filters.draw.solid import Material, ball
from omote_filters.filter import LARGEST_PREVIEW
from omote_filters.listing import Listing
from omote_filters.packs.load import load_pack
from omote_filters.packs.source import PackError
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent
from omote_server.cli import app

run = CliRunner()

SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10">
<rect width="20" height="10" fill="#0000ff"/></svg>"""
PACK = """\
id: mine
name: Mine
version: "1.0.0"
description: A pack to test with.
layers:
  - filter: {filter}
    settings: {{{setting}: {{asset: {asset}}}}}
"""


def png(width: int, height: int, alpha: int = 255) -> bytes:
    pixels = np.full((height, width, 4), (255, 0, 0, alpha), np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1])


def cube(colour: str) -> bytes:
    return ("LUT_3D_SIZE 2\n" + f"{colour}\n" * 8).encode()


def folder_of(place: Path, filter_id: str, setting: str, asset: str, data: bytes | None) -> Path:
    folder = place / "mine"
    folder.mkdir()
    text = PACK.format(filter=filter_id, setting=setting, asset=asset)
    (folder / "filter.yaml").write_text(text)
    if data is not None:
        (folder / asset).parent.mkdir(exist_ok=True)
        (folder / asset).write_bytes(data)
    return folder


def drawn(pack: Path, person: bool = False) -> tuple[np.ndarray, np.ndarray]:
    registry = Registry(packs=[pack])
    assert isinstance(registry.find("mine"), Listing), registry.find("mine")
    chain = Chain.build([ChainEntry("mine")], registry)
    chain.start()
    face = head(width=90, centre=(130, 110))
    before = skin_picture(264, 216)
    mask = np.zeros(before.shape[:2], np.uint8) if person else None
    for _ in range(4):
        scene = Scene(before.copy(), [face], person=mask)
        applied = chain.apply(scene, Consent(face_effects=True))
        if not applied.bypassed:
            break
    # A machine that is busy just now may be late once.
    assert not applied.bypassed
    chain.stop()
    return before, scene.picture


@pytest.mark.parametrize("name", ["star.svg", "art/star.svg"])
def test_a_pack_brings_its_sticker(tmp_path: Path, name: str) -> None:
    before, after = drawn(folder_of(tmp_path, "sticker", "art", name, SVG))
    changed = (before != after).any(axis=2)
    assert changed.sum() > 50
    blue = after[changed].astype(int)
    assert (blue[:, 2] > blue[:, 0]).mean() > 0.8


def test_a_pack_brings_its_face_paint(tmp_path: Path) -> None:
    before, after = drawn(folder_of(tmp_path, "face_paint", "art", "all.png", png(64, 64)))
    assert int(after[110, 130, 2]) - int(after[110, 130, 0]) > 60, "the face is blue"
    assert np.array_equal(before[:20], after[:20])


def test_a_pack_brings_its_background(tmp_path: Path) -> None:
    _, after = drawn(
        folder_of(tmp_path, "background_replace", "picture", "sky.png", png(40, 30)), person=True
    )
    assert np.abs(after.astype(int) - (0, 0, 255)).max() < 3


def test_a_pack_brings_its_film(tmp_path: Path) -> None:
    _, after = drawn(folder_of(tmp_path, "film_look", "table", "red.cube", cube("1 0 0")))
    assert np.abs(after.astype(int) - (255, 0, 0)).max() < 4


def test_a_pack_brings_its_model(tmp_path: Path) -> None:
    kind = Registry().find("prop_3d")
    assert isinstance(kind, Listing)
    if kind.lack:
        pytest.skip(kind.lack)
    model = write_glb([ball(4.0, Material((0, 0, 1), rough=0.9)).moved(0, 0, 8)])
    before, after = drawn(folder_of(tmp_path, "prop_3d", "model", "ball.glb", model))
    assert (before != after).any(axis=2).sum() > 200


def test_colours_are_multiplied_by_their_alpha() -> None:
    asset = read_asset("half.png", png(8, 8, alpha=128))
    assert isinstance(asset, PictureAsset)
    assert asset.pixels[0, 0].tolist() == [0, 0, 128, 128]


def test_a_zip_holds_its_assets_and_the_command_packs_them(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "sticker", "art", "art/star.svg", SVG)
    (folder / "notes.txt").write_text("not for others")
    packed = run.invoke(app, ["filters", "pack", str(folder)])
    assert packed.exit_code == 0, packed.output
    with ZipFile(tmp_path / "mine.zip") as archive:
        assert archive.namelist() == ["filter.yaml", "art/star.svg"]
    before, after = drawn(tmp_path / "mine.zip")
    assert (before != after).any()


def test_the_command_packs_the_preview(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "sticker", "art", "star.svg", SVG)
    jpeg = bytes(cv2.imencode(".jpg", np.zeros((9, 9, 3), np.uint8))[1])
    (folder / "preview.jpg").write_bytes(jpeg)
    packed = run.invoke(app, ["filters", "pack", str(folder)])
    assert packed.exit_code == 0, packed.output
    assert load_pack(tmp_path / "mine.zip", Registry().find).preview() == jpeg


def bomb() -> bytes:
    """A PNG of 2 billion pixels."""
    header = struct.pack(">IIBBBBB", 46000, 46000, 8, 6, 0, 0, 0)
    body = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("star.svg", None, "there is no such file"),
        ("../star.svg", None, "inside the pack"),
        ("/etc/passwd", None, "inside the pack"),
        ("a/../../b.svg", None, "inside the pack"),
        ("star.gif", b"GIF89a", "an asset is one of"),
        ("star.png", b"GIF89a", "not a PNG"),
        ("star.png", bomb(), "at most"),
        ("star.png", png(8, 8)[:40], "is a damaged or truncated PNG"),
        ("star.svg", b"hello", "not an SVG"),
        ("star.svg", b"<g/>", "first element must be <svg>"),
        ("star.svg", SVG.replace(b"<svg", b"\xff<svg"), "UTF-8"),
        ("star.svg", b'<svg viewBox="0 0 9 9"', "not an SVG"),
        ("star.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "DOCTYPE"),
        ("star.svg", SVG.replace(b"<rect", b'<image href="file:///etc/passwd"/><rect'), "image"),
        ("star.svg", SVG.replace(b"0 0 20 10", b"0 0 20 0"), "viewBox"),
        ("star.svg", SVG.replace(b"</svg>", b"<g/>" * 9000 + b"</svg>"), "elements"),
        ("star.svg", SVG + b" " * 600_000, "larger than"),
        ("star.png", png(8, 8) + b" " * (5 * 2**20), "larger than"),
        ("red.cube", cube("1 0 0"), "it is a file that a pack brings"),
    ],
)
def test_what_is_wrong_with_an_asset_is_said(
    tmp_path: Path, name: str, data: bytes | None, told: str
) -> None:
    folder = folder_of(tmp_path, "sticker", "art", name, data)
    with pytest.raises(PackError, match=told) as refused:
        load_pack(folder, Registry().find)
    assert "filter.yaml:7" in refused.value.problems[0]


def test_a_link_out_of_the_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.svg").write_bytes(SVG)
    folder = folder_of(tmp_path, "sticker", "art", "star.svg", None)
    (folder / "star.svg").symlink_to(tmp_path / "secret.svg")
    with pytest.raises(PackError, match="outside the pack"):
        load_pack(folder, Registry().find)


def test_a_bomb_in_a_zip_is_not_unpacked(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "mine.zip", "w", ZIP_DEFLATED) as archive:
        archive.writestr(
            "filter.yaml", PACK.format(filter="sticker", setting="art", asset="star.svg")
        )
        archive.writestr("star.svg", b" " * 50_000_000)
    with pytest.raises(PackError, match="larger than"):
        load_pack(tmp_path / "mine.zip", Registry().find)


@pytest.mark.parametrize("value", ["star.svg", 3, True, {"asset": "star.svg"}])
def test_no_client_gives_files(value: object) -> None:
    from omote_filters.words import ChainError

    with pytest.raises(ChainError, match="a file that a pack brings"):
        Registry().resolve([ChainEntry("sticker", {"art": value})])


def previewed(folder: Path, data: bytes) -> bytes:
    (folder / "preview.jpg").write_bytes(data)
    return load_pack(folder, Registry().find).preview()


def test_a_pack_brings_its_preview(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "sticker", "art", "star.svg", SVG)
    jpeg = bytes(cv2.imencode(".jpg", np.zeros((9, 9, 3), np.uint8))[1])
    assert previewed(folder, jpeg) == jpeg
    assert previewed(folder, png(3, 3)) == b""
    assert previewed(folder, jpeg + b" " * LARGEST_PREVIEW) == b""


def test_every_filter_of_ours_has_a_preview() -> None:
    for listing in Registry().catalogue():
        assert isinstance(listing, Listing)
        assert bool(listing.preview()) == listing.draws, listing.id
