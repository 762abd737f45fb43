import numpy as np
import pytest

from trainer import augment, noise
from trainer.rooms import simulate_rooms
from trainer.warp import Utterance, Warp
from watchword_runtime.frontend import SAMPLE_RATE_HZ


def tone(seconds=1.0, hz=220.0):
    time_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    harmonics = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 12))
    return (0.2 * harmonics).astype(np.float32)


def strongest_hz(waveform):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return np.argmax(spectrum) * SAMPLE_RATE_HZ / len(waveform)


def test_trim_keeps_the_sound_and_nothing_else():
    silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
    trimmed = augment.trim(np.concatenate([silence, tone(0.5), silence]))
    assert abs(len(trimmed) - SAMPLE_RATE_HZ // 2) <= 2 * augment.TRIM_FRAME


def test_silence_has_no_active_part_to_cut():
    assert augment.active_span(np.zeros(1000, np.float32)) == (0, 1000)
    assert augment.active_span(np.zeros(0, np.float32)) == (0, 0)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_noise_is_added_at_the_asked_ratio(snr_db):
    speech = tone()
    mixed = augment.add_noise(speech, np.random.default_rng(0).normal(size=len(speech)), snr_db)
    measured = 10 * np.log10(np.mean(speech**2) / np.mean((mixed - speech) ** 2))
    assert measured == pytest.approx(snr_db, abs=0.2)


def test_speed_changes_length_and_pitch_together():
    fast = augment.change_speed(tone(), 1.25)
    assert len(fast) == pytest.approx(SAMPLE_RATE_HZ / 1.25, abs=4)
    assert strongest_hz(fast) == pytest.approx(275, rel=0.02)


def test_warp_slows_down_without_lowering_the_pitch():
    slow = Utterance(tone()).warped(Warp(tempo=0.7))
    assert len(slow) == pytest.approx(SAMPLE_RATE_HZ / 0.7, rel=0.03)
    assert strongest_hz(slow[2000:-2000]) == pytest.approx(220, rel=0.03)


def test_warp_raises_the_pitch_without_changing_the_pace():
    high = Utterance(tone()).warped(Warp(pitch=1.5))
    assert len(high) == pytest.approx(SAMPLE_RATE_HZ, rel=0.02)
    assert strongest_hz(high[2000:-2000]) == pytest.approx(330, rel=0.03)


def test_a_band_limit_removes_the_highs():
    rng = np.random.default_rng(1)
    limited = augment.limit_band(rng.normal(size=SAMPLE_RATE_HZ).astype(np.float32), rng)
    power = np.abs(np.fft.rfft(limited)) ** 2
    half = len(power) * 7400 // 8000
    assert power[half:].mean() < 0.05 * power[: len(power) // 2].mean()


def test_recording_is_deterministic_and_keeps_time():
    rooms = simulate_rooms(3, 0)
    scene = np.concatenate([np.zeros(8000, np.float32), tone(0.3), np.zeros(8000, np.float32)])
    first = augment.record(scene, np.random.default_rng(5), rooms=rooms)
    again = augment.record(scene, np.random.default_rng(5), rooms=rooms)
    other = augment.record(scene, np.random.default_rng(6), rooms=rooms)
    assert first.dtype == np.int16
    assert len(first) == len(scene)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_quiet_recording_keeps_the_phrase_where_it_was():
    plain = augment.Strength(
        room_share=1, noise_share=0, band_share=1, equaliser_share=1, clip_share=0, codec_share=0
    )
    scene = np.concatenate([np.zeros(8000, np.float32), tone(0.4), np.zeros(8000, np.float32)])
    for seed in range(5):
        heard = augment.record(
            scene, np.random.default_rng(seed), rooms=simulate_rooms(2, seed), strength=plain
        ).astype(np.float32)
        loud = np.abs(heard) > 0.2 * np.abs(heard).max()
        assert abs(int(np.argmax(loud)) - 8000) < 0.03 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("make", sorted(set(noise.MAKERS), key=lambda f: f.__name__))
def test_every_kind_of_noise_is_finite_and_audible(make):
    out = make(np.random.default_rng(3), 12_345)
    assert out.shape == (12_345,)
    assert np.isfinite(out).all()
    assert np.sqrt(np.mean(out**2)) > 1e-4


def test_babble_fills_the_time_with_voices():
    out = noise.babble(np.random.default_rng(0), 32_000, [tone(0.3), tone(0.8, 150)])
    assert np.mean(np.abs(out) > 1e-3) > 0.9


def test_rooms_start_at_the_direct_sound_and_differ_by_seed():
    rooms = simulate_rooms(4, 7)
    assert all(np.argmax(np.abs(room)) == 0 for room in rooms)
    assert all(np.sum(room**2) == pytest.approx(1, rel=1e-3) for room in rooms)
    assert np.array_equal(rooms[0], simulate_rooms(4, 7)[0])
    assert not np.array_equal(rooms[0][:50], simulate_rooms(1, 8)[0][:50])
