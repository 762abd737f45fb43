"""The microWakeWord model of a small network, on its clients' own interpreters."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from exporters.errors import ExportError
from exporters.micro_artifact import (
    CUTOFF,
    SLOPE,
    MicroArtifact,
    cutoff_for,
    micro_artifact,
    run_micro,
    threshold_logit,
)
from exporters.micro_client import quantised_steps
from exporters.step import reference_logits, step_spec
from exporters.tflite import missing_converter
from trainer.model import TinyCRNN, TinyCRNNConfig
from watchword_runtime.decision import sigmoid
from watchword_runtime.frontend import features
from watchword_runtime.manifest import Decision, Manifest

pytestmark = pytest.mark.skipif(missing_converter() is not None, reason="no TFLite converter")

REGISTERED = {
    *("CALL_ONCE", "VAR_HANDLE", "RESHAPE", "READ_VARIABLE", "STRIDED_SLICE", "CONCATENATION"),
    *("ASSIGN_VARIABLE", "CONV_2D", "MUL", "ADD", "MEAN", "FULLY_CONNECTED", "LOGISTIC"),
    *("QUANTIZE", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "PAD", "PACK", "SPLIT_V"),
}
"""`register_streaming_ops_` of ESPHome's micro_wake_word/streaming_model.cpp."""
CLIENT_ERROR = 0.05


def manifest_of(model: TinyCRNN, threshold: float = 0.6) -> Manifest:
    decision = Decision(threshold=threshold, smoothing_steps=3, warmup_steps=5)
    return Manifest("Green lamp", "en", step_spec(model.config), decision)


@pytest.fixture(scope="module")
def artifact(default_model: TinyCRNN, make_features) -> MicroArtifact:
    return micro_artifact(default_model, manifest_of(default_model), make_features(6_100, seed=9))


@pytest.fixture
def config(artifact: MicroArtifact, tmp_path: Path) -> Path:
    for name, content in artifact.files().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path / "green_lamp_micro.json"


def wanted(model: TinyCRNN, frames: np.ndarray, threshold: float = 0.6) -> np.ndarray:
    logits = reference_logits(model, frames).astype(np.float64)
    return 1 / (1 + np.exp(-SLOPE * (logits - threshold_logit(threshold))))


def test_only_operators_that_esphome_registers_and_its_types_at_the_ends(artifact) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(artifact.model)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    assert {names[code.builtinCode] for code in model.operatorCodes} <= REGISTERED
    assert model.version == 3
    main = model.subgraphs[0]
    window, result = main.tensors[main.inputs[0]], main.tensors[main.outputs[0]]
    assert (list(window.shape), window.type) == ([1, 3, 40], schema.TensorType.INT8)
    assert (list(result.shape), result.type) == ([1, 1], schema.TensorType.UINT8)
    assert window.quantization.scale[0] == pytest.approx(26 / 255)
    assert window.quantization.zeroPoint[0] == -128
    assert len(artifact.model) <= 64 * 1024


def test_manifest_has_what_esphome_demands_and_nothing_that_it_refuses(artifact) -> None:
    stored = json.loads(artifact.files()["green_lamp_micro.json"])
    assert stored["wake_word"] == "Green lamp"
    assert (stored["type"], stored["version"], stored["model"]) == (
        "micro",
        2,
        "green_lamp_micro.tflite",
    )
    assert set(stored) == {
        *("type", "version", "model", "author", "wake_word", "trained_languages", "micro"),
    }
    assert set(stored["micro"]) == {
        *("feature_step_size", "tensor_arena_size", "probability_cutoff", "sliding_window_size"),
        "minimum_esphome_version",
    }
    assert stored["micro"]["sliding_window_size"] == 3


def test_second_conversion_gives_the_same_bytes(artifact, default_model, make_features) -> None:
    again = micro_artifact(default_model, manifest_of(default_model), make_features(6_100, seed=9))
    assert again.files() == artifact.files()


def test_probabilities_follow_the_network_on_sound_it_was_not_calibrated_on(
    artifact, default_model, make_features
) -> None:
    heard = make_features(6_000, seed=77)
    given = run_micro(artifact.model, heard) / 256
    errors = np.abs(given - wanted(default_model, heard))
    assert errors.max() <= CLIENT_ERROR
    assert np.ptp(given) > 0.5


