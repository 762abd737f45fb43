"""A phrase in, how good a wake phrase it will make out: a score, its parts, and what would help.

The score is how rarely an hour of conversation comes near the phrase's sounds (`trainer.chance`),
on a scale of 20 points for each factor of ten: 0 at a thousand times an hour, 100 at once in a
hundred hours. The parts add up to it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from trainer import pronunciation
from trainer.articulation import sound_kind, split_phonemes, substitution_cost
from trainer.chance import (
    WORDS_PER_HOUR,
    Neighbour,
    chance_matches,
    nearness,
    phoneme_shares,
    phonemes_per_hour,
)
from trainer.phrase_check import parse_phrase

if TYPE_CHECKING:
    from trainer.phrase_check import Phrase

POINTS_PER_DECADE = 20.0
NOTHING_PER_HOUR = 1000.0
"""A phrase that speech comes near so often has no points."""
FAIR_PER_HOUR, STRONG_PER_HOUR = 10.0, 1.0
"""At most so many matches an hour for the words "fair" and "strong": at "strong", the default
operating point of half a false accept an hour asks little more of the detector than its bar."""
_NAMED = 5
_FARTHEST_SHARE = 0.25  # of the phrase's phonemes; what is farther counts, but is not alike
_OFTEN_PER_HOUR, _SELDOM_PER_HOUR = 0.05, 0.001
_POOR_SOUNDS = -5.0
_SHORT_SYLLABLES = 4


@dataclass(frozen=True)
class Part:
    """What one property of the phrase gives or costs."""

    name: str
    """length, sounds, neighbours, said."""
    points: float
    text: str
    """What was found, for people."""


@dataclass(frozen=True)
class Strength:
    """How good a wake phrase is, before anything is made for it."""

    score: int
    """0–100, more is better: 100 - POINTS_PER_DECADE a factor of ten in `per_hour`."""
    word: str
    """weak, fair or strong."""
    per_hour: float
    """Expected stretches of an hour of conversation that pass for the phrase, or nearly."""
    parts: tuple[Part, ...]
    """Their points add up to the score, before it is cut to 0–100 and rounded."""
    neighbours: tuple[Neighbour, ...]
    """What is common and near, at most five."""
    reasons: tuple[str, ...]
    """What would make it stronger, or what makes it strong, in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


@lru_cache(maxsize=256)
def phrase_strength(phrase: Phrase) -> Strength:
    """Estimate how strong `phrase` is; deterministic, a few hundredths of a second."""
    rate, parts, named = _rate(phrase)
    score = _score(rate)
    word = "strong" if rate <= STRONG_PER_HOUR else "fair" if rate <= FAIR_PER_HOUR else "weak"
    reasons = _reasons(phrase, word, parts, named)
    return Strength(score, word, rate, parts, named, reasons)


def _points(per_hour: float) -> float:
    return POINTS_PER_DECADE * (math.log10(NOTHING_PER_HOUR) - math.log10(per_hour))


def _score(per_hour: float) -> int:
    return round(min(100.0, max(0.0, _points(per_hour))))


@cache
def _passing() -> tuple[dict[str, float], float]:
    """For each phoneme the share of any sound that passes for it; the mean log10 over speech."""
    shares = phoneme_shares()
    passing = {
        symbol: sum(share * nearness(substitution_cost(symbol, s)) for s, share in shares.items())
        for symbol in shares
    }
    return passing, sum(share * math.log10(passing[s]) for s, share in shares.items())


def _rate(phrase: Phrase) -> tuple[float, tuple[Part, ...], tuple[Neighbour, ...]]:
    """Matches per hour; how it comes about, from the number of sounds on; who the matches are."""
    sounds = split_phonemes("".join(phrase.phonemes))
    passing, mean = _passing()
    average = phonemes_per_hour() * 10 ** (mean * len(sounds))
    these = phonemes_per_hour() * math.prod(passing[symbol] for symbol in sounds)
    chance = chance_matches(sounds)
    alike = [n for n in chance.neighbours if not (n.distance or n.inside) and n.text != phrase.text]
    own = WORDS_PER_HOUR * pronunciation.sequence_probability(phrase.words)
    said = own + sum(n.per_hour for n in alike)
    rate = chance.near_per_hour + said
    parts = (
        Part("length", _points(average), _length_text(phrase, sounds)),
        Part("sounds", _points(these) - _points(average), _sounds_text(sounds)),
        Part(
            "neighbours",
            _points(chance.near_per_hour) - _points(these),
            f"words that come near it: {often(chance.near_per_hour)}; "
            f"everyday words within one sound of it: {chance.close_words}",
        ),
        Part(
            "said",
            _points(rate) - _points(chance.near_per_hour),
            f"in conversation, these very sounds: {often(said)}",
        ),
    )
    return rate, parts, _nearest(phrase, chance.neighbours)


