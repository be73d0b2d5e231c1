"""The three networks of `face_landmarker.task`, known by their fingerprints.

What is packed is flat: layer by layer a matrix [inputs][outputs], its bias and its slopes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray
from omote_models.mesh_runtime.graph import Graph, UnknownGraph

_FINGERPRINTS = {
    "mesh": "9cee04c0aaa5804182b05384873c081a7f60a7e82ea0f7831bc922f5fe1506b3",
    "detector": "1e6f7137d5a98ce97ff213f5f48b146bf4c4675472ecb461255364a18e5a4425",
    "blendshapes": "a99e0c004a2c81f7cfa3136814ee1019048b5d74f110e6e872ca6598136709c8",
}
_WIDTHS = (128, 64, 32, 16, 8, 4, 2)
_LANES = 16
"""Channels of small maps are filled up to this, the widest vector."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A convolution: weights (outputs, height, width, inputs), bias, slopes where it has any."""

    weights: FloatArray
    bias: FloatArray
    slope: FloatArray | None = None

    def packed(self, scale: float = 1.0) -> Iterator[FloatArray]:
        """As the kernel reads it."""
        yield self.weights.reshape(len(self.bias), -1).T * np.float32(scale)
        yield self.bias
        if self.slope is not None:
            yield self.slope


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """1 × 1 or, where it halves the width, 2 × 2 to fewer channels; depthwise 3 × 3; back; add."""

    reduce: Layer
    depthwise: Layer
    widen: Layer
    width: int
    halves: bool

    def packed(self) -> Iterator[FloatArray]:
        """As the kernel reads it; from 8 × 8 down its lanes are channels, not pixels."""
        yield from self.reduce.packed()
        taps = self.depthwise.weights.reshape(9, -1)
        yield from (taps if self.width <= 8 else taps.T, self.depthwise.bias)
        yield from self.widen.packed()


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """The landmark network.

    Attributes:
        stem: 3 × 3, stride 2, over RGB from 0 to 1.
        blocks: in their order.
        head: (1435, 512) float16: coordinates, then presence; over the last map as it lies.
        bias: (1435,) of the head.
    """

    stem: Layer
    blocks: tuple[Block, ...]
    head: NDArray[np.float16]
    bias: FloatArray

    def packed(self) -> FloatArray:
        """All but the head's weights."""
        parts = [*self.stem.packed(1 / 255)]  # the kernel reads bytes
        for block in self.blocks:
            parts += block.packed()
        return _flat([*parts, self.bias])


def read_mesh(model: bytes) -> Mesh:
    """The network of `face_landmarks_detector.tflite`.

    Raises:
        UnknownGraph: it is another.
    """
    layers = _layers(_known("mesh", model))
    stem = next(layers)
    blocks = tuple(
        Block(next(layers), next(layers), next(layers), width, width < 128 and i == 0)
        for width in _WIDTHS
        for i in range(4 if width == 128 else 5)
    )
    _, presence, points = layers  # nobody uses the first
    head = [layer.weights.reshape(-1, 512) for layer in (points, presence)]
    bias = np.concatenate([points.bias, presence.bias])
    # They are halves in the file; nothing is lost.
    return Mesh(stem, blocks, np.concatenate(head).astype(np.float16), bias)


def read_detector(model: bytes) -> FloatArray:
    """The network of `face_detector.tflite`, packed.

    Raises:
        UnknownGraph: it is another.
    """
    *body, scores16, scores8, boxes16, boxes8 = _layers(_known("detector", model))
    stem, blocks = body[0], [*zip(body[1::2], body[2::2], strict=True)]
    # The detector's own order of the heads is another: those of 16 × 16 are due when it is reached.
    parts = [*_filled(stem, inputs=False)]
    for i, (depthwise, pointwise) in enumerate(blocks):
        taps = depthwise.weights.reshape(9, -1)
        parts += [_wide(taps, axis=1), _wide(depthwise.bias), *_filled(pointwise)]
        if i == 10:
            parts += [*_filled(scores16), *_filled(boxes16)]
    return _flat([*parts, *_filled(scores8), *_filled(boxes8)])


def read_blendshapes(model: bytes) -> FloatArray:
    """The network of `face_blendshapes.tflite`, packed.

    The first matrix holds the factor that the network scales its points by.

    Raises:
        UnknownGraph: it is another.
    """
    graph = _known("blendshapes", model)
    gains = [
        graph.weights(step.inputs[1])
        for step in graph.steps
        if step.name == "MUL" and graph.holds(step.inputs[1])
    ]
    scale, gains = gains[0], gains[1:]
    (epsilon,) = {
        float(graph.weights(step.inputs[1]))
        for step in graph.steps
        if step.name == "ADD" and graph.holds(step.inputs[1])
    }
    (learned,) = [graph.weights(s.inputs[0]) for s in graph.steps if s.name == "CONCATENATION"]
    layers = _layers(graph)
    first = next(layers)
    parts = [*Layer(first.weights * scale, first.bias).packed(), *next(layers).packed(), learned]
    for i, gain in enumerate(gains):
        parts += [gain, np.full(1, epsilon, np.float32)]
        # The first of each pair mixes tokens, of which there are 97.
        parts += next(layers).packed()
        parts += _filled(next(layers), to=4, inputs=False) if i % 2 == 0 else next(layers).packed()
    return _flat([*parts, *_filled(next(layers), inputs=False)])


def _known(name: str, model: bytes) -> Graph:
    graph = Graph(model)
    if graph.fingerprint() != _FINGERPRINTS[name]:
        raise UnknownGraph(f"the {name} network is not the one that the kernel knows")
    return graph


def _layers(graph: Graph) -> Iterator[Layer]:
    """Convolutions in their order, each with the slopes that come after it."""
    layer: Layer | None = None
    for step in graph.steps:
        if step.name == "PRELU" and layer is not None:
            layer = Layer(layer.weights, layer.bias, graph.weights(step.inputs[1]).ravel())
        elif step.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            if layer is not None:
                yield layer
            layer = Layer(*(graph.weights(tensor) for tensor in step.inputs[1:3]))
    if layer is not None:
        yield layer


def _filled(layer: Layer, *, to: int = _LANES, inputs: bool = True) -> Iterator[FloatArray]:
    """A layer packed, its channels filled up with zeros to a multiple."""
    matrix, bias = layer.packed()
    matrix = _wide(matrix, to, axis=1)
    yield from (_wide(matrix, to, axis=0) if inputs else matrix, _wide(bias, to))


def _wide(array: FloatArray, to: int = _LANES, axis: int = 0) -> FloatArray:
    more = [(0, 0)] * array.ndim
    more[axis] = (0, -array.shape[axis] % to)
    return np.pad(array, more)


def _flat(parts: Sequence[FloatArray]) -> FloatArray:
    flat = np.concatenate([part.ravel() for part in parts])
    return np.ascontiguousarray(flat, np.float32)
