"""Who is drawn to speak: blends where an engine blends, and never across the sides of a split."""

import numpy as np
import pytest

from trainer.casting import VoiceCast
from trainer.split import side_of
from trainer.tts.base import Voice, parents
from trainer.tts.blends import blend, find_voice


class PlainEngine:
    licence = "CC0"
    speaks_phonemes = True

    def __init__(self, name, count):
        self.name = name
        self._all = {f"v{i}": Voice(name, f"v{i}", "en-us", f"v{i}", "CC0") for i in range(count)}

    def voices(self):
        return list(self._all.values())

    def synthesize(self, text, voice, **_):
        raise AssertionError

    def close(self):
        pass


class PairEngine(PlainEngine):
    """Blends voices whose numbers are alike modulo two, as those of one file."""

    def can_blend(self, a, b):
        return a != b and (int(a.name[1:]) - int(b.name[1:])) % 2 == 0

    def voice(self, name):
        return find_voice(name, self._all)


@pytest.fixture
def drawn():
    engines = {"pairs": PairEngine("pairs", 40), "plain": PlainEngine("plain", 40)}
    cast = VoiceCast(engines, np.random.default_rng(0))
    return engines, [
        cast.draw({"pairs": 1.0, "plain": 1.0}, from_phonemes=False) for _ in range(400)
    ]


def test_every_engine_that_blends_is_blended_and_no_other(drawn):
    _, voices = drawn
    blended = [voice for voice in voices if "*" in voice.name]
    assert {voice.engine for voice in blended} == {"pairs"}
    assert 0.4 < len(blended) / sum(voice.engine == "pairs" for voice in voices) < 0.8


def test_a_blend_can_be_spoken_has_one_side_and_is_found_by_its_name(drawn):
    engines, voices = drawn
    for voice in voices:
        assert side_of(parents(voice)) is not None
        if "*" in voice.name:
            first, second = (
                Voice("pairs", n.split("*")[0], "", "", "") for n in voice.name.split("+")
            )
            assert engines["pairs"].can_blend(first, second)
            assert engines["pairs"].voice(voice.name) == voice


def test_the_name_of_a_blend_of_others_is_refused():
    engine = PairEngine("pairs", 3)
    first, second = engine.voices()[::2]
    assert engine.voice(blend(first, second, 0.4).name).speaker == "v0+v2"
    with pytest.raises(ValueError, match="no voice 'v9'"):
        engine.voice("v0*0.40+v9*0.60")
