"""A reading in, the same words out as somebody says them who has never heard one of them.

Nobody is told where to stress a word that no dictionary lists: "nabu" is NAH-boo to one and nuh-BOO
to another. A network that heard one of them alone took the other for a near-miss: of 24 voices that
said "okay nuh-BOO" it missed 23 (docs/decisions/0029).
"""

from __future__ import annotations

import string
from functools import lru_cache
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import LENGTH_MARK, STRESS_MARKS, VOWELS

if TYPE_CHECKING:
    import numpy as np

SHARE = 0.4
"""Of those who say an unlisted word, how many stress it otherwise than its reading does."""
_WEAK = frozenset("əᵊɐ")
"""Vowels that cannot be stressed."""
_MARKS = str.maketrans("", "", STRESS_MARKS)


def stressed_otherwise(reading: str) -> tuple[str, ...]:
    """Return a word's reading with the stress on each other syllable: distinct, in order.

    The vowel that was stressed stays what it is, or becomes weak, as vowels without stress do.

    Args:
        reading: phonemes of one word, with or without punctuation around them.
    """
    bare = reading.translate(_MARKS)
    vowels = [place for place, symbol in enumerate(bare) if symbol in VOWELS]
    stressed = _stressed(reading, vowels)
    found = []
    for place in vowels:
        if place != stressed and bare[place] not in _WEAK:
            moved = f"{bare[:place]}ˈ{bare[place:]}"
            at = stressed + (place < stressed)
            rest = moved[at + 1 :].removeprefix(LENGTH_MARK)
            found += [moved, f"{moved[:at]}ə{rest}"]
    return tuple(dict.fromkeys(found))


def _stressed(reading: str, vowels: list[int]) -> int:
    """Return the place, among the symbols without marks, of the vowel that has the main stress."""
    if not vowels:
        return -1
    before = len(reading.partition("ˈ")[0].translate(_MARKS)) if "ˈ" in reading else 0
    return next((place for place in vowels if place >= before), vowels[0])


def restressed(phonemes: str, text: str, rng: np.random.Generator) -> str:
    """Return a text's phonemes, unlisted words perhaps with the stress elsewhere.

    Args:
        phonemes: of the text, words separated by spaces.
        text: where its words are not as many as the phonemes' (numbers), nothing changes.
        rng: decides; it is asked for unlisted words alone.
    """
    words, groups = text.split(), phonemes.split()
    if len(words) != len(groups):
        return phonemes
    for place, word in enumerate(words):
        others = other_stresses(word.strip(string.punctuation).lower(), groups[place])
        if others and rng.random() < SHARE:
            groups[place] = others[int(rng.integers(len(others)))]
    return " ".join(groups)


@lru_cache(maxsize=10_000)
def other_stresses(word: str, reading: str) -> tuple[str, ...]:
    """Return the readings of an unlisted word (lower case) with other stresses; of others none."""
    if not word.isalpha() or pronunciation.pronouncer().has_word(word):
        return ()
    return stressed_otherwise(reading)
