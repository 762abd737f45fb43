"""Streams of one detector: in threads of their own, and over a long time."""

from __future__ import annotations

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from watchword_runtime import Detector, DetectorGroup
from watchword_runtime.frontend import SAMPLE_RATE_HZ, silence


@pytest.fixture(params=["onnx", "tflite"])
def detector(request, tiny, tmp_path) -> Detector:
    if request.param == "onnx":
        return Detector.load(tiny.bundle(tmp_path / "bundle"))
    content = request.getfixturevalue("tiny_tflite")
    return Detector.load(tiny.bundle(tmp_path / "bundle", {"tiny.tflite": content}))


@pytest.mark.parametrize("together", [False, True], ids=["detector", "group"])
def test_each_thread_with_its_stream_hears_what_it_would_alone(detector, bursts, together):
    listening = DetectorGroup([detector, detector]) if together else detector
    sounds = [np.roll(bursts, 4_321 * index) for index in range(4)] * 2
    chunk_samples = [160, 480, 777, 1_280] * 2

    def listen(pcm: np.ndarray, size: int) -> np.ndarray:
        stream = listening.stream()
        parts = [stream.scores(pcm[at : at + size]) for at in range(0, len(pcm), size)]
        return np.concatenate(parts, axis=-1)

    alone = [listen(pcm, len(pcm)) for pcm in sounds]
    assert not np.array_equal(alone[0], alone[1])
    with ThreadPoolExecutor(len(sounds)) as threads:
        for expected, got in zip(alone, threads.map(listen, sounds, chunk_samples), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_a_reset_of_one_stream_leaves_the_others_alone(detector, bursts):
    alone = detector.stream().scores(bursts)
    stream, other = detector.stream(), detector.stream()
    first = stream.scores(bursts[:20_000])
    other.scores(bursts)
    other.reset()
    np.testing.assert_array_equal(
        np.concatenate([first, stream.scores(bursts[20_000:])]),
        alone,
    )
    np.testing.assert_array_equal(other.scores(bursts), alone)


def test_listening_for_long_and_resetting_keeps_no_memory(detector, bursts):
    stream = DetectorGroup([detector]).stream()
    chunks = [bursts[at : at + 1_280] for at in range(0, len(bursts), 1_280)]

    def hear(times: int) -> int:
        for _ in range(times):
            for chunk in chunks:
                stream.process(chunk)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = hear(5)
        grown = hear(25) - before  # 3,325 steps
        for _ in range(3_000):
            stream.reset()
        grown_by_resets = hear(5) - before
    finally:
        tracemalloc.stop()
    # One float a step would be 80 KB, one state a reset more.
    assert grown < 20_000
    assert grown_by_resets < 20_000


def test_streams_cost_little_and_give_it_back(detector):
    def make(count: int) -> tuple[float, int]:
        """Return the bytes of each stream while they live, and what is left of all of them."""
        before = tracemalloc.get_traced_memory()[0]
        streams = [detector.stream() for _ in range(count)]
        each = (tracemalloc.get_traced_memory()[0] - before) / count
        del streams
        gc.collect()
        return each, tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        make(100)
        each, kept = make(100)
    finally:
        tracemalloc.stop()
    assert each < 10_000
    assert kept < 50_000  # all of them together; onnxruntime keeps a little


def test_a_stream_begins_as_if_there_had_been_silence(tiny, tmp_path, bursts):
    detector = Detector.load(tiny.bundle(tmp_path / "bundle"))
    at_once = bursts[round(0.95 * SAMPLE_RATE_HZ) :]
    later = np.concatenate([silence(3.0), at_once])
    stream = detector.stream()
    found = stream.process(at_once)
    stream.reset()
    assert [one.time_s - 3.0 for one in stream.process(later)] == pytest.approx(
        [one.time_s for one in found],
        abs=detector.step_s + 1e-6,  # the first may wait for the warm-up
    )
    assert len(found) == 3
    assert found[0].time_s < 0.5
