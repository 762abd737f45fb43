"""What a recording is like: measured on sounds of which that is known."""

import io

import numpy as np
import pytest
import scipy.signal

from trainer.microphone_report import Heard, listen, write_report

RATE = 16_000


def speech_with_pauses(snr_db, seed=0):
    """White bursts of 0.5 s and as long pauses, over white noise."""
    rng = np.random.default_rng(seed)
    speech = rng.standard_normal(8 * RATE) * (np.arange(8 * RATE) // (RATE // 2) % 2)
    noise = rng.standard_normal(8 * RATE) * 10 ** (-snr_db / 20)
    return 0.05 * (speech + noise)


def pcm(waveform):
    return np.round(waveform * 32767).astype(np.int16)


@pytest.mark.parametrize("snr_db", [10, 20, 35])
def test_the_distance_of_speech_and_noise(snr_db):
    heard = listen(pcm(speech_with_pauses(snr_db)))
    assert heard.speech_over_noise_db == pytest.approx(snr_db, abs=1.5)


@pytest.mark.parametrize("corner_hz", [2000, 3400, 5500])
def test_the_end_of_the_band(corner_hz):
    sections = scipy.signal.cheby2(12, 60, corner_hz, fs=RATE, output="sos")
    waveform = scipy.signal.sosfilt(sections, speech_with_pauses(60))
    assert listen(pcm(4 * waveform)).band_end_hz == pytest.approx(corner_hz, rel=0.05)


def test_tilt_and_peak():
    white = speech_with_pauses(50)
    falling = scipy.signal.lfilter([1.0], [1.0, -0.99], white)
    assert listen(pcm(white)).tilt_db_per_octave == pytest.approx(0, abs=0.3)
    assert listen(pcm(0.02 * falling)).tilt_db_per_octave == pytest.approx(-6, abs=0.6)
    half = white / np.abs(white).max() / 2
    assert listen(pcm(half)).peak_db == pytest.approx(-6.02, abs=0.01)


def test_silence_and_scraps_are_left_out():
    assert listen(np.zeros(RATE, np.int16)) is None
    assert listen(np.ones(100, np.int16)) is None


def test_the_report_has_a_line_a_measure_and_group():
    out = io.StringIO()
    write_report(out, {"real": [Heard(20, 4000, -6, -3)], "made": [Heard(10, 8000, -9, -20)] * 2})
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 + 2 * 4
    assert "| speech over noise db | real (1) | 20 | 20 | 20 | 20 | 20 |" in lines
    assert "| peak db | made (2) | -20 | -20 | -20 | -20 | -20 |" in lines
