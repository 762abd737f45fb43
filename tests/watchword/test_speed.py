"""`watchword speed`: every contender in a process of its own, tables, and what is refused."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from watchword import speed, speed_process
from watchword.cli import main
from watchword.speed import Contender, Cost, Measured, SpeedError, contenders, made_up_audio, run
from watchword.speed_table import many_phrases_table, one_phrase_table
from watchword_runtime import Detector
from watchword_runtime.manifest import (
    MANIFEST_FILE,
    Decision,
    Manifest,
    ModelFile,
    StateSpec,
    StepSpec,
)

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_runtime.frontend import Pcm

SHORT = made_up_audio(12 / 60)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose model hears its phrase in everything, twice as ONNX."""
    from onnx import TensorProto, helper

    def tensor(name: str, *shape: int) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["features"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("Reshape", ["mean", "shape"], ["level"]),
            helper.make_node("Add", ["level", "state"], ["state_out"]),
            helper.make_node("Identity", ["level"], ["logit"]),
        ],
        "loudness",
        [tensor("features", 1, 3, 40), tensor("state", 1, 1)],
        [tensor("logit", 1, 1), tensor("state_out", 1, 1)],
        [helper.make_tensor("shape", TensorProto.INT64, (2,), [1, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content = model.SerializeToString()
    folder = tmp_path_factory.mktemp("speed") / "bundle"
    folder.mkdir()
    files = []
    for name, precision in (("loud.int8.onnx", "int8"), ("loud.onnx", "fp32")):
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files.append(ModelFile(name, "onnx", precision, len(content), digest))
    manifest = Manifest(
        phrase="smart mirror",
        language="en",
        files=tuple(files),
        step=StepSpec(3, "features", "logit", (StateSpec("state", (1, 1)),)),
        decision=Decision(threshold=0.0, smoothing_steps=3, refractory_s=2.0, warmup_steps=10),
        provenance={},
    )
    (folder / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
    return folder


def leave(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_the_command_prints_its_tables_and_writes_every_round(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "speed.json"
    options = ("--without-rivals", "--phrases", 3, "--rounds", 2, "--minutes", 1, "--json", file)
    assert leave("speed", bundle, *options) == 0
    out = capsys.readouterr().out
    one, many, memory = out.split("\n\n")
    for title in ("Python and numpy", "features alone", "int8, onnxruntime", "fp32, onnxruntime"):
        assert title in one
    assert "1: CPU s per audio hour" in many
    assert "3: CPU s per audio hour" in many
    assert "| Watchword int8, onnxruntime |" in memory
    assert not any(line.startswith("| py") for line in out.splitlines())

    written = json.loads(file.read_text())
    found = {(one["title"], one["phrases"]): one for one in written["contenders"]}
    assert len(found) == 5
    for contender in found.values():
        assert len(contender["rounds"]) == 2
        assert contender["median"].keys() == {field.name for field in fields(Cost)}
    # What must hold on any machine: a model costs more than none, numpy is part of all.
    features, numpy_alone = found["features alone", 1], found["Python and numpy", 1]
    int8 = found["Watchword int8, onnxruntime", 1]["median"]
    assert int8["cpu_s_per_hour"] > features["median"]["cpu_s_per_hour"] > 0
    assert int8["rss_mb"] > numpy_alone["median"]["rss_mb"] > int8["anonymous_mb"] / 2
    parts = ("anonymous", "python", "numpy", "engine", "system")
    for contender in found.values():
        for cost in contender["rounds"]:
            assert sum(cost[f"{part}_mb"] for part in parts) == pytest.approx(cost["rss_mb"])
    assert numpy_alone["median"]["engine_mb"] == 0 < features["median"]["engine_mb"] < 1
    assert int8["engine_mb"] > 5
    assert numpy_alone["median"]["numpy_mb"] > 1
    assert int8["disk_mb"] > features["median"]["disk_mb"] > numpy_alone["median"]["disk_mb"] > 1
    assert int8["step_ms"] == Detector.load(bundle).step_s * 1000
    assert int8["step_p99_us"] >= int8["step_p50_us"] > 0


@pytest.mark.parametrize("package", speed.RIVALS)
def test_rivals_hear_the_same_audio(package: str):
    pytest.importorskip(speed.RIVALS[package], reason='pip install "watchword[rivals]"')
    two = Contender(package, package, 2, (package,))
    [measured] = run([two], SHORT, 1, lambda _line: None)
    cost = measured.median()
    assert cost.cpu_s_per_hour > 0
    assert cost.disk_mb > 5
    assert cost.step_ms >= 30


def test_what_is_timed_is_the_detector(bundle: Path):
    spec = {"bundle": str(bundle), "engine": "onnxruntime", "file": "loud.onnx"}
    hear, step_samples = speed_process.CONTENDERS["watchword"]({**spec, "phrases": 2})()
    alone = Detector.load(bundle, file="loud.onnx").stream().process(SHORT)
    assert step_samples == 480
    assert hear(SHORT.tobytes()) == 2 * len(alone) > 0


def test_a_missing_rival_says_what_to_install(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(speed, "RIVALS", {"pymicro-wakeword": "no_such_module"})
    assert leave("speed", bundle) == 3
    assert 'pip install "watchword[rivals]"' in capsys.readouterr().err


def test_what_is_no_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert leave("speed", tmp_path / "nothing", "--without-rivals") == 2
    assert "nothing" in capsys.readouterr().err


def test_a_process_that_fails_is_named(bundle: Path):
    ours = contenders(bundle, [1], rivals=False)[-1]

    def refuse(changed: Contender) -> str:
        with pytest.raises(SpeedError) as refused:
            run([changed], SHORT, 1, lambda _line: None)
        return str(refused.value)

    assert "/no/python cannot be started" in refuse(replace(ours, python="/no/python"))
    said = refuse(replace(ours, file="other.onnx"))
    assert ours.title in said
    assert "other.onnx" in said


def test_medians_and_ratios_are_taken_over_rounds():
    def rounds(*values: float) -> tuple[Cost, ...]:
        return tuple(Cost(**{field.name: value for field in fields(Cost)}) for value in values)

    ours = Measured(Contender("Watchword", "watchword", 1, ()), rounds(1.0, 6.0, 2.0))
    theirs = Measured(Contender("rival", speed.AGAINST, 1, ()), rounds(2.0, 8.0, 8.0))
    assert ours.median() == rounds(2.0)[0]
    assert ours.ratios(theirs, "rss_mb") == [0.5, 0.75, 0.25]
    row = one_phrase_table([ours, theirs]).splitlines()[2]
    assert row.startswith("| Watchword | 2.00 (1.00 … 6.00) | 0.50 (0.25 … 0.75) | 2 / 2 |")
    assert many_phrases_table([ours, theirs]) == ""


def test_the_audio_is_the_same_each_time():
    again: Pcm = made_up_audio(12 / 60)
    np.testing.assert_array_equal(SHORT, again)
    assert len(SHORT) == 12 * 16_000
    assert SHORT.dtype == np.int16
    assert np.abs(SHORT).max() > 1_000 > np.abs(np.median(SHORT))


def test_the_measuring_script_needs_nothing_of_ours():
    import ast
    from pathlib import Path

    source = Path(speed_process.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    modules = {
        alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names
    }
    assert modules <= sys.stdlib_module_names
