"""One network of an estimator, on ONNX Runtime: checked when it is loaded, fed and read by data."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from omote_models.calibration import AGES
from omote_models.chips import boxed, chip
from omote_models.estimators import EstimatorError, NetworkSpec
from omote_models.face import FloatArray

_LEAST = 1e-6
_MOST_LOGIT = 30.0
_OUTSIDE = "External data path"
"""Begins ONNX Runtime's complaint of weights that are not in the file itself."""
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"


class Network:
    """A loaded network; it may be used by many threads at once."""

    def __init__(self, spec: NetworkSpec, data: bytes) -> None:
        """Load it, one thread, so that sessions do not fight for cores; and try it once.

        Args:
            spec: how it is fed and read.
            data: the ONNX file.

        Raises:
            EstimatorError: it is no ONNX network, or its inputs and outputs are not as described.
        """
        self.spec = spec
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.size_bytes = len(data)
        self._session = _session(data, spec)
        self._input = self._checked_input()
        self._wanted = [head.output for head in (spec.age, spec.gender) if head is not None]
        names = [output.name for output in self._session.get_outputs()]
        for name in self._wanted:
            if name not in names:
                raise EstimatorError(
                    f"{spec.title} has no output {name!r}; it has {', '.join(names)}"
                )
        self._try_out()

    def read(
        self, picture: NDArray[np.uint8], landmarks: FloatArray
    ) -> tuple[FloatArray | None, float | None]:
        """Probabilities of `AGES`, (101,), and log odds of male; None for what it does not say.

        Args:
            picture: (height, width, 3) uint8 RGB.
            landmarks: (478, 3) pixels.

        Raises:
            ArithmeticError: it answered with something that is not a number.
        """
        crop, side = self.spec.crop, self.spec.side
        if crop.template == "dlib":
            seen = chip(picture, landmarks, side, crop.padding)
        else:
            seen = boxed(picture, landmarks, side, crop.grow, crop.lower)
        return self.read_aligned(seen)

    def read_aligned(self, seen: NDArray[np.uint8]) -> tuple[FloatArray | None, float | None]:
        """As `read`, of a face that was cut already, (side, side, 3) uint8 RGB.

        Raises:
            ArithmeticError: it answered with something that is not a number.
        """
        answers = self.answers(prepared(seen, self.spec))
        ages = male = None
        if self.spec.age is not None:
            values = answers[self.spec.age.output]
            ages = _ages(values, self.spec.age.kind, self.spec.age.first)
        if self.spec.gender is not None:
            head = self.spec.gender
            male = _log_odds(answers[head.output], head.kind, head.male)
        return ages, male

    def answers(self, batch: FloatArray) -> dict[str, FloatArray]:
        """What it answers to a batch of one, by output, each flat.

        Raises:
            ArithmeticError: it answered with something that is not a number.
        """
        return dict(zip(self._wanted, self._run(batch), strict=True))

    def _run(self, batch: FloatArray) -> list[FloatArray]:
        found = self._session.run(self._wanted, {self._input: batch})
        answers = [np.asarray(answer, np.float32).ravel() for answer in found]
        if not all(np.isfinite(answer).all() for answer in answers):
            raise ArithmeticError(f"{self.spec.title} answered with something that is no number")
        return answers

    def _checked_input(self) -> str:
        inputs = self._session.get_inputs()
        side = self.spec.side
        wanted = (1, 3, side, side) if self.spec.layout == "nchw" else (1, side, side, 3)
        shape = inputs[0].shape if len(inputs) == 1 else None
        fits = shape is not None and len(shape) == 4
        if fits and shape is not None:
            # A dimension that is open is a name or None.
            fits = all(not isinstance(h, int) or h == w for h, w in zip(shape, wanted, strict=True))
        if not fits or inputs[0].type != "tensor(float)":
            described = "; ".join(f"{i.name} {i.shape} {i.type}" for i in inputs)
            raise EstimatorError(
                f"{self.spec.title} must take one float32 picture of shape {list(wanted)} "
                f"({self.spec.layout}); it takes {described}"
            )
        return str(inputs[0].name)

    def _try_out(self) -> None:
        side = self.spec.side
        grey = prepared(np.full((side, side, 3), 128, np.uint8), self.spec)
        try:
            answers = self.answers(grey)
        except ArithmeticError as error:
            raise EstimatorError(f"{error}, even for a grey picture") from None
        except Exception as error:  # ONNX Runtime has errors of many kinds
            raise EstimatorError(f"{self.spec.title} fails on a grey picture: {error}") from None
        if self.spec.age is not None:
            count, several = len(answers[self.spec.age.output]), self.spec.age.kind != "years"
            if several and not 2 <= count <= len(AGES):
                raise EstimatorError(
                    f"{self.spec.title}: {self.spec.age.output} has {count} numbers; one for each "
                    f"year of life is needed, at most {len(AGES)}"
                )
            if not several and count != 1:
                raise EstimatorError(
                    f"{self.spec.title}: {self.spec.age.output} has {count} numbers, not one age"
                )
        if self.spec.gender is not None:
            count = len(answers[self.spec.gender.output])
            needed = 2 if self.spec.gender.kind in ("logits", "probabilities") else 1
            if count != needed:
                raise EstimatorError(
                    f"{self.spec.title}: {self.spec.gender.output} has {count} numbers, "
                    f"not the {needed} of {self.spec.gender.kind!r}"
                )


