from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from watchword_runtime.decision import Trigger, detection_steps, refractory_steps, sigmoid


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9, float(np.float32(0.9)), 1.0])
@pytest.mark.parametrize(("refractory", "warmup"), [(1, 0), (5, 3), (40, 50)])
def test_live_and_array_rules_agree(threshold, refractory, warmup):
    rng = np.random.default_rng(3)
    scores = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0], 400).astype(np.float32)
    trigger = Trigger(threshold, refractory, warmup)
    live = [step for step, score in enumerate(scores.tolist()) if trigger.hit(score)]
    assert live == detection_steps(scores, threshold, refractory, warmup)
    assert all(step >= warmup for step in live)
    assert all(b - a >= refractory for a, b in itertools.pairwise(live))


def test_refractory_is_counted_in_whole_steps():
    assert refractory_steps(1.2, 0.03) == 40
    assert refractory_steps(1.21, 0.03) == 41
    assert refractory_steps(0.0, 0.03) == 1


def test_sigmoid():
    assert sigmoid(0.0) == 0.5
    assert sigmoid(1e4) == 1.0
    assert sigmoid(-1e4) == 0.0
    for logit in (-3.0, -0.1, 2.5):
        assert sigmoid(logit) == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-6)
        assert sigmoid(logit) == float(np.float32(sigmoid(logit)))


def test_a_score_that_is_not_a_number_never_fires():
    assert not Trigger(0.0, 1, 0).hit(math.nan)


def test_a_level_wants_so_many_steps_in_a_row():
    trigger = Trigger(0.5, 4, 2, level=3)
    scores = [0.9, 0.9, 0.1, 0.6, 0.7, 0.4, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9]
    assert [step for step, score in enumerate(scores) if trigger.hit(score)] == [8, 12]
    trigger.reset()
    assert [trigger.hit(0.9) for _ in range(4)] == [False, False, True, False]
