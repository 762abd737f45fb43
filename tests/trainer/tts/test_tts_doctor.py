import numpy as np
import pytest

from trainer.tts import doctor
from trainer.tts import engines as registry_module
from trainer.tts.base import EngineUnavailableError, Speech, SynthesisError, Voice
from trainer.tts.doctor import check_engines


class Engine:
    licence = "CC0"
    speaks_phonemes = False

    def __init__(self, name, sounds):
        self.name = name
        self.sounds = sounds
        self.asked = []
        self.closed = False

    def voices(self):
        return [Voice(self.name, name, "en-us", name[0], "CC0") for name in self.sounds]

    def synthesize(self, text, voice, **_):
        self.asked.append(voice.name)
        sound = self.sounds[voice.name]
        if isinstance(sound, Exception):
            raise sound
        return Speech(sound, 16_000, text, voice)

    def close(self):
        self.closed = True


@pytest.fixture
def engines(monkeypatch, hum):
    noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1
    made = {
        "good": Engine("good", {"a1": hum(2.0), "a2": hum(2.5), "b1": hum(2.0)}),
        "noisy": Engine("noisy", {"a1": noise}),
        "mixed": Engine("mixed", {"a1": hum(2.0), "b1": SynthesisError("it clipped")}),
        "dead": Engine("dead", {"a1": EngineUnavailableError("the process does not start")}),
    }

    def gone(_voices_dir):
        raise EngineUnavailableError("not installed: get it")

    registry = {name: lambda _dir, engine=engine: engine for name, engine in made.items()}
    registry["gone"] = gone
    monkeypatch.setattr(registry_module, "ENGINES", registry)
    monkeypatch.setattr(doctor, "ENGINES", registry)
    return made


def test_each_engine_gets_a_verdict(engines, tmp_path):
    checks = {check.name: check for check in check_engines(tmp_path)}
    assert [check.ok for check in checks.values()] == [True, False, True, False, False]
    assert (checks["good"].voices, checks["good"].speakers) == (3, 2)
    assert checks["good"].seconds_of_speech_per_second > 0
    assert "not like speech" in checks["noisy"].detail
    assert checks["dead"].detail == "the process does not start"
    assert checks["gone"].detail == "not installed: get it"
    assert all(engine.closed for engine in engines.values())


def test_one_voice_is_tried_and_each_when_thorough(engines, tmp_path):
    check_engines(tmp_path, names=["good"])
    assert set(engines["good"].asked) == {"a1"}
    (check,) = check_engines(tmp_path, names=["good"], thorough=True)
    assert set(engines["good"].asked) == {"a1", "a2", "b1"}
    assert check.detail == "3 voices speak"


def test_a_thorough_check_names_the_bad_voice(engines, tmp_path):
    (check,) = check_engines(tmp_path, names=["mixed"], thorough=True)
    assert not check.ok
    assert check.detail == "1 of 2 voices failed (b1): it clipped"


def test_progress_is_told(engines, tmp_path):
    told = []
    check_engines(tmp_path, names=["good"], thorough=True, progress=lambda *what: told.append(what))
    assert told == [("good", done, 3) for done in range(4)]
