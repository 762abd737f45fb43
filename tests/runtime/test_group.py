from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from watchword_runtime import Detector, DetectorGroup
from watchword_runtime.manifest import Decision


@pytest.fixture
def detectors(tiny, tiny_tflite, tmp_path) -> list[Detector]:
    """Three that differ in phrase, decision and engine."""
    files = {"tiny.tflite": tiny_tflite}
    eager = Decision(threshold=0.3, smoothing_steps=1, refractory_s=0.1, warmup_steps=0)
    late = replace(tiny.manifest.decision, smoothing_steps=5, threshold=0.8)
    return [
        Detector.load(tiny.bundle(tmp_path / "a", phrase="first")),
        Detector.load(tiny.bundle(tmp_path / "b", files, phrase="second", decision=eager)),
        Detector.load(tiny.bundle(tmp_path / "c", phrase="third", decision=late)),
    ]


@pytest.mark.parametrize("size", [77, 480, 5001, 10**9])
def test_a_group_gives_the_bits_of_each_detector_alone(detectors, bursts, size):
    chunks = [bursts[i : i + size] for i in range(0, len(bursts), size)]
    stream = DetectorGroup(detectors).stream()
    parts = [stream.scores(chunk) for chunk in chunks]
    for index, detector in enumerate(detectors):
        alone = detector.stream().scores(bursts)
        np.testing.assert_array_equal(np.concatenate([part[index] for part in parts]), alone)

    stream.reset()
    found = [one for chunk in chunks for one in stream.process(chunk)]
    alone = [detector.stream().process(bursts) for detector in detectors]
    assert len({len(part) for part in alone}) > 1
    assert found == sorted((one for part in alone for one in part), key=lambda one: one.time_s)
    assert {one.phrase for one in found} == {"first", "second", "third"}


def test_what_is_heard_at_the_same_time_comes_in_the_order_of_the_group(tiny, tmp_path, bursts):
    names = ["b", "a", "c"]
    group = [Detector.load(tiny.bundle(tmp_path / name, phrase=name)) for name in names]
    found = DetectorGroup(group).stream().process(bursts)
    assert [one.phrase for one in found] == names * 3


def test_group_streams_do_not_disturb_each_other(detectors, bursts):
    group = DetectorGroup(detectors)
    alone = group.stream().process(bursts)
    first, second = group.stream(), group.stream()
    found: list = []
    for start in range(0, len(bursts), 4_000):
        found += first.process(bursts[start : start + 4_000])
        second.process(bursts[::-1][start : start + 3_000])
    assert found == alone


def test_one_detector_may_be_in_a_group_twice(detectors, bursts):
    alone = detectors[0].stream().process(bursts)
    found = DetectorGroup([detectors[0]] * 2).stream().process(bursts)
    assert found == [one for one in alone for _ in range(2)]


def test_a_group_of_none_is_refused():
    with pytest.raises(ValueError, match="at least one detector"):
        DetectorGroup([])
