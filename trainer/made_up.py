"""A phrase in, sounds that resemble it and are no words out: moved phonemes, cut and merged words.

Each comes as phonemes, for the engine, and as a respelling, for people.
"""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import (
    CONSONANTS,
    LENGTH_MARK,
    STRESS_MARKS,
    SYMBOLS,
    VOWELS,
    split_phonemes,
    substitution_cost,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from trainer.phrase_check import Phrase

_CLOSE_EDIT = 0.6  # the most that one phoneme of a made-up word is moved
_DELETIONS, _INSERTIONS = 0.2, 0.25  # shares; the rest are substitutions
_ENOUGH = 20_000
_MUMBLED_WORD = 0.004  # the, to, of, and, a, in …: about a dozen
# What English lets stand first in a syllable, the second sound by the first.
_SECOND = {
    "p": "ɹl", "b": "ɹl", "t": "ɹw", "d": "ɹw", "k": "ɹlw", "ɡ": "ɹlw", "f": "ɹl", "θ": "ɹw",
    "s": "ptkmnlw", "ʃ": "ɹ",
}  # fmt: skip
_VOICELESS = frozenset("ptkfθsʃʧ")


def _places(phonemes: str) -> list[int]:
    """Where in the string the comparable symbols stand."""
    return [i for i, c in enumerate(phonemes) if split_phonemes(c)]


def _onset(symbols: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(takewhile(CONSONANTS.__contains__, symbols))


def _can_be_said(phonemes: str, before: str) -> bool:
    """Whether an English mouth gets the edited word out: its start, and no sound twice running."""
    symbols = split_phonemes(phonemes)
    onset = _onset(symbols)
    if any(a == b for a, b in pairwise(symbols)) or not VOWELS & set(symbols):
        return False
    if len(onset) < 2 or onset == _onset(split_phonemes(before)):
        return True
    if len(onset) == 3 and onset[0] == "s" and onset[1] in "ptk":
        onset = onset[1:]
    return len(onset) == 2 and onset[1] in _SECOND.get(onset[0], "") + "j"


def _without_one(phonemes: str, rng: random.Random) -> str | None:
    """A word without one of its consonants, or without an unstressed first vowel."""
    places = _places(phonemes)
    if len(places) < 3:
        return None
    place = rng.choice(places)
    if split_phonemes(phonemes[place])[0] in VOWELS and place != 0:
        return None
    return phonemes[:place] + phonemes[place + 1 :]


def _may_stand(before: str, after: str) -> str:
    """The sounds that may come between two of a word; "" stands for its start and end."""
    if before in VOWELS:
        if not after:
            return "ntdszlkm"
        return "nsl" if after in CONSONANTS - set("nslɹjwh") else ""
    if not before:
        onsets = "".join(first for first, seconds in _SECOND.items() if after in seconds)
        return "hbptkmsfl" if after in VOWELS else onsets
    if not after:
        return ("st" if before in _VOICELESS else "zd") + "i"
    return _SECOND.get(before, "") if after in VOWELS else "ə"


def _with_one_more(phonemes: str, rng: random.Random) -> str | None:
    """A word with one sound put in where English would let it stand."""
    places = _places(phonemes)
    gap = rng.randrange(len(places) + 1)
    before = split_phonemes(phonemes[places[gap - 1]])[0] if gap else ""
    after = split_phonemes(phonemes[places[gap]])[0] if gap < len(places) else ""
    choices = [s for s in _may_stand(before, after) if s not in {before, after}]
    if not choices:
        return None
    at = places[gap - 1] + 1 if gap else 0
    at += phonemes[at : at + 1] == LENGTH_MARK
    return phonemes[:at] + rng.choice(choices) + phonemes[at:]


def _with_another(phonemes: str, rng: random.Random) -> str | None:
    """A word with one sound replaced by a close one; stress stays in place."""
    places = _places(phonemes)
    place = rng.choice(places)
    symbol = split_phonemes(phonemes[place])[0]
    kind = VOWELS if symbol in VOWELS else CONSONANTS
    close = [
        other
        for other in SYMBOLS
        if other in kind
        and 0.0 < substitution_cost(symbol, other) <= _CLOSE_EDIT
        and not (other == "ŋ" and place == places[0])
        and not (other in {"h", "w", "j"} and place == places[-1])
        and not (other == "ə" and phonemes[place - 1 : place] in set(STRESS_MARKS))
    ]
    return phonemes[:place] + rng.choice(close) + phonemes[place + 1 :] if close else None


def edited(phonemes: str, rng: random.Random) -> str:
    """A word's phonemes with one of them replaced by a close one, left out or added."""
    for _ in range(20):
        action = rng.random()
        if action < _DELETIONS:
            found = _without_one(phonemes, rng)
        elif action < _DELETIONS + _INSERTIONS:
            found = _with_one_more(phonemes, rng)
        else:
            found = _with_another(phonemes, rng)
        if found is not None and _can_be_said(found, phonemes):
            return found
    return phonemes


def content_places(phrase: Phrase) -> list[int]:
    """Where the words stand that nobody mumbles: "turn juh page" still is "turn the page"."""
    places = [
        i
        for i, word in enumerate(phrase.words)
        if pronunciation.word_probability(word) < _MUMBLED_WORD
    ]
    return places or list(range(len(phrase.words)))


def moved(phrase: Phrase, rng: random.Random) -> Iterator[tuple[str, str]]:
    """The phrase with one to three phonemes moved, as (respelled text, phonemes)."""
    places = content_places(phrase)
    for _ in range(_ENOUGH):
        readings = list(phrase.phonemes)
        for _ in range(rng.choice((1, 1, 2, 2, 3))):
            position = rng.choice(places)
            readings[position] = edited(readings[position], rng)
        words = [
            word if said == before else pronunciation.respell(said, between="")
            for word, said, before in zip(phrase.words, readings, phrase.phonemes, strict=True)
        ]
        yield " ".join(words), " ".join(readings)


def cut_word(phonemes: str) -> Iterator[str]:
    """A word broken off after each vowel, or after the consonant that follows it."""
    places = _places(phonemes)
    for at, place in enumerate(places[:-1]):
        if split_phonemes(phonemes[place])[0] in VOWELS:
            yield phonemes[: place + 1].rstrip()
            following = places[at + 1]
            if at + 2 < len(places) and split_phonemes(phonemes[following])[0] in CONSONANTS:
                yield phonemes[: following + 1]


def _merged_words(first: str, last: str) -> Iterator[str]:
    """Two words run into one: the head of the first and the tail of the last, sounds lost between.

    The border is a vowel of each: "smart mirror" → "smirror" (sm + ɪɹəɹ), "smarror" (smɑ + ɹəɹ).
    """
    heads, tails = _places(first), _places(last)
    for i in heads:
        for j in tails:
            if not (split_phonemes(first[i])[0] in VOWELS and split_phonemes(last[j])[0] in VOWELS):
                continue
            mark = j - 1 if j and last[j - 1] in STRESS_MARKS else j
            if head := first[:i].rstrip(STRESS_MARKS):
                yield head + last[mark:]
            if tail := last[j + 1 :].lstrip(LENGTH_MARK + STRESS_MARKS):
                yield first[: i + 1] + tail


def merged(phrase: Phrase, rng: random.Random) -> Iterator[tuple[str, str]]:
    """The phrase with two neighbouring words run into one, as (respelled text, phonemes)."""
    found = []
    for i in range(len(phrase.words) - 1):
        for said in _merged_words(*phrase.phonemes[i : i + 2]):
            text = (*phrase.words[:i], pronunciation.respell(said, between=""))
            phonemes = (*phrase.phonemes[:i], said, *phrase.phonemes[i + 2 :])
            found.append((" ".join((*text, *phrase.words[i + 2 :])), " ".join(phonemes)))
    rng.shuffle(found)
    yield from found
