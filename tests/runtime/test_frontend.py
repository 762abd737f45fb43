from __future__ import annotations

import numpy as np
import pytest
from pymicro_features import MicroFrontend

from watchword_runtime.frontend import CHANNELS, HOP_SAMPLES, FrontEnd, features, to_int16


def test_features_are_those_of_the_extension(bursts):
    frontend = MicroFrontend()
    data = bursts.tobytes()
    vectors = []
    while len(data) >= 2 * HOP_SAMPLES:
        output = frontend.process_samples(data)
        data = data[2 * output.samples_read :]
        if output.features:
            vectors.append(output.features)
    ours = features(bursts)
    assert ours.dtype == np.float32
    assert ours.shape == (len(bursts) // HOP_SAMPLES - 2, CHANNELS)
    np.testing.assert_array_equal(ours, np.array(vectors, dtype=np.float32))
    assert 5 < ours.max() < 27


@pytest.mark.parametrize("size", [1, 7, 159, 160, 161, 1001, 100_000])
def test_chunks_of_any_length_give_the_same_features(bursts, size):
    pcm = bursts[:16_000]
    front_end = FrontEnd()
    parts = [front_end.process(pcm[i : i + size]) for i in range(0, len(pcm), size)]
    np.testing.assert_array_equal(np.concatenate(parts), features(pcm))


def test_reset_forgets_state_and_remainder(bursts):
    front_end = FrontEnd()
    front_end.process(bursts[:30_001])
    front_end.reset()
    np.testing.assert_array_equal(front_end.process(bursts), features(bursts))


def test_no_samples_give_no_frames():
    assert features(np.empty(0, dtype=np.int16)).shape == (0, CHANNELS)


@pytest.mark.parametrize(
    ("audio", "advice"),
    [
        (np.zeros(10, np.float32), "to_int16"),
        (np.zeros(10, ">i2"), "int16"),
        (np.zeros((10, 2), np.int16), "one channel"),
        (b"\0\0", "np.frombuffer"),
        ([0, 1], "numpy int16 array"),
    ],
)
def test_other_audio_is_refused_with_advice(audio, advice):
    with pytest.raises(TypeError, match=advice):
        FrontEnd().process(audio)


def test_to_int16_rounds_and_clips():
    waveform = np.array([0, 1, -1, 2, -2, 0.5, 1.6 / 32767], dtype=np.float32)
    assert to_int16(waveform).tolist() == [0, 32767, -32767, 32767, -32767, 16384, 2]
    assert to_int16(waveform).dtype == np.int16


def test_to_int16_refuses_what_has_no_full_scale():
    with pytest.raises(TypeError, match="int16 needs no conversion"):
        to_int16(np.zeros(3, np.int16))
    with pytest.raises(ValueError, match="NaN"):
        to_int16(np.array([0.0, np.nan]))
