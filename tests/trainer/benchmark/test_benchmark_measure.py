"""The figures themselves: a detector that hears loud tones, on clips whose truth is known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from trainer.benchmark.exam import Exam, ExamClip
from trainer.benchmark.measure import measure, open_field
from trainer.progress import silent
from trainer.recordings import RecordingError

STEP = 480
RATE = 16_000


class LoudnessStream:
    """Scores a step by its peak, from 0 to 1."""

    def reset(self):
        pass

    def scores(self, pcm):
        steps = len(pcm) // STEP
        peaks = np.abs(pcm[: steps * STEP].astype(np.float32)).reshape(steps, STEP).max(axis=1)
        return (peaks / 32768).astype(np.float32)


def write(path, level, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * RATE)) / RATE
    soundfile.write(path, level * np.sin(2 * np.pi * 300 * time_s), RATE)


@pytest.fixture
def detector():
    return SimpleNamespace(
        manifest=SimpleNamespace(phrase="loud"),
        warmup_steps=3,
        stream=LoudnessStream,
        step_s=STEP / RATE,
        threshold=0.35,
    )


@pytest.fixture
def exam(tmp_path):
    """Four positives, one of them quiet; two near-misses, one of them loud and known."""
    clips = []
    spoken = [
        *(("positive", level, "loud") for level in (0.9, 0.9, 0.9, 0.45)),
        ("confuser", 0.9, "proud!"),
        ("confuser", 0.2, "cloud"),
    ]
    for number, (bucket, level, text) in enumerate(spoken):
        write(tmp_path / "exam" / f"{number}.flac", level)
        clips.append(ExamClip(f"{number}.flac", bucket, text, "alone", "flite", "slt", 1.0))
    return Exam(tmp_path / "exam", tuple(clips), ("flite",))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    # Rates that a minute of audio can show.
    monkeypatch.setattr("trainer.benchmark.measure.RATES_PER_HOUR", {"05": 60.0, "2": 240.0})
    # 78 s: one false accept at 60/h, five at 240/h; six events, all above the shipped threshold.
    for minute in range(5):
        write(tmp_path / "negatives" / f"{minute}-quiet.flac", 0.05, 15)
        write(tmp_path / "negatives" / f"{minute}-shout.flac", 0.4 + minute / 20, 0.5)
    write(tmp_path / "negatives" / "0-again.flac", 0.7, 0.5)
    for number, level in enumerate((0.9, 0.3)):
        write(tmp_path / "said" / "loud_noise" / f"{number}.wav", level)
    write(tmp_path / "noise" / "hiss.wav", 0.5, 2)
    return tmp_path


def test_figures_are_what_the_audio_says(detector, exam, folders):
    field = open_field(folders / "negatives", folders / "said", folders / "noise")
    recorded = field.positives("loud_noise")
    figures = measure(detector, exam, field, recorded, report=silent)
    assert figures["negative_hours"] == pytest.approx(78 / 3600)
    assert figures["false_accepts_shipped"] == 6
    assert figures["false_accepts_per_hour_shipped"] == pytest.approx(6 * 3600 / 78)
    assert figures["threshold_05"] == pytest.approx(0.6, rel=1e-3)
    assert figures["threshold_2"] == pytest.approx(0.4, rel=1e-3)
    assert (figures["heldout_miss"], figures["heldout_miss_2"]) == (0.25, 0.0)
    assert (figures["real_miss_05"], figures["real_miss_shipped"]) == (0.5, 0.5)
    assert (figures["real_miss_talk_05"], figures["real_miss_again_05"]) == (0.5, 0.5)
    assert figures["near_accept"] == 0.5
    assert (figures["heldout_clips"], figures["real_clips"], figures["near_clips"]) == (4, 2, 2)
    assert {"heldout_miss_10db", "real_miss_10db_05", "real_miss_10db_2"} <= set(figures)


def test_where_the_phrase_is_said_is_no_false_accept(detector, exam, folders):
    """The loudest moment of the negatives is the phrase: the next ones set the thresholds."""

    def opinion(events, files):
        assert list(files) == [str(path) for path in field.negatives]
        scores = [-0.4 if "0-again" in event.file else -9.0 for event in events]
        return [replace(e, spoken_score=s) for e, s in zip(events, scores, strict=True)]

    field = open_field(folders / "negatives", None, None)
    with_it = measure(detector, exam, field, [], report=silent)
    without = measure(detector, exam, field, [], report=silent, opinion=opinion)
    assert with_it["phrase_in_negatives"] is None
    assert without["phrase_in_negatives"] == 1
    assert (with_it["false_accepts_shipped"], without["false_accepts_shipped"]) == (6, 5)
    assert with_it["threshold_05"] == pytest.approx(0.6, rel=1e-3)
    assert without["threshold_05"] == pytest.approx(0.55, rel=1e-3)


def test_what_there_is_no_audio_for_has_no_figure(detector, exam, folders):
    field = open_field(folders / "negatives", None, None)
    assert field.positives("loud_noise") == []
    figures = measure(detector, exam, field, [], report=silent)
    assert figures["real_miss_05"] is None
    assert "heldout_miss_10db" not in figures
    assert figures["heldout_miss"] == 0.25


def test_recordings_may_lie_in_a_folder_positives(folders):
    (folders / "data").mkdir()
    (folders / "said").rename(folders / "data" / "positives")
    field = open_field(folders / "negatives", folders / "data", None)
    assert len(field.positives("loud_noise")) == 2


def test_no_negatives_are_an_error(tmp_path):
    with pytest.raises(RecordingError, match="no folder"):
        open_field(tmp_path / "nowhere", None, None)
