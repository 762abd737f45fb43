"""Other projects' detectors behind our names: steps of the same scores, whatever came before."""

import numpy as np
import pytest

from trainer.benchmark import rivals
from trainer.benchmark.rivals import RIVALS, Rival, RivalMissingError, rivals_of

RATE = 16_000


@pytest.fixture(params=sorted(RIVALS))
def detector(request):
    rival = RIVALS[request.param]
    pytest.importorskip(rival.module, reason='pip install "watchword[rivals]"')
    return rival.open("alexa")


def hiss(seconds, seed=0):
    return (np.random.default_rng(seed).normal(size=int(seconds * RATE)) * 500).astype(np.int16)


def test_rivals_know_their_phrases():
    assert set(rivals_of("okay nabu")) == set(RIVALS)
    assert set(rivals_of("hey rhasspy")) == {"openwakeword"}
    assert rivals_of("view glass") == {}


def test_hiss_is_scored_in_steps_and_is_not_the_phrase(detector):
    stream = detector.stream()
    scores = stream.scores(hiss(4))
    assert scores.dtype == np.float32
    assert 0 <= scores.min() <= scores.max() < detector.threshold
    assert len(scores) == pytest.approx(4 / detector.step_s, abs=3)


def test_reset_forgets_what_was_heard(detector):
    stream = detector.stream()
    stream.reset()
    first = stream.scores(hiss(3))
    stream.scores(hiss(2, seed=1) * 8)
    stream.reset()
    np.testing.assert_array_equal(stream.scores(hiss(3)), first)


def test_a_reset_is_a_new_stream(detector):
    used = detector.stream()
    used.scores(hiss(2, seed=1) * 8)
    used.reset()
    after_reset = used.scores(hiss(3))
    np.testing.assert_array_equal(detector.stream().scores(hiss(3)), after_reset)


def test_a_rival_that_is_not_installed_says_how_to_get_it():
    absent = Rival("no_such_wakeword", frozenset({"alexa"}), rivals._micro)
    with pytest.raises(RivalMissingError, match=r"pip install .watchword\[rivals\]"):
        absent.open("alexa")
