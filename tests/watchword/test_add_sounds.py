"""`watchword corpus add-sounds` as it is typed."""

import numpy as np
import pytest
import soundfile

from trainer.sounds import SoundKind, list_sounds
from watchword import cli


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    folder = tmp_path / "street"
    folder.mkdir()
    noise = 0.1 * np.random.default_rng(0).standard_normal(32_000)
    soundfile.write(folder / "tram.wav", noise, 32_000)
    return folder


def run(folder, kind="noise"):
    command = ["corpus", "add-sounds", kind, str(folder), "--licence", "CC0-1.0"]
    with pytest.raises(SystemExit) as left:
        cli.main([*command, "--source", "street"])
    return left.value.code


def test_noise_is_kept_in_the_home_folder_once(recordings, tmp_path, capsys):
    assert run(recordings) == 0
    assert "1 added, 0 there before" in capsys.readouterr().out
    assert run(recordings) == 0
    assert "0 added, 1 there before" in capsys.readouterr().out
    (sound,) = list_sounds(tmp_path / "home" / "sounds", SoundKind.NOISE)
    assert (sound.licence, sound.seconds) == ("CC0-1.0", pytest.approx(1.0, abs=0.01))


def test_nothing_usable_is_bad_input_and_says_why(recordings, capsys):
    assert run(recordings, "rooms") == 2
    assert "tram.wav does not decay" in capsys.readouterr().out
    assert run(recordings / "nowhere") == 2
    assert "no folder" in capsys.readouterr().err
