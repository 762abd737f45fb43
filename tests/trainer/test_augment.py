import dataclasses

import numpy as np
import pytest
import scipy.signal

from trainer import augment, noise
from trainer.recipe import Band, NoiseRecipe, RecordingRecipe, VoiceRecipe
from trainer.rooms import Room, simulate_rooms
from trainer.speech import Speech
from trainer.surroundings import SoundMissingError, Surroundings
from trainer.warp import Utterance, Warp
from watchword_runtime.frontend import SAMPLE_RATE_HZ

FRAME = SAMPLE_RATE_HZ // 100
QUIET = RecordingRecipe(noises=(), peak_db=-6.0)


def tone(seconds=1.0, hz=220.0):
    time_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    harmonics = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 12))
    return (0.2 * harmonics).astype(np.float32)


def speech(waveform, *boundaries):
    return Speech(waveform, (0, len(waveform)), boundaries)


def silence(seconds):
    return np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32)


def scene():
    return np.concatenate([silence(0.5), tone(0.4), silence(0.5)])


def strongest_hz(waveform):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return np.argmax(spectrum) * SAMPLE_RATE_HZ / len(waveform)


def power(waveform):
    return float(np.mean(np.square(waveform, dtype=np.float64)))


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_noise_is_added_at_the_asked_ratio(snr_db):
    speech = tone()
    mixed = augment.add_noise(speech, np.random.default_rng(0).normal(size=len(speech)), snr_db)
    measured = 10 * np.log10(np.mean(speech**2) / np.mean((mixed - speech) ** 2))
    assert measured == pytest.approx(snr_db, abs=0.01)


def test_a_gate_silences_what_is_far_from_speech():
    noisy = np.random.default_rng(0).normal(size=4 * SAMPLE_RATE_HZ).astype(np.float32)
    first, second = (16_000, 24_000), (40_000, 48_000)
    gated = augment.gate(noisy, [first, second], 1_600)
    open_at = np.flatnonzero(gated)
    assert open_at[0] == 14_400
    assert open_at[-1] == 49_599
    np.testing.assert_array_equal(gated[14_400:25_600], noisy[14_400:25_600])
    assert not gated[25_600:38_400].any()
    assert not augment.gate(noisy, [], 1_600).any()


def test_speed_changes_length_and_pitch_together():
    fast = augment.change_speed(speech(tone()), 1.25).waveform
    assert len(fast) == pytest.approx(SAMPLE_RATE_HZ / 1.25, abs=4)
    assert strongest_hz(fast) == pytest.approx(275, rel=0.02)


def test_warp_slows_down_without_lowering_the_pitch():
    slow = Utterance(speech(tone())).warped(Warp(tempo=0.7)).waveform
    assert len(slow) == pytest.approx(SAMPLE_RATE_HZ / 0.7, rel=0.03)
    assert strongest_hz(slow[2000:-2000]) == pytest.approx(220, rel=0.03)


def test_warp_raises_the_pitch_without_changing_the_pace():
    high = Utterance(speech(tone())).warped(Warp(pitch=1.5)).waveform
    assert len(high) == pytest.approx(SAMPLE_RATE_HZ, rel=0.02)
    assert strongest_hz(high[2000:-2000]) == pytest.approx(330, rel=0.03)


@pytest.mark.parametrize(("hz", "bins"), [(80, 513), (220, 257)])
def test_a_deep_voice_is_analysed_over_a_longer_time_and_stays_as_deep(hz, bins):
    utterance = Utterance(speech(tone(hz=hz)))
    assert utterance._world[1].shape[1] == bins
    same = utterance.warped(Warp()).waveform
    assert strongest_hz(same[2000:-2000]) == pytest.approx(hz, rel=0.03)


def test_what_has_no_pitch_can_be_warped_too():
    breath = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE_HZ).astype(np.float32)
    assert power(Utterance(speech(breath)).warped(Warp(1.2, 1.1, 0.9)).waveform) > 1e-4


@pytest.mark.parametrize("order", [3, 8])
def test_a_band_limit_is_3_db_down_at_its_corners_and_falls_on(order):
    click = np.zeros(SAMPLE_RATE_HZ, np.float32)
    click[100] = 1.0
    heard = augment.limit_band(click, Band(3400.0, order, low_hz=200.0))
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(heard)))  # one bin a Hz
    assert gain_db[1000] == pytest.approx(0, abs=0.1)
    assert gain_db[3400] == pytest.approx(-3.01, abs=0.1)
    assert gain_db[200] == pytest.approx(-3.01, abs=0.1)
    assert gain_db[6800] < -6 * order


