"""Networks in plain numpy, straight from the file: slow, and what the kernel is held against.

It shares nothing with the kernel: neither its packing of weights nor its order of work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray
from omote_models.mesh_runtime.graph import Graph, Step, UnknownGraph

Array = NDArray[Any]


def run(model: bytes, feed: FloatArray) -> list[FloatArray]:
    """The outputs of a network for its one input, in the order in which the file names them.

    Raises:
        UnknownGraph: it holds an operation that this does not know.
    """
    graph = Graph(model)
    (entry,) = graph.inputs
    values: dict[int, Array] = {entry: feed}
    for step in graph.steps:
        if step.name not in _OPERATIONS:
            raise UnknownGraph(f"there is no {step.name} here")
        given = [values[t] if t in values else graph.weights(t) for t in step.inputs]
        values[step.outputs[0]] = _OPERATIONS[step.name](step, *given)
    return [np.asarray(values[t], np.float32) for t in graph.outputs]


def _windows(at: Array, step: Step, height: int, width: int, fill: float = 0) -> Array:
    """(1, rows, columns, channels, height, width) of what each output looks at."""
    stride = step.option("StrideH")
    grown = [(0, 0)] * 4
    if step.option("Padding") == 0:  # SAME: what is odd comes right and below
        for axis, size in ((1, height), (2, width)):
            length = at.shape[axis]
            more = max((-(-length // stride) - 1) * stride + size - length, 0)
            grown[axis] = (more // 2, more - more // 2)
    padded = np.pad(at, grown, constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))
    taken: Array = windows[:, ::stride, ::stride]
    return taken


def _convolve(step: Step, at: Array, weights: Array, bias: Array) -> Array:
    windows = _windows(at, step, *weights.shape[1:3]).transpose(0, 1, 2, 4, 5, 3)
    rows = windows.reshape(*windows.shape[:3], -1)
    return _ramp(step, rows @ weights.reshape(len(bias), -1).T + bias)


def _depthwise(step: Step, at: Array, weights: Array, bias: Array) -> Array:
    windows = _windows(at, step, *weights.shape[1:3])
    return _ramp(step, np.einsum("nyxchw,hwc->nyxc", windows, weights[0]) + bias)


def _ramp(step: Step, at: Array) -> Array:
    relu = step.option("FusedActivationFunction") == 1
    return np.asarray(np.maximum(at, 0) if relu else at)


def _largest(step: Step, at: Array) -> Array:
    return np.asarray(_windows(at, step, 2, 2, -np.inf).max(axis=(4, 5)))


def _mean(_: Step, at: Array, axes: Array) -> Array:
    return np.asarray(at.mean(axis=_whole(axes), keepdims=True))


def _slice(step: Step, at: Array, begin: Array, end: Array, steps: Array) -> Array:
    """A mask's bit says that an axis is taken from its first, or to its last."""
    first, last = step.option("BeginMask"), step.option("EndMask")
    ranges = zip(_whole(begin), _whole(end), _whole(steps), strict=True)
    return at[
        tuple(
            slice(None if first >> i & 1 else a, None if last >> i & 1 else b, s)
            for i, (a, b, s) in enumerate(ranges)
        )
    ]


def _whole(numbers: Array) -> tuple[int, ...]:
    return tuple(int(number) for number in np.atleast_1d(numbers))


def _reshape(step: Step, at: Array, *shape: Array) -> Array:
    return at.reshape(step.shape)


_OPERATIONS: dict[str, Callable[..., Array]] = {
    "ADD": lambda _, a, b: a + b,
    "CONCATENATION": lambda step, *parts: np.concatenate(parts, step.option("Axis")),
    "CONV_2D": _convolve,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DIV": lambda _, a, b: a / b,
    "LOGISTIC": lambda _, a: 1 / (1 + np.exp(-a)),
    "MAX_POOL_2D": _largest,
    "MEAN": _mean,
    "MUL": lambda _, a, b: a * b,
    "NEG": lambda _, a: -a,
    "PAD": lambda _, a, by: np.pad(a, by.astype(int)),
    "PRELU": lambda _, a, slope: np.where(a < 0, a * slope, a),
    "RELU": lambda _, a: np.maximum(a, 0),
    "RESHAPE": _reshape,
    "RSQRT": lambda _, a: 1 / np.sqrt(a),
    "SQRT": lambda _, a: np.sqrt(a),
    "SQUARED_DIFFERENCE": lambda _, a, b: (a - b) ** 2,
    "STRIDED_SLICE": _slice,
    "SUB": lambda _, a, b: a - b,
    "SUM": lambda _, a, axes: a.sum(axis=_whole(axes), keepdims=True),
    "TRANSPOSE": lambda _, a, order: a.transpose(_whole(order)),
}
