import pytest

from trainer.tts import benchmark
from trainer.tts.base import EngineUnavailableError, Speech, SynthesisError, Voice
from trainer.tts.benchmark import PHRASE, SENTENCE, EngineCost, main, measure


class Engine:
    """Takes 3 s to load, 0.5 s a clip and 0.1 s a second of speech, on a clock of its own."""

    name = "clockwork"
    licence = "CC0"
    speaks_phonemes = False

    def __init__(self, clock, hum, fault=None):
        self.clock = clock
        self.hum = hum
        self.fault = fault
        self.loaded = self.closed = False

    def voices(self):
        return [Voice(self.name, name, "en-us", name, "CC0") for name in "abcdefg"]

    def synthesize(self, text, voice, *, seed=0):
        if self.fault:
            raise self.fault
        seconds = {PHRASE: 1.0, SENTENCE: 9.0}[text]
        self.clock["now"] += (0.0 if self.loaded else 3.0) + 0.5 + 0.1 * seconds
        self.loaded = True
        return Speech(self.hum(seconds), 16_000, text, voice)

    def close(self):
        self.closed = True


@pytest.fixture
def clock(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: clock["now"])
    return clock


def register(monkeypatch, engine):
    monkeypatch.setattr(benchmark, "ENGINES", {"clockwork": lambda _folder: engine})


def test_time_is_divided_into_what_is_paid_once_by_the_clip_and_by_the_second(
    clock, hum, monkeypatch, tmp_path
):
    engine = Engine(clock, hum)
    register(monkeypatch, engine)
    cost = measure("clockwork", tmp_path)
    assert isinstance(cost, EngineCost)
    assert cost.warm_up_s == pytest.approx(3.0)
    assert cost.phrase_s == pytest.approx(0.6)
    assert cost.per_clip_s == pytest.approx(0.5)
    assert cost.per_speech_second_s == pytest.approx(0.1)
    assert cost.batch_gain == pytest.approx(0.5 / 0.6)
    assert engine.closed


def test_an_engine_that_fails_is_closed_and_says_why(clock, hum, monkeypatch, tmp_path):
    engine = Engine(clock, hum, SynthesisError("it clipped"))
    register(monkeypatch, engine)
    assert measure("clockwork", tmp_path) == "it clipped"
    assert engine.closed

    def gone(_folder):
        raise EngineUnavailableError("get it")

    monkeypatch.setattr(benchmark, "ENGINES", {"gone": gone})
    assert measure("gone", tmp_path) == "get it"


def test_the_command_prints_a_row_for_an_engine_and_the_reason_of_a_missing_one(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    main(["hibari", "piper", "--repeats", "1", "--voices", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "hibari" in printed
    assert "batch gain" in printed
    assert "piper: " in printed
    with pytest.raises(SystemExit):
        main(["nobody"])
    assert "no engine nobody" in capsys.readouterr().err
