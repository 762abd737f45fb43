"""Festival, played by a small program that answers as it does and writes down what it is told."""

import sys

import pytest

from trainer.tts import festival
from trainer.tts.base import EngineUnavailableError, SynthesisError, parents
from trainer.tts.festival import LICENCE, UNKNOWN_LICENCE, FestivalEngine

PROGRAM = """#!{python}
import math, pathlib, re, struct, sys, wave
here = pathlib.Path(__file__).parent
if sys.argv[1] == "-b":
    for line in ("kal_diphone english american", "cmu_us_slt_arctic_hts english american",
                 "rab_diphone english british", "don_diphone english british",
                 "cmu_us_awb_arctic_clunits english scottish", "upc_ca_ona_hts catalan western"):
        print("voice " + line)
    sys.exit()
with (here / "starts").open("a") as starts:
    starts.write("x")
print("Festival's greeting")
for line in sys.stdin:
    if line.startswith("(format"):
        print("\\nanswered", flush=True)
        continue
    with (here / "told").open("a", encoding="utf-8") as told:
        told.write(line)
    if "dies" in line:
        sys.exit("out of cells")
    if "hangs" in line:
        sys.stdin.read()
    if "fails" in line:
        print("SIOD ERROR: unknown phone")
        continue
    path = re.search(r'utt.save.wave spoken "(.*?)"', line)[1]
    with wave.open(path, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(b"".join(
            struct.pack("<h", int(9000 * math.sin(i / 13))) for i in range(14000)))
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    path = tmp_path / "festival"
    path.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return path


@pytest.fixture
def engine(program):
    engine = FestivalEngine()
    yield engine
    engine.close()


def told(program):
    return (program.parent / "told").read_text(encoding="utf-8").splitlines()


def starts(program):
    return len((program.parent / "starts").read_text())


def named(engine, name):
    return next(voice for voice in engine.voices() if voice.name == name)


def test_english_voices_with_their_people_and_licences(engine):
    voices = {voice.name: voice for voice in engine.voices()}
    assert list(voices) == [
        "cmu_us_awb_arctic_clunits",
        "cmu_us_slt_arctic_hts",
        "don_diphone",
        "kal_diphone",
        "rab_diphone",
    ]
    assert parents(voices["cmu_us_slt_arctic_hts"]) == {"flite:slt"}
    assert parents(voices["kal_diphone"]) == {"flite:kal"}
    assert parents(voices["rab_diphone"]) == {"festival:rab"}
    assert [voices[name].language for name in ("kal_diphone", "rab_diphone")] == ["en-us", "en-gb"]
    assert voices["cmu_us_awb_arctic_clunits"].language == "en"
    assert voices["kal_diphone"].licence == LICENCE
    assert voices["don_diphone"].licence == UNKNOWN_LICENCE


def test_one_process_speaks_with_pace_and_pitch_that_are_written_down(engine, program):
    voice = named(engine, "kal_diphone")
    speeches = [engine.synthesize("Smart mirror.", voice, speed=1.25, seed=s) for s in (1, 2, 1)]
    assert starts(program) == 1
    assert speeches[0].seconds == pytest.approx(14000 / 16000, abs=0.02)
    pitches = [speech.settings["pitch"] for speech in speeches]
    assert pitches[0] == pitches[2] != pitches[1]
    line = told(program)[0]
    assert "(voice_kal_diphone)" in line
    assert "'Duration_Stretch 0.8000" in line
    assert f"(* {pitches[0]} " in line
    assert '(Utterance Text "Smart mirror.")' in line


def test_an_hts_voice_gets_a_rate_and_no_pitch(engine, program):
    voice = named(engine, "cmu_us_slt_arctic_hts")
    speech = engine.synthesize("Smart mirror.", voice, speed=1.25, seed=7)
    assert '(list "-r" 1.2500)' in told(program)[0]
    assert speech.settings == {"speed": 1.25, "seed": 7}


def test_a_text_cannot_leave_its_quotes(engine, program):
    engine.synthesize('He’s a "café"\n(quit) \\', named(engine, "kal_diphone"))
    assert r'(Utterance Text "He' + r"'s a \"cafe\" (quit) \\" + '")' in told(program)[0]


def test_what_festival_says_against_a_text_is_an_error_and_the_process_stays(engine, program):
    voice = named(engine, "kal_diphone")
    with pytest.raises(SynthesisError, match=r"'it fails': .*SIOD ERROR: unknown phone"):
        engine.synthesize("it fails", voice)
    engine.synthesize("Smart mirror.", voice)
    assert starts(program) == 1


def test_a_process_that_ends_says_why_and_the_next_text_starts_another(engine, program):
    voice = named(engine, "kal_diphone")
    with pytest.raises(SynthesisError, match=r"process ended: .*out of cells"):
        engine.synthesize("it dies", voice)
    engine.synthesize("Smart mirror.", voice)
    assert starts(program) == 2


def test_a_process_that_hangs_is_ended(engine, monkeypatch):
    monkeypatch.setattr(festival, "TIMEOUT_S", 0.5)
    with pytest.raises(SynthesisError, match="process ended"):
        engine.synthesize("it hangs", named(engine, "kal_diphone"))


def test_close_ends_the_process(engine):
    engine.synthesize("Smart mirror.", named(engine, "kal_diphone"))
    process = engine._process
    engine.close()
    assert process.poll() == 0


def test_phonemes_and_a_voice_that_went_away_are_refused(engine):
    voice = named(engine, "kal_diphone")
    with pytest.raises(ValueError, match="speaks texts only"):
        engine.synthesize("made up", voice, phonemes="mˈAd")
    gone = type(voice)("festival", "ked_diphone", "en-us", "ked", LICENCE)
    with pytest.raises(SynthesisError, match="no voice ked_diphone"):
        engine.synthesize("Hello.", gone)


def test_a_program_that_fails_or_has_no_english_voice_is_no_engine(program):
    program.write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(EngineUnavailableError, match="is installed and fails"):
        FestivalEngine()
    program.write_text("#!/bin/sh\necho voice upc_ca_ona_hts catalan western\n")
    with pytest.raises(EngineUnavailableError, match="no English voice"):
        FestivalEngine()
    program.unlink()
    with pytest.raises(EngineUnavailableError, match="apt-get install festival"):
        FestivalEngine()
