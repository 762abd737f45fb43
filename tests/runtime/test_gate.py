from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from watchword_runtime import Detector
from watchword_runtime.audio import read_wav
from watchword_runtime.gate import HOLD_S, PRE_ROLL_S, Gate
from watchword_runtime.listener import Listener
from watchword_runtime.manifest import Decision

RATE = 16_000


def room(seconds: float, level: float = 20.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.int16)


def heard(gate: Gate, pcm: np.ndarray, size: int = 1_600) -> np.ndarray:
    """Return bool [samples]: which of `pcm` the gate let through; each at most once."""
    passed = np.zeros(len(pcm), dtype=int)
    pieces = []
    for start in range(0, len(pcm), size):
        pieces += gate.process(pcm[start : start + size])
    pieces += gate.flush()
    end = 0
    for piece in pieces:
        assert piece.fresh == (piece.start != end)
        end = piece.start + len(piece.pcm)
        np.testing.assert_array_equal(piece.pcm, pcm[piece.start : end])
        passed[piece.start : end] += 1
    assert passed.max(initial=0) <= 1
    return passed.astype(bool)


def test_a_quiet_room_is_not_heard():
    passed = heard(Gate(), room(20))
    assert passed[: round(HOLD_S * RATE)].all()
    assert not passed[round(HOLD_S * RATE) :].any()
    silence = heard(Gate(), np.zeros(20 * RATE, np.int16))
    assert silence.sum() == round(HOLD_S * RATE)


