import json

import numpy as np
import pytest
import soundfile

from exporters import gate_report
from exporters.exam import RULE
from exporters.gate_report import SPEECH_RMS, hear, main, score_detector, stage, with_noise
from exporters.onnx import convert_onnx, embed_onnx
from exporters.sound import Sound
from exporters.step import step_spec
from watchword_runtime.detector import Detector
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.gate import Gate
from watchword_runtime.listener import Listener
from watchword_runtime.manifest import EMBED_KEY, Manifest

RATE = SAMPLE_RATE_HZ


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, model):
    manifest = Manifest("smart mirror", "en", step_spec(model.config), RULE)
    path = tmp_path_factory.mktemp("gate") / "model.onnx"
    text = json.dumps(manifest.to_dict())
    path.write_bytes(embed_onnx(convert_onnx(model), EMBED_KEY, text))
    return path


def bursts(*levels: float) -> Sound:
    """One second of noise between silences for each level."""
    rng = np.random.default_rng(1)
    parts = [
        np.concatenate([np.zeros(RATE), rng.normal(0, level, RATE), np.zeros(RATE)])
        for level in levels
    ]
    spans = tuple((n * 3 * RATE, (n + 1) * 3 * RATE) for n in range(len(levels)))
    return Sound(np.concatenate(parts).astype(np.int16), spans)


@pytest.fixture(scope="module")
def scene():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_report, "ALONE_S", 20.0)
        return stage(bursts(300, 5_000, 900), bursts(*[1_000] * 8), 10.0)


def test_recordings_are_as_loud_as_each_other_and_noise_runs_through(scene):
    samples = scene.exam.sound.samples.astype(float)
    for first, _ in scene.exam.sound.spans:
        assert samples[first + RATE : first + 2 * RATE].std() == pytest.approx(SPEECH_RMS, rel=0.02)
    noisy = with_noise(scene, gate_report.steady_noise(20.0), 20.0)
    speech_end, phrases_end, end = scene.parts
    assert end == len(noisy) == len(samples)
    assert end - phrases_end == 20 * RATE
    for pause in (noisy[speech_end:][: 10 * RATE], noisy[phrases_end:]):
        assert pause.astype(float).std() == pytest.approx(SPEECH_RMS / 10, rel=0.1)


@pytest.mark.parametrize("gated", [False, True])
def test_the_scores_count_as_the_listener_decides(bundle, scene, gated):
    pcm = with_noise(scene, gate_report.steady_noise(20.0), 40.0)
    heard = hear(score_detector(bundle), scene, pcm, Gate() if gated else None)
    # Some of the phrases and not all.
    spans = scene.exam.sound.spans[scene.exam.negative_files :]
    best = [heard.scores[first // 160 : last // 160].max() for first, last in spans]
    detector = Detector.load(bundle, threshold=float(max(best)))
    listener = Listener([detector], Gate() if gated else None)
    found = [one.time_s for one in listener.hear(pcm) + listener.finish()]
    speech_end = scene.parts[0] / RATE
    assert found
    cells = gate_report.row(scene, heard, _at(detector))
    assert cells[1].startswith(f"{sum(time_s <= speech_end for time_s in found)} ")
    missed = sum(
        not any(first / RATE <= time_s < last / RATE for time_s in found) for first, last in spans
    )
    assert 0 < missed < len(spans)
    assert cells[0] == f"{missed / len(spans):.1%}"


def _at(detector: Detector) -> Detector:
    """The same with its threshold as the manifest's, which is what a report counts at."""
    from dataclasses import replace

    decision = replace(detector.manifest.decision, threshold=detector.threshold)
    detector.manifest = replace(detector.manifest, decision=decision)
    return detector


def test_only_the_gate_sleeps(bundle, scene):
    pcm = with_noise(scene, gate_report.steady_noise(20.0), 40.0)
    detector = score_detector(bundle)
    assert hear(detector, scene, pcm, None).slept == (0.0, 0.0, 0.0)
    speech, phrases, alone = hear(detector, scene, pcm, Gate()).slept
    assert speech < 0.3 < phrases < alone
    assert alone > 0.9


def test_the_command_prints_a_row_for_each_noise_with_and_without(
    bundle, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(gate_report, "ALONE_S", 10.0)
    for name, sound in (("positives", bursts(900)), ("negatives", bursts(*[900] * 3))):
        (tmp_path / name).mkdir()
        for number, (first, last) in enumerate(sound.spans):
            path = tmp_path / name / f"{number}.wav"
            soundfile.write(path, sound.samples[first:last], RATE)
    folders = ["--positives", tmp_path / "positives", "--negatives", tmp_path / "negatives"]
    options = [str(one) for one in (bundle, *folders, "--snr", 30, "--pause", 5)]
    assert main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Recordings of the phrase, 5 s before each: 1. Hours without it: 0.00."
    assert [line.split(" | ")[:2] for line in lines[4:]] == [
        ["| 30 dB below", "off"],
        ["| 30 dB below", "on"],
    ]
    assert main([str(bundle), *map(str, folders[:2]), "--negatives", str(tmp_path / "no")]) == 2
    assert "no holds no audio" in capsys.readouterr().err
