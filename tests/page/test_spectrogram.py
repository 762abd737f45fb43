"""The picture of a sound: the pitch and the moment that are bright are those that sounded."""

from __future__ import annotations

import numpy as np
import pytest

from page import spectrogram


def tone(hz, rate_hz, seconds=0.5):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (8000 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
@pytest.mark.parametrize("hz", [200, 1000, 3000])
def test_a_tone_is_bright_at_its_pitch(hz, rate_hz):
    sound = spectrogram.spectrogram(tone(hz, rate_hz), rate_hz)
    assert sound.level_db.max() == 0
    assert sound.level_db.min() >= -spectrogram.RANGE_DB
    band = int(np.median(sound.level_db, axis=0).argmax())
    low, high = (700 * (10 ** (mel / 2595) - 1) for mel in sound.edges_mel[band : band + 2])
    assert low - (high - low) <= hz <= high + (high - low)


def test_silence_before_a_tone_is_dark():
    sound = spectrogram.spectrogram(
        np.concatenate([np.zeros(8000, np.int16), tone(1000, 16000)]), 16000
    )
    half = len(sound.level_db) // 2
    assert sound.level_db[: half - 4].max() == -spectrogram.RANGE_DB
    assert sound.level_db[half + 4 : -4].max(axis=1).min() > -3
    assert sound.edges_s[-1] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("count", [1, 100, 16000 * 60])
def test_any_length_has_a_picture_of_a_bounded_size(count):
    sound = spectrogram.spectrogram(np.zeros(count, np.int16), 16000)
    assert 1 <= len(sound.level_db) <= spectrogram.MOST_COLUMNS
    assert np.isfinite(sound.level_db).all()
    assert len(spectrogram.chart(sound).data) == sound.level_db.size
