"""Speech through real coders: changed, and still where and as loud as it was."""

import numpy as np
import pytest

from trainer.codecs import CODECS, code

RATE = 16_000


def speech_like(seconds=1.5):
    """Noise in the speech band that comes in bursts: it has one place in time."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(int(seconds * RATE)))
    hz = np.fft.rfftfreq(int(seconds * RATE), 1 / RATE)
    spectrum[(hz < 300) | (hz > 2500)] = 0
    envelope = np.interp(
        np.arange(int(seconds * RATE)), np.linspace(0, seconds * RATE, 30), rng.random(30) ** 2
    )
    return (np.fft.irfft(spectrum) * envelope).astype(np.float32)


def lag(sent, heard, most=2000):
    size = 2 * len(sent)
    across = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(sent, size).conj())
    around = np.concatenate([across[-most:], across[:most]])
    return int(np.argmax(around)) - most


@pytest.mark.parametrize("name", CODECS)
def test_a_coder_changes_speech_and_neither_its_time_nor_its_level(name):
    sent = speech_like()
    heard = code(sent, name)
    assert heard.dtype == np.float32
    assert heard.shape == sent.shape
    assert abs(lag(sent, heard)) <= 1
    error_db = 10 * np.log10(np.mean((heard - sent) ** 2) / np.mean(sent**2))
    assert -45 < error_db < -3
    change_db = 10 * np.log10(np.mean(heard**2) / np.mean(sent**2))
    assert abs(change_db) < 1.5


@pytest.mark.parametrize("name", CODECS)
def test_a_coder_gives_the_same_bytes_again_at_any_level(name):
    sent = speech_like(0.5)
    assert code(sent, name).tobytes() == code(sent, name).tobytes()
    assert np.allclose(code(sent * np.float32(4), name), code(sent, name) * 4, atol=1e-4)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("samples", [0, 1, 161, 1000])
def test_the_shortest_waveforms_survive(name, samples):
    sent = np.full(samples, 0.1, np.float32)
    assert code(sent, name).shape == (samples,)
    assert not code(np.zeros(samples, np.float32), name).any()


def test_telephone_coders_leave_nothing_above_4_khz():
    noise = np.random.default_rng(2).standard_normal(RATE).astype(np.float32)
    power = np.abs(np.fft.rfft(code(noise, "gsm"))) ** 2
    assert power[4400:].mean() < 0.01 * power[500:3000].mean()
