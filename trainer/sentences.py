"""A random generator in, natural English sentences and commands out.

They come from three places: `data/examples.txt` (what people wrote, from WordNet),
`data/remarks.txt` (everyday talk) and the grammar `data/sentences.txt` (what is said to devices,
and much else), the last two our own writing. A grammar has lists of words (`@name`, then lines of
choices; a choice may use lists), and templates by topic (`[topic]`, one a line) with `{name}` where
a choice of a list goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

_DATA = Path(__file__).parent / "data"
_GRAMMAR = _DATA / "sentences.txt"
_WRITTEN = {"written": _DATA / "examples.txt", "remark": _DATA / "remarks.txt"}
_SLOT = re.compile(r"\{(\w+)\}")
# "a" before a vowel sound is "an"; letters tell the sound but for these.
_AN = re.compile(r"\b([Aa]) (?=(?!one\b|use|uni|euro)[aeiou]|hour|honest)")
MIN_WORDS, MAX_WORDS = 3, 16


class GrammarError(ValueError):
    """A grammar names a list that it does not have; the message says which."""


@dataclass(frozen=True)
class Grammar:
    """Templates, and the choices that fill them."""

    lists: Mapping[str, tuple[str, ...]]
    topics: Mapping[str, tuple[str, ...]]

    def fill(self, template: str, rng: random.Random) -> str:
        """`template` with a choice in each slot; slots that are no list stay."""
        text, before = template, ""
        while text != before:
            before = text
            text = _SLOT.sub(lambda slot: self._choose(slot, rng), text)
        return _AN.sub(r"\1n ", text)

    def _choose(self, slot: re.Match[str], rng: random.Random) -> str:
        choices = self.lists.get(slot[1])
        return rng.choice(choices) if choices else slot[0]


def read_grammar(path: Path, *, lists: Mapping[str, tuple[str, ...]] | None = None,
                 given: tuple[str, ...] = ()) -> Grammar:  # fmt: skip
    """Read a grammar.

    Args:
        path: the file.
        lists: lists of another grammar that this one may use.
        given: slots that stay, for the caller to fill.

    Raises:
        GrammarError: a template or a choice names a list that is not there.
    """
    known: dict[str, list[str]] = {name: list(choices) for name, choices in (lists or {}).items()}
    topics: dict[str, list[str]] = {}
    section: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@"):
            section = known.setdefault(line[1:].strip(), [])
        elif line.startswith("["):
            section = topics.setdefault(line.strip("[] "), [])
        else:
            section.extend(part.strip() for part in line.split("|"))
    for text in (t for group in (*known.values(), *topics.values()) for t in group):
        for name in _SLOT.findall(text):
            if name not in known and name not in given:
                raise GrammarError(f"{path.name}: {text!r} names {{{name}}}, which is no list.")
    return Grammar(
        {name: tuple(choices) for name, choices in known.items()},
        {name: tuple(templates) for name, templates in topics.items()},
    )


@cache
def grammar() -> Grammar:
    """The grammar of plain sentences.

    Raises:
        GrammarError: a template or a choice names a list that is not there.
    """
    return read_grammar(_GRAMMAR)


@cache
def written_lines(path: Path) -> tuple[str, ...]:
    """The lines of a data file, without comments and empty ones."""
    lines = path.read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def as_sentence(text: str) -> str:
    """`text` with a capital and its punctuation."""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else f"{text}."


def _of_grammar(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Sentences of the grammar without end, each with its topic; the same one may come again."""
    topics = list(grammar().topics)
    while True:
        topic = rng.choice(topics)
        text = grammar().fill(rng.choice(grammar().topics[topic]), rng)
        if MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            yield as_sentence(text), topic


def _of_people(rng: random.Random) -> Iterator[tuple[str, str]]:
    lines = [(line, kind) for kind, path in _WRITTEN.items() for line in written_lines(path)]
    rng.shuffle(lines)
    yield from lines


def sentences(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Sentences without end, each with where it comes from; the same one may come again.

    Every other one is a person's, until those run out.
    """
    of_people = _of_people(rng)
    for sentence in _of_grammar(rng):
        yield sentence
        written = next(of_people, None)
        if written:
            yield written