def prepared(picture: NDArray[np.uint8], spec: NetworkSpec) -> FloatArray:
    """A square face, (side, side, 3) uint8 RGB, as a batch of one for a network."""
    pixels = picture[:, :, ::-1] if spec.colours == "bgr" else picture
    scaled = (pixels.astype(np.float32) - np.array(spec.mean, np.float32)) / np.float32(spec.scale)
    if spec.layout == "nchw":
        scaled = scaled.transpose(2, 0, 1)
    return np.ascontiguousarray(scaled[None], np.float32)


def at_age(years: float) -> FloatArray:
    """The distribution over `AGES` that is all at one age: (101,) float32, its mean is the age.

    It is shared by the two classes whose middles lie about the age, so that it moves smoothly with
    it; at 18.0 half lies in the eighteenth year of life and half in the next.
    """
    years = float(np.clip(years, AGES[0], AGES[-1]))
    upper = max(1, int(np.searchsorted(AGES, years)))
    share = (years - AGES[upper - 1]) / (AGES[upper] - AGES[upper - 1])
    ages = np.zeros(len(AGES), np.float32)
    ages[upper - 1], ages[upper] = 1 - share, share
    return ages


def _ages(values: FloatArray, kind: str, first: int) -> FloatArray:
    if kind == "years":
        return at_age(float(values[0]))
    if kind == "logits":
        values = np.exp(values - values.max())
    values = np.clip(values, 0, None)
    ages = np.zeros(len(AGES), np.float32)
    count = min(len(values), len(AGES) - first)
    ages[first : first + count] = values[:count]
    ages[-1] += values[count:].sum()
    return np.asarray(ages / max(float(ages.sum()), _LEAST), np.float32)


def _log_odds(values: FloatArray, kind: str, male: int) -> float:
    if kind == "logit":
        logit = float(values[0])
    elif kind == "logits":
        logit = float(values[male] - values[1 - male])
    else:
        p = float(values[male] if kind == "probabilities" else values[0])
        q = float(values[1 - male]) if kind == "probabilities" else 1 - p
        logit = float(np.log(np.clip(p, _LEAST, 1)) - np.log(np.clip(q, _LEAST, 1)))
    return float(np.clip(logit, -_MOST_LOGIT, _MOST_LOGIT))


def _session(data: bytes, spec: NetworkSpec) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Weights in a second file would be read from the working folder, unverified: there is none.
    options.add_session_config_entry(_WEIGHTS_FOLDER, os.devnull)
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has errors of many kinds
        if _OUTSIDE in str(error):
            raise EstimatorError(
                f"{spec.title} keeps weights in a second file; save them in the ONNX file"
            ) from None
        raise EstimatorError(f"{spec.title} is no ONNX network that runs here: {error}") from None
