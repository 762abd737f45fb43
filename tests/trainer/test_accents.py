"""Accents: sounds that voices can speak, habits that apply, the words still the same."""

import numpy as np
import pytest

from trainer.accents import ACCENTS, accented
from trainer.hearing import distance_to_phrase
from trainer.phrases import Bucket, PhraseText, parse_phrase
from trainer.pronunciation import phonemes
from trainer.tts.kokoro_model import _vocabulary

MIRROR = PhraseText("smart mirror", Bucket.POSITIVE, "smˈɑɹt mˈɪɹəɹ")


def ways(text, count=400):
    rng = np.random.default_rng(0)
    return [accented(text, rng) for _ in range(count)]


def test_every_accent_is_heard_and_the_seed_decides():
    assert {accent for _, accent in ways(MIRROR)} == {a.name for a in ACCENTS}
    assert ways(MIRROR, 20) == ways(MIRROR, 20)


@pytest.mark.parametrize("words", ["view glass", "the weather in North America, this Thursday!"])
def test_voices_have_a_token_for_every_sound(words):
    text = PhraseText(words, Bucket.PLAIN, phonemes(words))
    assert not {s for said, _ in ways(text) for s in said} - set(_vocabulary())


def test_the_ways_differ_and_stay_the_phrase():
    said = {reading for reading, _ in ways(MIRROR)}
    assert len(said) > 60
    assert all(len(reading.split()) == 2 for reading in said)
    phrase = parse_phrase("smart mirror")
    far = [distance_to_phrase(reading, phrase) for reading in said]
    assert np.median(far) < 1.0


@pytest.mark.parametrize(
    ("accent", "reading"),
    [
        ("indian", "smˈɑɹʈ mˈɪɾɑ"),
        ("british, regional", "smˈɑːʔ mˈɪɹɐ"),
        ("french", "smˈɑʁt mˈiʁəʁ"),
        ("southern hemisphere", "smˈaːt mˈəɹa"),
    ],
)
def test_what_people_say(accent, reading):
    assert (reading, accent) in ways(MIRROR, 20_000)


def test_a_chain_of_vowels_moves_each_of_them_once():
    alexa = PhraseText("alexa", Bucket.POSITIVE, "əlˈɛksə")
    said = {reading for reading, accent in ways(alexa, 20_000) if accent == "southern hemisphere"}
    assert {"əlˈɛksə", "əlˈɪksa"} <= said
    assert not any("lˈə" in reading for reading in said)


def test_made_up_words_keep_their_only_reading():
    made_up = PhraseText("smart mibber", Bucket.CONFUSER, "smˈɑɹt mˈɪbəɹ", spoken_as_phonemes=True)
    british = {a.name for a in ACCENTS if a.british}
    assert all("b" in said for said, accent in ways(made_up) if accent in british)
