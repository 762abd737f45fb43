"""Where the stress of a word may be that no dictionary lists, and that listed ones keep theirs."""

import numpy as np
import pytest

from trainer.hearing import contains_phrase
from trainer.phrases import parse_phrase
from trainer.unlisted_words import restressed, stressed_otherwise


@pytest.mark.parametrize(
    ("reading", "others"),
    [
        ("nˈɑbu", {"nɑbˈu", "nəbˈu"}),
        ("nˈɑːbuː?", {"nɑːbˈuː?", "nəbˈuː?"}),
        ("ʤɪbˈɑɹO", {"ʤˈɪbɑɹO", "ʤˈɪbəɹO", "ʤɪbɑɹˈO", "ʤɪbəɹˈO"}),
        ("nɑbu", {"nɑbˈu", "nəbˈu"}),  # without a mark the first is stressed
        ("zˈɑbə", set()),  # a weak vowel is never stressed
        ("zˈɑb", set()),
        ("...", set()),
    ],
)
def test_the_stress_moves_to_each_other_full_vowel(reading, others):
    assert set(stressed_otherwise(reading)) == others


def test_only_unlisted_words_are_stressed_otherwise_and_not_always():
    rng = np.random.default_rng(0)
    said = [restressed("ˌOkˈA nˈɑbu, lˈɪsən", "Okay nabu, listen", rng) for _ in range(300)]
    assert set(said) == {f"ˌOkˈA {nabu}, lˈɪsən" for nabu in ("nˈɑbu", "nɑbˈu", "nəbˈu")}
    usual = said.count("ˌOkˈA nˈɑbu, lˈɪsən") / len(said)
    assert usual == pytest.approx(0.6, abs=0.1)


def test_nothing_is_drawn_where_every_word_is_listed_or_words_are_read_together():
    rng, still = np.random.default_rng(0), np.random.default_rng(0)
    assert restressed("smˈɑɹt mˈɪɹəɹ", "smart mirror", rng) == "smˈɑɹt mˈɪɹəɹ"
    assert restressed("tˈɛn nˈɑbu", "10 30 nabu", rng) == "tˈɛn nˈɑbu"
    assert rng.bit_generator.state == still.bit_generator.state


def test_every_stress_of_an_unlisted_word_is_the_phrase():
    phrase = parse_phrase("okay nabu")
    assert contains_phrase("ˌOkˈA nəbˈu", phrase)
    assert not contains_phrase("ˌOkˈA nˈibu", phrase)
