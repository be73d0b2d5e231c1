"""Networks that are published for TensorFlow.js, as ONNX."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

Weights = Mapping[str, NDArray[np.float32]]

_OPSET = 17
_IR_VERSION = 8


def tfjs_weights(layout: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """The arrays of a TensorFlow.js weights manifest; what is quantised is restored.

    Args:
        layout: the `-weights_manifest.json`.
        data: the one `.bin` beside it.

    Raises:
        ValueError: they do not fit each other.
    """
    weights: dict[str, NDArray[np.float32]] = {}
    at = 0
    for entry in (entry for group in json.loads(layout) for entry in group["weights"]):
        quantisation = entry.get("quantization")
        kind = np.dtype(quantisation["dtype"] if quantisation else entry["dtype"])
        count = prod(entry["shape"])
        values = np.frombuffer(data, kind, count, at).reshape(entry["shape"])
        at += values.nbytes
        if quantisation:
            # In double precision and rounded once, as JavaScript does it.
            values = values * float(quantisation["scale"]) + float(quantisation["min"])
        weights[entry["name"]] = values.astype(np.float32)
    if at != len(data):
        raise ValueError(f"{len(data)} bytes of weights instead of {at}")
    return weights


class _Graph:
    """An ONNX graph that grows layer by layer; each method returns its output's name."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, values: NDArray[np.float32]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def conv(self, x: str, name: str, stride: int, filters: str = "filters") -> str:
        kernel = self.weights[f"{name}/{filters}"].transpose(3, 2, 0, 1)
        inputs = [self.constant(f"{name}/{filters}", kernel)]
        inputs.append(self.constant(f"{name}/bias", self.weights[f"{name}/bias"]))
        # TensorFlow's SAME pads the lower right more, where it cannot be even.
        return self.node("Conv", x, *inputs, strides=[stride, stride], auto_pad="SAME_UPPER")

    def separable(self, x: str, name: str) -> str:
        kernel = self.weights[f"{name}/depthwise_filter"].transpose(2, 3, 0, 1)
        depthwise = self.constant(f"{name}/depthwise_filter", kernel)
        x = self.node("Conv", x, depthwise, group=len(kernel), auto_pad="SAME_UPPER")
        return self.conv(x, name, 1, "pointwise_filter")

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def reduction(self, x: str, name: str, activated: bool = True) -> str:
        out = self.relu(x) if activated else x
        out = self.separable(out, f"{name}/separable_conv0")
        out = self.separable(self.relu(out), f"{name}/separable_conv1")
        out = self.node("MaxPool", out, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
        return self.node("Add", out, self.conv(x, f"{name}/expansion_conv", 2))

    def residual(self, x: str, name: str) -> str:
        out = x
        for layer in range(3):
            out = self.separable(self.relu(out), f"{name}/separable_conv{layer}")
        return self.node("Add", out, x)

    def dense(self, x: str, name: str) -> str:
        inputs = [
            self.constant(f"{name}/{part}", self.weights[f"{name}/{part}"])
            for part in ("weights", "bias")
        ]
        return self.node("Gemm", x, *inputs)


def face_api(parts: Sequence[bytes]) -> bytes:
    """face-api's age and gender network: a small Xception with two heads.

    The result takes (1, 3, 112, 112) float32, `(RGB - mean) / 255`, and gives `age`, (1, 1)
    years, and `gender`, (1, 2) logits of male and female.
    """
    layout, data = parts
    graph = _Graph(tfjs_weights(layout, data))
    x = graph.relu(graph.conv("picture", "entry_flow/conv_in", 2))
    x = graph.reduction(x, "entry_flow/reduction_block_0", activated=False)
    x = graph.reduction(x, "entry_flow/reduction_block_1")
    for block in range(2):
        x = graph.residual(x, f"middle_flow/main_block_{block}")
    x = graph.reduction(x, "exit_flow/reduction_block")
    x = graph.relu(graph.separable(x, "exit_flow/separable_conv"))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    heads = {"age": graph.dense(x, "fc/age"), "gender": graph.dense(x, "fc/gender")}
    return _file(graph, (1, 3, 112, 112), heads, {"age": (1, 1), "gender": (1, 2)})


def faceres(parts: Sequence[bytes]) -> bytes:
    """Human's faceres-deep: a MobileNet with age, gender and an embedding, which is left out.

    The result takes (1, 3, 224, 224) float32, BGR less a mean, and gives `age`, (1, 100) logits
    of the ages 1 to 100, and `gender`, (1, 1) log odds of male.
    """
    layout, data = parts
    described = json.loads(layout)
    nodes = {node["name"]: node for node in described["modelTopology"]["node"]}
    weights = tfjs_weights(json.dumps(described["weightsManifest"]).encode(), data)
    graph = _Graph(weights)

    def stride(name: str) -> int:
        return int(nodes[name]["attr"]["strides"]["list"]["i"][1])

    def six(x: str) -> str:
        return graph.node("Clip", x, "zero", "six")

    graph.constant("zero", np.array(0, np.float32))
    graph.constant("six", np.array(6, np.float32))
    first = "conv1_bn/batchnorm_1/mul_1"
    x = six(_folded(graph, "picture", "conv1", "conv1/convolution/merged_input", stride(first)))
    for block in range(1, 14):
        deep = f"conv_dw_{block}"
        x = six(_depthwise(graph, x, deep, stride(f"{deep}/depthwise")))
        flat = f"conv_pw_{block}"
        x = six(_folded(graph, x, flat, f"{flat}/convolution/merged_input", 1))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    x = graph.relu(_gemm(graph, x, "feats"))
    heads = {"age": _gemm(graph, x, "age_pred"), "gender": _gemm(graph, x, "gender_pred")}
    return _file(graph, (1, 3, 224, 224), heads, {"age": (1, 100), "gender": (1, 1)})


def _folded(graph: _Graph, x: str, name: str, filters: str, stride: int) -> str:
    """A convolution whose batch normalisation was folded into it."""
    kernel = graph.constant(f"{name}/filters", graph.weights[filters].transpose(3, 2, 0, 1))
    bias = graph.constant(f"{name}/bias", graph.weights[f"{name}_bn/batchnorm_1/sub"])
    return graph.node("Conv", x, kernel, bias, strides=[stride, stride], auto_pad="SAME_UPPER")


def _depthwise(graph: _Graph, x: str, name: str, stride: int) -> str:
    scale = graph.weights[f"{name}_bn/batchnorm_1/mul"]
    kernel = graph.weights[f"{name}/depthwise_kernel"].transpose(2, 3, 0, 1)
    inputs = [
        graph.constant(f"{name}/filters", kernel * scale[:, None, None, None]),
        graph.constant(f"{name}/bias", graph.weights[f"{name}_bn/batchnorm_1/sub"]),
    ]
    strides = [stride, stride]
    return graph.node("Conv", x, *inputs, group=len(kernel), strides=strides, auto_pad="SAME_UPPER")


def _gemm(graph: _Graph, x: str, name: str) -> str:
    parts = [
        graph.constant(f"{name}/{part}", graph.weights[f"{name}/{part}"])
        for part in ("kernel", "bias")
    ]
    return graph.node("Gemm", x, *parts)


def _file(
    graph: _Graph,
    picture: tuple[int, ...],
    heads: Mapping[str, str],
    shapes: Mapping[str, tuple[int, ...]],
) -> bytes:
    for name, output in heads.items():
        graph.nodes.append(helper.make_node("Identity", [output], [name]))
    return onnx_bytes(graph.nodes, graph.constants, {"picture": picture}, shapes)


def onnx_bytes(
    nodes: Sequence[NodeProto],
    constants: Sequence[TensorProto],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]],
) -> bytes:
    """A checked ONNX file, float32 in and out; the same bytes for the same graph."""
    ins, outs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in shapes.items()]
        for shapes in (inputs, outputs)
    )
    made = helper.make_graph(nodes, "omote", ins, outs, constants)
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
