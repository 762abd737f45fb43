"""`watchword corpus add` and `own-voice` at the door: answers, refusals, exit codes."""

from __future__ import annotations

import json
import re
from contextlib import closing

import pytest

from db.connection import open_database
from tests.trainer.corpora.conftest import audio_bytes
from trainer.corpora.base import CorpusPartMissingError, CorpusUnreachableError
from watchword import cli, corpus_import


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(capsys):
    """Run a verb in this process; returns exit code, standard output and standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(["corpus", *(str(argument) for argument in arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "My village"
    folder.mkdir()
    rows = "file\ttext\twho\tkind\n"
    for number in range(3):
        (folder / f"{number}.wav").write_bytes(audio_bytes(number, ".wav"))
        rows += f"{number}.wav\tsentence {number}\tp{number}\t{'a' if number else 'b'}\n"
    (folder / "list.tsv").write_text(rows + "gone.wav\tsentence\tp9\ta\n")
    return folder


def clips(home):
    with closing(open_database(f"sqlite:///{home}/watchword.sqlite3")) as connection:
        return [dict(row) for row in connection.execute("SELECT * FROM clip ORDER BY id")]


def one_line(error):
    return error.startswith("watchword: ") and error.count("\n") == 1


def test_a_folder_is_imported_and_the_second_time_passed_over(run, folder, home):
    arguments = ("add", "folder", folder, "--speaker-column", "who", "--licence", "mine")
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert re.search(
        r"^my-village: 3 new recordings, 0\.00 hours, 3 speakers\.$", out, re.MULTILINE
    )
    assert re.search(r"refused\s+1: the file is missing\n  list.tsv line 5 \(gone.wav\): ", out)
    assert [clip["speaker"] for clip in clips(home)] == [f"my-village:p{n}" for n in range(3)]
    code, out, _ = run(*arguments)
    assert code == 0
    assert "my-village: 0 new recordings" in out
    assert "3 imported before" in out
    assert len(clips(home)) == 3


def test_options_say_how_the_table_is_read(run, folder, home):
    code, out, _ = run(
        "add", "folder", folder / "list.tsv", "--speaker", "anna", "--licence", "mine",
        "--where", "kind=a", "--source", "Hill Top", "--limit", "1",
    )  # fmt: skip
    assert code == 0
    assert "hill-top: 1 new recordings" in out
    (clip,) = clips(home)
    assert (clip["text"], clip["speaker"]) == ("sentence 1", "hill-top:anna")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["folder", "{}"], "which column holds the speaker and the licence"),
        (["folder", "{}/gone"], "no table or folder"),
        (["folder", "{}", "--where", "size=1", "--speaker", "a", "--licence", "b"], "'size'"),
        (["librispeech", "{}"], "one of its subsets"),
        (["common-voice", "{}"], "validated.tsv"),
        (["peoples-speech", "{}"], "no .parquet file"),
        (["peoples-speech", "hub:"], "Name the subset"),
        (["librispeech", "{}", "--where", "a=b", "--use", "x"], "--where, --use: only for"),
    ],
)
def test_what_is_no_such_corpus_is_refused(arguments, said, run, folder, home):
    code, out, err = run("add", *(argument.format(folder) for argument in arguments))
    assert (code, out) == (2, "")
    assert one_line(err)
    assert said in err


def test_a_corpus_with_no_usable_row_is_bad_input(run, folder):
    for file in folder.glob("*.wav"):
        file.unlink()
    code, out, _ = run("add", "folder", folder, "--speaker", "a", "--licence", "b")
    assert code == 2
    assert "4: the file is missing" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "tape", "x"], "invalid choice: 'tape'"),
        (["add", "folder", "x", "--where", "kind"], "'kind' is not COLUMN=VALUE"),
        (["add", "folder", "x", "--limit", "0"], "1 or more"),
        (["own-voice", "smart mirror"], "FILES"),
        (["feedback", "smart mirror", "a.wav"], "--false-wake --missed is required"),
        ([], "VERB"),
    ],
)
def test_wrong_usage_is_said(arguments, said, run):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code"),
    [(CorpusUnreachableError("away"), 1), (CorpusPartMissingError("pip install"), 3)],
)
def test_a_hub_that_is_away_has_its_exit_code(error, code, run, monkeypatch):
    def stream(*_arguments, **_options):
        raise error

    monkeypatch.setattr(corpus_import, "import_recordings", stream)
    assert run("add", "peoples-speech", "hub:clean") == (code, "", f"watchword: {error}\n")


def test_own_recordings_are_taken_and_refused_one_by_one(run, tmp_path, home):
    said = tmp_path / "said"
    said.mkdir()
    for number in range(2):
        (said / f"{number}.wav").write_bytes(audio_bytes(number, ".wav", seconds=2))
    (said / "short.wav").write_bytes(audio_bytes(5, ".wav", seconds=0.25))
    arguments = ("own-voice", "smart mirror", said / "0.wav", said, "--name", "Anna")
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert f"{said}/0.wav: taken, number 1\n" in out
    assert f"{said}/0.wav: was there already, number 1\n" in out
    assert f"refused {said}/short.wav: 0.2 s is too short" in out
    assert "2 new recordings of 'smart mirror'." in out
    assert {clip["speaker"] for clip in clips(home)} == {"own-voice:anna"}

    code, out, _ = run(*arguments, "--json")
    answer = json.loads(out)
    assert (code, answer["phrase"]) == (0, "smart mirror")
    assert [r["number"] for r in answer["recordings"]] == [1, 1, 2, None]
    assert answer["recordings"][0].keys() == {"file", "number", "new", "reason"}
    assert "too short" in answer["recordings"][3]["reason"]


def test_own_voice_without_a_usable_recording_is_bad_input(run, tmp_path):
    (tmp_path / "notes.wav").write_text("no audio")
    code, out, _ = run("own-voice", "smart mirror", tmp_path / "notes.wav")
    assert code == 2
    assert "cannot be read" in out
    code, _, err = run("own-voice", "xkcd", tmp_path / "notes.wav")
    assert code == 2
    assert "cannot be pronounced" in err


def test_what_a_detector_got_wrong_is_sent_back(run, tmp_path, home):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "tv.wav").write_bytes(audio_bytes(1, ".wav", seconds=4))
    (kept / "notes.wav").write_text("no audio")
    arguments = ("feedback", "smart mirror", kept, "--false-wake")
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert f"refused {kept}/notes.wav cannot be read" in out
    assert f"{kept}/tv.wav: taken, clip 1\n" in out
    assert "1 new false wake of 'smart mirror'." in out
    assert {(clip["source"], clip["text"]) for clip in clips(home)} == {
        ("feedback", "(not smart mirror)")
    }
    code, out, _ = run(*arguments, "--json")
    answer = json.loads(out)
    assert (code, answer["phrase"], answer["kind"]) == (0, "smart mirror", "false-wake")
    assert [(r["clip_id"], r["new"]) for r in answer["recordings"]] == [(None, False), (1, False)]
    code, out, _ = run("feedback", "smart mirror", kept / "notes.wav", "--missed")
    assert code == 2
    assert "0 new misses of 'smart mirror'." in out
