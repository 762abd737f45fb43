"""Whether a false accept is the phrase itself, as a model hears that knows what a test wrote."""

from dataclasses import replace

import pytest
import soundfile

from tests.trainer.known_model import RATE_HZ, KnownModel, say
from trainer.evaluation import second_opinion as module
from trainer.evaluation.excerpts import FalseAccept
from trainer.evaluation.second_opinion import PERHAPS_SAID, second_opinion
from trainer.phrases import parse_phrase
from trainer.pronunciation import phonemes

PHRASE = parse_phrase("smart mirror")


@pytest.fixture
def files(tmp_path):
    """Two recordings: one in which the phrase is said at the very end, one without it."""
    paths = []
    for name, words in (("with", "is this the smart mirror"), ("without", "they march to a river")):
        paths.append(tmp_path / f"{name}.wav")
        parts = [part for reading in phonemes(words).split() for part in (reading, 4)]
        soundfile.write(paths[-1], say(60, *parts, 10), RATE_HZ, subtype="PCM_16")
    return [str(path) for path in paths]


def events_in(files, score=0.8):
    return [
        FalseAccept(file, soundfile.info(file).duration - 0.2 - i, score - i / 10)
        for i, file in enumerate(files)
    ]


def test_it_hears_the_phrase_in_the_middle_of_a_sentence_and_nowhere_else(files):
    events = events_in(files)
    said, other = second_opinion(events, files, PHRASE, KnownModel())
    assert said.spoken_score > -0.8 > PERHAPS_SAID > other.spoken_score
    assert [replace(e, spoken_score=None) for e in (said, other)] == events
    assert said.to_dict()["spoken_score"] == said.spoken_score


def test_only_the_loudest_are_listened_to(files, monkeypatch):
    monkeypatch.setattr(module, "MOST_EVENTS", 1)
    quiet, loud = events_in(files, score=0.3)[0], events_in(files)[1]
    told = []
    heard = second_opinion([quiet, loud], files, PHRASE, KnownModel(), told.append)
    assert [(p.stage, p.fraction) for p in told] == [("second opinion", 1.0)]
    assert heard[0] == quiet
    assert heard[1].spoken_score is not None
    assert second_opinion([], files, PHRASE, KnownModel()) == ()
