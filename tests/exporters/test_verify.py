import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from exporters import verify as module
from exporters.engine_choice import OTHER_PYTHON, runners
from exporters.errors import ExportError
from exporters.golden import check_features
from exporters.measure import Measured
from exporters.onnx import convert_onnx, embed_onnx
from exporters.recipes import SHIPPED
from exporters.report import BARS, OF_THE_MACHINE, Bar
from exporters.step import step_spec
from exporters.verify import (
    Reference,
    changed_detections,
    compare,
    smoothed_scores,
    verification_sound,
    verify,
)
from trainer.model import TinyCRNN
from watchword_runtime.decision import sigmoid
from watchword_runtime.manifest import EMBED_KEY, Decision, Manifest

RULE = Decision(threshold=0.5, smoothing_steps=2)


def write_onnx(model: TinyCRNN, target: Path) -> Path:
    manifest = Manifest("green lamp", "en", step_spec(model.config), RULE)
    target.write_bytes(embed_onnx(convert_onnx(model), EMBED_KEY, manifest.to_json()))
    return target


@pytest.fixture
def file(model, tmp_path) -> Path:
    return write_onnx(model, tmp_path / "green_lamp.onnx")


def test_report_has_the_numbers(file, model, sound) -> None:
    told = []
    report = verify({file: SHIPPED["onnx"]}, model, sound, RULE, lambda *args: told.append(args))
    [check] = report.checks
    assert check.engine == "onnxruntime"
    assert 0 < check.max_error <= 1e-4
    assert check.p99_error <= check.max_error
    assert 0 < check.score_error <= check.score_bar < 1e-4
    assert check.drift <= 1e-4
    assert check.bytes == file.stat().st_size
    assert 0 < check.step_us <= check.step_p99_us
    assert check.memory_mb > 10
    assert check.flips <= 1
    assert check.changed == 0 < report.detections
    assert report.steps == 6_100 // 3
    assert report.stream_s == pytest.approx(61)
    assert report.drift_s == pytest.approx(3 * 62.5, abs=1)  # each round begins with silence
    assert report.logit_max - report.logit_min > 5
    assert told == [(0.0, "Verifying green_lamp.onnx on onnxruntime")]
    assert "step_us" in report.to_dict()["checks"][0]
    assert not set(OF_THE_MACHINE) & set(report.to_dict(with_times=False)["checks"][0])


def test_short_sound_is_heard_again() -> None:
    sound = np.arange(60 * 16_000, dtype=np.int16)
    heard = verification_sound(sound)
    assert len(heard) == 61 * 16_000
    np.testing.assert_array_equal(heard[60 * 16_000 :], sound[:16_000])
    with pytest.raises(ValueError, match=r"lasts 59\.0 s and at least 60 s"):
        verification_sound(sound[: 59 * 16_000])
    with pytest.raises(TypeError, match="int16"):
        verification_sound(sound.astype(np.float32))


class Fixed:
    """An engine that gives what it is told to."""

    def __init__(self, reference: Reference, **changes: np.ndarray) -> None:
        self.result = Measured(reference.rounds, reference.scores, 1.0, 2.0, 3.0, None)
        self.result = dataclasses.replace(self.result, **changes)

    def __call__(self, *_: object) -> Measured:
        return self.result


@pytest.fixture
def reference(model, sound) -> Reference:
    return Reference.hear(model, sound, RULE, rounds=3)


@pytest.fixture
def verify_with(file, model, sound, reference, monkeypatch):
    """Verify the file on an engine that gives other values than PyTorch."""

    def run(changes: dict[str, np.ndarray]) -> None:
        way = Fixed(reference, **changes)
        monkeypatch.setattr(module, "runners", lambda: ({"onnxruntime": way}, {}))
        verify({file: SHIPPED["onnx"]}, model, sound, RULE)

    return run


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: {"logits": r.rounds + np.float32([[0], [0], [0.002]])}, r"drift 0\.002"),
        (lambda r: {"logits": r.rounds + np.float32([[0], [0], [np.nan]])}, "drift nan"),
        (lambda r: {"logits": r.rounds + np.float32(0.01)}, r"max 0\.01.*p99 0\.01"),
        (lambda r: {"scores": r.scores + np.float32(0.001)}, r"score 0\.001"),
    ],
)
def test_each_bar_is_held(verify_with, reference, change, said) -> None:
    verify_with({})
    with pytest.raises(ExportError, match=rf"green_lamp\.onnx on onnxruntime: {said}"):
        verify_with(change(reference))


