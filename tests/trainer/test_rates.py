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


@pytest.mark.parametrize("events", [5, 20, 100])
def test_threshold_within_the_hours_allows_about_so_many_events(events):
    heights = np.sort(np.random.default_rng(2).normal(0, 3, 2000).astype(np.float32))[::-1]
    found = rates.threshold_for(events / 2.0, heights, 2.0)
    assert not found.extrapolated
    assert np.sum(heights >= found.threshold) == pytest.approx(events, abs=3)


def test_threshold_beyond_the_hours_follows_the_tail():
    rng = np.random.default_rng(0)
    heights = np.sort(rng.exponential(2.0, 2000).astype(np.float32))[::-1]
    hours = 1.0
    found = rates.threshold_for(0.1, heights, hours)
    assert found.extrapolated
    # An exponential of scale 2 is exceeded 0.1 times in 2000 at 2·ln(20000).
    assert found.threshold == pytest.approx(2 * np.log(20_000), rel=0.15)
    assert found.threshold > heights[0] - 2


def test_a_bounded_tail_is_not_continued_past_its_end():
    rng = np.random.default_rng(0)
    heights = np.sort((8 - 8 * np.sqrt(rng.random(3000))).astype(np.float32))[::-1]  # k = 0.5
    found = rates.threshold_for(0.1, heights, 1.0)
    assert heights[0] - 0.5 < found.threshold < 8.4


def test_rarer_rates_need_higher_thresholds():
    heights = np.sort(np.random.default_rng(1).normal(0, 3, 500).astype(np.float32))[::-1]
    found = [rates.threshold_for(rate, heights, 0.7).threshold for rate in (8, 2, 1, 0.5, 0.1)]
    assert found == sorted(found)


@pytest.mark.parametrize("heights", [[], [1.0], [1.0, 0.5]])
def test_hardly_any_event_still_gives_a_threshold(heights):
    found = rates.threshold_for(0.5, np.array(heights, np.float32), 0.01)
    assert found.extrapolated
    assert np.isfinite(found.threshold)
