"""A phrase in, what may be mistaken for it out: close words, made-up words, parts of the phrase.

Candidates of each kind are ranked by phoneme distance and drawn in turn, so that any first N are
an assortment. None is closer than `nearest_distance`: a text that even people mistake for the
phrase would teach the detector to miss it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import VOWELS, PhonemeIndex, split_phonemes
from trainer.hearing import contains_phrase, distance_to_phrase
from trainer.made_up import content_places, cut_word, merged, moved

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator

    from trainer.phrase_check import Phrase

_REAL_WORD = 1e-6  # about 12,000 words; rarer ones are names and scraps that engines misread
_MIN_DISTANCE = 0.45
_MIN_DISTANCE_PER_PHONEME = 0.05
_NEAR_SPAN = 0.6
_MEDIUM_SPAN = 1.6
_FAR_SPAN = 2.6
_PART_MARGIN = 0.2  # people swallow the end of a phrase; what lacks only that is the phrase
_SWAPPED_WORD = 3e-5  # about 2,000 words
# Kinds that may be as far from the phrase as they like: they share whole words with it.
_SHARES_WORDS = frozenset({"part", "merged", "one_swapped"})
# One turn through the kinds; those that run out are passed over.
_TURN = (
    "part", "near", "made_up", "medium", "merged", "two_words", "near", "rhyme", "run_together",
    "made_up", "near", "one_swapped", "medium", "two_words", "one_word",
)  # fmt: skip


@dataclass(frozen=True)
class Confuser:
    """A text that resembles the phrase."""

    text: str
    phonemes: str
    made_up: bool
    kind: str
    """near, medium, far: one word by another at that distance. two_words, one_swapped: both, or
    one by any word. rhyme, run_together, one_word: ends alike, another border, no border.
    part: some of its words, or the phrase broken off. made_up, merged: no words."""
    distance: float
    """Smallest weighted edit distance to any reading of the phrase."""


def nearest_distance(phrase: Phrase) -> float:
    """The smallest phoneme distance that a confuser of `phrase` may have."""
    symbols = split_phonemes("".join(phrase.phonemes))
    return max(_MIN_DISTANCE, _MIN_DISTANCE_PER_PHONEME * len(symbols))


class _Neighbours:
    """The common words around any stretch of phonemes."""

    def __init__(self) -> None:
        table = pronunciation.common_words(_REAL_WORD)
        self.words = list(table)
        self.symbols = list(table.values())
        self._index = PhonemeIndex(self.symbols)
        self._found: dict[tuple[tuple[str, ...], float], list[tuple[float, str]]] = {}

    def around(self, symbols: tuple[str, ...], at_most: float) -> list[tuple[float, str]]:
        """Words within a distance of `symbols`, nearest first, the same sound left out."""
        key = (symbols, at_most)
        if key not in self._found:
            distances = self._index.distances(symbols)
            close = (distances > 0) & (distances <= at_most)
            self._found[key] = sorted(
                (round(float(distances[i]), 3), self.words[i]) for i in close.nonzero()[0]
            )
        return self._found[key]


def _likely_first(rng: random.Random, words: Iterable[tuple[float, str]]) -> list[str]:
    """Words shuffled so that common and close ones tend to come early, but not always the same.

    A weighted draw without replacement (Efraimidis and Spirakis, 2006).
    """

    def key(distance: float, word: str) -> float:
        weight = pronunciation.word_probability(word) ** 0.3 / max(distance, _MIN_DISTANCE) ** 3
        return math.log(1.0 - rng.random()) / weight

    ranked = [(key(distance, word), word) for distance, word in words]
    return [word for _, word in sorted(ranked, reverse=True)]


def _with_word(phrase: Phrase, position: int, word: str) -> str:
    return " ".join((*phrase.words[:position], word, *phrase.words[position + 1 :]))


def _swaps(
    phrase: Phrase, near: _Neighbours, rng: random.Random, above: float, at_most: float
) -> Iterator[str]:
    """The phrase with one word replaced by a word at a distance, all positions in turn."""
    lists = []
    for position in content_places(phrase):
        phonemes = phrase.phonemes[position]
        words = [(d, w) for d, w in near.around(split_phonemes(phonemes), at_most) if d >= above]
        lists.append([_with_word(phrase, position, w) for w in _likely_first(rng, words)])
    yield from _in_turn(lists)


def _in_turn(lists: list[list[str]]) -> Iterator[str]:
    for row in range(max(map(len, lists), default=0)):
        for texts in lists:
            if row < len(texts):
                yield texts[row]


def _two_words(phrase: Phrase, near: _Neighbours, rng: random.Random) -> Iterator[str]:
    """The phrase with two words replaced by close ones."""
    close = [[w for _, w in near.around(split_phonemes(p), _MEDIUM_SPAN)] for p in phrase.phonemes]
    filled = [i for i, words in enumerate(close) if words]
    if len(filled) < 2:
        return
    for _ in range(20_000):
        words = list(phrase.words)
        for position in rng.sample(filled, 2):
            words[position] = rng.choice(close[position])
        yield " ".join(words)


def _rhymes(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    """Another last word that ends alike: the same from its last or last but one vowel on."""
    last = split_phonemes(phrase.phonemes[-1])
    vowels = [i for i, symbol in enumerate(last) if symbol in VOWELS]
    if not vowels:
        return
    tail = last[vowels[max(0, len(vowels) - 2)] :]
    rhyming = [
        (1.0, word)
        for word, symbols in pronunciation.common_words(_REAL_WORD).items()
        if symbols != last and symbols[-len(tail) :] == tail and len(symbols) <= len(last) + 2
    ]
    for word in _likely_first(rng, rhyming):
        yield _with_word(phrase, len(phrase.words) - 1, word)


def _run_together(phrase: Phrase, near: _Neighbours, rng: random.Random) -> Iterator[str]:
    """Two words whose border lies elsewhere: "compute her" for "computer"."""
    symbols = split_phonemes("".join(phrase.phonemes))
    halves = []
    for cut in range(2, len(symbols) - 1):
        first = [w for _, w in near.around(symbols[:cut], 1.3)]
        second = [w for _, w in near.around(symbols[cut:], 1.3)]
        if first and second:
            halves.append((first, second))
    for _ in range(2_000 if halves else 0):
        first, second = rng.choice(halves)
        yield f"{rng.choice(first)} {rng.choice(second)}"


def _any_swapped(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    """The phrase with one word replaced by any other, common ones first: "smart table"."""
    if len(phrase.words) < 2:
        return
    words = [(1.0, w) for w in pronunciation.common_words(_SWAPPED_WORD) if w not in phrase.words]
    places = content_places(phrase)
    yield from _in_turn([[_with_word(phrase, i, w) for w in _likely_first(rng, words)]
                         for i in places])  # fmt: skip


def _single_words(phrase: Phrase, near: _Neighbours, rng: random.Random) -> Iterator[str]:
    """Single words that sound like the whole phrase: "smarter" for "smart mirror"."""
    if len(phrase.words) > 1:
        symbols = split_phonemes("".join(phrase.phonemes))
        yield from _likely_first(rng, near.around(symbols, nearest_distance(phrase) + _FAR_SPAN))


def _parts(phrase: Phrase, rng: random.Random) -> Iterator[tuple[str, str, bool]]:
    """Parts of the phrase, as (text, phonemes, made up): words, and the phrase broken off."""
    count = len(phrase.words)
    parts = [
        (" ".join(phrase.words[a:b]), " ".join(phrase.phonemes[a:b]), False)
        for a in range(count)
        for b in range(a + 1, count + 1)
        if b - a < count
    ]
    for i, said in enumerate(phrase.phonemes):
        for piece in cut_word(said):
            text = pronunciation.respell(piece, between="")
            parts.append(
                (
                    " ".join((*phrase.words[:i], text)),
                    " ".join((*phrase.phonemes[:i], piece)),
                    True,
                )
            )
    rng.shuffle(parts)
    yield from parts


def _real(kind: str, texts: Iterator[str]) -> Iterator[tuple[str, str, bool, str]]:
    for text in texts:
        yield text, " ".join(pronunciation.pronouncer().words(tuple(text.split()))), False, kind


def confusers(phrase: Phrase, rng: random.Random) -> Iterator[Confuser]:
    """What may be mistaken for `phrase`: distinct texts, kinds and distances mixed."""
    near = _Neighbours()
    floor = nearest_distance(phrase)
    limits = (floor, floor + _NEAR_SPAN, floor + _MEDIUM_SPAN)
    streams: dict[str, Iterator[tuple[str, str, bool, str]]] = {
        "part": ((*part, "part") for part in _parts(phrase, rng)),
        "near": _real("near", _swaps(phrase, near, rng, limits[0], limits[1])),
        "medium": _real("medium", _swaps(phrase, near, rng, limits[1], limits[2])),
        # A phrase of one word has no two to replace: words farther away take their place.
        "two_words": _real("two_words", _two_words(phrase, near, rng))
        if len(phrase.words) > 1
        else _real("far", _swaps(phrase, near, rng, limits[2], floor + _FAR_SPAN)),
        "rhyme": _real("rhyme", _rhymes(phrase, rng)),
        "run_together": _real("run_together", _run_together(phrase, near, rng)),
        "one_word": _real("one_word", _single_words(phrase, near, rng)),
        "one_swapped": _real("one_swapped", _any_swapped(phrase, rng)),
        "made_up": ((*made, True, "made_up") for made in moved(phrase, rng)),
        "merged": ((*made, True, "merged") for made in merged(phrase, rng)),
    }
    accept = _acceptance(phrase, floor)
    while streams:
        for kind in _TURN:
            if kind not in streams:
                continue
            found = next(filter(None, map(accept, streams[kind])), None)
            if found is None:
                del streams[kind]
            else:
                yield found


def _acceptance(
    phrase: Phrase, floor: float
) -> Callable[[tuple[str, str, bool, str]], Confuser | None]:
    """A judge of candidates that lets each text pass once, and only if it is far enough."""
    seen = {phrase.text}
    real_sounds = set(pronunciation.common_words(_REAL_WORD).values())
    british = pronunciation.pronouncer(british=True)
    farthest = floor + _FAR_SPAN

    def accept(candidate: tuple[str, str, bool, str]) -> Confuser | None:
        text, phonemes, made_up, kind = candidate
        if text in seen or pronunciation.is_offensive(text):
            return None
        seen.add(text)
        if made_up and kind == "made_up":
            pairs = zip(phonemes.split(), phrase.phonemes, strict=True)
            if any(split_phonemes(a) in real_sounds for a, b in pairs if a != b):
                return None  # a real word is better spoken by its own spelling
        heard = [phonemes]
        if not made_up:
            heard.append(british.phonemes(text))
        if any(contains_phrase(p, phrase) for p in heard):
            return None
        distance = min(distance_to_phrase(p, phrase) for p in heard)
        if distance < floor + (_PART_MARGIN if kind == "part" else 0.0) or (
            kind not in _SHARES_WORDS and distance > farthest
        ):
            return None
        return Confuser(text, phonemes, made_up, kind, round(distance, 3))

    return accept
