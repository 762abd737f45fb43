"""Piper's engine against a small program that speaks its protocol."""

import json
import sys

import numpy as np
import pytest

from trainer.tts import piper
from trainer.tts.base import EngineUnavailableError, SynthesisError, parents
from trainer.tts.piper import PiperEngine

WORKER = """
import json, sys, os, pathlib
here = pathlib.Path(__file__).parent
with (here / "starts").open("a") as starts:
    starts.write("x")
out = sys.stdout.buffer
if (here / "broken").exists():
    print("no such library", file=sys.stderr)
    sys.exit(3)
if (here / "missing").exists():
    out.write(b'{"error": "piper-tts cannot be loaded: no espeak"}\\n')
    sys.exit(0)
out.write(b'{"ready": true}\\n')
out.flush()
for line in sys.stdin.buffer:
    request = json.loads(line)
    with (here / "requests").open("ab") as log:
        log.write(line)
    if (here / "die_once").exists():
        (here / "die_once").unlink()
        print("killed by a test", file=sys.stderr)
        os._exit(1)
    if "always dies" in request["text"]:
        print("bad words", file=sys.stderr)
        os._exit(1)
    if "hangs" in request["text"]:
        sys.stdin.buffer.read()
    if "fails" in request["text"]:
        out.write(b'{"error": "ValueError: no phonemes"}\\n')
    elif "half" in request["text"]:
        out.write(b'{"rate_hz": 16000, "samples": 100}\\nabc')
        out.flush()
        os._exit(1)
    else:
        import array, math
        n = int(12000 * request["length_scale"])
        rest = request["seed"] % 7
        wave = array.array("h", (int(9000 * math.sin(i / (12 + rest))) for i in range(n)))
        out.write(json.dumps({"rate_hz": 16000, "samples": n}).encode() + b"\\n" + wave.tobytes())
    out.flush()
"""


def put_voice(folder, stem, **changes):
    config = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "en-us"},
        "inference": {"length_scale": 1.1},
        "num_speakers": 1,
        "speaker_id_map": {},
    }
    (folder / f"{stem}.onnx").write_bytes(b"model")
    (folder / f"{stem}.onnx.json").write_text(json.dumps({**config, **changes}))


@pytest.fixture
def folder(tmp_path):
    put_voice(tmp_path, "en_US-joe-medium")
    (tmp_path / "worker.py").write_text(WORKER)
    return tmp_path


@pytest.fixture
def engine(folder):
    engine = PiperEngine(folder, [sys.executable, str(folder / "worker.py")])
    yield engine
    engine.close()


def starts(folder):
    return len((folder / "starts").read_text())


def requests(folder):
    return [json.loads(line) for line in (folder / "requests").read_text().splitlines()]


def test_a_text_is_spoken_and_the_process_is_kept(engine, folder):
    voice = engine.voices()[0]
    speech = engine.synthesize("Smart mirror.", voice, seed=3)
    engine.synthesize("Good morning.", voice)
    assert speech.rate_hz == 16000
    assert speech.seconds == pytest.approx(0.75 * 1.1, rel=0.1)
    assert starts(folder) == 1


def test_the_seed_chooses_the_noise_and_is_written_down(engine, folder):
    voice = engine.voices()[0]
    one, other, again = (engine.synthesize("Smart mirror.", voice, seed=s) for s in (1, 2, 1))
    assert one.settings["noise_scale"] != other.settings["noise_scale"]
    assert one.settings == again.settings
    np.testing.assert_array_equal(one.waveform, again.waveform)
    sent = requests(folder)[0]
    assert {key: sent[key] for key in ("noise_scale", "noise_w", "length_scale", "seed")} == {
        key: one.settings[key] for key in ("noise_scale", "noise_w", "length_scale", "seed")
    }


def test_speed_becomes_length_scale_near_the_voices_own(engine):
    lengths = [
        engine.synthesize("Smart mirror.", engine.voices()[0], speed=1.25, seed=seed).settings[
            "length_scale"
        ]
        for seed in range(20)
    ]
    assert lengths == pytest.approx([1.1 / 1.25] * 20, rel=0.061)
    assert len(set(lengths)) == 20


def test_phonemes_are_sent_in_espeaks_spelling(engine, folder):
    voice = engine.voices()[0]
    speech = engine.synthesize("made up", voice, phonemes="ʤˈAk mˈɪɹəɹ")
    assert requests(folder)[-1]["text"] == "[[ dʒˈeɪk mˈɪɹəɹ ]]"
    assert speech.settings["phonemes"] == "ʤˈAk mˈɪɹəɹ"


def test_a_process_that_dies_is_started_again_once(engine, folder):
    voice = engine.voices()[0]
    engine.synthesize("Smart mirror.", voice)
    (folder / "die_once").touch()
    engine.synthesize("Smart mirror.", voice)
    assert starts(folder) == 2


def test_a_process_that_dies_again_is_an_error_with_its_last_words(engine, folder):
    voice = engine.voices()[0]
    with pytest.raises(SynthesisError, match=r"died twice on 'This always dies'.*bad words"):
        engine.synthesize("This always dies", voice)
    assert starts(folder) == 2
    engine.synthesize("Smart mirror.", voice)


