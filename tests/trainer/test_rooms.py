"""Rooms: simulated from a seed, or measured; near and far; nothing moves in time."""

import numpy as np
import pytest
import soundfile

from trainer import rooms
from trainer.rooms import simulate_rooms
from trainer.sounds import SoundKind, add_sounds

RATE = 16_000


def clarity_db(response):
    """Energy of the first 50 ms over what comes later."""
    power = np.square(response.astype(float))
    return 10 * np.log10(power[:800].sum() / (power[800:].sum() + 1e-12))


def decay_s(response):
    """Reverberation time from the fall between -5 and -25 dB (Schroeder's integration)."""
    left = np.cumsum(np.square(response[::-1].astype(float)))[::-1]
    level_db = 10 * np.log10(left / left[0] + 1e-12)
    return 3 * (np.argmax(level_db < -25) - np.argmax(level_db < -5)) / RATE


@pytest.fixture(scope="module")
def simulated():
    return simulate_rooms(30, 7)


def test_rooms_start_at_the_direct_sound_and_differ_by_seed(simulated):
    assert all(np.argmax(np.abs(room.response)) == 0 for room in simulated)
    assert all(np.sum(room.response**2) == pytest.approx(1, rel=1e-3) for room in simulated)
    again = simulate_rooms(2, 7)
    assert again[1].response.tobytes() == simulated[1].response.tobytes()
    assert again[1].name == simulated[1].name
    other = simulate_rooms(1, 8)[0].response
    assert not np.array_equal(simulated[0].response[:50], other[:50])


def test_every_second_talker_is_far(simulated):
    near = [clarity_db(room.response) for room in simulated if room.name.endswith("near")]
    far = [clarity_db(room.response) for room in simulated if room.name.endswith("far")]
    assert len(near) == len(far) == 15
    assert np.median(near) > np.median(far) + 3


def test_rooms_reverberate_as_furnished_ones_do(simulated):
    far = [room for room in simulated if room.name.endswith("far")]  # near, all is direct sound
    times_s = np.array([decay_s(room.response) for room in far])
    assert times_s.min() > 0.05
    assert times_s.max() < 0.9
    assert np.quantile(times_s, 0.9) > 0.35


def test_the_tail_goes_on_at_the_level_where_reflections_end():
    rng = np.random.default_rng(0)
    decay = 10 ** (-3 * np.arange(3200) / RATE / 0.4)
    response = (rng.standard_normal(3200) * decay).astype(np.float32)
    cut = response.copy()
    cut[1600:] = 0
    tailed = rooms._with_tail(rng, cut, 1600, 0.4)

    def level_db(part):
        return 10 * np.log10(np.mean(np.square(part)))

    assert level_db(tailed[1600:3200]) == pytest.approx(level_db(response[1600:3200]), abs=2)


def test_a_measured_room_has_energy_1_and_a_limited_length(tmp_path):
    rng = np.random.default_rng(0)
    long = np.exp(-np.arange(3 * RATE) / 6000) * rng.standard_normal(3 * RATE) * 0.1
    long[0] = 0.9
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "hall.wav", np.r_[np.zeros(500), long], RATE)
    add_sounds(tmp_path, SoundKind.ROOMS, tmp_path / "in", licence="CC0", source="halls")
    (room,) = rooms.measured_rooms(tmp_path)
    assert room.name.startswith("measured:hall-")
    assert room.side is not None
    assert np.argmax(np.abs(room.response)) == 0
    assert np.sum(room.response.astype(float) ** 2) == pytest.approx(1, rel=1e-5)
    assert len(room.response) <= rooms.MAX_RESPONSE_S * RATE
    assert abs(room.response[-1]) < 1e-6
