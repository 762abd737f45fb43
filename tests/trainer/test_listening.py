"""Whether a synthesised clip says its text, where the phrase is, where its words meet."""

import json

import numpy as np
import pytest

from trainer import listening
from trainer.listening import BOUNDARIES_S, SCORE, SPAN_S, boundaries_of, listen
from trainer.phrases import Bucket, bucket_texts, parse_phrase
from trainer.tts.base import SynthesisError

pytestmark = pytest.mark.skipif(
    bool(listening.why_deaf()), reason=f"nothing can listen here: {listening.why_deaf()}"
)
RATE = 16_000


@pytest.fixture(scope="module")
def engine():
    nanotts = pytest.importorskip("trainer.tts.nanotts")
    return nanotts.NanoTtsEngine()


@pytest.fixture(scope="module")
def texts():
    return bucket_texts(parse_phrase("smart mirror"), Bucket.POSITIVE, 40, 0)


def speak(engine, text):
    return engine.synthesize(text, engine.voices()[0], seed=3, speed=0.9).waveform


def quietest_s(waveform, near_s, reach_s=0.12):
    low = int((near_s - reach_s) * RATE)
    loudness = np.convolve(
        np.square(waveform[low : low + int(2 * reach_s * RATE)]), np.ones(160), "valid"
    )
    return (low + int(np.argmin(loudness)) + 80) / RATE


def test_words_meet_where_it_is_quiet_between_them(engine, texts):
    alone = next(text for text in texts if text.stands_alone)
    waveform = speak(engine, alone.text)
    heard = listen(waveform, alone)
    assert SPAN_S not in heard
    assert heard[SCORE] > listening.LEAST_SPOKEN_SCORE
    (boundary_s,) = boundaries_of(json.dumps(heard))
    assert boundary_s == pytest.approx(quietest_s(waveform, boundary_s), abs=0.06)
    assert 0.35 < boundary_s / (len(waveform) / RATE) < 0.65


def test_in_a_sentence_the_boundary_is_inside_the_phrase(engine, texts):
    carried = next(t for t in texts if t.words is not None and not t.stands_alone)
    heard = listen(speak(engine, carried.text), carried)
    start_s, end_s = heard[SPAN_S]
    (boundary_s,) = heard[BOUNDARIES_S]
    assert start_s < boundary_s < end_s


def test_every_positive_has_a_reading_for_each_of_its_words(texts):
    assert len({text.kind for text in texts}) > 3
    for text in texts:
        assert len(text.word_phonemes()) >= text.words[1] > text.words[0]


def test_another_text_is_rejected(engine, texts):
    alone = next(text for text in texts if text.stands_alone)
    with pytest.raises(SynthesisError, match="was not spoken"):
        listen(speak(engine, "what a lovely day"), alone)


def test_without_boundaries_in_the_settings_there_are_none():
    assert boundaries_of("{}") == ()
