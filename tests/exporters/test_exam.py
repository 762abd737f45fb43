import numpy as np
import pytest
import soundfile

from exporters.exam import join, missed
from exporters.sound import Sound, read_sound
from watchword_runtime.errors import AudioError

RATE_HZ = 16_000
STEP_S = 0.1


def sound(files: int, seconds: int) -> Sound:
    size = seconds * RATE_HZ
    spans = tuple((n * size, (n + 1) * size) for n in range(files))
    return Sound(np.zeros(files * size, np.int16), spans)


@pytest.fixture
def exam():
    """An hour in 60 files without the phrase, then four phrases of 2 s."""
    return join(sound(60, 60), sound(4, 2), STEP_S)


def scores_with(exam, false: list[float], true: list[float]) -> np.ndarray:
    scores = np.zeros(exam.negative_steps + 80, np.float32)
    scores[1_000 : 1_000 + 500 * len(false) : 500] = false
    scores[exam.negative_steps + 5 : exam.negative_steps + 80 : 20] = true
    return scores


def test_the_threshold_keeps_the_rate(exam) -> None:
    assert exam.hours == pytest.approx(1.0)
    scores = scores_with(exam, [0.9, 0.8, 0.7, 0.6], [0.95, 0.75, 0.85, 0.65])
    assert exam.heard(scores, 1) == (True, False, True, False)
    assert exam.heard(scores, 2) == (True, True, True, False)
    assert exam.heard(scores, 3) == (True, True, True, True)
    assert missed(exam.heard(scores, 2)) == 0.25


def test_a_rate_that_the_hours_cannot_show_allows_one(exam) -> None:
    scores = scores_with(exam, [0.9, 0.8], [0.85, 0, 0, 0])
    assert exam.heard(scores, 0.1) == exam.heard(scores, 1) == (True, False, False, False)


def test_a_burst_is_one_false_accept(exam) -> None:
    scores = scores_with(exam, [], [0.5] * 4)
    scores[2_000:2_010] = 0.9
    assert missed(exam.heard(scores, 1)) == 0.0


def test_a_file_that_always_says_one_hears_nothing(exam) -> None:
    scores = np.ones(exam.negative_steps + 80, np.float32)
    assert missed(exam.heard(scores, 2)) == 1.0


def test_sound_is_read_in_order_with_its_pauses(tmp_path) -> None:
    for name, rate_hz in (("b.wav", 8_000), ("a.flac", RATE_HZ)):
        soundfile.write(tmp_path / name, np.full((rate_hz, 2), 0.25), rate_hz)
    (tmp_path / "notes.txt").write_text("no sound")
    read = read_sound(tmp_path)
    assert read.spans == ((0, 32_000), (32_000, 64_000))
    assert read.samples[8_000] == pytest.approx(8_192, abs=2)
    assert read.samples[40_000] == pytest.approx(8_192, abs=20)
    assert not read.samples[17_000:31_000].any()
    assert len(read_sound(tmp_path, most_s=1.0).spans) == 1
    assert len(read_sound(tmp_path / "b.wav").spans) == 1


def test_what_is_no_sound_is_named(tmp_path) -> None:
    with pytest.raises(AudioError, match="holds no audio"):
        read_sound(tmp_path)
    (tmp_path / "x.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"x\.wav cannot be read"):
        read_sound(tmp_path)
