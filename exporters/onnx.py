"""A streaming step in, an ONNX model out; and a manifest into an ONNX model."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import torch
from onnx import numpy_helper

from exporters.step import StreamingStep, step_spec, zero_inputs

if TYPE_CHECKING:
    from trainer.model import TinyCRNN

OPSET = 17
PRODUCER = "watchword"


def convert_onnx(model: TinyCRNN) -> onnx.ModelProto:
    """Return the step of `model` as fp32 ONNX, with the tensor names of its `StepSpec`.

    The same weights give the same bytes, whatever path or order it was traced in.
    """
    spec = step_spec(model.config)
    outputs = [spec.output, *(state.output for state in spec.states)]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        traced = Path(folder) / "step.onnx"
        # The newer exporter loses module paths and needs onnxscript; this one is enough.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            StreamingStep(model),
            zero_inputs(model.config),
            traced,
            dynamo=False,
            opset_version=OPSET,
            input_names=[spec.input, *(state.name for state in spec.states)],
            output_names=outputs,
        )
        proto = onnx.load_model(traced)
    _tidy(proto)
    onnx.checker.check_model(proto)
    return proto


def embed_onnx(proto: onnx.ModelProto, key: str, text: str) -> bytes:
    """Return the file's bytes with `text` under `key` in the model's metadata."""
    signed = onnx.ModelProto()
    signed.CopyFrom(proto)
    onnx.helper.set_model_props(signed, {key: text})
    return signed.SerializeToString(deterministic=True)


def _tidy(proto: onnx.ModelProto) -> None:
    """Share equal constants, shorten internal names, drop what names the tool or a source file."""
    proto.producer_name, proto.producer_version, proto.doc_string = PRODUCER, "", ""
    graph = proto.graph
    graph.name = "step"
    graph.doc_string = ""
    del graph.value_info[:]
    names: dict[str, str] = {"": ""}
    shared: dict[tuple[str, bytes], str] = {}
    kept = []
    for node in graph.node:
        if node.op_type == "Constant":
            value = numpy_helper.to_array(node.attribute[0].t)
            key = (f"{value.dtype}{value.shape}", value.tobytes())
            if key not in shared:
                shared[key] = f"c{len(shared)}"
                graph.initializer.append(numpy_helper.from_array(value, shared[key]))
            names[node.output[0]] = shared[key]
        else:
            kept.append(node)
    fixed = {value.name for value in (*graph.input, *graph.output, *graph.initializer)}
    for node in kept:
        node.name = node.doc_string = ""
        node.input[:] = [names.get(name, name) for name in node.input]
        for name in node.output:
            names.setdefault(name, name if name in fixed else f"t{len(names)}")
        node.output[:] = [names[name] for name in node.output]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)
