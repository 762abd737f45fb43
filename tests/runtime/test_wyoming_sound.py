from __future__ import annotations

import itertools

import numpy as np
import pytest

from watchword_runtime.errors import AudioError
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.wyoming_sound import ClientSound, PcmFormat

MONO = PcmFormat(SAMPLE_RATE_HZ, 2, 1)


def tone(hz: float, rate_hz: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)


def test_our_own_format_passes_bit_for_bit_however_it_is_cut(bursts):
    data = bursts.tobytes()
    sound = ClientSound()
    cuts = [0, 1, 2, 777, 50_001, len(data)]
    parts = [sound.process(data[a:b], MONO) for a, b in itertools.pairwise(cuts)]
    assert np.array_equal(np.concatenate(parts), bursts)


@pytest.mark.parametrize(
    ("width", "kind", "scale"), [(1, "u1", 2**-8), (3, "<i4", 2**8), (4, "<i4", 2**16)]
)
def test_widths_keep_the_level(bursts, width, kind, scale):
    values = np.floor(bursts * float(scale)) + (128 if width == 1 else 0)
    raw = values.astype(kind).view(np.uint8).reshape(len(bursts), -1)[:, :width]
    heard = ClientSound().process(raw.tobytes(), PcmFormat(SAMPLE_RATE_HZ, width, 1))
    step = 256 if width == 1 else 1
    assert np.array_equal(heard, bursts // step * step)


def test_channels_are_averaged_and_never_clip():
    loud = np.full(1600, 30_000, np.int16)
    six = PcmFormat(SAMPLE_RATE_HZ, 2, 6)
    heard = ClientSound().process(np.repeat(loud, 6).tobytes(), six)
    assert np.array_equal(heard, loud)
    opposite = np.stack([loud, -loud], axis=1)
    silent = ClientSound().process(opposite.tobytes(), PcmFormat(SAMPLE_RATE_HZ, 2, 2))
    assert not silent.any()


def test_what_lies_above_8_khz_is_not_heard_as_something_lower():
    fast = PcmFormat(48_000, 2, 1)

    def level(hz: float) -> float:
        pcm = (10_000 * tone(hz, 48_000)).astype(np.int16)
        heard = ClientSound().process(pcm.tobytes(), fast)
        return float(heard[2_000:-2_000].astype(float).std())

    assert level(1_000) == pytest.approx(10_000 / np.sqrt(2), rel=0.01)
    assert level(10_000) < 5


def test_flush_gives_what_the_resampler_held_back():
    sound = ClientSound()
    pcm = (10_000 * tone(440, 48_000)).astype(np.int16)
    early = sound.process(pcm.tobytes(), PcmFormat(48_000, 2, 1))
    assert len(early) < SAMPLE_RATE_HZ
    heard = np.concatenate([early, sound.flush(0.5)])
    assert len(heard) >= 1.4 * SAMPLE_RATE_HZ
    expected = 10_000 * tone(440, SAMPLE_RATE_HZ)
    assert np.abs(heard[100:15_900] - expected[100:15_900]).max() < 20


@pytest.mark.parametrize(
    "values",
    [(0, 2, 1), (16_001, 2, 1), (10**9, 2, 1), (16_000, 0, 1), (16_000, 2, 99), (None, 2, 1)],
)
def test_other_kinds_are_refused(values):
    with pytest.raises(AudioError):
        PcmFormat(*values)
