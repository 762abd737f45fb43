import json
import sys

import pytest

from db.clips import CLIP_FOLDER, ClipStore
from db.connection import home, open_database
from trainer.ctc import ACOUSTIC_MODELS
from trainer.phrases import normalise_text
from trainer.pronunciation import phonemes
from trainer.segment import LEAST_SPOKEN_SCORE
from watchword import cli
from watchword.corpus_cli import CUT_MODELS, CUT_SCORE

TEXT = "please turn on the smart mirror now"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WATCHWORD_HOME", str(tmp_path))

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(["corpus", "cut", *arguments])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


def store_recording():
    from trainer.tts.hibari import HibariEngine

    engine = HibariEngine()
    speech = engine.synthesize(TEXT, engine.voices()[0])
    connection = open_database()
    ClipStore(connection, home() / CLIP_FOLDER).add(
        speech.waveform, speech.rate_hz, text=TEXT, text_normalised=normalise_text(TEXT),
        phonemes=phonemes(TEXT), engine="recording", voice="anna", speaker="corpus:anna",
        settings={"file": "a.flac"}, source="corpus", licence="CC0-1.0",
    )  # fmt: skip
    connection.close()


def test_names_repeated_in_the_parser_are_the_originals():
    assert set(CUT_MODELS) == set(ACOUSTIC_MODELS)
    assert CUT_SCORE == LEAST_SPOKEN_SCORE


def test_the_phrase_is_cut_out_once(run):
    pytest.importorskip("hama", reason="the extra ctc is not installed")
    pytest.importorskip("ctc_segmentation", reason="the extra ctc is not installed")
    store_recording()
    code, out, _ = run("smart mirror")
    assert code == 0
    assert "in 1 transcripts, 0 of them cut before: 1 new clips" in out
    code, out, _ = run("smart mirror", "--json")
    again = json.loads(out)
    assert (code, again["found"], again["known"], again["cuts"]) == (0, 1, 1, 0)
    code, out, _ = run("turn on", "--least-score", "-0.0001")
    assert code == 0
    assert "not cut 1: the score says that the phrase was not said" in out


def test_no_recording_and_no_phrase_are_told_apart(run):
    pytest.importorskip("hama", reason="the extra ctc is not installed")
    code, out, _ = run("smart mirror")
    assert code == 0
    assert "No recording has 'smart mirror' in its transcript" in out
    code, _, err = run("")
    assert code == 2
    assert "empty" in err


def test_a_missing_model_has_its_exit_code(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "hama", None)
    code, _, err = run("smart mirror")
    assert code == 3
    assert "pip install 'watchword[ctc]'" in err
