"""What a channel holds of two sounds, and which sounds are put under a stream."""

import numpy as np

from trainer.feature_noise import FeatureNoise, Noises, among
from trainer.render import Stream

SPEECH = np.full((6, 40), 10, np.float16)


def stream(value, clips, frames=4):
    features = np.full((frames, 40), value, np.float16)
    return Stream(features, np.zeros((clips, 2), np.int32), np.arange(clips))


def test_a_channel_holds_the_louder_of_two_sounds():
    noise = np.zeros((6, 40), np.float16)
    noise[:, :10], noise[:, 10:20] = 15, 11
    heard = among(SPEECH, noise, 2.0)
    assert heard.dtype == np.float16
    assert (heard[:, :10] == 13).all()
    assert (heard[:, 10:] == 10).all()


def test_where_noise_is_silent_it_stays_so_however_much_louder_it_is_made():
    nothing = np.zeros((6, 40), np.float16)
    assert (among(nothing, nothing, -3.0) == 0).all()


def test_noise_is_of_the_streams_without_clips():
    noises = Noises([stream(20, 0), stream(30, 2)], FeatureNoise(share=1.0, lowered=(1.0, 1.0)))
    for seed in range(20):
        heard = noises.disguise(SPEECH, np.random.default_rng(seed))
        assert heard.shape == SPEECH.shape, "a shorter noise goes on from its start"
        assert (heard == 19).all()
    assert (SPEECH == 10).all()


def test_without_noise_streams_stay_as_they_are():
    noises = Noises([stream(30, 2)], FeatureNoise(share=1.0))
    assert noises.disguise(SPEECH, np.random.default_rng(0)) is SPEECH


def test_some_streams_stay_as_they_are():
    noises = Noises([stream(20, 0)], FeatureNoise(share=0.5))
    rng = np.random.default_rng(0)
    same = [noises.disguise(SPEECH, rng) is SPEECH for _ in range(200)]
    assert 60 < sum(same) < 140
