"""The sounds of a phrase in, how often an hour of ordinary speech comes near them out.

Ordinary speech is a stream of words, drawn by how common they are. A stretch of it at phoneme
distance d from the phrase counts as exp(-d / TOLERANCE) of a match, and what counts is summed over
the whole stream: the phrase inside one word, or from the end of one word through others to the
beginning of the last. The sum over all word sequences is exact; it is the forward algorithm, with a
word's phonemes aligned to a part of the phrase's by `trainer.articulation`'s edit distance.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from trainer import pronunciation
from trainer.articulation import SYMBOLS, gap_cost, substitution_cost
from trainer.everyday import everyday_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Sounds = tuple[str, ...]

WORDS_PER_HOUR = 9_000
"""Conversation: 150 words a minute."""
TOLERANCE = 1 / math.log(20)
"""Distance over which a match fades by e: speech that differs by one whole phoneme counts one
twentieth, since at most 5 % of near-misses are to be accepted."""
_LONGEST_WORD = 12  # phonemes of the phrase that one word among several may cover
_WORDS_KEPT, _SEQUENCES_KEPT = 8, 60
_SAME = 1e-4


@dataclass(frozen=True)
class Neighbour:
    """Words that sound like the phrase, or nearly."""

    text: str
    distance: float
    """Weighted edit distance, 1.0 = one phoneme replaced by a wholly different one; 0 = the same
    sounds."""
    per_hour: float
    """How often an hour of conversation has these words."""
    inside: bool = False
    """Only a part of the word sounds so, as "art" in "party"."""

    @property
    def weight(self) -> float:
        """Matches per hour that these words stand for."""
        return self.per_hour * nearness(self.distance)


@dataclass(frozen=True)
class Chance:
    """How often an hour of ordinary speech comes near the sounds of a phrase."""

    near_per_hour: float
    """Expected matches by anything but the same sounds, each counted by its nearness."""
    neighbours: tuple[Neighbour, ...]
    """What counts most, first, texts distinct; those with the same sounds are among them, and the
    phrase itself when its words are everyday ones."""
    close_words: int
    """Everyday words that have something within one phoneme of the phrase in them, or are it."""


_Found = tuple[float, float, tuple[str, ...], bool]
"""Weight, distance, words, whether only inside."""


class _Speech:
    """Everyday words, longest first: phoneme codes, costs and probabilities as arrays."""

    def __init__(self) -> None:
        table = everyday_words()
        self.words = sorted(table, key=lambda word: (-len(table[word]), word))
        sounds = [table[word] for word in self.words]
        lengths = np.array([len(symbols) for symbols in sounds])
        self.width = int(lengths.max())
        # Words that have a phoneme number j are the first active[j].
        self.active = [int((lengths > j).sum()) for j in range(self.width)] + [0]
        index = {symbol: i for i, symbol in enumerate(SYMBOLS)}
        cost = np.array([[substitution_cost(a, b) for b in SYMBOLS] for a in SYMBOLS], np.float32)
        gap = np.array([gap_cost(symbol) for symbol in SYMBOLS], np.float32)
        codes = [
            np.array([index[symbols[j]] for symbols in sounds[: self.active[j]]])
            for j in range(self.width)
        ]
        self.gaps = [gap[column] for column in codes]
        self.costs = {s: [cost[i][column] for column in codes] for s, i in index.items()}
        self.probabilities = np.array([pronunciation.word_probability(w) for w in self.words])
        self.phonemes_per_word = float(lengths @ self.probabilities / self.probabilities.sum())
        shares = np.zeros(len(SYMBOLS))
        for j, column in enumerate(codes):
            np.add.at(shares, column, self.probabilities[: self.active[j]])
        self.shares = dict(zip(SYMBOLS, (shares / shares.sum()).tolist(), strict=True))

    def rows(
        self, sounds: Sounds, *, from_inside: bool
    ) -> Iterator[tuple[NDArray[np.float32], ...]]:
        """Distances, float32 [words], of the first 1, 2 … `sounds` to a word: whole, and cut short.

        Args:
            sounds: part of a phrase.
            from_inside: the words may begin anywhere, not only at their first phoneme; at least
                one of their phonemes is left.
        """
        count = len(self.words)
        above = [np.zeros(count, np.float32)]
        for j in range(self.width):
            n = self.active[j]
            above.append(self.gaps[j] if from_inside else above[j][:n] + self.gaps[j])
        for symbol in sounds:
            gap = np.float32(gap_cost(symbol))
            row = [above[0] + gap]  # nothing of the word
            whole = np.empty(count, np.float32)
            short = np.full(count, np.inf, np.float32)
            for j in range(self.width):
                n = self.active[j]
                before, beside = above[j][:n], row[j][:n]
                if from_inside:  # the phoneme may be the word's first that is heard
                    before = np.minimum(before, above[0][:n])
                    beside = np.minimum(beside, row[0][:n])
                best = np.minimum(before + self.costs[symbol][j], above[j + 1] + gap)
                np.minimum(best, beside + self.gaps[j], out=best)
                np.minimum(short[:n], best, out=short[:n])
                whole[self.active[j + 1] : n] = best[self.active[j + 1] :]
                row.append(best)
            yield whole, short
            above = row

    def weigh(self, distances: NDArray[np.float32]) -> NDArray[np.float64]:
        """How much each word contributes, float64 [words]: probability times nearness."""
        weights: NDArray[np.float64] = self.probabilities * np.exp(distances / -TOLERANCE)
        return weights

    def name(self, distances: NDArray[np.float32], before: list[_Found]) -> list[_Found]:
        """Continue each of `before` with each of the words that contribute most."""
        weights = self.weigh(distances)
        kept = min(_WORDS_KEPT, len(weights))
        most = np.argpartition(weights, -kept)[-kept:]
        return [
            (w * float(weights[i]), d + float(distances[i]), (*words, self.words[i]), inside)
            for i in most
            for w, d, words, inside in before
        ]


@cache
def _speech() -> _Speech:
    return _Speech()


def phoneme_shares() -> dict[str, float]:
    """How common each phoneme is in ordinary speech; sums to 1."""
    return _speech().shares


def phonemes_per_hour() -> float:
    """How many phonemes an hour of conversation has."""
    return WORDS_PER_HOUR * _speech().phonemes_per_word


def chance_matches(sounds: Sounds) -> Chance:
    """Sum over all that ordinary speech may hold, and name what counts most.

    Args:
        sounds: the phrase's symbols, as `split_phonemes` gives them.
    """
    speech = _speech()
    end = len(sounds)
    # What all speech, the same sounds, and the best by name come to, up to each place in `sounds`.
    near, same = np.zeros(end + 1), np.zeros(end + 1)
    best: list[list[_Found]] = [[] for _ in range(end + 1)]
    same[0], best[0] = 1.0, [(1.0, 0.0, (), False)]
    for place, (whole, short) in enumerate(speech.rows(sounds, from_inside=True), 1):
        if place < end:
            near[place] = speech.weigh(whole).sum()
        else:
            near[end] = speech.weigh(short).sum()
            best[end] = speech.name(short, [(1.0, 0.0, (), True)])
            close_words = int((short <= 1.0).sum())
    for start in range(end):
        best[start] = heapq.nlargest(_SEQUENCES_KEPT, best[start])
        stretch = sounds[start : start + _LONGEST_WORD]
        for place, (whole, short) in enumerate(speech.rows(stretch, from_inside=False), start + 1):
            if start:  # the phrase inside one word has been counted
                near[place] += near[start] * speech.weigh(whole if place < end else short).sum()
            same[place] += same[start] * speech.probabilities[whole < _SAME].sum()
            best[place] += speech.name(whole, best[start])
    return Chance(
        float(max(near[end] - same[end], np.finfo(float).tiny)) * WORDS_PER_HOUR,
        _neighbours(heapq.nlargest(_SEQUENCES_KEPT, best[end])),
        close_words,
    )


def _neighbours(found: list[_Found]) -> tuple[Neighbour, ...]:
    named: dict[str, Neighbour] = {}
    for _, distance, words, inside in sorted(found, key=lambda f: (round(f[1], 3), f[3], f[2])):
        often = WORDS_PER_HOUR * pronunciation.sequence_probability(words)
        text = " ".join(words)
        named.setdefault(text, Neighbour(text, round(distance, 2), often, inside))
    return tuple(sorted(named.values(), key=lambda n: (-n.weight, n.text)))


def nearness(distance: float) -> float:
    """How much of a match something at a distance counts as, 0…1."""
    return math.exp(-distance / TOLERANCE)
