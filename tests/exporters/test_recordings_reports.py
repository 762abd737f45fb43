"""What the measurements on recordings print, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from exporters import compare, micro_compare, micro_proof
from exporters.exam import PAUSE_S, RULE, join
from exporters.micro_proof import Listener, table
from exporters.sound import Sound, spread
from exporters.training_folder import read_training
from trainer.model import CheckpointError, save_checkpoint

RATE_HZ = 16_000
STEP_S = 0.1


def sound(files: int, seconds: int) -> Sound:
    size = seconds * RATE_HZ
    spans = tuple((n * size, (n + 1) * size) for n in range(files))
    return Sound(np.arange(files * size).astype(np.int16), spans)


def test_spread_recordings_keep_their_sound_and_gain_a_pause():
    apart = spread(sound(2, 3), 10.0)
    assert apart.spans == ((10 * RATE_HZ, 13 * RATE_HZ), (23 * RATE_HZ, 26 * RATE_HZ))
    assert not apart.samples[: 10 * RATE_HZ].any()
    np.testing.assert_array_equal(apart.samples[23 * RATE_HZ :], sound(2, 3).samples[3 * RATE_HZ :])


def test_listeners_are_counted_on_the_same_stretches():
    exam = join(sound(60, 60), spread(sound(4, 2), PAUSE_S), STEP_S)
    phrases = [round(first / RATE_HZ / STEP_S) + 5 for first, _ in exam.sound.spans[60:]]
    first = np.zeros(len(exam.sound.samples) * 10 // RATE_HZ, np.float32)
    first[[1_000, 1_005, 2_000]] = 0.6  # two events: the second lies in the refractory time
    first[phrases[:3]] = (0.9, 0.7, 0.55)
    second = first.copy()
    second[phrases] = (0.9, 0.4, 0.4, 0.8)
    second[[1_000, 1_005]] = 0.0
    text = table(exam, [Listener("ours", first, 0.5), Listener("theirs", second, 0.5)], 2.0)
    assert text.startswith("4 recordings of the phrase, 1.00 h without it.")
    ours, theirs = text.splitlines()[-2:]
    assert ours == ("| ours | 3 of 4 (75.0%) | 2 (2.00/h) | 4 of 4 | 50.0%, 75.0%, 75.0% |")
    assert theirs.startswith("| theirs | 2 of 4 (50.0%) | 1 (1.00/h) | 1 of 4 |")


def test_a_training_says_how_its_logits_are_averaged(tmp_path, model, stream):
    save_checkpoint(model, tmp_path / "checkpoint", {"smoothing_steps": 4})
    np.savez(tmp_path / "calibration.npz", features=stream.astype(np.float16))
    read, calibration, rule = read_training(tmp_path)
    assert read.config == model.config
    assert calibration.dtype == np.float32
    assert rule == replace(RULE, smoothing_steps=4)
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        read_training(tmp_path / "nothing")


@pytest.mark.parametrize("command", [compare, micro_compare, micro_proof])
def test_what_is_not_there_is_named(command, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE_HZ), RATE_HZ)
    options = ["--positives", tmp_path, "--negatives", tmp_path]
    assert command.main([str(one) for one in (tmp_path / "no", *options)]) == 2
    assert str(tmp_path / "no") in capsys.readouterr().err
