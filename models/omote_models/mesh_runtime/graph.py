"""TFLite networks as plain lists of steps, with a fingerprint to know them by."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray
from omote_models.tasks import schema

_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}
_KINDS = {0: np.float32, 1: np.float16, 2: np.int32}
_WINDOW = ("StrideH", "StrideW", "Padding", "FusedActivationFunction")
_DILATION = ("DilationHFactor", "DilationWFactor")
_MASKS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")
_OPTIONS = {
    "ADD": (schema.AddOptions, ("FusedActivationFunction",)),
    "CONCATENATION": (schema.ConcatenationOptions, ("Axis", "FusedActivationFunction")),
    "CONV_2D": (schema.Conv2DOptions, (*_WINDOW, *_DILATION)),
    "DEPTHWISE_CONV_2D": (
        schema.DepthwiseConv2DOptions,
        (*_WINDOW, *_DILATION, "DepthMultiplier"),
    ),
    "MAX_POOL_2D": (schema.Pool2DOptions, (*_WINDOW, "FilterHeight", "FilterWidth")),
    "MEAN": (schema.ReducerOptions, ("KeepDims",)),
    "STRIDED_SLICE": (schema.StridedSliceOptions, _MASKS),
    "SUM": (schema.ReducerOptions, ("KeepDims",)),
}
_WIDEN = "DEQUANTIZE"


class UnknownGraph(ValueError):
    """The network is not the one that the kernel knows."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: its name, its tensors by number, its options, its result's shape."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: tuple[tuple[str, int], ...]
    shape: tuple[int, ...]

    def option(self, name: str) -> int:
        """One of the options that are read of such an operation."""
        return dict(self.options)[name]


class Graph:
    """The operations of a network in their order, without those that only widen weights."""

    def __init__(self, model: bytes) -> None:
        """Read a network.

        Raises:
            UnknownGraph: it cannot be read.
        """
        try:
            self._model = schema.Model.GetRootAs(model, 0)
            self._graph = self._model.Subgraphs(0)
            steps = [*self._read()]
        except (struct.error, IndexError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise UnknownGraph(f"it cannot be read: {error}") from None
        self.inputs = (*self._graph.InputsAsNumpy().tolist(),)
        self.outputs = (*self._graph.OutputsAsNumpy().tolist(),)
        self._wider = {s.outputs[0]: s.inputs[0] for s in steps if s.name == _WIDEN}
        self.steps = [step for step in steps if step.name != _WIDEN]

    def fingerprint(self) -> str:
        """A hash of all that the network does, but for the values of its weights."""
        steps = [(step, [self._seen(tensor) for tensor in step.inputs]) for step in self.steps]
        return hashlib.sha256(repr((steps, self.inputs, self.outputs)).encode()).hexdigest()

    def weights(self, tensor: int) -> FloatArray:
        """Weights in single precision."""
        return self.stored(tensor).astype(np.float32)

    def stored(self, tensor: int) -> NDArray[Any]:
        """Weights in the precision of the file.

        Raises:
            UnknownGraph: the tensor holds none, or fewer than it says.
        """
        found = self._graph.Tensors(self._wider.get(tensor, tensor))
        data, shape = self._model.Buffers(found.Buffer()).DataAsNumpy(), self._shape(tensor)
        if not isinstance(data, np.ndarray) or found.Type() not in _KINDS:
            raise UnknownGraph(f"tensor {tensor} holds no weights")
        values = data.view(_KINDS[found.Type()])
        if values.size != np.prod(shape, dtype=int):
            raise UnknownGraph(f"tensor {tensor} is not as large as it says")
        return values.reshape(shape)

    def holds(self, tensor: int) -> bool:
        """Whether a tensor's values are in the file."""
        buffer = self._graph.Tensors(self._wider.get(tensor, tensor)).Buffer()
        return isinstance(self._model.Buffers(buffer).DataAsNumpy(), np.ndarray)

    def _read(self) -> Iterator[Step]:
        for operator in (self._graph.Operators(i) for i in range(self._graph.OperatorsLength())):
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            name = _NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            inputs = (*operator.InputsAsNumpy().tolist(),)
            outputs = (*operator.OutputsAsNumpy().tolist(),)
            yield Step(name, inputs, outputs, _options(name, operator), self._shape(outputs[0]))

    def _shape(self, tensor: int) -> tuple[int, ...]:
        lengths = self._graph.Tensors(tensor).ShapeAsNumpy()
        return (*lengths.tolist(),) if isinstance(lengths, np.ndarray) else ()

    def _seen(self, tensor: int) -> object:
        """What a fingerprint tells of an input: its number and shape; whole numbers by value."""
        integer = self._graph.Tensors(tensor).Type() == schema.TensorType.INT32
        return tensor, self._shape(tensor), self.stored(tensor).tolist() if integer else ()


def _options(name: str, operator: Any) -> tuple[tuple[str, int], ...]:
    table = operator.BuiltinOptions()
    if name not in _OPTIONS or table is None:
        return ()
    kind, fields = _OPTIONS[name]
    options = kind()
    options.Init(table.Bytes, table.Pos)
    return tuple((field, int(getattr(options, field)())) for field in fields)
