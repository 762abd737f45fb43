"""How else a word is read, and that words with one reading keep it."""

import numpy as np
import pytest

from trainer.corpus import _tasks
from trainer.hearing import contains_phrase
from trainer.other_readings import other_readings, said_otherwise, stressed_otherwise
from trainer.phrases import Bucket, bucket_texts, parse_phrase
from trainer.tts.base import Voice


@pytest.mark.parametrize(
    ("reading", "others"),
    [
        ("nˈɑbu", {"nɑbˈu", "nəbˈu"}),
        ("nˈɑːbuː", {"nɑːbˈuː", "nəbˈuː"}),
        ("ʤɪbˈɑɹO", {"ʤˈɪbɑɹO", "ʤˈɪbəɹO", "ʤɪbɑɹˈO", "ʤɪbəɹˈO"}),
        ("nɑbu", {"nɑbˈu", "nəbˈu"}),  # without a mark the first is stressed
        ("zˈɑbᵊl", set()),  # a weak vowel is never stressed
        ("zˈɑb", set()),
        ("", set()),
    ],
)
def test_the_stress_of_an_unlisted_word_moves_to_each_other_full_vowel(reading, others):
    assert set(stressed_otherwise(reading)) == others


@pytest.mark.parametrize(
    ("word", "reading", "others"),
    [
        ("data", "dˈATə", ("dˈæTə",)),
        ("tomato", "təmˈATO", ("təmˈɑTO",)),
        ("sheila", "ʃˈAlə", ("ʃˈilə",)),  # a guess, where another dictionary knows
        ("camera", "kˈæməɹə", ("kˈæmɹə",)),
        ("interesting", "ˈɪntɹəstɪŋ", ("ˈɪntɹɪstɪŋ", "ˈɪntəɹəstɪŋ", "ˈɪntəɹɪstɪŋ")),
        ("hello", "həlˈO", ("hɛlˈO",)),
        ("nabu", "nˈɑbu", ("nɑbˈu", "nəbˈu")),
        ("kitchen", "kˈɪʧᵊn", ()),  # the same sounds in other letters
        ("mirror", "mˈɪɹəɹ", ()),
        ("read", "ɹˈid", ()),  # its other reading is another word
        ("the", "ðə", ()),
    ],
)
def test_other_readings_are_those_of_another_dictionary(word, reading, others):
    assert other_readings(word, reading) == others


def test_words_are_said_otherwise_now_and_then():
    rng = np.random.default_rng(0)
    said = [said_otherwise("ˌOkˈA nˈɑbu, lˈɪsən", "Okay nabu, listen", rng) for _ in range(300)]
    assert set(said) == {f"ˌOkˈA {nabu}, lˈɪsən" for nabu in ("nˈɑbu", "nɑbˈu", "nəbˈu")}
    usual = said.count("ˌOkˈA nˈɑbu, lˈɪsən") / len(said)
    assert usual == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize(
    ("phonemes", "text"),
    [("smˈɑɹt mˈɪɹəɹ", "smart mirror"), ("tˈɛn nˈɑbu", "10 30 nabu"), ("", "")],
)
def test_nothing_is_drawn_where_words_have_one_reading_or_are_read_together(phonemes, text):
    rng, still = np.random.default_rng(0), np.random.default_rng(0)
    assert said_otherwise(phonemes, text, rng) == phonemes
    assert rng.bit_generator.state == still.bit_generator.state


def test_the_phrase_is_heard_in_all_of_its_readings():
    phrase = parse_phrase("okay nabu")
    assert contains_phrase("ˌOkˈA nəbˈu", phrase)
    assert not contains_phrase("ˌOkˈA nˈibu", phrase)
    assert contains_phrase("hˈA ʃˈilə", parse_phrase("hey sheila"))


class Cast:
    """Everybody speaks phonemes, or nobody."""

    def __init__(self, *, speaks_phonemes):
        self._speaks_phonemes = speaks_phonemes

    def draw(self, _weights, *, from_phonemes):
        return Voice("kokoro", "af_heart", "en-us", "heart", "Apache-2.0")

    def speaks_phonemes(self, _voice):
        return self._speaks_phonemes


@pytest.mark.parametrize("speaks_phonemes", [True, False])
def test_voices_that_speak_phonemes_say_every_reading(speaks_phonemes):
    text = bucket_texts(parse_phrase("okay nabu"), Bucket.POSITIVE, 1, 0)
    cast, rng = Cast(speaks_phonemes=speaks_phonemes), np.random.default_rng(0)
    said = [task.phonemes or "" for task in _tasks(text, Bucket.POSITIVE, 300, cast, rng)]
    share = sum("bˈu" in phonemes for phonemes in said) / len(said)
    assert share == pytest.approx(0.4 if speaks_phonemes else 0.0, abs=0.1)