@pytest.mark.parametrize("level", [0.0, 2.0, 20.0, 300.0])
def test_what_comes_before_a_word_is_heard_and_what_comes_after(level):
    pcm = room(20, level)
    pcm[10 * RATE : 11 * RATE] += room(1, 2 * level + 30, seed=1)
    passed = heard(Gate(), pcm)
    first = round((10 - PRE_ROLL_S) * RATE)
    last = round((11 + HOLD_S) * RATE)
    assert passed[first:last].all()
    assert not passed[round(HOLD_S * RATE) : first].any()
    assert not passed[last + RATE // 10 :].any()


def test_a_constant_offset_and_hum_hide_no_word():
    pcm = room(20)
    pcm[10 * RATE : 11 * RATE] += room(1, 60, seed=1)
    hum = 500 * np.sin(2 * np.pi * 50 * np.arange(len(pcm)) / RATE) + 1_000
    passed = heard(Gate(), (pcm + hum).astype(np.int16))
    first = round((10 - PRE_ROLL_S) * RATE)
    assert passed[first : 11 * RATE].all()
    assert not passed[3 * RATE : first].any()


def test_of_a_pause_that_is_kept_whole_nothing_is_lost():
    # `heard` checks that such a pause begins no new stream either.
    pause_s = HOLD_S + PRE_ROLL_S - 0.1
    pcm = room(12 + pause_s + 6)
    for start_s in (10.0, 10.5 + pause_s):
        start = round(start_s * RATE)
        pcm[start : start + RATE // 2] += room(0.5, 60, seed=1)
    passed = heard(Gate(), pcm)
    first, last = round((10 - PRE_ROLL_S) * RATE), round((11 + pause_s + HOLD_S) * RATE)
    assert passed[first:last].all()
    assert not passed[round(HOLD_S * RATE) : first].any()


def test_noise_that_stays_becomes_the_room():
    pcm = np.concatenate([room(10), room(20, 200.0, seed=1)])
    passed = heard(Gate(), pcm)
    assert passed[10 * RATE : 15 * RATE].all()
    assert not passed[25 * RATE :].any()


def test_chunks_of_any_length_pass_the_same_samples(bursts):
    pcm = np.concatenate([room(5), bursts, room(5, seed=1)])
    wanted = heard(Gate(), pcm)
    assert wanted.any()
    assert not wanted.all()
    for size in (1, 333, 16_000, len(pcm)):
        cut = pcm[: 3 * RATE] if size == 1 else pcm
        np.testing.assert_array_equal(heard(Gate(), cut, size), heard(Gate(), cut))
    np.testing.assert_array_equal(heard(Gate(), pcm, 777), wanted)


@pytest.fixture
def detector(tiny, tmp_path):
    decision = Decision(threshold=0.5, smoothing_steps=2, refractory_s=0.6, warmup_steps=20)
    return Detector.load(tiny.bundle(tmp_path / "tiny", decision=decision))


def detections(detector: Detector, pcm: np.ndarray, gate: Gate | None) -> list[float]:
    listener = Listener([detector], gate)
    found = []
    for start in range(0, len(pcm), 1_600):
        found += listener.hear(pcm[start : start + 1_600])
    found += listener.finish()
    assert listener.source_samples == len(pcm)
    assert (listener.heard_samples < len(pcm)) == (gate is not None)
    # The tiny detector hears a burst where the room begins: it only knows loudness.
    return [one.time_s for one in found if one.time_s > 1.0]


def test_detections_keep_their_times_in_padded_sound(detector, bursts):
    pcm = np.concatenate([room(12), bursts, room(9, seed=1), bursts, room(7, seed=2)])
    without = detections(detector, pcm, None)
    gated = detections(detector, pcm, Gate())
    assert len(without) == len(gated) == 6
    np.testing.assert_allclose(gated, without, atol=0.1)


def test_the_refractory_time_outlasts_a_gap(detector):
    pcm = room(30)
    for start in (10, 16, 24):
        pcm[start * RATE : start * RATE + 4_800] += room(0.3, 6_000, seed=start)
    detector.refractory_s = 9.0
    assert [round(time_s) for time_s in detections(detector, pcm, Gate())] == [10, 24]
    detector.refractory_s = 1.0
    assert [round(time_s) for time_s in detections(detector, pcm, Gate())] == [10, 16, 24]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize("words", ["smart mirror", "view glass", "fish", "hello"])
def test_spoken_words_are_heard_whole(tmp_path, words):
    path = tmp_path / "word.wav"
    subprocess.run(["espeak-ng", "-a", "30", "-w", path, words], check=True)
    word = read_wav(path)
    loud = np.flatnonzero(np.abs(word.astype(int)) > 30)
    for level in (0.0, 20.0):
        pcm = np.concatenate([room(10, level), word, room(5, level, seed=1)])
        pcm[10 * RATE :][: len(word)] += room(len(word) / RATE, level, seed=2)[: len(word)]
        passed = heard(Gate(), pcm)
        assert passed[10 * RATE + loud[0] - RATE // 2 : 10 * RATE + loud[-1]].all()
        assert not passed[3 * RATE : round((10 - PRE_ROLL_S) * RATE)].any()


@pytest.mark.skipif("WATCHWORD_TEST_DATA" not in os.environ, reason="set WATCHWORD_TEST_DATA")
def test_recordings_of_people_open_the_gate():
    soundfile = pytest.importorskip("soundfile")
    folder = Path(os.environ["WATCHWORD_TEST_DATA"]) / "positives" / "view_glass"
    files = sorted(folder.glob("*.flac"))[:40]
    if not files:
        pytest.skip(f"{folder} holds no recordings")
    for number, file in enumerate(files):
        spoken, rate_hz = soundfile.read(file, dtype="int16")
        assert rate_hz == RATE
        pcm = np.concatenate([room(6, 10.0), spoken, room(3, 10.0, seed=1)])
        pcm[6 * RATE :][: len(spoken)] += room(len(spoken) / RATE + 1, 10.0, number)[: len(spoken)]
        power = spoken[: len(spoken) // 160 * 160].astype(float).reshape(-1, 160).std(axis=1)
        loud = np.flatnonzero(power > 0.1 * power.max())
        first, last = 6 * RATE + loud[0] * 160, 6 * RATE + loud[-1] * 160
        assert heard(Gate(), pcm)[first - RATE // 2 : last].all(), file.name
