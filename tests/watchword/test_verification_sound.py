"""What a training keeps for verification: its clips in turn, with pauses, as sound."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from exporters.sound import read_sound
from trainer.phrases import Bucket
from watchword import verification_sound as module
from watchword.verification_sound import SOUND_FILE, gather_sound, save_sound


@pytest.fixture
def clips(tmp_path):
    """Two clips of the phrase and one plain sentence, of one second each, told by their level."""
    frames = {}
    for bucket, levels in ((Bucket.POSITIVE, (1_000, 3_000)), (Bucket.PLAIN, (2_000,))):
        for level in levels:
            samples = np.full(16_000, level, np.int16)
            soundfile.write(tmp_path / f"{level}.flac", samples, 16_000, subtype="PCM_16")
        frames[bucket] = pd.DataFrame({"path": [f"{level}.flac" for level in levels]})
    return frames


def test_buckets_take_turns_and_pause(clips, tmp_path) -> None:
    sound = gather_sound(clips, tmp_path)
    assert sound.dtype == np.int16
    assert len(sound) == 3 * 24_000
    assert sound[[8_000, 20_000, 32_000, 44_000, 56_000]].tolist() == pytest.approx(
        [1_000, 0, 2_000, 0, 3_000], abs=1
    )


def test_ten_minutes_are_enough(clips, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "SOUND_S", 2)
    assert len(gather_sound(clips, tmp_path)) == 2 * 16_000


def test_what_is_kept_is_read_back(clips, tmp_path) -> None:
    sound = gather_sound(clips, tmp_path)
    (tmp_path / "work").mkdir()
    save_sound(sound, tmp_path / "work")
    assert [file.name for file in (tmp_path / "work").iterdir()] == [SOUND_FILE]
    read = read_sound(tmp_path / "work" / SOUND_FILE).samples
    assert np.abs(read[: len(sound)].astype(int) - sound).max() <= 1
