"""Half of a phrase is somebody else's words, or somebody else's half of the same phrase."""

import numpy as np
import pytest

from trainer.halves import CUT, ECHO_FRAMES, Halves, Window, joined
from trainer.render import Stream

FRAMES, START, END = 300, 100, 200
TRIES = 40


def window(value, start=START, end=END, frames=FRAMES):
    """The phrase is a ramp above `value`, so that every frame of it is known."""
    features = np.zeros((frames, 40), np.float16)
    first = max(start, 0)
    features[first:end] = value + np.arange(end - first)[:, None] / 1000
    return Window(features, start, end)


def stream(value, *spans):
    features = np.zeros((400, 40), np.float16)
    for start, end in spans:
        features[start:end] = value
    return Stream(features, np.array(spans, np.int32).reshape(-1, 2), np.arange(len(spans)))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def changed(before, after):
    return np.flatnonzero((before != after).any(axis=1))


def test_one_half_is_what_somebody_says(rng):
    halves = Halves([stream(9.0, (50, 130), (200, 290)), stream(9.0)])
    phrase, sides = window(3.0), set()
    for _ in range(TRIES):
        given = phrase.features.copy()
        frames = halves.other(phrase, rng)
        np.testing.assert_array_equal(phrase.features, given)
        rows = changed(given, frames)
        assert (np.diff(rows) == 1).all()
        assert (frames[rows] == 9.0).all()
        first = rows[0] == START
        sides.add(first)
        share = (rows[-1] + 1 - START if first else rows[0] - START) / (END - START)
        assert CUT[0] - 0.01 <= share <= CUT[1] + 0.01
        assert first or rows[-1] == END + ECHO_FRAMES - 1
    assert sides == {True, False}


def test_where_nobody_speaks_that_long_the_half_is_silent(rng):
    for streams in ([], [stream(9.0, (50, 60))]):
        frames = Halves(streams).other(window(3.0), rng)
        assert set(np.unique(frames[[START, END - 1]])) & {0.0}
        assert frames.max() < 9.0


def test_what_is_said_is_often_from_where_somebody_begins(rng):
    ramp = np.repeat(np.arange(400, dtype=np.float16)[:, None], 40, axis=1)
    halves = Halves([Stream(ramp, np.array([[100, 350]], np.int32), np.zeros(1, np.int64))])
    phrase, begins = window(0.5), 0
    for _ in range(TRIES):
        frames = halves.other(phrase, rng)
        piece = frames[changed(phrase.features, frames), 0]
        assert 100 <= piece[0] <= piece[-1] < 350
        assert (np.diff(piece) == 1).all()
        begins += piece[0] == 100
    assert TRIES / 4 < begins < TRIES


def test_a_phrase_may_begin_before_its_window(rng):
    halves = Halves([stream(9.0, (0, 400))])
    phrase = window(3.0, start=-30, end=150, frames=180)
    for _ in range(TRIES):
        assert halves.other(phrase, rng).shape == (180, 40)
        assert joined(phrase, window(5.0), rng)[1:] == (-30, 150)


def test_two_people_say_a_half_each(rng):
    phrase, sides = window(3.0), set()
    donor = window(5.0, start=20, end=80, frames=120)
    for _ in range(TRIES):
        features, start, end = joined(phrase, donor, rng)
        assert (start, end) == (START, END)
        said = features[START:END, 0]
        theirs = said > 4.0
        sides.add(bool(theirs[0]))
        assert np.count_nonzero(np.diff(theirs)) == 1
        # Each is where it would be in the phrase, at its own pace.
        np.testing.assert_allclose(
            said[theirs] - 5.0, np.flatnonzero(theirs) * 0.6 / 1000, atol=0.008
        )
        np.testing.assert_allclose(said[~theirs] - 3.0, np.flatnonzero(~theirs) / 1000, atol=0.004)
        assert (features[END:] == 0).all()
    assert sides == {True, False}


def test_nobody_elses_half_is_needed_for_a_phrase_without_length(rng):
    nothing = window(3.0, start=150, end=150)
    assert joined(window(3.0), nothing, rng).features.shape == (FRAMES, 40)
    assert joined(nothing, window(3.0), rng).features.shape == (FRAMES, 40)
