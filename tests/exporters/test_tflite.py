import subprocess
import sys
import zipfile
from io import BytesIO

import numpy as np
import pytest

from exporters import tflite
from exporters.errors import ConverterMissingError, ExportError
from exporters.recipes import Scheme
from exporters.tflite import convert_tflite, embed_tflite

SCHEMES = (Scheme.FLOAT32, Scheme.FLOAT16_WEIGHTS, Scheme.INT8_WEIGHTS)


def unpack(content: bytes):
    from ai_edge_litert import schema_py_generated as schema

    return schema.Model.GetRootAsModel(content, 0)


def test_weights_are_aligned_and_nothing_idle_is_left(tflite_files) -> None:
    for content in tflite_files.values():
        model = unpack(content)
        assert model.MetadataLength() == 0
        data = [model.Buffers(i).DataAsNumpy() for i in range(model.BuffersLength())]
        filled = [values for values in data if isinstance(values, np.ndarray)]
        assert len(filled) == len(data) - 1
        whole = np.frombuffer(content, np.uint8)
        again = unpack(whole)
        for index in range(1, again.BuffersLength()):
            place = again.Buffers(index).DataAsNumpy().ctypes.data - whole.ctypes.data
            assert place % 16 == 0
        assert all(model.Subgraphs(0).Tensors(i).Name() is None for i in range(10))


def test_only_operators_that_old_runtimes_know(tflite_files) -> None:
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    model = unpack(tflite_files[Scheme.INT8_WEIGHTS])
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    assert {names[code.BuiltinCode()] for code in codes} <= {
        *("ADD", "CONCATENATION", "DEQUANTIZE", "FULLY_CONNECTED", "LOGISTIC", "MUL"),
        *("RESHAPE", "SLICE", "SUB", "TANH"),
    }


def test_precisions_shrink_the_file(tflite_files) -> None:
    full, half, whole = (len(tflite_files[scheme]) for scheme in SCHEMES)
    assert whole < half < full


def test_manifest_is_appended_as_a_zip(tflite_files) -> None:
    content = tflite_files[Scheme.FLOAT32]
    signed = embed_tflite(content, "note.json", '{"a": 1}')
    assert signed.startswith(content)
    with zipfile.ZipFile(BytesIO(signed)) as archive:
        assert archive.read("note.json") == b'{"a": 1}'
    assert embed_tflite(content, "note.json", '{"a": 1}') == signed


def test_missing_converter_names_the_extra(model, monkeypatch) -> None:
    monkeypatch.setattr(tflite, "PACKAGES", ("no_such_package_here",))
    with pytest.raises(ConverterMissingError, match=r'pip install "watchword\[tflite\]"') as caught:
        convert_tflite(model, [Scheme.FLOAT32])
    assert isinstance(caught.value, ImportError)


def test_failed_conversion_shows_its_last_lines(model, monkeypatch) -> None:
    def fail(*_args, **_kwargs):
        program = "print('all is\\nlost'); raise SystemExit(9)"
        return subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    monkeypatch.setattr(tflite, "PACKAGES", ())
    monkeypatch.setattr(tflite, "subprocess", type("s", (), {**vars(subprocess), "run": fail}))
    with pytest.raises(ExportError, match=r"status 9(?s:.*)all is\nlost"):
        convert_tflite(model, [Scheme.FLOAT32])


def test_full_int8_computes_in_int8_behind_float_tensors(model, stream) -> None:
    if tflite.missing_converter() is not None:
        pytest.skip(str(tflite.missing_converter()))
    from ai_edge_litert import schema_py_generated as schema

    from exporters.step import reference_logits, step_spec
    from watchword_runtime.engines import ENGINES, Session

    content = convert_tflite(model, [Scheme.INT8_FULL], stream)[Scheme.INT8_FULL]
    graph = unpack(content).Subgraphs(0)
    kinds = [graph.Tensors(i).Type() for i in range(graph.TensorsLength())]
    edges = [*graph.InputsAsNumpy(), *graph.OutputsAsNumpy()]
    assert {kinds[index] for index in edges} == {schema.TensorType.FLOAT32}
    assert kinds.count(schema.TensorType.INT8) > kinds.count(schema.TensorType.FLOAT32)
    session = Session(ENGINES["ai-edge-litert"].load(content, step_spec(model.config), "f"), "f")
    steps = stream[: 600 * 3].reshape(600, 1, 3, 40)
    given = np.array([session.step(step) for step in steps])
    expected = reference_logits(model, stream[: 600 * 3])
    assert np.corrcoef(given, expected)[0, 1] > 0.9
    assert np.abs(given - expected).max() > 1e-3
