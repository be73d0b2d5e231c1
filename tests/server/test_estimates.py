"""Age and gender through a real server: ranges on the wire, and estimators of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote_client import Client, Consent, InvalidRequest, Output, RawPicture
from omote_models.estimators import find_estimator
from omote_models.store import model_store
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings

Pixels = NDArray[np.uint8]
ALL = Consent(face_effects=True, demographics=True)


async def test_age_ranges_are_told_where_they_are_asked_for(
    server: Server, carphone: list[Pixels]
) -> None:
    pictures = [RawPicture.of(frame) for frame in carphone[:12]]
    async with Client(server.address) as client:
        output = Output(age_ranges=(0, 18, 65))
        async with client.stream((), consent=ALL, output=output) as stream:
            results = [result async for result in stream.process(pictures)]
        with pytest.raises(InvalidRequest, match="rise"):
            async with client.stream((), output=Output(age_ranges=(18, 18))):
                pass
    (face,) = results[-1].faces
    found = face.attributes.age_ranges
    assert [(each.first, each.last) for each in found] == [(0, 17), (18, 64), (65, None)]
    assert sum(each.probability for each in found) == pytest.approx(1, abs=1e-3)
    assert found[1].probability > 0.6


async def test_an_estimator_of_ones_own_is_told_and_used(
    tmp_path: Path, carphone: list[Pixels]
) -> None:
    light = find_estimator("light").path.read_text()
    weights = model_store().pull("face-api").read_bytes()
    (tmp_path / "mine.onnx").write_bytes(weights)
    (tmp_path / "card.md").write_text("# Mine\n")
    mine = light.replace('name = "light"', 'name = "mine"\nlicence = "MIT"\ncard = "card.md"')
    mine = mine.replace('model = "face-api"', 'file = "mine.onnx"')
    (tmp_path / "estimator.toml").write_text(mine)
    server = Server(Settings(port=0, workers=1, estimator=str(tmp_path)))
    await server.start()
    try:
        async with Client(server.address) as client:
            info = await client.server_info(cards=True)
            pictures = [RawPicture.of(frame) for frame in carphone[:8]]
            async with client.stream((), consent=ALL, output=Output(attributes=True)) as stream:
                results = [result async for result in stream.process(pictures)]
    finally:
        await server.stop()
    loaded = {model.name: model for model in info.models if model.loaded}
    assert "face-api" not in loaded
    assert loaded["mine"].card == "# Mine\n"
    assert loaded["mine"].size_bytes == len(weights)
    assert results[-1].faces[0].attributes.age.value is not None