def _nearest(phrase: Phrase, found: tuple[Neighbour, ...]) -> tuple[Neighbour, ...]:
    """Name the common and near, none that only adds words to the phrase or to another one."""
    farthest = _FARTHEST_SHARE * len(split_phonemes("".join(phrase.phonemes)))
    named: list[Neighbour] = []
    known = [f" {phrase.text} "]
    # Nearness counts twice: at "sea" a listener thinks of "see" and "she", not of "the".
    for neighbour in sorted(found, key=lambda n: (-n.weight * nearness(n.distance), n.text)):
        text = f" {neighbour.text} ".replace("'s ", "s ")  # one of computers and computer's
        if neighbour.distance > farthest or pronunciation.is_offensive(neighbour.text):
            continue
        if len(named) < _NAMED and not any(words in text for words in known):
            named.append(neighbour)
            known.append(text)
    return tuple(named)


def often(per_hour: float) -> str:
    """How often something happens, in words."""
    if per_hour >= 10:
        return f"{per_hour:.0f} times an hour"
    if per_hour >= 1.05:
        return f"{per_hour:.1f} times an hour"
    if per_hour > 0.95:
        return "once an hour"
    if per_hour >= _SELDOM_PER_HOUR:
        return f"once in {_two_digits(1 / per_hour)} hours"
    return "less than once in 1,000 hours"


def _two_digits(number: float) -> str:
    return f"{number:.1f}" if number < 9.95 else f"{float(f'{number:.2g}'):,.0f}"


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _length_text(phrase: Phrase, sounds: tuple[str, ...]) -> str:
    stressed = sum(phonemes.count("ˈ") for phonemes in phrase.phonemes)
    return (
        f"{_many(len(sounds), 'sound')}, {_many(phrase.syllables, 'syllable')} ({stressed} with "
        f"full stress), about {phrase.seconds:.1f} s"
    )


def _sounds_text(sounds: tuple[str, ...]) -> str:
    different = dict.fromkeys(sounds)
    kinds = Counter(sound_kind(symbol) for symbol in different)
    order = ("vowel", "stop", "fricative", "nasal", "liquid", "glide")
    listed = ", ".join(_many(kinds[kind], kind) for kind in order if kinds[kind])
    return f"{len(different)} different: {listed}"


def _quoted(texts: list[str]) -> str:
    quoted = [f'"{text}"' for text in texts]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _longer(phrase: Phrase) -> str:
    """What a word before a short phrase brings, or any sound more."""
    if phrase.syllables <= _SHORT_SYLLABLES and phrase.words[0] != "hey":
        longer = parse_phrase(f"hey {phrase.text}", phrase.language)
        return f'Add a word: "{longer.text}" would have {_score(_rate(longer)[0])} points of 100.'
    each = -POINTS_PER_DECADE * _passing()[1]
    return f"Add a word: one sound more gives about {each:.0f} points, before its neighbours."


def _reasons(
    phrase: Phrase, word: str, parts: tuple[Part, ...], named: tuple[Neighbour, ...]
) -> tuple[str, ...]:
    by_name = {part.name: part for part in parts}
    reasons = []
    if word != "strong":
        reasons.append(_longer(phrase))
    same = [n for n in named if not (n.distance or n.inside)]
    if sum(n.per_hour for n in same) >= _SELDOM_PER_HOUR:
        total = sum(n.per_hour for n in same)
        reasons.append(
            f'"{phrase.text}" sounds like {_quoted([n.text for n in same])}, said '
            f"{often(total)} in conversation."
        )
    own = WORDS_PER_HOUR * pronunciation.sequence_probability(phrase.words)
    if own >= _OFTEN_PER_HOUR:
        reasons.append(
            f'"{phrase.text}" itself is said {often(own)} in conversation; a rarer word, or a '
            "word more, would wake only when it is meant."
        )
    close = [n.text for n in named if n not in same]
    if close and word != "strong":
        reasons.append(
            f"{_quoted(close)} come{'s' if len(close) == 1 else ''} near it. A word with other "
            "sounds in those places would tell it apart."
        )
    if by_name["sounds"].points <= _POOR_SOUNDS:
        reasons.append(f"{_weakest_sounds(phrase)} A word with other sounds tells more.")
    if word == "strong" and not same and own < _OFTEN_PER_HOUR:
        reasons.append("It is long enough, and little that people say comes near it.")
    return tuple(reasons)


def _weakest_sounds(phrase: Phrase) -> str:
    passing, mean = _passing()
    sounds = dict.fromkeys(split_phonemes("".join(phrase.phonemes)))
    weak = sorted((s for s in sounds if math.log10(passing[s]) > mean), key=passing.__getitem__)
    shown = " ".join(f"/{symbol}/" for symbol in reversed(weak[-3:]))
    return f"Much of it is sounds that many others pass for ({shown})."