def test_a_constant_offset_that_creeps_has_its_sign(file, model, sound, reference) -> None:
    logits = reference.rounds - np.float32([[0], [0.2], [0.5]])
    way = {"onnxruntime": Fixed(reference, logits=logits)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "runners", lambda: (way, {}))
        [check] = compare({file: SHIPPED["onnx"]}, reference).checks
    assert check.offset == pytest.approx(-0.5)
    assert not check.passed


def test_detections_that_only_one_has_are_counted() -> None:
    assert changed_detections([10, 200, 300], [12, 290, 400], step_s=0.03) == 2
    assert changed_detections([], [], step_s=0.03) == 0


def test_sound_and_features_go_the_same_way(file, model, sound) -> None:
    """A `Stream` in chunks of odd lengths against the front end and the network at once."""
    reference = Reference.hear(model, sound, RULE, rounds=2)
    done = runners()[0]["onnxruntime"](file, sound, reference.features, 2)
    np.testing.assert_allclose(done.scores, reference.scores, atol=2e-5)
    np.testing.assert_allclose(done.logits, reference.rounds, atol=1e-4)


def test_another_network_misses_the_bar(model, make_model, sound, tmp_path) -> None:
    other = write_onnx(make_model(model.config, seed=5), tmp_path / "other.onnx")
    with pytest.raises(ExportError, match=r"other\.onnx on onnxruntime: max \d.*at most 0\.0001"):
        verify({other: SHIPPED["onnx"]}, model, sound, RULE)


def test_one_slightly_wrong_weight_misses_the_bar(model, sound, tmp_path, make_model) -> None:
    other = make_model(model.config)
    other.head2.bias.data += 2e-4
    wrong = write_onnx(other, tmp_path / "wrong.onnx")
    with pytest.raises(ExportError, match=r"wrong\.onnx"):
        verify({wrong: SHIPPED["onnx"]}, model, sound, RULE)


def test_weights_that_are_not_numbers_are_refused(model, make_model, sound, tmp_path) -> None:
    other = make_model(model.config)
    other.head2.bias.data[:] = float("nan")
    with pytest.raises(ExportError, match="does not run on onnxruntime"):
        verify({write_onnx(other, tmp_path / "nan.onnx"): SHIPPED["onnx"]}, model, sound, RULE)


def test_damaged_file_is_refused_by_name(file, model, sound) -> None:
    file.write_bytes(file.read_bytes()[:-2_000])
    with pytest.raises(ExportError, match=r"green_lamp\.onnx"):
        verify({file: SHIPPED["onnx"]}, model, sound, RULE)


def test_file_that_no_engine_runs_is_an_error(file, model, sound, monkeypatch) -> None:
    monkeypatch.setattr(module, "runners", lambda: ({}, {"onnxruntime": "not installed"}))
    with pytest.raises(ExportError, match=r"no engine runs it\. onnxruntime: not installed"):
        verify({file: SHIPPED["onnx"]}, model, sound, RULE)


def test_relative_bar_follows_the_span(file, model, sound, monkeypatch) -> None:
    monkeypatch.setitem(BARS, "fp32", Bar(0.5, 0.25, of_range=True))
    [check] = verify({file: SHIPPED["onnx"]}, model, sound, RULE).checks
    span = float(np.ptp(Reference.hear(model, sound, RULE).logits))
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
        check_features(change(stream))


def test_scores_are_smoothed_as_the_runtime_does() -> None:
    logits = np.array([-4, 6, -5, -5, 9, 9], dtype=np.float32)
    means = [-4, 1, 0.5, -5, 2, 9]
    np.testing.assert_allclose(
        smoothed_scores(logits, RULE), [sigmoid(mean) for mean in means], rtol=1e-6
    )
    assert smoothed_scores(np.array([-900, 900], np.float32), RULE).tolist() == [0.0, 0.5]


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
    file, sound, monkeypatch, tmp_path
) -> None:
    if os.environ.get(OTHER_PYTHON) is None and "tflite-runtime" in runners()[0]:
        pytest.skip("tflite-runtime runs here")
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho tflite-runtime: not installed >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv(OTHER_PYTHON, str(fake))
    with pytest.raises(ExportError, match="not installed; install tflite-runtime"):
        runners()[0]["tflite-runtime"](file, sound, np.zeros((9, 40), np.float32), 1)
