"""Every command at its door: help, answers, wrong input, exit codes, and a page for each."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from db.clips import ClipWriteError
from db.connection import DatabaseFullError, DatabaseOpenError
from exporters.errors import ConverterMissingError, ExportError
from trainer.casting import NoVoicesError
from trainer.dataset import SplitError
from trainer.evaluation import det_plot
from trainer.phrases import PhraseError
from trainer.presets import PRESETS
from trainer.tts import engines as speech
from trainer.tts import paid
from watchword import cli, commands, evaluation_cli, failures
from watchword.arguments import INFERENCE_ENGINES, PAID_ENGINES, SPEECH_ENGINES
from watchword.corpus_cli import CORPUS_KINDS
from watchword.corpus_commands import VERBS
from watchword.corpus_import import CORPORA
from watchword.errors import OutTakenError, TrainingMissingError
from watchword_runtime import DamagedBundleError, NoEngineError
from watchword_runtime.engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "commands"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
LONG = "the quick brown fox jumps over the lazy dog and then it comes back home to all its friends"


def subparsers() -> dict[str, argparse.ArgumentParser]:
    """Every command, and every verb of a group as "group verb"."""
    found = {}
    queue = [("", cli.build_parser())]
    for prefix, parser in queue:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                added = {prefix + name: command for name, command in action.choices.items()}
                found |= added
                queue += [(f"{name} ", command) for name, command in added.items()]
    return found


COMMANDS = sorted(subparsers())
PROGRAMS = {command: f"watchword-{command.replace(' ', '-')}" for command in COMMANDS}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int | str | None, str, str]]:
    """Run a command in this process; returns exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int | str | None, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A real exported bundle of an untrained network, with ONNX alone: made in a second."""
    import torch

    from exporters.bundle import export_bundle
    from exporters.step import step_spec
    from trainer.model import TinyCRNN, TinyCRNNConfig, save_checkpoint
    from watchword_runtime.manifest import FORMAT_VERSION, Decision, FrontEndSpec, Manifest

    torch.manual_seed(0)
    model = TinyCRNN(TinyCRNNConfig(conv_channels=8, hidden=6, head=4)).eval()
    save_checkpoint(model, tmp_path / "checkpoint", {})
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        phrase="smart mirror",
        language="en",
        files=(),
        front_end=FrontEndSpec(),
        step=step_spec(model.config),
        decision=Decision(threshold=0.5, smoothing_steps=3, refractory_s=2.0, warmup_steps=10),
        operating_points=(),
        provenance={},
    )
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 20, (6_100, 40)).astype(np.float32)
    sound = rng.integers(-9_000, 9_000, 60 * 16_000).astype(np.int16)
    made = export_bundle(
        tmp_path / "checkpoint", tmp_path / "sm", manifest=manifest, calibration=noise,
        sound=sound, formats=("onnx",),
    )  # fmt: skip
    return made.folder


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(2):
        soundfile.write(folder / f"{number}.wav", rng.normal(size=48_000) * 0.1, 16_000)
    return folder


def one_line(error: str) -> bool:
    return error.startswith("watchword: ") and error.count("\n") == 1 and error.endswith("\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, run):
    code, out, err = run(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"usage: watchword {command}" in out
    assert f"example: watchword {command}" in out
    assert "exit codes:" in out
    assert all(len(line) <= 100 for line in out.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text(command):
    for action in subparsers()[command]._actions:
        assert action.help, f"{command} {action.dest}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_that_names_all_its_options(command):
    page = (PAGES / f"{PROGRAMS[command]}.md").read_text()
    for action in subparsers()[command]._actions:
        for name in action.option_strings or [action.metavar or action.dest.upper()]:
            assert name in {"-h", "--help"} or f"`{name}" in page, f"{command}: {name}"
    assert f"watchword {command}" in page
    assert "exit code" in page


def test_no_page_is_left_of_a_command_that_is_gone():
    programs = {*PROGRAMS.values(), "watchword-listen", "watchword-wyoming"}
    assert {page.stem for page in PAGES.glob("*.md")} == programs


def test_names_repeated_in_the_parser_are_the_originals():
    assert set(cli.PRESETS) == set(PRESETS)
    assert set(INFERENCE_ENGINES) == set(ENGINES)
    assert det_plot.SUFFIXES == evaluation_cli.PLOT_SUFFIXES
    assert set(SPEECH_ENGINES) == set(speech.ENGINES)
    assert set(PAID_ENGINES) == set(paid.PAID_ENGINES)
    assert all(callable(getattr(commands, name)) for name in COMMANDS if " " not in name)
    assert set(CORPUS_KINDS) == set(CORPORA)
    assert {f"corpus {verb}" for verb in VERBS} == {n for n in COMMANDS if n.startswith("corpus ")}


def test_the_command_answers_without_loading_torch():
    program = (
        "import sys\nfrom watchword.cli import main\n"
        "try:\n    main(['check', 'smart mirror'])\n"
        "except SystemExit as left:\n    assert left.code == 0\n"
        "print(sorted({'torch', 'pandas', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_python_m_watchword_is_the_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "watchword", "check", "--json", "--", "smart mirror"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"WATCHWORD_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer.keys() == {
        "ok", "phrase", "phonemes", "syllables", "seconds", "warnings", "strength",
    }  # fmt: skip
    assert answer["ok"] is True
    assert len(answer["phonemes"]) == 2


def test_check_in_sentences(run):
    code, out, err = run("check", "smart mirror")
    assert (code, err) == (0, "")
    assert re.match(r"smart mirror  /.+ .+/\n3 syllables, about 0\.\d s\nstrength: ", out)


def test_check_says_how_strong_and_why(run):
    code, out, err = run("check", "computer")
    assert (code, err) == (0, "")
    assert re.search(
        r"^strength: \d+ of 100, \w+: in conversation something passes for it ", out, re.MULTILINE
    )
    for part in ("length", "sounds", "neighbours", "said"):
        assert re.search(rf"^  {part} +[+-]\d+\.\d  \S", out, re.MULTILINE)
    assert re.search(r"^near it: .*commuter \(0\.\d\)", out, re.MULTILINE)
    assert re.search(
        r'^- Add a word: "hey computer" would have \d+ points of 100\.$', out, re.MULTILINE
    )
    strength = json.loads(run("check", "computer", "--json")[1])["strength"]
    assert f"strength: {strength['score']} of 100, {strength['word']}" in out
    assert {n["text"] for n in strength["neighbours"]} >= {"commuter", "computing"}
    for reason in strength["reasons"]:
        assert f"- {reason}\n" in out


def test_check_warns_of_a_weak_phrase_and_accepts_it(run):
    code, out, _ = run("check", "go")
    assert code == 0
    assert "1 syllable," in out
    assert "warning: The phrase has one syllable" in out
    code, out, _ = run("check", "go", "--json")
    assert code == 0
    assert len(json.loads(out)["warnings"]) >= 1


REFUSED = [
    (["", "--language", "en"], "empty"),
    (["guten Tag", "--language", "de"], "only English"),
    ([LONG], "long|seconds| s "),
    (["???"], ""),
    (["xkcd"], "cannot be pronounced"),
]


@pytest.mark.parametrize(("arguments", "reason"), REFUSED)
def test_check_refuses_with_a_reason(arguments, reason, run):
    code, out, err = run("check", *arguments)
    assert (code, out) == (2, "")
    assert one_line(err)
    assert re.search(reason, err)
    code, out, err = run("check", "--json", *arguments)
    assert (code, err) == (2, "")
    answer = json.loads(out)
    assert answer["ok"] is False
    assert re.search(reason, answer["reason"])


def test_texts_shows_all_four_kinds(run):
    code, out, err = run("texts", "smart mirror", "--count", "4")
    assert (code, err) == (0, "")
    for kind in ("positive (4)", "confuser (4)", "in-between (4)", "plain (4)"):
        assert kind in out
    assert run("texts", "smart mirror", "--count", "4")[1] == out
    assert run("texts", "smart mirror", "--count", "4", "--seed", "1")[1] != out


def test_texts_refuses_as_check_does(run):
    code, out, err = run("texts", "")
    assert (code, out) == (2, "")
    assert one_line(err)


@pytest.mark.parametrize(("arguments", "reason"), REFUSED)
def test_train_refuses_before_it_opens_anything(arguments, reason, run, home, monkeypatch):
    def never(*_):
        raise AssertionError("the pipeline was started")

    monkeypatch.setattr("watchword.pipeline.run", never)
    code, out, err = run("train", *arguments, "--out", home.parent / "out" / "sm")
    assert (code, out) == (2, "")
    assert one_line(err)
    assert re.search(reason, err)
    assert not home.exists()
    assert list(home.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "smart mirror", "--preset", "huge", "--out", "x"], "invalid choice: 'huge'"),
        (["train", "smart mirror"], "--out"),
        (["train"], "phrase"),
        (["frobnicate"], "invalid choice"),
        ([], "COMMAND"),
        (["texts", "smart mirror", "--count", "0"], "'0' is no whole number of 1 or more"),
        (["texts", "smart mirror", "--count", "many"], "'many'"),
        (["train", "smart mirror", "--seed", "one", "--out", "x"], "'one' is no whole number"),
        (["train", "smart mirror", "--seed", "-1", "--out", "x"], "0 or more"),
        (["train", "go", "--out", "x", "--engines", "flite,siri"], "'siri': choose from kokoro"),
        (["train", "go", "--out", "x", "--engines", ","], "choose from kokoro"),
        (["train", "go", "--out", "x", "--allow-paid", "kokoro"], "'kokoro': choose from eleven"),
        (["evaluate", "x", "--positives", "p", "--negatives", "n", "--engine", "gpu"], "'gpu'"),
        (["evaluate", "x", "--positives", "p", "--negatives", "n", "--snr", "loud"], "'loud'"),
        (["evaluate", "x", "--positives", "p", "--negatives", "n", "--plot", "a.bmp"], ".svg"),
    ],
)
def test_wrong_usage_is_said(arguments, said, run):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated model", "damaged zip"])
def test_evaluate_refuses_what_is_no_bundle(kind, run, bundle, recordings, tmp_path):
    door = tmp_path / kind
    if kind == "empty":
        door.mkdir()
    elif kind == "text":
        door.write_text("hello")
    elif kind == "truncated model":
        door = bundle / "smart_mirror.onnx"
        door.write_bytes(door.read_bytes()[:-400])
    elif kind == "damaged zip":
        door = bundle.with_suffix(".zip")
        door.write_bytes(door.read_bytes()[:2000])
    code, out, err = run("evaluate", door, "--positives", recordings, "--negatives", recordings)
    assert (code, out) == (2, "")
    assert one_line(err)
    assert str(door.name) in err


def test_evaluate_refuses_a_truncated_model_in_its_bundle(run, bundle, recordings):
    model = bundle / "smart_mirror.onnx"
    model.write_bytes(model.read_bytes()[:-400])
    code, out, err = run("evaluate", bundle, "--positives", recordings, "--negatives", recordings)
    assert (code, out) == (2, "")
    assert one_line(err)
    assert "smart_mirror.onnx" in err


@pytest.mark.parametrize("side", ["--positives", "--negatives", "--noise"])
@pytest.mark.parametrize("kind", ["pdf", "empty", "missing"])
def test_evaluate_refuses_what_is_no_audio(side, kind, run, bundle, recordings):
    wrong = bundle.parent / "wrong"
    if kind != "missing":
        wrong.mkdir()
    if kind == "pdf":
        (wrong / "contract.wav").write_bytes(PDF)
    folders = {"--positives": recordings, "--negatives": recordings} | {side: wrong}
    arguments = [argument for pair in folders.items() for argument in pair]
    code, _, err = run("evaluate", bundle, *arguments)
    assert code == 2
    assert one_line(err)
    assert ("contract.wav" if kind == "pdf" else str(wrong)) in err


def test_evaluate_prints_a_table_and_writes_all_of_it(run, bundle, recordings, tmp_path):
    (tmp_path / "rooms").mkdir()
    soundfile.write(tmp_path / "rooms" / "a.wav", 0.9 ** np.arange(400), 16_000)
    table = tmp_path / "who.tsv"
    table.write_text("path\tspeaker\n0.wav\tanna\ngone.wav\tbob\n")
    heard, plot, everything = (tmp_path / "deep" / n for n in ("heard", "det.svg", "all.json"))
    code, out, err = run(
        "evaluate", bundle, "--positives", recordings, "--negatives", recordings,
        "--noise", recordings, "--snr", "5", "-2.5", "--rooms", tmp_path / "rooms",
        "--manifest", table, "--save-false-accepts", heard, "--plot", plot, "--json", everything,
    )  # fmt: skip
    assert (code, err) == (0, "")
    for said in (
        "smart mirror: smart_mirror.onnx on onnxruntime\n2 positives",
        "As shipped",
        "missed, rooms, -2.5 dB noise",
        "≥ 0.1/h, 0.5/h, 1/h, 2/h: less than one event in 0.00 h",
        "By speaker: no group has 5 recordings.",
        "who.tsv names 1 file that is not there: gone.wav",
        "1 recording of 2 in",
        "2 files among the positives and the negatives",
    ):
        assert said in out
    measured = json.loads(everything.read_text())
    assert measured["positives"] == 2
    assert [row["false_accepts_per_hour"] for row in measured["operating_points"]] == [
        0.1, 0.5, 1.0, 2.0,
    ]  # fmt: skip
    assert measured["negative_hours"] == pytest.approx(6 / 3600)
    assert len(measured["conditions"]) == 6
    assert measured["groups"]["speaker"][0]["recordings"] == 2
    assert measured["manifest"]["files_not_there"] == ["gone.wav"]
    saved = [event["excerpt"] for event in measured["false_accepts"]]
    assert saved == sorted(map(str, heard.glob("*.wav")))
    assert f"The DET curve is in {plot}" in out
    assert plot.read_text().startswith("<svg")


def test_evaluate_names_what_it_accepted_wrongly(run, bundle, recordings, tmp_path):
    manifest = bundle / "manifest.json"
    values = json.loads(manifest.read_text())
    values["decision"]["threshold"] = 0.0
    manifest.write_text(json.dumps(values))
    code, out, _ = run(
        "evaluate", bundle, "--positives", recordings, "--negatives", recordings,
        "--save-false-accepts", tmp_path / "heard",
    )  # fmt: skip
    assert code == 0
    names = sorted(path.name for path in (tmp_path / "heard").iterdir())
    assert len(names) >= 2
    assert f"Listen to {len(names)} false accepts" in out
    number, stem, _ = names[0].split("_", 2)
    assert re.search(rf"false accept {number}  score 0\.\d+  [\d.]+ s into .*{stem}\.wav", out)


def test_evaluate_asks_whether_a_false_accept_is_the_phrase_itself(
    run, bundle, recordings, tmp_path, monkeypatch
):
    def opinion(events, files, phrase, _model, _report):
        assert phrase.text == "smart mirror"
        assert {event.file for event in events} <= set(files)
        return tuple(
            replace(event, spoken_score=-9.0 if i else -1.0) for i, event in enumerate(events)
        )

    monkeypatch.setattr("watchword.evaluation.why_deaf", str)
    monkeypatch.setattr("watchword.evaluation.acoustic_model", object)
    monkeypatch.setattr("watchword.evaluation.second_opinion", opinion)
    manifest = bundle / "manifest.json"
    values = json.loads(manifest.read_text())
    values["decision"]["threshold"] = 0.0
    manifest.write_text(json.dumps(values))
    everything = tmp_path / "all.json"
    code, out, _ = run(
        "evaluate", bundle, "--positives", recordings, "--negatives", recordings,
        "--json", everything,
    )  # fmt: skip
    assert code == 0
    scores = [e["spoken_score"] for e in json.loads(everything.read_text())["false_accepts"]]
    assert scores == [-1.0] + [-9.0] * (len(scores) - 1)
    assert out.count("(the phrase itself?)") == 1
    assert f"In 1 of {len(scores)} the phrase itself seems to be said." in out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--snr", "5"], "--noise"),
        (["--group-by", "age"], "--manifest"),
        (["--manifest", "nowhere.tsv"], "nowhere.tsv cannot be read"),
        (["--save-false-accepts", "."], "holds something already"),
    ],
)
def test_evaluate_refuses_options_before_it_measures(more, said, run, bundle, recordings):
    code, out, err = run(
        "evaluate", bundle, "--positives", recordings, "--negatives", recordings, *more
    )
    assert code == 2
    assert "positives, clean" not in out
    assert one_line(err)
    assert said in err


def test_a_json_file_that_cannot_be_written_is_said(run, bundle, recordings, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(
        "evaluate", bundle, "--positives", recordings, "--negatives", recordings,
        "--json", tmp_path / "file" / "all.json",
    )  # fmt: skip
    assert code == 2
    assert one_line(err)
    assert "file" in err


@pytest.mark.parametrize("left", [[], ["checkpoint"], ["checkpoint", "checkpoint/model.json"]])
def test_export_refuses_a_folder_without_a_training(left, run, tmp_path):
    training = tmp_path / "training"
    training.mkdir()
    for name in left:
        path = training / name
        path.write_text("{") if path.suffix else path.mkdir()
    code, _, err = run("export", training, "--out", tmp_path / "out")
    assert code == 2
    assert one_line(err)
    assert str(training) in err
    assert "holds no finished training" in err


def test_sign_makes_keys_signs_and_checks(run, bundle, tmp_path):
    key = tmp_path / "me.key"
    both = (bundle, bundle.with_name("sm.zip"))
    assert run("sign", "--new-key", key)[0] == 0
    code, out, _ = run("sign", *both, "--key", key)
    assert (code, out.count("signed, 5 files")) == (0, 2)
    assert run("sign", *both, "--check", f"{key}.pub")[0] == 0
    (bundle / "README.md").write_text("Better than it is")
    code, _, err = run("sign", *both, "--check", f"{key}.pub")
    assert code == 2
    assert one_line(err)
    assert "README.md" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--new-key", "me.key"), "sign with --key afterwards"),
        (("--key", "nowhere.key"), "nowhere.key"),
        (("--check", "nowhere.pub"), "nowhere.pub"),
    ],
)
def test_sign_refuses_what_makes_no_sense(arguments, said, run, bundle, tmp_path):
    option, name = arguments
    code, _, err = run("sign", bundle, option, tmp_path / name)
    assert code == 2
    assert one_line(err)
    assert said in err
    assert not (bundle / "signature.json").exists()
    assert not (tmp_path / "out").exists()


def test_voices_are_listed_without_fetching(run, home):
    code, out, err = run("voices", "--list")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("missing  ") for line in lines)
    assert not home.exists()


def test_brackets_are_no_markup(capsys):
    from watchword.console import open_console, say

    say(open_console(), 'pip install "watchword[tflite]" [red]', label="[bold]left out")
    assert capsys.readouterr().out == '[bold]left out pip install "watchword[tflite]" [red]\n'


def test_a_log_gets_long_lines_unbroken(capsys):
    from watchword.console import open_console, say

    say(open_console(), "word " * 100)
    assert capsys.readouterr().out.count("\n") == 1


def full_disk() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", "/somewhere")


def full_database() -> sqlite3.OperationalError:
    """Return what SQLite really raises."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE clip (content)")
        with pytest.raises(sqlite3.OperationalError) as raised:
            connection.execute("INSERT INTO clip VALUES (zeroblob(100000))")
    return raised.value


