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


def _events(rng, hours):
    """Streams whose separate events have exponential heights, one a refractory time."""
    steps, every = int(hours * 3600 / 0.03), 100
    scores = np.full(steps, -10.0, np.float32)
    scores[::every] = rng.exponential(1.5, len(scores[::every]))
    return [scores]


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_a_rate_that_minutes_cannot_count_is_met_in_days(rate):
    met = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        threshold = rates.threshold_for_rate(rate, _events(rng, 0.3), 0.3, 66)
        met.append(rates.count_false_accepts(_events(rng, 200), threshold, 66) / 200)
    assert 0.5 * rate < np.median(met) < 2.0 * rate


def test_one_shout_does_not_set_the_threshold_alone():
    quiet = _events(np.random.default_rng(1), 0.3)
    loud = [quiet[0].copy()]
    loud[0][5000] = 40.0
    moved = rates.threshold_for_rate(0.5, loud, 0.3, 66)
    assert moved < 40.0
    assert rates.threshold_allowing(0, loud, 66) > 40.0
    assert moved > rates.threshold_for_rate(0.5, quiet, 0.3, 66)


def test_where_hours_hold_enough_events_they_are_counted():
    streams = _events(np.random.default_rng(2), 10)
    threshold = rates.threshold_for_rate(2.0, streams, 10, 66)
    assert threshold == rates.threshold_allowing(20, streams, 66)
    assert rates.threshold_for_rate(1.0, [], 0.0, 66) == 0.0
