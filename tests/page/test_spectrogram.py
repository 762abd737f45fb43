"""The picture of a sound: the pitch and the moment that are bright are those that sounded."""

from __future__ import annotations

import numpy as np
import pytest

from page import spectrogram
from watchword_runtime.frontend import features


def tone(hz, rate_hz, seconds=0.5):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (8000 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
@pytest.mark.parametrize("hz", [200, 1000, 3000])
def test_a_tone_is_bright_at_its_pitch(hz, rate_hz):
    sound = spectrogram.of_samples(tone(hz, rate_hz), rate_hz)
    assert sound.level.max() == 0
    assert sound.level.min() >= -spectrogram.RANGE_DB
    band = int(np.median(sound.level, axis=0).argmax())
    low, high = (700 * (10 ** (mel / 2595) - 1) for mel in sound.edges_mel[band : band + 2])
    assert low - (high - low) <= hz <= high + (high - low)


def test_silence_before_a_tone_is_dark():
    sound = spectrogram.of_samples(
        np.concatenate([np.zeros(8000, np.int16), tone(1000, 16000)]), 16000
    )
    half = len(sound.level) // 2
    assert sound.level[: half - 4].max() == -spectrogram.RANGE_DB
    assert sound.level[half + 4 : -4].max(axis=1).min() > -3
    assert sound.edges_s[-1] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("count", [1, 100, 16000 * 60])
def test_any_length_has_a_picture_of_a_bounded_size(count):
    sound = spectrogram.of_samples(np.zeros(count, np.int16), 16000)
    assert 1 <= len(sound.level) <= spectrogram.MOST_COLUMNS
    assert np.isfinite(sound.level).all()
    assert len(spectrogram.chart(sound).data) == sound.level.size


def test_what_a_detector_is_given_is_bright_at_the_pitch_of_a_tone():
    quiet = np.random.default_rng(0).normal(0, 20, 16000).astype(np.int16)
    given = features(np.concatenate([quiet, tone(1000, 16000)]))
    sound = spectrogram.of_features(given, 0.9, 1.2)  # it gets used to a tone that stays
    assert sound.level.max() == pytest.approx(given[90:120].max())
    assert sound.edges_s[[0, -1]] == pytest.approx([0.9, 1.2])
    column, band = np.unravel_index(sound.level.argmax(), sound.level.shape)
    assert 0.97 <= sound.edges_s[column] <= 1.1
    low, high = (700 * (10 ** (mel / 2595) - 1) for mel in sound.edges_mel[band : band + 2])
    assert low - (high - low) <= 1000 <= high + (high - low)


def test_a_long_sound_and_none_at_all_have_a_picture():
    given = np.random.default_rng(0).random((60_000, 40)).astype(np.float32)
    assert len(spectrogram.of_features(given).level) <= spectrogram.MOST_COLUMNS
    nothing = spectrogram.of_features(given, 700.0, 701.0)
    assert spectrogram.chart(nothing).to_dict()["height"] > 0
