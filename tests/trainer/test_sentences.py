"""The sentence grammar gives many distinct, well-formed sentences."""

import random
from itertools import islice

import pytest

from trainer import sentences as sentences_module
from trainer.sentences import MAX_WORDS, MIN_WORDS, GrammarError, grammar, sentences


def drawn(seed: int, count: int) -> list[tuple[str, str]]:
    return list(islice(sentences(random.Random(seed)), count))


def test_grammar_is_rich_and_closed() -> None:
    lists, topics = grammar().lists, grammar().topics
    assert sum(map(len, topics.values())) > 250
    used = "".join(t for group in (*lists.values(), *topics.values()) for t in group)
    assert [name for name in lists if f"{{{name}}}" not in used] == []


def test_thousands_of_distinct_sentences() -> None:
    texts = [text for text, _ in drawn(0, 12_000)]
    assert len(set(texts)) > 10_000
    for text in texts:
        assert 2 <= len(text.split()) <= MAX_WORDS
        assert text[0].isupper()
        assert text[-1] in ".?!"
        assert "{" not in text
        assert "#" not in text
        assert " a a" not in text.lower()


def test_half_of_them_no_template_made() -> None:
    texts = drawn(0, 4000)
    templates = {kind for _, kind in texts} - {"written", "remark"}
    assert templates == set(grammar().topics)
    by_people = [text for text, kind in texts if kind in {"written", "remark"}]
    assert len(by_people) == len(set(by_people)) == 2000
    assert {"written", "remark"} <= {kind for _, kind in texts}
    of_grammar = [text for text, kind in texts if kind in templates]
    assert all(MIN_WORDS <= len(text.split()) <= MAX_WORDS for text in of_grammar)


def test_articles_fit_what_follows() -> None:
    texts = " ".join(t for t, kind in drawn(1, 6000) if kind != "written").lower()
    assert " an old " in texts
    assert " a useful " in texts
    assert " a old " not in texts
    assert " an useful " not in texts


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
