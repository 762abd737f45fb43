import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from exporters import verify as module
from exporters.engine_choice import OTHER_PYTHON, runners
from exporters.errors import ExportError
from exporters.onnx import convert_onnx, embed_onnx
from exporters.recipes import SHIPPED
from exporters.step import reference_logits, step_spec
from exporters.verify import Bar, check_stream, decisions, verify
from trainer.model import TinyCRNN
from watchword_runtime.manifest import EMBED_KEY, Decision, Manifest

RULE = Decision(threshold=0.5, smoothing_steps=2)


def write_onnx(model: TinyCRNN, target: Path) -> Path:
    manifest = Manifest("green lamp", "en", step_spec(model.config), RULE)
    target.write_bytes(embed_onnx(convert_onnx(model), EMBED_KEY, manifest.to_json()))
    return target


@pytest.fixture
def file(model, tmp_path) -> Path:
    return write_onnx(model, tmp_path / "green_lamp.onnx")


def test_report_has_the_numbers(file, model, stream) -> None:
    told = []
    report = verify({file: SHIPPED["onnx"]}, model, stream, RULE, lambda *args: told.append(args))
    [check] = report.checks
    assert check.engine == "onnxruntime"
    assert 0 < check.max_error <= 1e-4
    assert check.p99_error <= check.max_error
    assert check.bytes == file.stat().st_size
    assert check.step_us > 0
    assert check.flips <= 1
    assert report.steps == 6_100 // 3
    assert report.stream_s == pytest.approx(61)
    assert report.logit_max - report.logit_min > 5
    assert told == [(0.0, "Verifying green_lamp.onnx on onnxruntime")]
    assert "step_us" in report.to_dict()["checks"][0]
    assert "step_us" not in report.to_dict(with_times=False)["checks"][0]


def test_another_network_misses_the_bar(model, make_model, stream, tmp_path) -> None:
    other = write_onnx(make_model(model.config, seed=5), tmp_path / "other.onnx")
    with pytest.raises(ExportError, match=r"other\.onnx on onnxruntime: max \d.*at most 0\.0001"):
        verify({other: SHIPPED["onnx"]}, model, stream, RULE)


def test_one_slightly_wrong_weight_misses_the_bar(model, stream, tmp_path, make_model) -> None:
    other = make_model(model.config)
    other.head2.bias.data += 2e-4
    wrong = write_onnx(other, tmp_path / "wrong.onnx")
    with pytest.raises(ExportError, match=r"wrong\.onnx"):
        verify({wrong: SHIPPED["onnx"]}, model, stream, RULE)


def test_weights_that_are_not_numbers_are_refused(model, make_model, stream, tmp_path) -> None:
    other = make_model(model.config)
    other.head2.bias.data[:] = float("nan")
    with pytest.raises(ExportError, match="does not run on onnxruntime"):
        verify({write_onnx(other, tmp_path / "nan.onnx"): SHIPPED["onnx"]}, model, stream, RULE)


def test_damaged_file_is_refused_by_name(file, model, stream) -> None:
    file.write_bytes(file.read_bytes()[:-2_000])
    with pytest.raises(ExportError, match=r"green_lamp\.onnx"):
        verify({file: SHIPPED["onnx"]}, model, stream, RULE)


def test_file_that_no_engine_runs_is_an_error(file, model, stream, monkeypatch) -> None:
    monkeypatch.setattr(module, "runners", lambda: ({}, {"onnxruntime": "not installed"}))
    with pytest.raises(ExportError, match=r"no engine runs it\. onnxruntime: not installed"):
        verify({file: SHIPPED["onnx"]}, model, stream, RULE)


def test_relative_bar_follows_the_span(file, model, stream, monkeypatch) -> None:
    monkeypatch.setitem(module.BARS, "fp32", Bar(0.5, 0.25, of_range=True))
    [check] = verify({file: SHIPPED["onnx"]}, model, stream, RULE).checks
    span = float(np.ptp(reference_logits(model, stream)))
    assert check.max_bar == pytest.approx(span / 2)
    assert check.p99_bar == pytest.approx(span / 4)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda x: x[:5_990], r"59\.9"),
        (lambda x: x[:, :39], "39"),
        (lambda x: x.astype(np.float64), "float64"),
        (lambda x: np.where(np.arange(40) == 3, np.nan, x).astype(np.float32), "NaN"),
    ],
)
def test_features_that_do_not_do(stream, change, problem) -> None:
    with pytest.raises(ValueError, match=problem):
        check_stream(change(stream))


def test_decisions_smooth_as_the_runtime_does() -> None:
    logits = np.array([-4, 6, -5, -5, 9, 9], dtype=np.float32)
    assert decisions(logits, RULE).tolist() == [False, True, True, False, True, True]
    single = dataclasses.replace(RULE, smoothing_steps=1)
    assert decisions(logits, single).tolist() == [False, True, False, False, True, True]
    never = dataclasses.replace(RULE, threshold=1.0)
    assert not decisions(logits, never).any()


def test_engines_that_do_not_run_say_why(monkeypatch) -> None:
    monkeypatch.delenv(OTHER_PYTHON, raising=False)
    ways, reasons = runners()
    assert "onnxruntime" in ways
    assert not set(ways) & set(reasons)
    if "tflite-runtime" in reasons:
        assert OTHER_PYTHON in reasons["tflite-runtime"]


def test_another_python_that_is_none_is_refused(monkeypatch) -> None:
    if "tflite-runtime" in runners()[0]:
        pytest.skip("tflite-runtime runs here")
    monkeypatch.setenv(OTHER_PYTHON, "/no/such/python")
    with pytest.raises(ExportError, match="/no/such/python"):
        runners()


def test_another_python_without_the_engine_says_what_to_install(
    file, stream, monkeypatch, tmp_path
) -> None:
    if os.environ.get(OTHER_PYTHON) is None and "tflite-runtime" in runners()[0]:
        pytest.skip("tflite-runtime runs here")
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho tflite-runtime: not installed >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv(OTHER_PYTHON, str(fake))
    with pytest.raises(ExportError, match="not installed; install tflite-runtime"):
        runners()[0]["tflite-runtime"](file, stream)
