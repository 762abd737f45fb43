from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import watchword_runtime
from watchword_runtime import Detector, ModelError, NoEngineError
from watchword_runtime.frontend import FrontEnd
from watchword_runtime.manifest import Decision, StateSpec, StepSpec


@pytest.fixture
def detector(tiny, tmp_path) -> Detector:
    return Detector.load(tiny.bundle(tmp_path / "bundle"))


def bursts_heard(found: list) -> list[float]:
    """Return the burst's start for each detection that came while it sounded."""
    starts = [start for one in found for start in (1.0, 1.9, 3.0) if 0 < one.time_s - start < 0.4]
    assert len(starts) == len(found)
    return starts


def everything(detector: Detector, pcm: np.ndarray, size: int) -> tuple[np.ndarray, list]:
    scores, detections = detector.stream(), detector.stream()
    chunks = [pcm[i : i + size] for i in range(0, len(pcm), size)]
    return (
        np.concatenate([scores.scores(chunk) for chunk in chunks]),
        [found for chunk in chunks for found in detections.process(chunk)],
    )


def test_scores_are_the_sigmoid_of_the_smoothed_logits(detector, tiny, bursts):
    front_end = FrontEnd()
    silent = front_end.settle()
    heard = np.concatenate([silent, front_end.process(bursts)])
    logits = tiny.reference(heard).astype(np.float64)
    smoothed = ((logits[1:] + logits[:-1]) / 2)[len(silent) // 3 - 1 :]
    detector.forgets = False
    scores = detector.stream().scores(bursts)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-smoothed)), atol=1e-5)
    assert scores.max() > 0.9
    assert scores.min() < 0.01


@pytest.mark.parametrize("size", [1, 33, 160, 479, 5001])
def test_chunks_of_any_length_give_identical_results(detector, bursts, size):
    pcm = bursts[: 24_000 if size == 1 else None]
    scores, detections = everything(detector, pcm, size)
    whole_scores, whole_detections = everything(detector, pcm, len(pcm))
    np.testing.assert_array_equal(scores, whole_scores)
    assert detections == whole_detections
    assert whole_detections


def test_each_burst_is_one_detection_at_the_end_of_its_step(detector, bursts):
    found = detector.stream().process(bursts)
    scores = detector.stream().scores(bursts)
    assert bursts_heard(found) == [1.0, 1.9, 3.0]
    for one in found:
        step = round(one.time_s / detector.step_s) - 1
        assert detector.step_end_s(step) == one.time_s
        assert one.score == scores[step] >= detector.threshold > scores[step - 1]
        assert one.phrase == "smart mirror"
        # A step has heard exactly the audio up to its time: one sample less, no step.
        end = round(one.time_s * 16_000)
        assert detector.stream().process(bursts[:end])[-1] == one
        assert one not in detector.stream().process(bursts[: end - 1])


def test_refractory_and_warmup_hold_detections_back(tiny, tmp_path, bursts):
    def heard(**changes: object) -> list[float]:
        decision = replace(tiny.manifest.decision, **changes)
        folder = tmp_path / "-".join(map(str, changes.values()))
        loaded = Detector.load(tiny.bundle(folder, decision=decision))
        return bursts_heard(loaded.stream().process(bursts))

    assert heard(refractory_s=1.5) == [1.0, 3.0]
    assert heard(refractory_s=1.0, warmup_steps=50) == [1.9, 3.0]
    assert len(heard(refractory_s=0.0)) > 12
    assert heard(warmup_steps=10_000) == []


def test_warmup_steps_still_have_scores(tiny, tmp_path, bursts):
    decision = Decision(0.5, 1, 0.6, warmup_steps=10_000)
    loaded = Detector.load(tiny.bundle(tmp_path / "bundle", decision=decision))
    assert loaded.stream().scores(bursts).max() > 0.9


def test_reset_starts_over(detector, bursts):
    stream = detector.stream()
    first = stream.process(bursts)
    assert stream.process(bursts) != first
    stream.process(bursts[:12_345])
    stream.reset()
    assert stream.process(bursts) == first


def test_process_and_scores_advance_the_same_state(detector, bursts):
    stream = detector.stream()
    stream.scores(bursts[:20_000])
    later = stream.process(bursts[20_000:])
    assert later == [one for one in detector.stream().process(bursts) if one.time_s > 1.25]


def test_streams_do_not_disturb_each_other(detector, bursts):
    alone = detector.stream().process(bursts)
    first, second = detector.stream(), detector.stream()
    found: list = []
    for start in range(0, len(bursts), 4_000):
        found += first.process(bursts[start : start + 4_000])
        second.process(bursts[::-1][start : start + 3_000])
    assert found == alone


def test_threshold_can_be_set(tiny, tmp_path, bursts):
    folder = tiny.bundle(tmp_path / "bundle")
    assert Detector.load(folder).threshold == 0.5
    strict = Detector.load(folder, threshold=1.0)
    assert strict.threshold == 1.0
    assert strict.stream().process(bursts[:16_000]) == []
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 1"):
            Detector.load(folder, threshold=wrong)


def test_what_a_detector_tells(detector):
    assert detector.step_s == 0.03
    assert detector.refractory_s == 0.6
    assert detector.engine_name == "onnxruntime"
    assert detector.file == "tiny.onnx"
    assert detector.manifest.phrase == "smart mirror"


def test_floats_are_refused(detector):
    with pytest.raises(TypeError, match="to_int16"):
        detector.stream().process(np.zeros(100, np.float32))


