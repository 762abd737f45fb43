"""The sentence grammar gives many distinct, well-formed sentences."""

import random
from itertools import islice

import pytest

from trainer import sentences as sentences_module
from trainer.sentences import MAX_WORDS, MIN_WORDS, GrammarError, grammar, sentences


def test_grammar_is_rich_and_closed() -> None:
    lists, topics = grammar()
    assert sum(map(len, topics.values())) > 250
    used = "".join(t for group in (*lists.values(), *topics.values()) for t in group)
    assert [name for name in lists if f"{{{name}}}" not in used] == []


def test_thousands_of_distinct_sentences() -> None:
    drawn = list(islice(sentences(random.Random(0)), 3000))
    assert len(set(drawn)) > 2200
    for text in drawn:
        assert MIN_WORDS <= len(text.split()) <= MAX_WORDS
        assert text[0].isupper()
        assert text[-1] in ".?!"
        assert "{" not in text
        assert " a a" not in text.lower()


def test_articles_fit_what_follows() -> None:
    drawn = " ".join(islice(sentences(random.Random(1)), 3000)).lower()
    assert " an old " in drawn
    assert " a useful " in drawn
    assert " a old " not in drawn
    assert " an useful " not in drawn


def test_unknown_list_is_named(tmp_path, monkeypatch) -> None:
    path = tmp_path / "broken.txt"
    path.write_text("@room\nkitchen\n[home]\nclean the {rom}\n", encoding="utf-8")
    monkeypatch.setattr(sentences_module, "_GRAMMAR", path)
    grammar.cache_clear()
    try:
        with pytest.raises(GrammarError, match="rom"):
            grammar()
    finally:
        grammar.cache_clear()
