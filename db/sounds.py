"""Phonemes come in, the sounds that a listener tells apart go out: what texts are compared by.

The alphabet is the one that Kokoro's voices read (misaki's), one character a phoneme. The search
index holds `heard(phonemes)` of each clip: whoever changes what it returns adds a migration that
fills the index again (docs/database.md).
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

VOWELS = frozenset("iɪɛæɑɔʊuʌɜəAIOYW")
CONSONANTS = frozenset("pbtdkɡʧʤfvθðszʃʒhmnŋlɹjw")

# American and British readings use different letters for what a listener takes for the same sound;
# flaps and glottal stops are realisations of t.
_MERGED = {
    "Q": "O",
    "a": "æ",
    "ɒ": "ɑ",
    "ᵊ": "ə",
    "ɐ": "ə",
    "ᵻ": "ɪ",
    "T": "t",
    "ɾ": "t",
    "ʔ": "t",
    "r": "ɹ",
    "g": "ɡ",
    "e": "ɛ",
    "o": "O",
}
_SOUNDS = {symbol: symbol for symbol in VOWELS | CONSONANTS} | _MERGED


def split_phonemes(phonemes: str) -> tuple[str, ...]:
    """The comparable phoneme symbols of a phoneme string, in order.

    Stress, length, punctuation and spaces are dropped; British and American letters for the same
    sound are merged, so that readings in either accent can be compared.
    """
    return tuple(_SOUNDS[c] for c in phonemes if c in _SOUNDS)


def without_final_r(symbols: Sequence[str]) -> tuple[str, ...]:
    """`symbols` as an accent that says r only before vowels has them ("car" → "cah")."""
    return tuple(s for s, after in zip_longest(symbols, symbols[1:]) if s != "ɹ" or after in VOWELS)


def heard(phonemes: str) -> str:
    """The sounds of a phoneme string that every accent has: what a search compares.

    One text is heard within another, whatever accent says either, when its `heard` is a part of
    the other's: leaving out the r that some accents leave out never hides a match.
    """
    return "".join(without_final_r(split_phonemes(phonemes)))
