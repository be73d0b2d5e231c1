"""Converted networks say what the originals say, and damaged parts are refused."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest

from omote_models.calibration import AGES
from omote_models.convert import ConvertError, convert
from omote_models.networks import at_age
from omote_models.rebuilt.tfjs import tfjs_weights
from omote_models.store import model_store

_MEAN = np.array([122.782, 117.001, 104.298], np.float32)


def verified(name: str) -> bytes:
    store = model_store()
    store.pull(name)
    return store.read(name)


@pytest.fixture(scope="module")
def parts() -> list[bytes]:
    return [verified(name) for name in ("face-api-layout", "face-api-weights")]


@pytest.mark.parametrize(
    ("slope", "years", "gender"),
    [
        # What @vladmandic/face-api 1.7.15 itself answered, on TensorFlow.js' CPU backend.
        (0, 15.701868057250977, (1.5892808437347412, -1.0393998622894287)),
        (1, 11.307700157165527, (-0.053464435040950775, -0.7195573449134827)),
        (5, 13.546696662902832, (-0.2135065197944641, -0.12687811255455017)),
    ],
)
def test_face_api_says_what_the_original_says(
    slope: int, years: float, gender: tuple[float, float]
) -> None:
    session = onnxruntime.InferenceSession(verified("face-api"))
    y, x, c = np.meshgrid(np.arange(112), np.arange(112), np.arange(3), indexing="ij")
    picture = (y * slope + x * (c + 1) if slope else y * 2 + c * 20) % 256
    batch = ((picture.astype(np.float32) - _MEAN) / 255).transpose(2, 0, 1)[None]
    said = session.run(["age", "gender"], {"picture": np.ascontiguousarray(batch)})
    assert said[0][0, 0] == pytest.approx(years, abs=1e-3)
    assert said[1][0] == pytest.approx(gender, abs=1e-3)


def test_the_same_parts_make_the_same_bytes(parts: list[bytes]) -> None:
    assert convert("face_api", parts) == verified("face-api")


def test_damaged_parts_are_refused(parts: list[bytes]) -> None:
    with pytest.raises(ConvertError, match="face_api"):
        convert("face_api", [parts[0], parts[1][:-7]])
    with pytest.raises(ConvertError, match="face_api"):
        convert("face_api", [parts[1], parts[0]])
    layout = json.loads(parts[0])
    layout[0]["weights"].pop()
    with pytest.raises(ValueError, match="bytes of weights"):
        tfjs_weights(json.dumps(layout).encode(), parts[1])


def test_a_converter_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConvertError, match="there are face_api"):
        convert("nobody", [])


@pytest.mark.parametrize("years", [-3.0, 0.25, 0.6, 1.0, 17.6, 33.3, 100.0, 140.0])
def test_a_distribution_at_one_age_has_it_as_its_mean(years: float) -> None:
    ages = at_age(years)
    assert float(ages.sum()) == pytest.approx(1)
    assert float(ages @ AGES) == pytest.approx(min(100.5, max(0.5, years)), abs=1e-4)


def test_faceres_says_what_the_original_says() -> None:
    session = onnxruntime.InferenceSession(verified("faceres"))
    numbers = np.arange(224 * 224 * 3, dtype=np.float64)
    picture = (numbers * 2654435761 % 4294967296 / 4294967296 * 255 - 110).astype(np.float32)
    batch = picture.reshape(1, 224, 224, 3).transpose(0, 3, 1, 2)
    logits, male = session.run(["age", "gender"], {"picture": np.ascontiguousarray(batch)})
    ages = np.exp(logits[0] - logits[0].max())
    ages /= ages.sum()
    # What the original answered on TensorFlow.js 4.22's CPU backend.
    assert ages[:3] == pytest.approx([0.0078027584, 0.0015051520, 0.0010935217], abs=1e-6)
    assert float(ages @ np.arange(1, 101)) == pytest.approx(38.975955963, abs=1e-3)
    assert 1 / (1 + np.exp(-male[0, 0])) == pytest.approx(0.6559480428, abs=1e-5)
