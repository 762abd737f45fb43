"""An fp32 ONNX step in, the same step with int8 weights out.

TFLite's schemes are carried out where TFLite is written, in `tflite_conversion`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from exporters.errors import ExportError
from exporters.recipes import Scheme

INT8_LIMIT = 127
"""Symmetric: −128 stays unused, so that a weight and its negative are equally exact."""


def quantize_onnx(proto: onnx.ModelProto, scheme: Scheme) -> onnx.ModelProto:
    """Return a new model with the weights of every matrix product stored as `scheme` says.

    Raises:
        ExportError: the scheme is not one of ONNX's, or there was nothing to quantise.
    """
    if scheme is Scheme.FLOAT32:
        return proto
    if scheme is Scheme.INT8_WEIGHTS:
        return _int8_weights(proto)
    if scheme in {Scheme.INT8_DYNAMIC_CHANNEL, Scheme.INT8_DYNAMIC_TENSOR}:
        return _int8_dynamic(proto, per_channel=scheme is Scheme.INT8_DYNAMIC_CHANNEL)
    raise ExportError(f"ONNX has no scheme {scheme}: choose another recipe.")


def _int8_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Store W as int8 and one scale per output; Cast and Mul restore it.

    Both have constant inputs, so onnxruntime computes them once, at load. A DequantizeLinear would
    say the same, but onnxruntime keeps it and pays for it at every step.
    """
    quantised = onnx.ModelProto()
    quantised.CopyFrom(proto)
    graph = quantised.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    restoring = []
    for product in [node for node in graph.node if node.op_type == "Gemm"]:
        name = product.input[1]
        weights = numpy_helper.to_array(stored[name])
        # [outputs, inputs]: the exporter writes linear layers with transB = 1.
        scale = np.abs(weights).max(axis=1, keepdims=True) / INT8_LIMIT
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        whole = np.clip(np.rint(weights / scale), -INT8_LIMIT, INT8_LIMIT).astype(np.int8)
        graph.initializer.remove(stored[name])
        graph.initializer.append(numpy_helper.from_array(whole, f"{name}.int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        restoring += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.whole"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name]),
        ]
    if not restoring:
        raise ExportError(
            "The ONNX step holds no matrix product to quantise: report this as a bug."
        )
    nodes = [*restoring, *graph.node]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(quantised)
    return quantised


def _int8_dynamic(proto: onnx.ModelProto, *, per_channel: bool) -> onnx.ModelProto:
    """Let onnxruntime's own tool quantise: weights once, activations at every step."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "quantised.onnx"
        quantize_dynamic(proto, target, per_channel=per_channel, weight_type=QuantType.QInt8)
        return onnx.load_model(target)
