"""Single words that hardly any other word resembles still get texts that lie in between."""

import pytest

from trainer.phrases import Bucket, bucket_texts, parse_phrase
from trainer.pronunciation import common_words

TEXTS = 60
"""As many as the preset `quick` wants."""


@pytest.mark.parametrize("word", ["jarvis", "espresso", "cappuccino", "alexa", "computer"])
def test_a_single_word_has_as_many_texts_as_two_words_have(word: str) -> None:
    texts = bucket_texts(parse_phrase(word), Bucket.IN_BETWEEN, TEXTS, seed=0)

    assert len(texts) == TEXTS
    assert {text.kind for text in texts} == {"half", "carrier", "woken"}


def test_words_that_share_most_with_the_phrase_stand_in_for_it() -> None:
    texts = bucket_texts(parse_phrase("computer"), Bucket.IN_BETWEEN, TEXTS, seed=0)
    said = {word for text in texts for word in text.text.lower().strip(".?!").split()}

    near = {word for word, sounds in common_words(1e-5).items() if sounds[:3] == ("k", "ə", "m")}
    assert len(near & said) >= 5