def test_half_an_answer_counts_as_death(engine):
    with pytest.raises(SynthesisError, match="died twice"):
        engine.synthesize("only half", engine.voices()[0])


def test_a_process_that_hangs_is_ended(engine, monkeypatch):
    monkeypatch.setattr(piper, "TIMEOUT_S", 0.5)
    with pytest.raises(SynthesisError, match="died twice"):
        engine.synthesize("this hangs", engine.voices()[0])


def test_what_piper_says_against_a_text_is_an_error_and_the_process_stays(engine, folder):
    with pytest.raises(SynthesisError, match="'it fails': ValueError: no phonemes"):
        engine.synthesize("it fails", engine.voices()[0])
    engine.synthesize("Smart mirror.", engine.voices()[0])
    assert starts(folder) == 1


@pytest.mark.parametrize(("flag", "says"), [("broken", "no such library"), ("missing", "espeak")])
def test_a_process_that_does_not_start_says_why(engine, folder, flag, says):
    (folder / flag).touch()
    with pytest.raises(EngineUnavailableError, match=says):
        engine.synthesize("Smart mirror.", engine.voices()[0])


def test_close_ends_the_process(engine):
    engine.synthesize("Smart mirror.", engine.voices()[0])
    process = engine._process
    engine.close()
    assert process.poll() == 0


def test_each_speaker_of_a_file_is_a_voice(folder):
    speakers = {"num_speakers": 2, "speaker_id_map": {"p2": 1, "p1": 0}}
    put_voice(folder, "en_GB-vctk-medium", **speakers, espeak={"voice": "en-gb-x-rp"})
    put_voice(folder, "en_US-joe-low")
    put_voice(folder, "de_DE-thorsten-low", espeak={"voice": "de"})
    (folder / "en_US-joe-medium.MODEL_CARD").write_text("# Joe\n* License: CC0\n")
    engine = PiperEngine(folder, [sys.executable, str(folder / "worker.py")])
    voices = {voice.name: voice for voice in engine.voices()}
    assert list(voices) == [
        "en_GB-vctk-medium#p1",
        "en_GB-vctk-medium#p2",
        "en_US-joe-low",
        "en_US-joe-medium",
    ]
    assert voices["en_GB-vctk-medium#p2"].language == "en-gb"
    assert parents(voices["en_US-joe-low"]) == parents(voices["en_US-joe-medium"])
    assert voices["en_US-joe-medium"].licence == "CC0"
    assert "unknown" in voices["en_US-joe-low"].licence
    engine.synthesize("Smart mirror.", voices["en_GB-vctk-medium#p2"])
    engine.close()
    assert requests(folder)[-1]["speakers"] == [[1, 1.0]]


def test_speakers_without_names_have_numbers(folder):
    put_voice(folder, "en_US-many-low", num_speakers=3, speaker_id_map={})
    engine = PiperEngine(folder, [sys.executable, str(folder / "worker.py")])
    voices = [voice for voice in engine.voices() if "many" in voice.name]
    assert [voice.name for voice in voices] == [f"en_US-many-low#{row}" for row in range(3)]
    engine.synthesize("Smart mirror.", voices[2])
    engine.close()
    assert requests(folder)[-1]["speakers"] == [[2, 1.0]]


def test_both_parts_of_a_blend_are_sent_with_their_weights(folder):
    ids = {"num_speakers": 2, "speaker_id_map": {"p2": 1, "p1": 0}}
    put_voice(folder, "en_GB-vctk-medium", **ids, espeak={"voice": "en-gb-x-rp"})
    engine = PiperEngine(folder, [sys.executable, str(folder / "worker.py")])
    name = "en_GB-vctk-medium#p1*0.30+en_GB-vctk-medium#p2*0.70"
    engine.synthesize("Smart mirror.", engine.voice(name))
    engine.close()
    assert requests(folder)[-1]["speakers"] == [[0, 0.3], [1, 0.7]]
    with pytest.raises(ValueError, match="no voice 'en_GB-vctk-medium#p9'"):
        engine.voice("en_GB-vctk-medium#p9")


def test_the_recordings_that_flite_has_too_share_their_people(folder):
    ids = {"num_speakers": 2, "speaker_id_map": {"slt": 0, "ksp": 1}}
    put_voice(folder, "en_US-arctic-medium", **ids)
    found = PiperEngine(folder, ["python"]).voices()
    assert parents(found[1]) == {"flite:slt"}


def test_a_folder_without_english_voices_and_a_damaged_description(tmp_path):
    put_voice(tmp_path, "de_DE-thorsten-low", espeak={"voice": "de"})
    (tmp_path / "en_US-bad-low.onnx").touch()
    (tmp_path / "en_US-bad-low.onnx.json").write_text("{")
    (tmp_path / "en_US-lonely-low.onnx.json").write_text("{}")
    with pytest.raises(EngineUnavailableError, match="no English Piper voice"):
        PiperEngine(tmp_path, ["python"])
