import numpy as np
import pytest

from trainer import rates


def test_refractory_time_joins_one_event():
    scores = np.zeros(100, np.float32)
    scores[[10, 12, 30, 90]] = 1.0
    assert rates.count_false_accepts([scores], 0.5, 10) == 3
    assert rates.count_false_accepts([scores, scores], 0.5, 1) == 8
    assert rates.count_false_accepts([scores], 1.5, 1) == 0


def test_peaks_are_separate_events_loudest_first():
    scores = np.zeros(100, np.float32)
    scores[[10, 12, 60]] = [2.0, 5.0, 3.0]
    heights = rates.peaks([scores], 10)
    assert list(heights[:2]) == [5.0, 3.0]
    assert 2.0 not in heights


# Published tables: Wilson for 5 of 50; exact Poisson bounds for 0 and 10 events.
def test_wilson_matches_the_published_interval():
    bounds = rates.wilson(5, 50)
    assert bounds.value == 0.1
    assert bounds.low == pytest.approx(0.0435, abs=2e-4)
    assert bounds.high == pytest.approx(0.2136, abs=2e-4)


def test_poisson_matches_the_published_interval():
    none = rates.poisson_per_hour(0, 1.0)
    assert (none.low, none.value) == (0.0, 0.0)
    assert none.high == pytest.approx(3.689, abs=1e-3)
    ten = rates.poisson_per_hour(10, 2.0)
    assert ten.low == pytest.approx(4.795 / 2, abs=1e-3)
    assert ten.high == pytest.approx(18.39 / 2, abs=1e-2)


def test_nothing_measured_proves_nothing():
    assert rates.wilson(0, 0).high == 1.0
    assert rates.poisson_per_hour(0, 0.0).high == float("inf")


@pytest.mark.parametrize("allowed", [0, 1, 5, 40])
def test_threshold_allows_no_more_than_asked_and_no_less_than_it_could(allowed):
    scores = np.random.default_rng(0).random(5000).astype(np.float32)
    threshold = rates.threshold_allowing(allowed, [scores], 66)
    assert rates.count_false_accepts([scores], threshold, 66) <= allowed
    assert rates.count_false_accepts([scores], threshold - 0.01, 66) >= allowed


def test_rarer_rates_need_higher_thresholds():
    streams = [np.random.default_rng(n).normal(0, 3, 900).astype(np.float32) for n in range(4)]
    found = [rates.threshold_allowing(allowed, streams, 20) for allowed in (30, 8, 2, 1, 0)]
    assert found == sorted(found)
    assert found[-1] > max(scores.max() for scores in streams)


def test_no_audio_supports_no_threshold():
    assert rates.threshold_allowing(0, [], 10) == 0.0
