"""Flite and eSpeak NG, played by small programs that write the options they get and a WAV file."""

import json
import sys

import numpy as np
import pytest

from trainer.tts.base import EngineUnavailableError, SynthesisError, parents
from trainer.tts.espeak import EspeakEngine
from trainer.tts.flite import FliteEngine

PROGRAM = """#!{python}
import json, math, struct, sys, wave, pathlib
args = sys.argv[1:]
here = pathlib.Path(__file__).parent
if args == ["-lv"]:
    print("Voices available: kal awb_time kal16 awb rms slt ")
    sys.exit()
if args == ["--voices=variant"]:
    print("Pty Language  Age/Gender VoiceName File Other")
    for name in ("f1", "steph", "steph2", "whisper", "Mr serious"):
        print(f" 5  variant   --/M   {{name}}   !v/{{name}}   ")
    sys.exit()
text = sys.stdin.read() if "--stdin" in args else args[args.index("-t") + 1]
(here / "call").write_text(json.dumps([args, text]))
if "fail" in text:
    sys.exit("it is broken")
path = args[args.index("-o" if "-o" in args else "-w") + 1]
if "rubbish" in text:
    open(path, "w").write("rubbish")
    sys.exit()
with wave.open(path, "wb") as out:
    out.setparams((1, 2, 16000, 0, "NONE", ""))
    amplitude = 0 if "silent" in text else 9000
    out.writeframes(b"".join(
        struct.pack("<h", int(amplitude * math.sin(i / 13))) for i in range(14000)))
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    for name in ("flite", "espeak-ng"):
        path = tmp_path / name
        path.write_text(PROGRAM.format(python=sys.executable))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def call(folder):
    args, text = json.loads((folder / "call").read_text())
    return args, text


def test_flites_voices_without_the_talking_clock(programs):
    voices = {voice.name: voice for voice in FliteEngine().voices()}
    assert list(voices) == ["kal", "kal16", "awb", "rms", "slt"]
    assert parents(voices["kal"]) == parents(voices["kal16"])


def test_flite_speaks_at_a_speed(programs):
    engine = FliteEngine()
    speech = engine.synthesize("Smart mirror.", engine.voices()[0], speed=1.25)
    args, text = call(programs)
    assert args[:4] == ["-voice", "kal", "--setf", "duration_stretch=0.8000"]
    assert text == "Smart mirror."
    assert speech.seconds == pytest.approx(14000 / 16000, abs=0.02)
    assert speech.settings == {"speed": 1.25}


def test_espeaks_variants_without_whispers_and_numbered_ones_are_one_speaker(programs):
    voices = EspeakEngine().voices()
    names = [voice.name for voice in voices]
    assert names == [
        f"{language}+{variant}"
        for variant in ("f1", "steph", "steph2")
        for language in ("en-us", "en-gb")
    ]
    assert {voice.speaker for voice in voices} == {"f1", "steph"}


def test_espeaks_pitch_comes_from_the_seed_and_is_written_down(programs):
    engine = EspeakEngine()
    voice = engine.voices()[0]
    pitches = {}
    for seed in (1, 2, 1):
        speech = engine.synthesize("Smart mirror.", voice, speed=1.2, seed=seed)
        args, text = call(programs)
        assert text == "Smart mirror."
        assert args[args.index("-s") + 1] == "210"
        assert args[args.index("-v") + 1] == "en-us+f1"
        assert args[args.index("-p") + 1] == str(speech.settings["pitch"])
        pitches.setdefault(seed, set()).add(speech.settings["pitch"])
    assert len(pitches[1]) == 1
    assert pitches[1] != pitches[2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("please fail", "exit code 1: it is broken"),
        ("rubbish", "no WAV file"),
        ("be silent", "silence"),
    ],
)
@pytest.mark.parametrize("engine_of", [FliteEngine, EspeakEngine])
def test_bad_synthesis_is_an_error_with_the_reason(programs, engine_of, text, says):
    engine = engine_of()
    with pytest.raises(SynthesisError, match=says):
        engine.synthesize(text, engine.voices()[0])


@pytest.mark.parametrize("engine_of", [FliteEngine, EspeakEngine])
def test_phonemes_are_refused_not_ignored(programs, engine_of):
    engine = engine_of()
    with pytest.raises(ValueError, match="speaks texts only"):
        engine.synthesize("made up", engine.voices()[0], phonemes="mˈAd")


@pytest.mark.parametrize(
    ("name", "engine_of"), [("flite", FliteEngine), ("espeak-ng", EspeakEngine)]
)
def test_a_program_that_fails_when_asked_for_voices_is_no_engine(programs, name, engine_of):
    (programs / name).write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(EngineUnavailableError, match="is installed and fails"):
        engine_of()
    (programs / name).write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(EngineUnavailableError, match="has no v"):
        engine_of()


def test_samples_are_those_of_the_file(programs):
    engine = FliteEngine()
    speech = engine.synthesize("Smart mirror.", engine.voices()[0])
    expected = 9000 / 32768 * np.sin(np.arange(14000) / 13)
    np.testing.assert_allclose(speech.waveform, expected[: len(speech.waveform)], atol=1e-4)
