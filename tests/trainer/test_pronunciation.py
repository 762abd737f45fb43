"""Readings, phoneme symbols and the distance between them."""

import numpy as np
import pytest

from trainer import pronunciation
from trainer.articulation import (
    CONSONANTS,
    SYMBOLS,
    VOWELS,
    PhonemeIndex,
    count_syllables,
    gap_cost,
    phoneme_distance,
    split_phonemes,
    substitution_cost,
    without_final_r,
)


def test_reads_american_and_british() -> None:
    assert pronunciation.phonemes("smart mirror") == "smˈɑɹt mˈɪɹəɹ"
    assert pronunciation.phonemes("smart mirror", british=True) == "smˈɑːt mˈɪɹə"


def test_words_are_read_in_context() -> None:
    reader = pronunciation.pronouncer()
    assert reader.words(("the", "apple"))[0] != reader.words(("the", "press"))[0]
    assert len(reader.words(("dr", "who"))) == 2


def test_known_unknown_and_spelled_words() -> None:
    reader = pronunciation.pronouncer()
    assert reader.has_word("mirror")
    assert reader.has_word("jarvis")
    assert not reader.has_word("zyphorian")
    assert reader.is_spelled_out("bbc")
    assert not reader.is_spelled_out("nasa")


def test_accents_share_symbols() -> None:
    assert split_phonemes("həlˈO!") == split_phonemes("həlˈQ")
    assert split_phonemes("kəmpjˈuTəɹ") == split_phonemes("kəmpjˈutəɹ")
    assert without_final_r(split_phonemes("smˈɑɹt mˈɪɹəɹ")) == split_phonemes("smˈɑːt mˈɪɹə")


def test_each_sound_that_a_search_tells_apart_has_its_place_in_the_mouth() -> None:
    assert sorted(SYMBOLS) == sorted(VOWELS | CONSONANTS)


@pytest.mark.parametrize(
    ("text", "syllables"), [("stop", 1), ("mirror", 2), ("view glass", 2), ("computer", 3)]
)
def test_syllables(text: str, syllables: int) -> None:
    assert count_syllables(pronunciation.phonemes(text)) == syllables


def test_costs_are_symmetric_and_bounded() -> None:
    for a in SYMBOLS:
        assert substitution_cost(a, a) == 0.0
        assert 0.0 < gap_cost(a) <= 1.0
        for b in SYMBOLS:
            assert substitution_cost(a, b) == pytest.approx(substitution_cost(b, a))
            assert a == b or 0.1 <= substitution_cost(a, b) <= 1.0


@pytest.mark.parametrize(
    ("sound", "closer", "farther"),
    [("p", "b", "s"), ("m", "n", "k"), ("i", "ɪ", "ɑ"), ("s", "z", "m"), ("A", "ɛ", "u")],
)
def test_articulation_orders_sounds(sound: str, closer: str, farther: str) -> None:
    assert substitution_cost(sound, closer) < substitution_cost(sound, farther)


def test_index_agrees_with_single_distances() -> None:
    words = ["mirror", "nearer", "miller", "smart", "a", "extraordinary"]
    sequences = [split_phonemes(pronunciation.phonemes(word)) for word in words]
    index = PhonemeIndex(sequences)
    for query in sequences:
        expected = [phoneme_distance(query, other) for other in sequences]
        np.testing.assert_allclose(index.distances(query), expected, atol=1e-5)


def test_neighbours_of_a_word() -> None:
    table = pronunciation.common_words(1e-6)
    assert len(table) > 10_000
    words = list(table)
    distances = PhonemeIndex(table.values()).distances(table["mirror"])
    nearest = [words[i] for i in np.argsort(distances)[:4]]
    assert nearest[0] == "mirror"
    assert {"nearer", "miller"} <= set(nearest)


def test_frequency_orders_words_and_sequences() -> None:
    often = pronunciation.word_probability("the")
    seldom = pronunciation.word_probability("jarvis")
    assert often > seldom > 0.0
    assert pronunciation.word_probability("xqzt") == 0.0
    natural = pronunciation.sequence_probability(("thank", "you"))
    assert natural > 20 * pronunciation.sequence_probability(("you", "thank"))


def test_respelling_is_plain_letters() -> None:
    assert pronunciation.respell("smˈɑɹt mˈɪɹəɹ") == "smart mi-rer"
    assert pronunciation.respell("zIfˈɔɹiən", between="") == "zighfawreeuhn"


@pytest.mark.parametrize(("text", "offensive"), [("view glass", False), ("jackass", True)])
def test_offensive_words(text: str, offensive: bool) -> None:
    assert pronunciation.is_offensive(text) is offensive
