"""A random generator in, natural English sentences and commands out.

The grammar is `data/sentences.txt`, our own writing: lists of words (`@name`, then one line of
choices a list may use lists), and templates a topic (`[topic]`, one a line) with `{name}` where a
choice of a list goes.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_GRAMMAR = Path(__file__).parent / "data" / "sentences.txt"
_SLOT = re.compile(r"\{(\w+)\}")
# "a" before a vowel sound is "an"; letters tell the sound but for these.
_AN = re.compile(r"\b([Aa]) (?=(?!one\b|use|uni|euro)[aeiou]|hour|honest)")
MIN_WORDS, MAX_WORDS = 3, 16


class GrammarError(ValueError):
    """The sentence grammar names a list that it does not have; the message says which."""


@cache
def grammar() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The lists of choices, and the templates of each topic.

    Raises:
        GrammarError: a template or a choice names a list that is not there.
    """
    lists: dict[str, list[str]] = {}
    topics: dict[str, list[str]] = {}
    section: list[str] = []
    for line in _GRAMMAR.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@"):
            section = lists.setdefault(line[1:].strip(), [])
        elif line.startswith("["):
            section = topics.setdefault(line.strip("[] "), [])
        else:
            section.extend(part.strip() for part in line.split("|"))
    for text in (t for group in (*lists.values(), *topics.values()) for t in group):
        for name in _SLOT.findall(text):
            if name not in lists:
                raise GrammarError(f"{_GRAMMAR.name}: {text!r} names {{{name}}}, which is no list.")
    return (
        {name: tuple(choices) for name, choices in lists.items()},
        {name: tuple(templates) for name, templates in topics.items()},
    )


def sentence(rng: random.Random) -> str:
    """One sentence, with a capital and its punctuation."""
    lists, topics = grammar()
    text = rng.choice(topics[rng.choice(list(topics))])
    while _SLOT.search(text):
        text = _SLOT.sub(lambda match: rng.choice(lists[match[1]]), text)
    text = _AN.sub(r"\1n ", text)
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else f"{text}."


def sentences(rng: random.Random) -> Iterator[str]:
    """Sentences without end; the same one may come again."""
    while True:
        text = sentence(rng)
        if MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            yield text
