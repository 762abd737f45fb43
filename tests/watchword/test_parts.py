from contextlib import closing

import numpy as np
import soundfile

from db.clips import ClipStore
from db.connection import home, open_database
from trainer.fitting import RECORDED
from trainer.sounds import SoundKind, add_sounds, sounds_folder
from watchword.parts import check_parts


def found():
    return {part.name: part for part in check_parts()}


def test_an_empty_home_is_told_what_would_make_detectors_better(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path))
    parts = found()
    assert "watchword corpus add " in parts["recordings of people"].detail
    assert "watchword corpus add-sounds" in parts["recorded noise"].detail
    assert parts["recordings of people"].ok  # a training works without them


def test_recordings_and_noise_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3000, 16_000 * 30).astype(np.int16)
    soundfile.write(tmp_path / "rain.wav", noise, 16_000)
    add_sounds(
        sounds_folder(), SoundKind.NOISE, tmp_path / "rain.wav", licence="CC0-1.0", source="roof"
    )
    with closing(open_database()) as connection:
        store = ClipStore(connection, home() / "clips")
        for engine, seconds in ((RECORDED, 720), ("kokoro", 360)):
            store.add(
                rng.normal(0, 3000, 16_000 * seconds).astype(np.int16),
                16_000,
                text="a b c d",
                text_normalised="a b c d",
                phonemes="",
                engine=engine,
                voice="v",
                speaker="s",
                settings={},
                source="test",
                licence="CC0-1.0",
            )
    parts = found()
    assert parts["recordings of people"].detail == "0.2 h"
    assert parts["recorded noise"].detail == "0.5 minutes"
