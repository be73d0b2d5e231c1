"""The networks that are trained, and how they become ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from omote_models.calibration import AGES
from omote_models.face import FloatArray
from omote_models.rebuilt.tfjs import onnx_bytes

CLASSES = len(AGES)
_WIDTHS = ((24, 2), (48, 2), (48, 1), (96, 2), (96, 1), (128, 2), (128, 1))
_HIDDEN = 96


class Heads(nn.Module):
    """From features to a distribution over `AGES` (logits) and the log odds of male."""

    def __init__(self, features: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.mix = nn.Linear(features, _HIDDEN)
        self.drop = nn.Dropout(dropout)
        self.age = nn.Linear(_HIDDEN, CLASSES)
        self.gender = nn.Linear(_HIDDEN, 1)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, features) to (n, 101) and (n,)."""
        mixed = self.drop(torch.relu(self.mix(features)))
        return self.age(mixed), self.gender(mixed)[:, 0]


class _Block(nn.Module):
    """A depthwise and a pointwise convolution, with a short cut where the shape allows."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.deep = nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False)
        self.deep_norm = nn.BatchNorm2d(before)
        self.flat = nn.Conv2d(before, after, 1, bias=False)
        self.flat_norm = nn.BatchNorm2d(after)
        self.short = stride == 1 and before == after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.relu(self.deep_norm(self.deep(x)))
        out = self.flat_norm(self.flat(out))
        return torch.relu(out + x if self.short else out)


class Compact(nn.Module):
    """A small network of its own: some 80,000 weights, well under a millisecond for a face.

    Depthwise separable convolutions (Howard et al., "MobileNets", 2017).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(16)
        blocks, before = [], 16
        for after, stride in _WIDTHS:
            blocks.append(_Block(before, after, stride))
            before = after
        self.blocks = nn.ModuleList(blocks)
        self.heads = Heads(before)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, side, side) to (n, 101) logits and (n,) log odds of male."""
        x = torch.relu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        ages, males = self.heads(x.mean(dim=(2, 3)))
        return ages, males


class _Writer:
    """An ONNX graph that is written step by step."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"trained_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: torch.Tensor | NDArray[np.float32]) -> str:
        name = f"weight_{len(self.constants)}"
        array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def conv(self, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
        """A convolution with its batch normalisation folded in."""
        assert norm.running_var is not None and norm.running_mean is not None  # noqa: S101, PT018
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weights = conv.weight * gain[:, None, None, None]
        bias = norm.bias - norm.running_mean * gain
        pad = int(conv.padding[0])
        return self.node(
            "Conv",
            x,
            self.constant(weights),
            self.constant(bias),
            group=conv.groups,
            strides=list(conv.stride),
            pads=[pad] * 4,
        )

    def linear(self, x: str, layer: nn.Linear) -> str:
        weights, bias = self.constant(layer.weight.T), self.constant(layer.bias)
        return self.node("Gemm", x, weights, bias)

    def heads(self, x: str, heads: Heads) -> None:
        mixed = self.node("Relu", self.linear(x, heads.mix))
        for name, layer in (("age", heads.age), ("gender", heads.gender)):
            self.nodes.append(helper.make_node("Identity", [self.linear(mixed, layer)], [name]))


def compact_onnx(network: Compact, side: int) -> bytes:
    """The network as ONNX: `picture` (1, 3, side, side), `age` (1, 101), `gender` (1, 1)."""
    network.eval()
    writer = _Writer()
    x = writer.node("Relu", writer.conv("picture", network.stem, network.stem_norm))
    for block in network.blocks:
        assert isinstance(block, _Block)  # noqa: S101 - what __init__ put there
        out = writer.node("Relu", writer.conv(x, block.deep, block.deep_norm))
        out = writer.conv(out, block.flat, block.flat_norm)
        x = writer.node("Relu", writer.node("Add", out, x) if block.short else out)
    x = writer.node("Flatten", writer.node("GlobalAveragePool", x))
    writer.heads(x, network.heads)
    return _file(writer, "picture", (1, 3, side, side))


def frozen_onnx(trunk: bytes, features: str, heads: Heads) -> bytes:
    """A trunk that stays as it is, with trained heads instead of its own."""
    heads.eval()
    model = onnx.load_model_from_string(trunk)
    needed = _leading_to(model, features)
    writer = _Writer()
    writer.heads(features, heads)
    picture = model.graph.input[0]
    shape = tuple(d.dim_value for d in picture.type.tensor_type.shape.dim)
    nodes = [node for node in model.graph.node if node.output[0] in needed]
    used = {name for node in nodes for name in node.input}
    writer.nodes[:0] = nodes
    writer.constants[:0] = [c for c in model.graph.initializer if c.name in used]
    return _file(writer, picture.name, shape)


def features_of(trunk: bytes) -> tuple[Callable[[FloatArray], FloatArray], str, int]:
    """What runs a trunk up to its last features, the name of these, and how many there are."""
    model = onnx.load_model_from_string(trunk)
    flat = [node.output[0] for node in model.graph.node if node.op_type == "Flatten"][-1]
    model.graph.output.append(helper.make_tensor_value_info(flat, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    name = session.get_inputs()[0].name

    def run(batch: FloatArray) -> FloatArray:
        rows = [session.run([flat], {name: one[None]})[0][0] for one in batch]
        return np.asarray(rows, np.float32)

    shape = session.get_inputs()[0].shape
    count = run(np.zeros((1, *shape[1:]), np.float32)).shape[1]
    return run, flat, count


def _leading_to(model: onnx.ModelProto, output: str) -> set[str]:
    """The first outputs of all nodes that an output needs."""
    makers = {name: node for node in model.graph.node for name in node.output}
    waiting, needed = [output], set[str]()
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.output[0] not in needed:
            needed.add(node.output[0])
            waiting.extend(node.input)
    return needed


def _file(writer: _Writer, picture: str, shape: tuple[int, ...]) -> bytes:
    outputs = {"age": (1, CLASSES), "gender": (1, 1)}
    return onnx_bytes(writer.nodes, writer.constants, {picture: shape}, outputs)
