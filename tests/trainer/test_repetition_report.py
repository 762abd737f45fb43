import numpy as np
import pytest
import soundfile

from trainer import repetition_report
from trainer.evaluation.scores import said_after, score_after
from trainer.progress import Stage, silent
from trainer.repetition_report import main
from watchword_runtime.frontend import SAMPLE_RATE_HZ


class Once:
    """A detector that hears a loud moment, and only the first of a stream."""

    threshold = 0.5
    step_s = 0.03

    warmup_steps = 10

    class manifest:  # noqa: N801 - stands for the detector's own
        phrase = "smart mirror"

    def stream(self):
        return self

    def reset(self):
        pass

    def scores(self, pcm):
        step = int(self.step_s * SAMPLE_RATE_HZ)
        power = np.square(pcm[: len(pcm) // step * step].astype(float)).reshape(-1, step).mean(1)
        loud = power > 0.2 * power.max()
        again = np.cumsum(np.diff(loud, prepend=False) & loud) > 1
        return (loud & ~again).astype(np.float32)


@pytest.fixture
def recording(tmp_path):
    time_s = np.arange(SAMPLE_RATE_HZ // 2) / SAMPLE_RATE_HZ
    said = (8000 * np.sin(2 * np.pi * 300 * time_s)).astype(np.int16)
    silence = np.zeros(SAMPLE_RATE_HZ, np.int16)
    soundfile.write(tmp_path / "one.wav", np.concatenate([silence, said, silence]), SAMPLE_RATE_HZ)
    return tmp_path / "one.wav"


def test_a_phrase_is_said_twice_with_a_gap_in_a_quiet_room(recording):
    pcm, _ = soundfile.read(recording, dtype="int16")
    quieter = pcm // 4
    scene, middle = said_after(quieter, pcm, 2.0, np.random.default_rng(0))
    loud = np.flatnonzero(np.abs(scene.astype(int)) > 4000) / SAMPLE_RATE_HZ
    assert loud[0] == pytest.approx(3.0, abs=0.02)
    assert loud[-1] == pytest.approx(3.0 + 0.5 + 2.0 + 0.5, abs=0.02)
    assert middle / SAMPLE_RATE_HZ == pytest.approx(4.5, abs=0.02)
    first = scene[int(3.1 * SAMPLE_RATE_HZ) : int(3.4 * SAMPLE_RATE_HZ)].astype(float)
    last = scene[int(5.6 * SAMPLE_RATE_HZ) : int(5.9 * SAMPLE_RATE_HZ)].astype(float)
    assert np.mean(first**2) == pytest.approx(np.mean(last**2), rel=0.01)
    room = scene[:SAMPLE_RATE_HZ].astype(float)
    said = scene[int(3.1 * SAMPLE_RATE_HZ) : int(3.4 * SAMPLE_RATE_HZ)].astype(float)
    assert 10 * np.log10(np.mean(said**2) / np.mean(room**2)) == pytest.approx(40, abs=1)


def test_a_detector_that_hears_only_once_is_found_out(recording, monkeypatch, capsys):
    files, stage = [recording], Stage(silent, "again", 1)
    assert score_after(Once(), files, files, 2.5, stage).tolist() == [[1.0, 0.0]]
    monkeypatch.setattr(repetition_report.Detector, "load", lambda *_, **__: Once())
    assert main(["bundle", "--positives", str(recording.parent), "--gaps", "2.5"]) == 0
    out = capsys.readouterr().out
    assert "| 2.5 s | 0.0 % | 100.0 % |" in out
    assert "somebody else" not in out
    folder = str(recording.parent)
    assert main(["bundle", "--positives", folder, "--talk", folder, "--gaps", "2.5"]) == 0
    assert "somebody else | missed |\n|---|---|\n| 2.5 s | 100.0 % |" in capsys.readouterr().out


def test_a_folder_without_recordings_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(repetition_report.Detector, "load", lambda *_, **__: Once())
    assert main(["bundle", "--positives", str(tmp_path / "none")]) == 2
    assert "check the path" in capsys.readouterr().err


def test_what_cannot_be_used_is_said_before_anything_is_heard(tmp_path, recording, capsys):
    assert main([str(tmp_path / "no"), "--positives", str(recording)]) == 2
    assert "There is no bundle" in capsys.readouterr().err
    assert main(["bundle", "--positives", str(recording), "--gaps", "-1"]) == 2
    assert "longer than 0 s" in capsys.readouterr().err


def test_a_file_that_is_no_audio_is_named(recording, monkeypatch, capsys):
    monkeypatch.setattr(repetition_report.Detector, "load", lambda *_, **__: Once())
    (recording.parent / "two.wav").write_text("no audio")
    assert main(["bundle", "--positives", str(recording.parent)]) == 2
    assert "two.wav" in capsys.readouterr().err
