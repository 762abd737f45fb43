"""Phoneme string in, phoneme symbols and how far apart they are said out.

The alphabet is the one Kokoro's voices read (misaki's): one character a phoneme, diphthongs and
affricates included (A = eɪ, I = aɪ, W = aʊ, Y = ɔɪ, O = oʊ, Q = əʊ, ʤ, ʧ).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from db.sounds import CONSONANTS, VOWELS, split_phonemes, without_final_r

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

STRESS_MARKS = "ˈˌ"
LENGTH_MARK = "ː"


class _Vowel(NamedTuple):
    """Where the tongue starts and ends, each 0…1; rounding of the lips at both ends."""

    height: float
    backness: float
    rounding: float
    end_height: float
    end_backness: float
    end_rounding: float


class _Consonant(NamedTuple):
    """Place along the mouth (0 lips … 1 glottis), openness (0 stop … 1 glide), voicing."""

    place: float
    openness: float
    voiced: bool
    kind: str


_MONOPHTHONGS = {
    "i": (1.0, 0.0, 0.0),
    "ɪ": (0.8, 0.15, 0.0),
    "ɛ": (0.45, 0.1, 0.0),
    "æ": (0.15, 0.1, 0.0),
    "ɑ": (0.0, 0.8, 0.0),
    "ɔ": (0.4, 1.0, 1.0),
    "ʊ": (0.8, 0.85, 0.8),
    "u": (1.0, 0.9, 1.0),
    "ʌ": (0.35, 0.6, 0.0),
    "ɜ": (0.5, 0.5, 0.2),
    "ə": (0.5, 0.5, 0.0),
}
_DIPHTHONGS = {
    "A": ((0.55, 0.05, 0.0), "ɪ"),
    "I": ((0.0, 0.4, 0.0), "ɪ"),
    "O": ((0.55, 0.8, 0.7), "ʊ"),
    "Y": ((0.4, 1.0, 1.0), "ɪ"),
    "W": ((0.05, 0.45, 0.0), "ʊ"),
}
_VOWELS = {s: _Vowel(*v, *v) for s, v in _MONOPHTHONGS.items()} | {
    s: _Vowel(*start, *_MONOPHTHONGS[end]) for s, (start, end) in _DIPHTHONGS.items()
}
_LIPS, _LIP_TEETH, _TEETH, _RIDGE, _BEHIND_RIDGE, _PALATE, _SOFT_PALATE, _GLOTTIS = (
    0.0, 0.1, 0.25, 0.35, 0.5, 0.65, 0.8, 1.0,
)  # fmt: skip
_STOP, _AFFRICATE, _FRICATIVE, _NASAL, _LIQUID, _GLIDE = 0.0, 0.15, 0.35, 0.6, 0.8, 1.0
_CONSONANTS = {
    "p": _Consonant(_LIPS, _STOP, False, "stop"),
    "b": _Consonant(_LIPS, _STOP, True, "stop"),
    "t": _Consonant(_RIDGE, _STOP, False, "stop"),
    "d": _Consonant(_RIDGE, _STOP, True, "stop"),
    "k": _Consonant(_SOFT_PALATE, _STOP, False, "stop"),
    "ɡ": _Consonant(_SOFT_PALATE, _STOP, True, "stop"),
    "ʧ": _Consonant(_BEHIND_RIDGE, _AFFRICATE, False, "fricative"),
    "ʤ": _Consonant(_BEHIND_RIDGE, _AFFRICATE, True, "fricative"),
    "f": _Consonant(_LIP_TEETH, _FRICATIVE, False, "fricative"),
    "v": _Consonant(_LIP_TEETH, _FRICATIVE, True, "fricative"),
    "θ": _Consonant(_TEETH, _FRICATIVE, False, "fricative"),
    "ð": _Consonant(_TEETH, _FRICATIVE, True, "fricative"),
    "s": _Consonant(_RIDGE, _FRICATIVE, False, "fricative"),
    "z": _Consonant(_RIDGE, _FRICATIVE, True, "fricative"),
    "ʃ": _Consonant(_BEHIND_RIDGE, _FRICATIVE, False, "fricative"),
    "ʒ": _Consonant(_BEHIND_RIDGE, _FRICATIVE, True, "fricative"),
    "h": _Consonant(_GLOTTIS, _FRICATIVE, False, "glide"),
    "m": _Consonant(_LIPS, _NASAL, True, "nasal"),
    "n": _Consonant(_RIDGE, _NASAL, True, "nasal"),
    "ŋ": _Consonant(_SOFT_PALATE, _NASAL, True, "nasal"),
    "l": _Consonant(_RIDGE, _LIQUID, True, "liquid"),
    "ɹ": _Consonant(_BEHIND_RIDGE, _LIQUID, True, "liquid"),
    "j": _Consonant(_PALATE, _GLIDE, True, "glide"),
    "w": _Consonant(_SOFT_PALATE, _GLIDE, True, "glide"),
}
SYMBOLS = (*_VOWELS, *_CONSONANTS)
_INDEX = {symbol: i for i, symbol in enumerate(SYMBOLS)}

# Pairs that sit on either side of the vowel/consonant border; laterality, which place and openness
# cannot tell; a reduced vowel whose lips are lazy.
_SPECIAL_COST = {
    ("j", "i"): 0.5, ("j", "ɪ"): 0.5, ("w", "u"): 0.5, ("w", "ʊ"): 0.5,
    ("ɹ", "ɜ"): 0.6, ("ɹ", "ə"): 0.7, ("l", "ə"): 0.8, ("l", "ɹ"): 0.35, ("w", "ɹ"): 0.35,
    ("ə", "ʊ"): 0.3,
}  # fmt: skip
_GAP_COST = {"stop": 0.65, "fricative": 0.7, "nasal": 0.65, "liquid": 0.5, "glide": 0.45}
_VOWEL_GAP_COST = 0.85
_SCHWA_GAP_COST = 0.5
_DIFFERENT = 0.1  # any two different phonemes are at least this far apart


def count_syllables(phonemes: str) -> int:
    """How many vowels (one a syllable) a phoneme string has."""
    return sum(symbol in VOWELS for symbol in split_phonemes(phonemes))


def _vowel_cost(a: _Vowel, b: _Vowel) -> float:
    start = (
        0.5 * abs(a.height - b.height)
        + 0.35 * abs(a.backness - b.backness)
        + 0.25 * abs(a.rounding - b.rounding)
    )
    end = (
        0.5 * abs(a.end_height - b.end_height)
        + 0.35 * abs(a.end_backness - b.end_backness)
        + 0.25 * abs(a.end_rounding - b.end_rounding)
    )
    return min(1.0, _DIFFERENT + 0.6 * start + 0.4 * end)


def _consonant_cost(a: _Consonant, b: _Consonant) -> float:
    cost = 0.6 * abs(a.place - b.place) + 0.6 * abs(a.openness - b.openness)
    return min(1.0, _DIFFERENT + cost + (0.2 if a.voiced != b.voiced else 0.0))


def _symbol_cost(a: str, b: str) -> float:
    if a == b:
        return 0.0
    special = _SPECIAL_COST.get((a, b), _SPECIAL_COST.get((b, a)))
    if special is not None:
        return special
    if a in VOWELS and b in VOWELS:
        return _vowel_cost(_VOWELS[a], _VOWELS[b])
    if a in CONSONANTS and b in CONSONANTS:
        return _consonant_cost(_CONSONANTS[a], _CONSONANTS[b])
    return 1.0


def _symbol_gap(symbol: str) -> float:
    if symbol == "ə":
        return _SCHWA_GAP_COST
    return _VOWEL_GAP_COST if symbol in VOWELS else _GAP_COST[_CONSONANTS[symbol].kind]


_COST: NDArray[np.float32] = np.array(
    [[_symbol_cost(a, b) for b in SYMBOLS] for a in SYMBOLS], dtype=np.float32
)
_GAP: NDArray[np.float32] = np.array([_symbol_gap(s) for s in SYMBOLS], dtype=np.float32)


def substitution_cost(a: str, b: str) -> float:
    """How unlike two phoneme symbols are said: 0 (the same) to 1 (a vowel for a consonant)."""
    return float(_COST[_INDEX[a], _INDEX[b]])


def gap_cost(symbol: str) -> float:
    """How much it is heard when a phoneme is left out or added, 0…1."""
    return float(_GAP[_INDEX[symbol]])


def sound_kind(symbol: str) -> str:
    """What sort of sound a phoneme is: vowel, stop, fricative, nasal, liquid or glide."""
    return "vowel" if symbol in VOWELS else _CONSONANTS[symbol].kind


class PhonemeIndex:
    """Many phoneme sequences, padded into one array, so that one query is compared with all."""

    def __init__(self, sequences: Iterable[Sequence[str]]) -> None:
        """Encode `sequences` of symbols as `split_phonemes` gives them."""
        rows = [[_INDEX[s] for s in sequence] for sequence in sequences]
        self.lengths: NDArray[np.int64] = np.array([len(row) for row in rows], dtype=np.int64)
        width = int(self.lengths.max()) if rows else 0
        self._codes: NDArray[np.int64] = np.zeros((width, len(rows)), dtype=np.int64)
        for i, row in enumerate(rows):
            self._codes[: len(row), i] = row

    def __len__(self) -> int:
        return len(self.lengths)

    def distances(self, query: Sequence[str]) -> NDArray[np.float32]:
        """Weighted edit distance, float32 [sequences], from `query` to each sequence.

        The unit is one phoneme replaced by a wholly different one; Wagner–Fischer, one column of
        the table for all the sequences at once.
        """
        width, count = self._codes.shape
        codes = [_INDEX[s] for s in query]
        gaps = _GAP[self._codes]
        above = [np.zeros(count, dtype=np.float32)]
        for j in range(width):
            above.append(above[-1] + gaps[j])
        for code in codes:
            costs = _COST[code][self._codes]
            row = [above[0] + _GAP[code]]
            for j in range(width):
                best = np.minimum(above[j] + costs[j], above[j + 1] + _GAP[code])
                row.append(np.minimum(best, row[j] + gaps[j]))
            above = row
        return np.stack(above)[self.lengths, np.arange(count)]


_COST_ROWS: list[list[float]] = _COST.tolist()
_GAP_LIST: list[float] = _GAP.tolist()


def phoneme_distance(a: Sequence[str], b: Sequence[str]) -> float:
    """Weighted edit distance between two symbol sequences; see `PhonemeIndex.distances`."""
    codes = [_INDEX[s] for s in b]
    above = [0.0]
    for code in codes:
        above.append(above[-1] + _GAP_LIST[code])
    for symbol in a:
        i = _INDEX[symbol]
        costs, gap = _COST_ROWS[i], _GAP_LIST[i]
        row = [above[0] + gap]
        for j, code in enumerate(codes):
            row.append(min(above[j] + costs[code], above[j + 1] + gap, row[j] + _GAP_LIST[code]))
        above = row
    return above[-1]


__all__ = [
    "CONSONANTS", "LENGTH_MARK", "STRESS_MARKS", "SYMBOLS", "VOWELS", "PhonemeIndex",
    "count_syllables", "gap_cost", "phoneme_distance", "sound_kind", "split_phonemes",
    "substitution_cost", "without_final_r",
]  # fmt: skip