def test_an_equaliser_has_the_gains_that_were_asked():
    click = np.zeros(SAMPLE_RATE_HZ, np.float32)
    click[8000] = 1.0
    heard = augment.equalise(click, (0.0, 0.0, 6.0, -3.0, -3.0))
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(heard)))
    assert gain_db[1000] == pytest.approx(6, abs=1.0)  # a peak is rounded by so few taps
    assert gain_db[5000] == pytest.approx(-3, abs=0.2)
    assert np.argmax(np.abs(heard)) == 8000


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("snr_db", [0.0, 7.5, 20.0])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"room": "there", "equaliser_db": (-6.0, 3.0, 4.0, -2.0, -8.0)},
        {"band": Band(3400.0, 8, 300.0)},
        {"codec": "g711-mu", "codec_early": True},
    ],
)
def test_noise_has_the_asked_ratio_to_the_speech_that_is_left(monkeypatch, how, snr_db, early):
    """Within 0.1 dB, where it is added: behind the room, behind the band limit unless early."""
    heard = []
    plain = augment.add_noise

    def listen(waveform, noise, snr_db, speech_rms=None):
        mixed = plain(waveform, noise, snr_db, speech_rms)
        heard.append((waveform[8000:14400], (mixed - waveform)))
        return mixed

    monkeypatch.setattr(augment, "add_noise", listen)
    recipe = dataclasses.replace(QUIET, noises=(NoiseRecipe("gusts", 3, snr_db, early),), **how)
    there = Surroundings(rooms=[Room("there", simulate_rooms(2, 1)[1].response)])
    augment.record(scene(), recipe, there, spoken=[(8000, 14400)])
    ((signal, added),) = heard
    assert 10 * np.log10(power(signal) / power(added)) == pytest.approx(snr_db, abs=0.1)


def test_the_ratio_refers_to_the_stated_level_and_not_to_pauses():
    recipe = dataclasses.replace(QUIET, noises=(NoiseRecipe("coloured", 3, 10.0),), peak_db=0.0)
    words = noise.unit_rms(tone(0.4))
    hesitant = np.concatenate([silence(1), words, silence(0.4), words, silence(1)])
    clean = augment.record(hesitant, QUIET, Surroundings()).astype(float)
    heard = augment.record(
        hesitant, recipe, Surroundings(), spoken=[(16000, 16000 + 19200)], speech_rms=1.0
    ).astype(float)
    in_words, in_silence = slice(16200, 22000), slice(0, 15000)
    scale = np.dot(heard[in_words], clean[in_words]) / np.dot(clean[in_words], clean[in_words])
    ratio = power(clean[in_words] * scale) / power(heard[in_silence])
    assert 10 * np.log10(ratio) == pytest.approx(10.0, abs=0.5)  # noise in a part of the scene


def test_the_loudest_sample_is_where_it_was_asked():
    for peak_db in (-30.0, -6.0, -1.0):
        heard = augment.record(scene(), dataclasses.replace(QUIET, peak_db=peak_db), Surroundings())
        peak = np.abs(heard.astype(float)).max() / 32767
        assert 20 * np.log10(peak) == pytest.approx(peak_db, abs=0.01)


def test_overdrive_flattens_what_is_above_full_scale():
    wave = np.linspace(-1, 1, 201, dtype=np.float32)
    hard = augment.overdrive(wave, 6.0206, soft=False)
    assert np.count_nonzero(np.abs(hard) == 1) == pytest.approx(101, abs=2)
    assert np.allclose(hard[60:140], 2 * wave[60:140], atol=1e-5)
    soft = augment.overdrive(wave, 6.0206, soft=True)
    assert (np.abs(soft) < 1).all()
    assert (np.diff(soft) > 0).all()


EVERYTHING = RecordingRecipe(
    noises=(NoiseRecipe("babble", 1, 5.0, early=True), NoiseRecipe("hum", 2, 20.0)),
    peak_db=-9.0,
    room="there",
    equaliser_db=(1.0, 2.0, -3.0, 4.0, 0.0),
    band=Band(4000.0, 4),
    codec="gsm",
    overdrive_db=6.0,
)


def test_a_recipe_gives_the_same_bytes_again():
    there = Surroundings(
        rooms=[Room("there", simulate_rooms(1, 1)[0].response)], speech=[tone(0.3), tone(0.5, 150)]
    )
    first = augment.record(scene(), EVERYTHING, there)
    assert first.dtype == np.int16
    assert len(first) == len(scene())
    assert first.tobytes() == augment.record(scene(), EVERYTHING, there).tobytes()
    other = dataclasses.replace(EVERYTHING, noises=(NoiseRecipe("babble", 2, 5.0),))
    assert first.tobytes() != augment.record(scene(), other, there).tobytes()


def test_a_room_that_is_not_here_is_named():
    with pytest.raises(SoundMissingError, match="there"):
        augment.record(scene(), EVERYTHING, Surroundings())


def test_a_quiet_recording_keeps_the_phrase_where_it_was():
    rooms = simulate_rooms(6, 3)
    for room in rooms:
        recipe = dataclasses.replace(
            QUIET, room=room.name, band=Band(3800.0, 5, 100.0), equaliser_db=(3, -2, 0, 2, 1)
        )
        heard = augment.record(scene(), recipe, Surroundings(rooms=rooms)).astype(np.float32)
        loud = np.abs(heard) > 0.2 * np.abs(heard).max()
        assert abs(int(np.argmax(loud)) - 8000) < 0.03 * SAMPLE_RATE_HZ


