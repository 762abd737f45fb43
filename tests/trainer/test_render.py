"""Clip files in, scenes out: where the phrase is, after everything that happens to it."""

import numpy as np
import pytest
import soundfile

from trainer import augment, render
from trainer.warp import Speech, Utterance, Warp
from watchword_runtime.frontend import SAMPLE_RATE_HZ

FRAME = SAMPLE_RATE_HZ // 100
DRY = augment.Strength(
    room_share=0, noise_share=0, band_share=0, equaliser_share=0, clip_share=0, codec_share=0
)


def tone(seconds, hz=220.0, level=0.2):
    time_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    harmonics = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 12))
    return (level * harmonics).astype(np.float32)


def carrier():
    """0.3 s of silence, a low tone as carrier, a loud high one as the phrase, the carrier again."""
    return np.concatenate(
        [
            np.zeros(int(0.3 * SAMPLE_RATE_HZ), np.float32),
            tone(0.5, 120, 0.05),
            tone(0.4, 400, 0.4),
            tone(0.6, 120, 0.05),
            np.zeros(int(0.2 * SAMPLE_RATE_HZ), np.float32),
        ]
    )


SPAN_S = (0.8, 1.2)


def stored(tmp_path, waveform, name="clip.flac"):
    path = tmp_path / name
    soundfile.write(path, waveform, SAMPLE_RATE_HZ, subtype="PCM_16")
    return path


def loud_part(waveform):
    """First and last 5 ms, in samples, of what is above half of the loudest."""
    power = np.square(waveform[: len(waveform) // 80 * 80]).reshape(-1, 80).mean(axis=1)
    loud = np.nonzero(power > 0.3 * np.quantile(power, 0.95))[0]
    return loud[0] * 80, (loud[-1] + 1) * 80


def test_reading_moves_the_span_by_what_was_trimmed(tmp_path):
    speech = render.read_speech(stored(tmp_path, carrier()), SPAN_S)
    assert speech.span == (int(0.5 * SAMPLE_RATE_HZ), int(0.9 * SAMPLE_RATE_HZ))
    assert len(speech.waveform) == pytest.approx(1.5 * SAMPLE_RATE_HZ, abs=FRAME)


def test_without_a_span_the_trimmed_clip_is_the_phrase(tmp_path):
    speech = render.read_speech(stored(tmp_path, carrier()))
    assert speech.span == (0, len(speech.waveform))


@pytest.mark.parametrize("span_s", [(0.0, 0.25), (1.9, 2.5), (1.0, 1.0), (1.2, 0.8)])
def test_a_span_without_sound_is_refused(tmp_path, span_s):
    with pytest.raises(ValueError, match="no sound there"):
        render.read_speech(stored(tmp_path, carrier()), span_s)


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.0, 1.1, 1.25])
def test_the_span_follows_a_change_of_speed_within_a_frame(tmp_path, factor):
    strength = augment.Strength(warp_share=0, speed=(factor, factor))
    clip = render.read_speech(stored(tmp_path, carrier()), SPAN_S)
    varied = augment.vary_voice(
        Utterance(clip.waveform, clip.span), np.random.default_rng(0), strength
    )
    assert varied.span == pytest.approx(loud_part(varied.waveform), abs=FRAME)
    assert varied.span[0] == pytest.approx(0.5 / factor * SAMPLE_RATE_HZ, abs=FRAME)


@pytest.mark.parametrize("tempo", [0.6, 0.8, 1.0, 1.4])
def test_the_span_follows_a_warp_within_a_frame(tmp_path, tempo, monkeypatch):
    monkeypatch.setattr(augment, "draw_warp", lambda rng: Warp(tempo=tempo))
    clip = render.read_speech(stored(tmp_path, carrier()), SPAN_S)
    varied = augment.vary_voice(
        Utterance(clip.waveform, clip.span),
        np.random.default_rng(0),
        augment.Strength(warp_share=1),
    )
    # The vocoder itself blurs an edge over one of its frames, which is longer when slower.
    blur = FRAME / min(tempo, 1)
    assert varied.span == pytest.approx(loud_part(varied.waveform), abs=blur)
    assert varied.span[1] - varied.span[0] == pytest.approx(0.4 / tempo * SAMPLE_RATE_HZ, abs=FRAME)


def test_trimming_clips_a_span_that_reaches_into_silence():
    silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
    speech = Speech(np.concatenate([silence, tone(0.5), silence]), (0, 3 * SAMPLE_RATE_HZ))
    trimmed = augment.trim_speech(speech)
    assert trimmed.span == (0, len(trimmed.waveform))


def test_a_scene_says_in_which_frames_the_phrase_is(tmp_path):
    path = stored(tmp_path, carrier())
    scenes = render.Renderer([], [], DRY).render(render.SceneTask(path, 7, 4, (1, 2), SPAN_S))
    whole = render.Renderer([], [], DRY).render(render.SceneTask(path, 7, 4, (1, 2)))
    for scene, full in zip(scenes, whole, strict=True):
        assert np.array_equal(scene.features, full.features)
        assert full.start_frame == 200
        length = full.end_frame - full.start_frame
        assert scene.start_frame - 200 == pytest.approx(length / 3, abs=2)
        assert scene.end_frame - scene.start_frame == pytest.approx(length * 0.4 / 1.5, abs=2)
        assert scene.clip_id == 7
