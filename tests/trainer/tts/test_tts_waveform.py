import numpy as np
import pytest

from trainer.tts.base import Speech, SynthesisError, Voice
from trainer.tts.waveform import (
    KEPT_SILENCE_S,
    check_speech,
    count_sounds,
    finish_speech,
    trim_silence,
    voiced_share,
)

VOICE = Voice("kokoro", "af_heart", "en-us", "af_heart", "Apache-2.0")
RATE_HZ = 16_000


def speech(waveform, text="smart mirror", **settings):
    return Speech(waveform, RATE_HZ, text, VOICE, settings)


def test_silence_at_both_ends_is_cut_to_what_is_kept(hum):
    silence = np.zeros(8000, np.float32)
    trimmed = trim_silence(np.concatenate([silence, hum(0.5), silence]), RATE_HZ)
    assert len(trimmed) / RATE_HZ == pytest.approx(0.5 + 2 * KEPT_SILENCE_S, abs=0.021)


def test_silence_inside_stays(hum):
    inside = np.concatenate([hum(0.3), np.zeros(4000, np.float32), hum(0.3)])
    assert len(trim_silence(inside, RATE_HZ)) >= len(inside) - 320


def test_all_silence_is_left_for_the_check():
    silence = np.zeros(1600, np.float32)
    assert len(trim_silence(silence, RATE_HZ)) == 1600


def test_good_speech_passes(hum):
    check_speech(speech(hum(0.9)))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda wave: wave[:0], "no samples"),
        (lambda wave: wave * np.float32("nan"), "no numbers"),
        (lambda wave: wave * 0.001, "silence"),
        (lambda wave: np.clip(wave * 10, -1, 1), "clipped"),
        (lambda wave: wave * 0.01 + 0.5, "constant"),
        (lambda wave: wave[:1600], "0.10 s for 11 sounds"),
        (lambda wave: np.tile(wave, 10), "9.00 s for 11 sounds"),
    ],
)
def test_bad_speech_is_refused_with_the_reason(hum, spoil, says):
    with pytest.raises(SynthesisError, match=says) as caught:
        check_speech(speech(spoil(hum(0.9))))
    assert "kokoro:af_heart" in str(caught.value)
    assert "'smart mirror'" in str(caught.value)


def test_slow_speech_may_be_longer(hum):
    wave = np.tile(hum(0.9), 8)
    with pytest.raises(SynthesisError):
        check_speech(speech(wave, speed=1.0))
    check_speech(speech(wave, speed=0.5))


def test_sounds_are_counted_in_phonemes_when_there_are_some():
    assert count_sounds(speech(np.zeros(1), phonemes="smˈɑːɹt mˈɪɹəɹ.")) == 10
    assert count_sounds(speech(np.zeros(1), text="At 7:30!")) == 2 + 3 * 5


def test_finished_speech_of_int16_is_scaled_and_trimmed(hum):
    samples = np.concatenate([np.zeros(8000), hum(0.9) * 20000]).astype(np.int16)
    made = finish_speech(samples, RATE_HZ, "smart mirror", VOICE, {"speed": 1.0})
    assert made.waveform.dtype == np.float32
    assert 0.2 < np.abs(made.waveform).max() < 1.0
    assert made.seconds < 1.0


def test_floats_beyond_one_are_scaled_down_as_a_whole(hum):
    loud = hum(0.9)
    loud *= 1.3 / np.abs(loud).max()
    made = finish_speech(loud, RATE_HZ, "smart mirror", VOICE, {})
    assert np.abs(made.waveform).max() == pytest.approx(1.0)


def test_a_hum_is_voiced_and_noise_is_not(hum):
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert voiced_share(hum(1.0), RATE_HZ) > 0.9
    assert voiced_share(noise, RATE_HZ) < 0.05
