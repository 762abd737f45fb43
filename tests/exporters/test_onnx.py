import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from exporters.errors import ExportError
from exporters.onnx import convert_onnx, embed_onnx
from exporters.quantize import quantize_onnx
from exporters.recipes import Scheme
from exporters.step import step_spec
from trainer.model import TinyCRNN


@pytest.fixture(scope="module")
def proto(model: TinyCRNN) -> onnx.ModelProto:
    return convert_onnx(model)


def test_tensor_names_are_the_specs(proto: onnx.ModelProto, model: TinyCRNN) -> None:
    spec = step_spec(model.config)
    states = [state.name for state in spec.states]
    assert [value.name for value in proto.graph.input] == ["features", *states]
    assert [value.name for value in proto.graph.output] == ["logit", *(f"{s}_out" for s in states)]
    shapes = [
        tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in proto.graph.input
    ]
    assert shapes == [(1, 3, 40), *(state.shape for state in spec.states)]


def test_gru_is_written_out(proto: onnx.ModelProto) -> None:
    operators = {node.op_type for node in proto.graph.node}
    assert operators == {
        *("Add", "Concat", "Gemm", "Mul", "Relu", "Reshape", "Sigmoid", "Slice", "Sub", "Tanh"),
    }


def test_same_network_gives_the_same_bytes(proto: onnx.ModelProto, model: TinyCRNN) -> None:
    assert embed_onnx(convert_onnx(model), "k", "v") == embed_onnx(proto, "k", "v")


def test_metadata_is_embedded(proto: onnx.ModelProto) -> None:
    loaded = onnx.load_model_from_string(embed_onnx(proto, "watchword_manifest", "Grüße"))
    assert [(p.key, p.value) for p in loaded.metadata_props] == [("watchword_manifest", "Grüße")]
    assert not proto.metadata_props


def test_int8_stores_every_matrix_as_int8(proto: onnx.ModelProto) -> None:
    before = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    after = {
        t.name: numpy_helper.to_array(t)
        for t in quantize_onnx(proto, Scheme.INT8_WEIGHTS).graph.initializer
    }
    matrices = [name for name in before if name.endswith(".weight")]
    assert len(matrices) == 7
    for name in matrices:
        whole, scale = after[f"{name}.int8"], after[f"{name}.scale"]
        assert whole.dtype == np.int8
        assert name not in after
        assert np.abs(whole * scale - before[name]).max() <= scale.max() * 0.501


def test_int8_keeps_an_output_without_weights(proto: onnx.ModelProto) -> None:
    empty = onnx.ModelProto()
    empty.CopyFrom(proto)
    for tensor in empty.graph.initializer:
        if tensor.name == "conv1.weight":
            weights = numpy_helper.to_array(tensor).copy()
            weights[0] = 0
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    after = {
        t.name: numpy_helper.to_array(t)
        for t in quantize_onnx(empty, Scheme.INT8_WEIGHTS).graph.initializer
    }
    assert np.isfinite(after["conv1.weight.scale"]).all()
    assert not after["conv1.weight.int8"][0].any()


def test_scheme_of_another_format_is_refused(proto: onnx.ModelProto) -> None:
    with pytest.raises(ExportError, match="no scheme float16_weights"):
        quantize_onnx(proto, Scheme.FLOAT16_WEIGHTS)
