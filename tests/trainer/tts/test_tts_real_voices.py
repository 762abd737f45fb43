"""Engines that are installed really speak; a test is skipped where its engine is missing."""

import numpy as np
import pytest

from db.connection import home
from trainer.tts.base import EngineUnavailableError
from trainer.tts.blends import blend
from trainer.tts.engines import ENGINES
from trainer.tts.paid import PAID_ENGINES
from trainer.tts.waveform import voiced_share

TEXT = "Smart mirror."


@pytest.fixture
def engine(request):
    try:
        engine = ENGINES[request.param](home() / "voices")
    except EngineUnavailableError as error:
        pytest.skip(f"{request.param}: {error}")
    yield engine
    engine.close()


free_engines = [name for name in ENGINES if name not in PAID_ENGINES]
every_engine = pytest.mark.parametrize("engine", free_engines, indirect=True)
only_kokoro = pytest.mark.parametrize("engine", ["kokoro"], indirect=True)


@every_engine
def test_it_speaks_and_says_the_same_again(engine):
    voice = engine.voices()[0]
    first = engine.synthesize(TEXT, voice, seed=5)
    engine.synthesize("Something else in between, and longer.", voice, speed=1.3, seed=6)
    again = engine.synthesize(TEXT, voice, seed=5)
    assert 0.4 < first.seconds < 2.5
    assert voiced_share(first.waveform, first.rate_hz) > 0.3
    np.testing.assert_array_equal(first.waveform, again.waveform)
    assert first.settings == again.settings


@every_engine
def test_faster_is_shorter(engine):
    voice = engine.voices()[-1]
    slow, fast = (engine.synthesize(TEXT, voice, speed=speed) for speed in (0.8, 1.3))
    assert slow.seconds > 1.2 * fast.seconds


@every_engine
def test_it_speaks_phonemes_where_it_says_so(engine):
    if not engine.speaks_phonemes:
        pytest.skip(f"{engine.name} speaks texts only")
    speech = engine.synthesize("zilly grom", engine.voices()[0], phonemes="zˈɪli ɡɹˈɑm")
    assert voiced_share(speech.waveform, speech.rate_hz) > 0.3


@only_kokoro
def test_a_blend_sounds_like_neither_parent(engine):
    heart, adam = engine.voice("af_heart"), engine.voice("am_adam")
    mixed = engine.synthesize(TEXT, blend(heart, adam, 0.5))
    assert voiced_share(mixed.waveform, mixed.rate_hz) > 0.3
    for parent in (heart, adam):
        other = engine.synthesize(TEXT, parent)
        assert not np.array_equal(mixed.waveform, other.waveform)