@pytest.mark.parametrize(
    "shape",
    [
        {"second_kernel_steps": 1},
        {"first_kernel_frames": 3},
        {"first_kernel_frames": 2, "frames_per_step": 2},
    ],
)
def test_networks_whose_convolutions_need_no_past(shape, make_model, make_features) -> None:
    model = make_model(TinyCRNNConfig(conv_channels=24, hidden=24, head=8, **shape))
    heard = make_features(6_000, seed=5)
    content = micro_artifact(model, manifest_of(model), heard).model
    assert np.abs(run_micro(content, heard) / 256 - wanted(model, heard)).max() <= 0.08


def test_a_model_of_another_network_misses_the_bar_with_numbers(
    default_model, make_model, make_features, monkeypatch
) -> None:
    from exporters import micro

    other, convert = make_model(TinyCRNNConfig(), seed=3), micro.convert_micro
    monkeypatch.setattr(
        micro, "convert_micro", lambda _, *rest, **named: convert(other, *rest, **named)
    )
    with pytest.raises(ExportError, match=r"differ from PyTorch's by up to 0\.\d+ \(at most"):
        micro_artifact(default_model, manifest_of(default_model), make_features(6_100, seed=9))


@pytest.mark.parametrize(("threshold", "logit"), [(0.0, -12.0), (0.5, 0.0), (1.0, 12.0)])
def test_thresholds_without_a_finite_logit(threshold: float, logit: float) -> None:
    assert threshold_logit(threshold) == logit


def test_cutoffs_for_other_operating_points_keep_their_order() -> None:
    assert cutoff_for(0.6, 0.6) == pytest.approx(CUTOFF)
    below, above = cutoff_for(0.3, 0.6), cutoff_for(0.9, 0.6)
    assert 0 < below < CUTOFF < above < 1
    assert sigmoid(SLOPE * (threshold_logit(0.9) - threshold_logit(0.6))) == pytest.approx(
        above - CUTOFF + 0.5
    )


def test_pymicro_wakeword_as_published_agrees_step_by_step(config: Path, default_model) -> None:
    pymicro = pytest.importorskip("pymicro_wakeword", reason="pip install watchword[rivals]")
    rng = np.random.default_rng(4)
    pcm = (rng.normal(size=96_000) * np.repeat(rng.uniform(20, 9_000, 60), 1_600)).astype(np.int16)
    word = pymicro.MicroWakeWord.from_config(config)
    assert (word.id, word.wake_word, word.stride) == ("green_lamp_micro", "Green lamp", 3)
    front_end = pymicro.MicroWakeWordFeatures()
    frames = list(front_end.process_streaming(pcm.tobytes()))
    given = np.array([word.process_streaming_prob(frame) for frame in frames])[2::3]
    steps = wanted(default_model, features(pcm))
    averages = np.convolve(steps, np.ones(3) / 3)[: len(steps)]
    assert len(given) == len(steps)
    assert np.abs(given[2:] - averages[2:]).max() <= CLIENT_ERROR
    assert np.ptp(given) > 0.1
    word.reset()
    again = np.array([word.process_streaming_prob(frame) for frame in frames])[2::3]
    np.testing.assert_array_equal(given, again)


def test_tflite_micro_runs_it_in_the_manifests_arena(
    artifact: MicroArtifact, make_features
) -> None:
    if sys.platform != "linux":
        pytest.skip("tflite-micro is published for Linux")
    package = pytest.importorskip("tflite_micro", reason="pip install watchword[rivals]")
    arena = artifact.manifest["micro"]["tensor_arena_size"]
    interpreter = package.runtime.Interpreter.from_bytes(artifact.model, arena_size=arena)
    heard = make_features(3_000, seed=8)
    given = []
    for chunk in quantised_steps(heard, 3):
        interpreter.set_input(chunk, 0)
        interpreter.invoke()
        given.append(int(interpreter.get_output(0)[0, 0]))
    assert np.abs(np.array(given) - run_micro(artifact.model, heard).astype(int)).max() <= 2
