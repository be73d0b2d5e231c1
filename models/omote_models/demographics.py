"""Age and gender of one face in one picture, by two small networks on ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from omote_models.chips import chip
from omote_models.face import FloatArray

_MEAN = np.array([122.782, 117.001, 104.298], np.float32)
_FACE_API_SIDE, _FACE_API_SCALE = 112, 255.0
_DLIB_SIDE, _DLIB_SCALE = 32, 256.0

AGES: FloatArray = np.array([0.25, *range(1, 101)], np.float32)
"""The age in years of each class of an age distribution; the first is the first year of life."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the networks said of one picture of a face.

    Attributes:
        ages: (101,) float32 probabilities of `AGES`, uncalibrated, or None where nothing was
            asked for. It comes with gender, too: that of a small child is not to be guessed.
        male_logit: log odds of male against female, uncalibrated, or None.
    """

    ages: FloatArray | None = None
    male_logit: float | None = None


class DemographicsEstimator:
    """Two small networks, loaded once, shared by every session and thread.

    Age is face-api's; gender is the mean of the log odds of face-api's and dlib's networks,
    which err on different faces.
    """

    def __init__(self, face_api: Path, gender_dlib: Path) -> None:
        """Load both networks; one thread each, so that sessions do not fight for cores."""
        self._face_api = _session(face_api)
        self._gender = _session(gender_dlib)

    def read(
        self,
        picture: NDArray[np.uint8],
        landmarks: FloatArray,
        *,
        age: bool = True,
        gender: bool = True,
    ) -> Reading:
        """One reading; only the networks that are asked for run.

        Args:
            picture: (height, width, 3) uint8 RGB.
            landmarks: (478, 3) pixels.
            age: whether to estimate age.
            gender: whether to estimate gender, which runs the second network.
        """
        if not (age or gender):
            return Reading()
        pixels = _prepared(picture, landmarks, _FACE_API_SIDE, _FACE_API_SCALE)
        years, (male, female) = (answer[0] for answer in _run(self._face_api, pixels))
        ages = at_age(float(years[0]))
        if not gender:
            return Reading(ages)
        pixels = _prepared(picture, landmarks, _DLIB_SIDE, _DLIB_SCALE)
        probabilities = np.clip(_run(self._gender, pixels)[0][0], 1e-6, 1.0)
        dlib = float(np.log(probabilities[1] / probabilities[0]))
        return Reading(ages, (float(male - female) + dlib) / 2)


def at_age(years: float) -> FloatArray:
    """The distribution over `AGES` that is all at one age: (101,) float32, its mean is the age."""
    years = float(np.clip(years, AGES[0], AGES[-1]))
    upper = max(1, int(np.searchsorted(AGES, years)))
    share = (years - AGES[upper - 1]) / (AGES[upper] - AGES[upper - 1])
    ages = np.zeros(len(AGES), np.float32)
    ages[upper - 1], ages[upper] = 1 - share, share
    return ages


def _session(model: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _prepared(
    picture: NDArray[np.uint8], landmarks: FloatArray, side: int, scale: float
) -> FloatArray:
    pixels = (chip(picture, landmarks, side).astype(np.float32) - _MEAN) / scale
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def _run(session: Any, batch: FloatArray) -> list[FloatArray]:
    answers: list[FloatArray] = session.run(None, {session.get_inputs()[0].name: batch})
    return answers
