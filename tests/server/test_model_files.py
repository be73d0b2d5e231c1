"""Model files that change under a running server, and what a filled cache needs to be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote_client import Client, Consent, Output, RawPicture, Result
from omote_models.estimators import find_estimator
from omote_models.store import ModelCorrupt, ModelMissing, model_store
from omote_server.serving.inventory import used
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings

Pixels = NDArray[np.uint8]
ALL = Consent(face_effects=True, demographics=True)
EVERYTHING = Output(attributes=True, blendshapes=True, pose=True)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, with copies of what a server loads."""
    shared = model_store()
    files = [shared.pull(name) for name in used()]
    folder = tmp_path / "cache" / "models"
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder)
    monkeypatch.setenv("OMOTE_CACHE", str(folder.parent))
    return folder


@pytest.fixture
def own_estimator(tmp_path: Path, cache: Path) -> Path:
    """An estimator whose age network lies beside its own file."""
    folder = tmp_path / "estimator"
    folder.mkdir()
    text = find_estimator("light").path.read_text().replace('name = "light"', 'name = "mine"')
    text = text.replace('model = "face-api"', 'file = "mine.onnx"')
    (folder / "estimator.toml").write_text(text)
    (folder / "mine.onnx").write_bytes(model_store().read("face-api"))
    return folder


@pytest.fixture
async def running(own_estimator: Path) -> AsyncIterator[Server]:
    server = Server(Settings(port=0, workers=2, estimator=str(own_estimator)))
    await server.start()
    yield server
    await server.stop()


def damage(folder: Path) -> None:
    """Every file cut, replaced by another or deleted, in turn."""
    for number, file in enumerate(sorted(path for path in folder.iterdir() if path.is_file())):
        if number % 3 == 0:
            os.truncate(file, 1000)
        elif number % 3 == 1:
            file.write_bytes(b"\x00" * 100_000)
        else:
            file.unlink()


async def filtered(client: Client, chain: list[str], frames: list[Pixels]) -> list[Result]:
    async with client.stream(chain, consent=ALL, output=EVERYTHING) as stream:
        pictures = [RawPicture.of(frame) for frame in frames]
        return [result async for result in stream.process(pictures)]


async def test_files_that_change_change_nothing_for_a_running_server(
    running: Server, cache: Path, own_estimator: Path, carphone: list[Pixels]
) -> None:
    frames = carphone[:6]
    async with Client(running.address) as client:
        before = await client.server_info(cards=True)
        async with client.stream(["lipstick"], consent=ALL) as old:
            first = [r async for r in old.process([RawPicture.of(frames[0])])]
            damage(cache)
            damage(own_estimator)
            new = await filtered(client, ["lipstick", "background_blur"], frames)
            assert first[0].applied == ("lipstick",)
        after = await client.server_info(cards=True)
    assert new
    assert all(set(result.applied) == {"lipstick", "background_blur"} for result in new)
    (face,) = new[-1].faces
    assert face.attributes.age.value is not None
    assert face.blendshapes
    assert face.pose is not None
    assert after.models == before.models, "it tells of what it loaded"


def test_what_is_read_is_what_was_verified(cache: Path) -> None:
    store = model_store()
    data = store.read("person")
    assert len(data) == store.model("person").bytes
    file = store.path("person")
    file.write_bytes(data + b"more")
    with pytest.raises(ModelCorrupt, match="omote models pull person"):
        store.read("person")
    file.write_bytes(data[:-1])
    with pytest.raises(ModelCorrupt):
        store.read("person")
    file.unlink()
    with pytest.raises(ModelMissing, match="omote models pull person"):
        store.read("person")


WITHOUT_ONNX = """
import sys
sys.modules["onnx"] = None  # as if it were not installed
import numpy as np
from omote_models.convert import ConvertError, convert
from omote_server.frames.warmup import load_tools, warm
warm(load_tools())
try:
    convert("face_api", [b"[]", b""])
except ConvertError as error:
    print(error)
"""


def test_a_filled_cache_needs_no_onnx() -> None:
    model_store().pull_all(used())
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_ONNX], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "'onnx'" in ran.stdout
    assert "omote[models]" in ran.stdout