def test_all_engines_give_the_same_detections(tiny, tiny_tflite, tmp_path, bursts):
    files = {"tiny.onnx": tiny.onnx, "tiny.tflite": tiny_tflite}
    folder = tiny.bundle(tmp_path / "bundle", files)
    onnx = Detector.load(folder)
    tflite = Detector.load(folder, file="tiny.tflite")
    assert (onnx.engine_name, tflite.engine_name) == ("onnxruntime", "ai-edge-litert")
    a, b = onnx.stream().process(bursts), tflite.stream().process(bursts)
    assert [one.time_s for one in a] == [one.time_s for one in b] != []
    np.testing.assert_allclose(
        onnx.stream().scores(bursts), tflite.stream().scores(bursts), atol=1e-5
    )
    assert Detector.load(folder, engine="ai-edge-litert").file == "tiny.tflite"


def test_two_tflite_streams_share_an_interpreter_and_no_state(tiny, tiny_tflite, tmp_path, bursts):
    loaded = Detector.load(tiny.bundle(tmp_path / "bundle", {"tiny.tflite": tiny_tflite}))
    alone = loaded.stream().scores(bursts)
    first, second = loaded.stream(), loaded.stream()
    parts = []
    for start in range(0, len(bursts), 4_000):
        parts.append(first.scores(bursts[start : start + 4_000]))
        second.scores(bursts[::-1][start : start + 3_000])
    np.testing.assert_array_equal(np.concatenate(parts), alone)


def hide(monkeypatch, *packages: str) -> None:
    import importlib.util

    find_spec = importlib.util.find_spec

    def without(name: str, *more: object) -> object:
        return None if name.split(".", maxsplit=1)[0] in packages else find_spec(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", without)


def test_no_engine_says_what_to_install(tiny, tmp_path, monkeypatch):
    folder = tiny.bundle(tmp_path / "bundle", {"tiny.onnx": tiny.onnx, "tiny.tflite": b"x"})
    hide(monkeypatch, "onnxruntime", "ai_edge_litert", "tflite_runtime")
    with pytest.raises(NoEngineError) as raised:
        Detector.load(folder)
    for extra in ("onnx", "litert", "tflite"):
        assert f'pip install "watchword-runtime[{extra}]"' in str(raised.value)


def test_the_first_file_that_runs_here_is_used(tiny, tiny_tflite, tmp_path, monkeypatch):
    files = {"tiny.tflite": tiny_tflite, "tiny.onnx": tiny.onnx}
    folder = tiny.bundle(tmp_path / "bundle", files)
    assert Detector.load(folder).file == "tiny.tflite"
    hide(monkeypatch, "ai_edge_litert", "tflite_runtime")
    assert Detector.load(folder).file == "tiny.onnx"
    with pytest.raises(NoEngineError, match="ai-edge-litert: not installed"):
        Detector.load(folder, engine="ai-edge-litert")


def test_an_engine_for_other_files_says_so(tiny, tmp_path):
    folder = tiny.bundle(tmp_path / "bundle")
    with pytest.raises(NoEngineError, match=r"runs tflite files and there are only tiny\.onnx"):
        Detector.load(folder, engine="ai-edge-litert")
    with pytest.raises(ValueError, match="choose from onnxruntime"):
        Detector.load(folder, engine="tensorrt")


@pytest.mark.parametrize(
    "step",
    [
        StepSpec(4, "features", "logit", (StateSpec("count", (1, 2)), StateSpec("level", (1, 1)))),
        StepSpec(3, "features", "logit", (StateSpec("count", (1, 3)), StateSpec("level", (1, 1)))),
        StepSpec(3, "features", "logit", (StateSpec("count", (1, 2)),)),
        StepSpec(3, "features", "logit", (StateSpec("level", (1, 1)), StateSpec("count", (1, 2)))),
    ],
)
@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_a_model_that_does_not_fit_its_manifest_is_refused(
    tiny, plain_tflite, tmp_path, step, kind
):
    content = {"onnx": tiny.onnx, "tflite": plain_tflite}[kind]
    folder = tiny.bundle(tmp_path / "bundle", {f"tiny.{kind}": content}, step=step)
    with pytest.raises(ModelError, match=rf"tiny\.{kind}.*export the detector again"):
        Detector.load(folder)


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_a_model_the_engine_refuses_is_named(tiny, tmp_path, kind):
    if kind == "tflite":
        pytest.importorskip("ai_edge_litert")
    folder = tiny.bundle(tmp_path / "bundle", {f"tiny.{kind}": b"no model at all"})
    with pytest.raises(ModelError, match=rf"cannot load tiny\.{kind}"):
        Detector.load(folder)


def test_a_logit_that_is_not_finite_is_an_error(detector, monkeypatch, bursts):
    class Broken:
        def runner(self):
            return self

        def run(self, features):
            return [0.0] * (len(features) - 1) + [float("nan")]

        def reset(self):
            pass

    monkeypatch.setattr(detector, "_model", Broken())
    with pytest.raises(ModelError, match="logit nan"):
        detector.stream().process(bursts)


def test_importing_loads_no_engine_and_nothing_heavy():
    code = (
        "import sys, json; import watchword_runtime.__main__; print(json.dumps(sorted("
        "{name.split('.')[0] for name in sys.modules})))"
    )
    source = Path(watchword_runtime.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout))
    assert "watchword_runtime" in loaded
    heavy = {"onnxruntime", "ai_edge_litert", "tflite_runtime", "torch", "scipy", "onnx", "pandas"}
    assert not loaded & heavy


def test_the_source_is_python_3_9():
    for path in Path(watchword_runtime.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        ast.parse(text, feature_version=(3, 9))
        assert "from __future__ import annotations" in text or path.name == "__init__.py"