def caused(error: Exception, cause: BaseException, *, quietly: bool = False) -> Exception:
    """Return `error` as raised from, or (quietly) while handling, another."""
    setattr(error, "__context__" if quietly else "__cause__", cause)
    return error


FULL = [
    full_disk(),
    DatabaseFullError("The disk is full: free some space."),
    caused(ClipWriteError("no"), full_disk()),
    caused(RuntimeError("outer"), caused(ExportError("no"), full_disk())),
    caused(RuntimeError("while handling"), full_disk(), quietly=True),
    caused(RuntimeError("outer"), DatabaseFullError("The disk is full: free some space.")),
    caused(DatabaseOpenError("cannot use"), full_database()),
]


@pytest.mark.parametrize("error", FULL)
def test_a_full_disk_is_found_however_deep(error):
    assert failures.exit_code(error) == 4
    assert failures.explain(error).startswith("The disk is full")
    assert failures.is_foreseen(error)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PhraseError("no"), 2),
        (DamagedBundleError("no"), 2),
        (TrainingMissingError("no"), 2),
        (OutTakenError("no"), 2),
        (NoVoicesError("no"), 3),
        (SplitError("no"), 3),
        (NoEngineError("no"), 3),
        (ConverterMissingError("no"), 3),
        (ExportError("no"), 1),
        (ClipWriteError("no"), 1),
    ],
)
def test_foreseen_errors_speak_for_themselves(error, code):
    assert failures.exit_code(error) == code
    assert failures.explain(error) == "no"
    assert failures.is_foreseen(error)


def test_the_systems_words_come_with_the_path():
    error = PermissionError(errno.EACCES, "Permission denied", "/locked/out")
    assert failures.explain(error).startswith("/locked/out: Permission denied.")
    assert failures.exit_code(error) == 2


def test_what_was_not_foreseen_asks_for_a_report_and_shows_its_trace(run, monkeypatch, caplog):
    def broken(_options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(commands, "check", broken)
    code, _, err = run("check", "smart mirror")
    assert code == 1
    assert "ZeroDivisionError: division by zero. Please report it" in err
    assert caplog.records[-1].exc_info


def test_a_reader_who_has_seen_enough_is_no_fault():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "watchword", "check", "smart mirror"],
        stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
