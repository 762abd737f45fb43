"""What happens on a detection: programs that are slow or fail, and recordings within limits."""

from __future__ import annotations

import sys
import time
import wave

import numpy as np
import pytest

from watchword_runtime import Detection
from watchword_runtime.audio import read_wav
from watchword_runtime.command import MOST_RUNNING, Command
from watchword_runtime.recordings import AFTER_S, BEFORE_S, TABLE, Limits, Recordings

RATE = 16_000


@pytest.fixture
def folder(tiny, tmp_path):
    return tiny.bundle(tmp_path / "smart_mirror")


def test_a_program_gets_the_details(folder, tmp_path, listen, write_wav, bursts):
    script = tmp_path / "on wake.py"
    script.write_text(
        "import os, sys\n"
        "names = ('PHRASE', 'SCORE', 'TIME_S', 'COUNT', 'RECORDING')\n"
        "values = [sys.argv[1], *(os.environ['WATCHWORD_' + name] for name in names)]\n"
        "os.write(1, ('|'.join(values) + '\\n').encode())\n"
    )
    done = listen(
        folder, "--wav", write_wav(bursts), "--json", "--save-detections", tmp_path / "kept",
        "--exec", f"{sys.executable} '{script}' $HOME",
    )  # fmt: skip
    assert done.returncode == 0
    found = listen.lines(done.stdout)  # what the program prints is not among the detections
    assert len(found) == 3
    said = {line for line in done.stderr.decode().splitlines() if "|" in line}
    kept = (tmp_path / "kept").resolve()
    assert said == {
        f"$HOME|smart mirror|{one['score']:.6f}|{one['time_s']:.2f}|{number}|"
        f"{kept / f'{number:06d}_smart_mirror.wav'}"
        for number, one in enumerate(found, 1)
    }


def test_a_shell_is_used_only_when_asked_for(folder, listen, write_wav, bursts):
    done = listen(
        folder, "--wav", write_wav(bursts), "--exec-shell",
        "--exec", 'echo "$WATCHWORD_PHRASE" | tr a-z A-Z',
    )  # fmt: skip
    assert done.stderr.decode().count("SMART MIRROR") == 3


def test_a_program_that_fails_is_reported_and_listening_goes_on(folder, listen, write_wav, bursts):
    done = listen(
        folder, "--wav", write_wav(bursts), "--exec", f"{sys.executable} -c 'raise SystemExit(7)'"
    )
    assert done.returncode == 0
    assert done.stdout.decode().count("smart mirror") == 3
    assert done.stderr.decode().count("--exec ended with exit code 7") == 3


def test_a_slow_program_is_not_waited_for_and_ended_in_time(caplog):
    command = Command(f"{sys.executable} -c 'import time; time.sleep(60)'", timeout_s=2.0)
    started_s = time.monotonic()
    for _ in range(MOST_RUNNING + 2):
        command.start({})
    assert time.monotonic() - started_s < 1.0
    assert caplog.text.count("was not started: 4 of it are still running") == 2
    command.wait()
    for thread in command._running:
        thread.join(10)
    assert time.monotonic() - started_s < 20
    assert caplog.text.count("took over 2 s and was ended") == MOST_RUNNING
    command.start({})
    assert caplog.text.count("was not started") == 2


@pytest.mark.parametrize("line", ["", "   ", "'open", "no-such-program-here x"])
def test_a_command_that_cannot_run_is_refused_at_once(line):
    with pytest.raises(ValueError, match="--exec"):
        Command(line)


def ramp(start_s: float, seconds: float) -> np.ndarray:
    """Samples that say where they are: their number, modulo 30,000."""
    first = round(start_s * RATE)
    return (np.arange(first, first + round(seconds * RATE)) % 30_000).astype(np.int16)


def keep(recordings: Recordings, time_s: float, phrase: str = "smart mirror"):
    return recordings.keep(Detection(phrase, time_s, 0.9))


def test_a_recording_holds_the_audio_around_the_wake(tmp_path):
    recordings = Recordings(tmp_path)
    for start in range(100):
        recordings.hear(ramp(start / 10, 0.1))
    path = keep(recordings, 9.75)
    assert not path.exists()
    for start in range(100, 108):
        recordings.hear(ramp(start / 10, 0.1))
    np.testing.assert_array_equal(read_wav(path), ramp(9.75 - BEFORE_S, BEFORE_S + AFTER_S))
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, TABLE]


def test_what_there_is_is_kept_at_the_start_and_at_the_end(tmp_path):
    recordings = Recordings(tmp_path)
    recordings.hear(ramp(0, 1.0))
    first = keep(recordings, 0.9)
    recordings.hear(ramp(1.0, 0.5))
    second = keep(recordings, 1.4)
    recordings.flush()
    np.testing.assert_array_equal(read_wav(first), ramp(0, 1.5))
    np.testing.assert_array_equal(read_wav(second), ramp(0, 1.5))


def test_the_oldest_go_when_the_folder_is_full(tmp_path):
    (tmp_path / "mine.wav").write_bytes(b"not ours")
    for limits, left in ((Limits(files=3), 3), (Limits(total_bytes=300_000), 2)):
        recordings = Recordings(tmp_path, limits)
        for number in range(6):
            recordings.hear(ramp(number, 1.0))
            keep(recordings, number + 0.5)
            recordings.flush()
        numbered = sorted(tmp_path.glob("0*.wav"))
        assert len(numbered) == left
        rows = (tmp_path / TABLE).read_text().splitlines()
        assert [row.split("\t")[0] for row in rows[1:]] == [path.name for path in numbered]
    assert numbered[-1].name == "000012_smart_mirror.wav"  # a new run goes on counting
    assert (tmp_path / "mine.wav").exists()


def test_what_was_written_into_the_table_stays(tmp_path):
    recordings = Recordings(tmp_path)
    recordings.hear(ramp(0, 1.0))
    keep(recordings, 0.5)
    recordings.flush()
    table = tmp_path / TABLE
    table.write_text(table.read_text().replace("\t\t", "\ta smart mere\t"))
    keep(recordings, 0.9)
    recordings.flush()
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    assert rows[0][:3] == ["path", "text", "phrase"]
    assert [row[1] for row in rows[1:]] == ["a smart mere", ""]


def test_a_phrase_is_never_a_path(tmp_path):
    recordings = Recordings(tmp_path / "kept")
    recordings.hear(ramp(0, 1.0))
    path = keep(recordings, 0.5, "../../etc/\0pass\twd")
    recordings.flush()
    assert path.parent == tmp_path / "kept"
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == RATE


def test_a_folder_that_goes_away_does_not_end_the_listening(tmp_path, caplog):
    kept = tmp_path / "kept"
    recordings = Recordings(kept)
    recordings.hear(ramp(0, 1.0))
    keep(recordings, 0.5)
    kept.rmdir()
    recordings.flush()
    assert "was not saved" in caplog.text


def test_the_table_is_one_that_training_reads(tmp_path):
    folder_tsv = pytest.importorskip("trainer.corpora.folder_tsv")
    recordings = Recordings(tmp_path)
    recordings.hear(ramp(0, 1.0))
    keep(recordings, 0.5)
    recordings.flush()
    table = folder_tsv.find_table(tmp_path)
    (row,) = folder_tsv.TableSource("wakes", table, speaker="me", licence="own")
    assert row.audio == tmp_path / "000001_smart_mirror.wav"
    assert row.text == ""