def test_silence_stays_silence():
    heard = augment.record(silence(1), dataclasses.replace(QUIET, codec="gsm"), Surroundings())
    assert not heard.any()


def two_words(gap_s=0.04):
    """A word, a short gap, a word; the gap is where a pause belongs."""
    waveform = np.concatenate([tone(0.3), silence(gap_s), tone(0.3, 300)])
    return waveform, int((0.3 + gap_s / 2) * SAMPLE_RATE_HZ)


@pytest.mark.parametrize("error_s", [-0.03, 0.0, 0.03])
def test_a_hesitation_is_silent_and_lasts_as_long_as_asked(error_s):
    waveform, gap = two_words()
    boundary = gap + int(error_s * SAMPLE_RATE_HZ)
    slow = augment.hesitate(speech(waveform, boundary), [0.25])
    assert len(slow.waveform) == len(waveform) + 4000
    quiet = np.abs(slow.waveform) < 1e-6
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], quiet, [0]]))))[::2]
    assert runs.max() == pytest.approx(4000 + 0.04 * SAMPLE_RATE_HZ, abs=FRAME)
    assert slow.span == (0, len(waveform) + 4000)
    words = np.concatenate([slow.waveform[: gap - 300], slow.waveform[gap + 4300 :]])
    assert np.array_equal(words, np.concatenate([waveform[: gap - 300], waveform[gap + 300 :]]))


def test_no_hesitation_leaves_speech_as_it_is():
    waveform, gap = two_words()
    assert augment.hesitate(speech(waveform, gap), [0.0]).waveform is waveform
    assert augment.hesitate(speech(waveform), []).waveform is waveform


def test_a_crop_takes_what_was_asked_and_never_more_than_a_share():
    waveform = np.concatenate([tone(1.0), tone(1.0, 300)])
    whole = augment.vary_voice(Utterance(speech(waveform)), VoiceRecipe())
    cropped = augment.vary_voice(Utterance(speech(waveform)), VoiceRecipe(crop_s=(0.05, 0.02)))
    assert len(whole.waveform) - len(cropped.waveform) == int(0.07 * SAMPLE_RATE_HZ)
    assert cropped.span == (0, len(cropped.waveform))
    greedy = augment.vary_voice(Utterance(speech(waveform)), VoiceRecipe(crop_s=(9.0, 9.0)))
    assert len(greedy.waveform) == pytest.approx(len(waveform) * 0.88, abs=2)


def test_a_varied_voice_has_unit_loudness_whatever_happens_to_it():
    recipe = VoiceRecipe(warp=Warp(1.3, 1.1, 0.8), crop_s=(0.01, 0.0))
    varied = augment.vary_voice(Utterance(speech(tone())), recipe)
    assert power(varied.waveform) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("kind", noise.WEIGHTS)
@pytest.mark.parametrize("samples", [12_345, 100_000])
def test_every_kind_of_noise_has_unit_loudness_and_comes_again(kind, samples):
    out = noise.make_noise(kind, 3, samples, [tone(0.3)])
    assert out.shape == (samples,)
    assert out.dtype == np.float32
    assert power(out) == pytest.approx(1.0, rel=1e-3)
    assert out.tobytes() == noise.make_noise(kind, 3, samples, [tone(0.3)]).tobytes()
    assert out.tobytes() != noise.make_noise(kind, 4, samples, [tone(0.3)]).tobytes()


def test_harmonics_are_added_up_as_sines_would_be():
    phase = 2 * np.pi * 50 * np.arange(160_000) / SAMPLE_RATE_HZ
    weights = np.array([1.0, 0.5j, -0.3])
    exact = np.sin(phase) + 0.5 * np.cos(2 * phase) - 0.3 * np.sin(3 * phase)
    assert np.allclose(noise.harmonic_sum(phase, weights), exact, atol=1e-5)


def test_coloured_noise_falls_with_frequency():
    rng = np.random.default_rng(0)
    slopes = []
    for _ in range(30):
        out = noise.coloured(rng, 64_000)
        hz, density = scipy.signal.welch(out, SAMPLE_RATE_HZ, nperseg=1024)
        band = (hz > 100) & (hz < 7000)
        slopes.append(-np.polyfit(np.log10(hz[band]), np.log10(density[band]), 1)[0])
    assert min(slopes) > -0.15
    assert max(slopes) < 2.35
    assert max(slopes) - min(slopes) > 1.2


def test_babble_fills_the_time_with_voices():
    out = noise.babble(np.random.default_rng(0), 32_000, [tone(0.3), tone(0.8, 150)])
    assert np.mean(np.abs(out) > 1e-3) > 0.9
