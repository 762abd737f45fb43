from dataclasses import replace

import numpy as np
import pytest

from trainer import augment
from trainer.delivery import Delivery, Pacing, draw_delivery, weigh
from trainer.recipe import TRAINING, VoiceRecipe, draw_voice, from_dict, to_dict
from trainer.speech import Speech
from trainer.warp import Utterance, Warp
from watchword_runtime.frontend import SAMPLE_RATE_HZ

WORD_S = 0.5
WORD = int(WORD_S * SAMPLE_RATE_HZ)


def tone(seconds, hz):
    time_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    harmonics = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 8))
    return (0.2 * harmonics).astype(np.float32)


@pytest.fixture
def two_words():
    """Half a second at 200 Hz, half a second at 160 Hz."""
    waveform = np.concatenate([tone(WORD_S, 200), tone(WORD_S, 160)])
    return Speech(waveform, (0, 2 * WORD), (WORD,))


def level_db(waveform):
    return 10 * np.log10(np.mean(np.square(waveform)))


def pitch_hz(waveform):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(spectrum) * SAMPLE_RATE_HZ / len(waveform))


def middle(speech, word):
    edges = [speech.span[0], *speech.boundaries, speech.span[1]]
    quarter = (edges[word + 1] - edges[word]) // 4
    return speech.waveform[edges[word] + quarter : edges[word + 1] - quarter]


def test_a_stressed_word_is_louder_and_the_other_is_as_it_was(two_words):
    heavy = weigh(two_words, Delivery(levels_db=(0.0, 5.0)))
    assert np.allclose(middle(heavy, 0), middle(two_words, 0))
    assert level_db(middle(heavy, 1)) - level_db(middle(two_words, 1)) == pytest.approx(5, abs=0.05)
    assert (heavy.span, heavy.boundaries) == (two_words.span, two_words.boundaries)


def test_a_voice_that_trails_off_ends_softer_by_what_was_asked(two_words):
    soft = weigh(two_words, Delivery(trail_off_db=12.0))
    change_db = [
        level_db(soft.waveform[at : at + 800]) - level_db(two_words.waveform[at : at + 800])
        for at in (0, 2 * WORD - 800)
    ]
    assert change_db == pytest.approx([0, -12], abs=0.7)


def test_another_throat_draws_a_stressed_word_out_and_raises_it(two_words):
    delivery = Delivery(levels_db=(5.0, 0.0), pitches=(1.3, 1.0), tempos=(0.7, 1.1))
    said = Utterance(two_words).warped(Warp(tempo=0.8), delivery)
    first, second = said.boundaries[0], said.span[1] - said.boundaries[0]
    assert first == pytest.approx(WORD / 0.7 / 0.8, abs=200)
    assert second == pytest.approx(WORD / 1.1 / 0.8, abs=200)
    assert said.span[1] == pytest.approx(len(said.waveform), abs=400)
    assert pitch_hz(middle(said, 0)) == pytest.approx(260, abs=6)
    assert pitch_hz(middle(said, 1)) == pytest.approx(160, abs=6)


def test_without_a_delivery_a_warp_is_what_it_always_was(two_words):
    plain = Utterance(two_words).warped(Warp(1.2, 1.1, 0.9))
    same = Utterance(two_words).warped(Warp(1.2, 1.1, 0.9), Delivery(trail_off_db=9.0))
    assert plain.waveform.tobytes() == same.waveform.tobytes()
    assert plain.boundaries == same.boundaries


def test_what_is_around_the_phrase_keeps_its_pace():
    pacing = Pacing([1000, 2000, 3000], (0.5, 2.0), 5000)
    assert [pacing.place(at) for at in (0, 1000, 2000, 3000, 5000)] == [0, 1000, 3000, 3500, 5500]
    assert pacing.samples == 5500
    assert pacing.origin(np.array([2000.0, 3250.0])).tolist() == [1500, 2500]


def test_a_varied_voice_follows_its_delivery_to_the_end(two_words):
    recipe = VoiceRecipe(
        warp=Warp(), delivery=Delivery((0.0, 5.0), (1.0, 1.2), (1.1, 0.75)), pauses_s=(0.2,)
    )
    varied = augment.vary_voice(Utterance(two_words), recipe)
    assert varied.boundaries[0] - 3200 == pytest.approx(WORD / 1.1, abs=1000)
    assert len(varied.waveform) == pytest.approx(WORD / 1.1 + WORD / 0.75 + 3200, abs=500)
    assert from_dict(VoiceRecipe, to_dict(recipe)) == recipe


def test_each_word_is_stressed_as_often_as_the_others_and_a_single_one_never():
    rng = np.random.default_rng(0)
    drawn = [draw_delivery(rng, 3, 1.0, 0.0) for _ in range(900)]
    stressed = [int(np.argmax(delivery.levels_db)) for delivery in drawn]
    assert np.bincount(stressed) == pytest.approx([300] * 3, abs=60)
    assert all(delivery.trail_off_db == 0 for delivery in drawn)
    assert all(
        min(delivery.tempos) == delivery.tempos[word] and max(delivery.pitches) > 1
        for delivery, word in zip(drawn, stressed, strict=True)
    )
    assert draw_delivery(rng, 1, 1.0, 0.0) is None
    trailing = draw_delivery(rng, 1, 1.0, 1.0)
    assert trailing.levels_db == ()
    assert 4 <= trailing.trail_off_db <= 12


def test_deliveries_are_drawn_as_often_as_the_strength_says():
    rng = np.random.default_rng(0)
    drawn = [draw_voice(rng, boundaries=1).delivery for _ in range(2000)]
    stressed = np.mean([bool(delivery and delivery.levels_db) for delivery in drawn])
    trailing = np.mean([bool(delivery and delivery.trail_off_db) for delivery in drawn])
    assert stressed == pytest.approx(TRAINING.stress_share, abs=0.03)
    assert trailing == pytest.approx(TRAINING.trail_off_share, abs=0.03)
    never = replace(TRAINING, stress_share=0, trail_off_share=0)
    assert all(draw_voice(rng, never, 2).delivery is None for _ in range(100))
