"""The measurement itself: a detector that hears loud tones, on files whose truth is known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from trainer.evaluate import evaluate, with_noise
from trainer.recordings import RecordingError, find_recordings, read_recording

STEP = 480  # samples, 30 ms
RATE = 16_000


class LoudnessStream:
    """Scores a step by its peak, from 0 to 1; stands in for a detector's stream."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.rest = np.zeros(0, np.int16)

    def scores(self, pcm):
        pcm = np.concatenate([self.rest, pcm])
        steps = len(pcm) // STEP
        self.rest = pcm[steps * STEP :]
        peaks = np.abs(pcm[: steps * STEP].astype(np.float32)).reshape(steps, STEP).max(axis=1)
        return (peaks / 32768).astype(np.float32)


@pytest.fixture
def detector():
    return SimpleNamespace(
        manifest=SimpleNamespace(phrase="loud", decision=SimpleNamespace(warmup_steps=3)),
        stream=LoudnessStream,
        step_s=STEP / RATE,
        threshold=0.75,
        file="loud.onnx",
        engine_name="test",
    )


def write(path, level, seconds=1.0, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, level * np.sin(2 * np.pi * 300 * time_s), rate)


@pytest.fixture
def folders(tmp_path):
    for number, level in enumerate([0.9, 0.9, 0.9, 0.2]):
        write(tmp_path / "positives" / f"{number}.wav", level)
    write(tmp_path / "negatives" / "quiet.wav", 0.1, 300)
    write(tmp_path / "negatives" / "loud.flac", 0.8, 0.5)
    write(tmp_path / "negatives" / "still.wav", 0.1, 300)
    write(tmp_path / "noise" / "hiss.wav", 0.5, 2)
    return tmp_path


def test_misses_and_false_accepts_are_counted_as_they_are(detector, folders):
    result = evaluate(detector, folders / "positives", folders / "negatives")
    assert result.shipped.false_accepts == 1
    assert result.shipped.miss["clean"].value == 0.25
    hours = 600.5 / 3600
    assert result.negatives.hours == pytest.approx(hours, rel=1e-6)
    assert result.shipped.per_hour.value == pytest.approx(1 / hours)


def test_a_false_accept_names_its_file_and_time(detector, folders):
    events = evaluate(detector, folders / "positives", folders / "negatives").false_accepts
    assert len(events) == 1
    assert events[0]["file"].endswith("loud.flac")
    assert events[0]["time_s"] < 0.1


def test_rates_beyond_the_hours_are_marked(detector, folders):
    result = evaluate(detector, folders / "positives", folders / "negatives")
    assert [row.supported for row in result.rows] == [False] * 4
    assert all(row.false_accepts == 0 for row in result.rows)
    assert all(row.per_hour.high > 20 for row in result.rows)


def test_the_report_is_json_without_nan(detector, folders):
    result = evaluate(
        detector, folders / "positives", folders / "negatives", noise=folders / "noise", snr_db=5
    )
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert set(json.loads(text)["shipped_threshold"]["miss_rate"]) == {"clean", "5 dB noise"}


def test_noise_is_mixed_at_the_asked_level():
    time_s = np.arange(RATE) / RATE
    tone = (8000 * np.sin(2 * np.pi * 300 * time_s)).astype(np.int16)
    pcm = np.concatenate([np.zeros(RATE, np.int16), tone])
    noise = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    noisy = with_noise(pcm, noise, 10, np.random.default_rng(1)).astype(np.float64)
    heard = np.mean(noisy[: RATE - 100] ** 2)
    assert 10 * np.log10(np.mean(tone.astype(float) ** 2) / heard) == pytest.approx(10, abs=0.3)


def test_other_rates_and_channels_become_16_khz_mono(tmp_path):
    time_s = np.arange(44_100) / 44_100
    left = 0.5 * np.sin(2 * np.pi * 440 * time_s)
    soundfile.write(tmp_path / "a.wav", np.stack([left, left], axis=1), 44_100)
    pcm = read_recording(tmp_path / "a.wav")
    assert pcm.dtype == np.int16
    assert len(pcm) == 16_000
    assert np.abs(pcm).max() == pytest.approx(16_384, rel=0.03)


def test_what_is_no_audio_is_named(tmp_path):
    (tmp_path / "song.wav").write_bytes(b"%PDF-1.7 not a song")
    with pytest.raises(RecordingError, match=r"song\.wav"):
        read_recording(tmp_path / "song.wav")
    with pytest.raises(RecordingError, match="no folder"):
        find_recordings(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="no audio"):
        find_recordings(tmp_path / "empty")
