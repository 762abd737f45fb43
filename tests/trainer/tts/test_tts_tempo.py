import numpy as np
import pytest

from trainer.tts.tempo import change_tempo


@pytest.mark.parametrize("rate_hz", [16_000, 24_000])
@pytest.mark.parametrize("tempo", [0.6, 1.3])
def test_time_is_stretched_and_pitch_stays(hum, rate_hz, tempo):
    before = hum(1.0, rate_hz)
    after = change_tempo(before, rate_hz, tempo)
    assert after.dtype == np.float32
    assert len(after) / rate_hz == pytest.approx(1 / tempo, abs=0.02)

    def pitch_hz(wave):
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 18))
        return np.argmax(spectrum[: (1 << 18) * 200 // rate_hz]) * rate_hz / (1 << 18)

    assert pitch_hz(after) == pytest.approx(pitch_hz(before), rel=0.02)


def test_the_same_pace_is_the_same_samples(hum):
    wave = hum(0.5)
    assert change_tempo(wave, 16_000, 1.0) is wave
    assert len(change_tempo(wave[:0], 16_000, 2.0)) == 0
