"""A text's phonemes in, the same words as others read them out.

Many a word has more than one reading: "data" in a dictionary, "sheila" where one dictionary guesses
and another knows. And nobody is told where to stress a word that no dictionary lists: "nabu" is
NAH-boo to one and nuh-BOO to another. A network that heard one of them alone takes the other for a
near-miss (docs/decisions/0029).
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import LENGTH_MARK, STRESS_MARKS, VOWELS, split_phonemes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

SHARE = 0.4
"""Of those who say a word with other readings, how many say one of them."""
_WEAK = frozenset("əᵊɐᵻ")
"""Vowels that cannot be stressed."""
_VOWELS = VOWELS | _WEAK | frozenset("Qaɒeo")
"""British ones and those of the accents among them."""
_MARKS = str.maketrans("", "", STRESS_MARKS)
_FLAPPED = re.compile(f"(?<=[{''.join(sorted(VOWELS))}ɹ])t(?=[{''.join(sorted(VOWELS))}])")
"""The t of "data", in front of a vowel without stress."""
# The ARPAbet of the CMU dictionary in Kokoro's symbols, without stress. AH and ER depend on it.
_SYMBOLS = {
    "AA": "ɑ", "AE": "æ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "EY": "A", "IH": "ɪ",
    "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u", "B": "b", "CH": "ʧ", "D": "d",
    "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l", "M": "m", "N": "n",
    "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w",
    "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_STRESSED = {"AH": "ʌ", "ER": "ɜɹ"}
_UNSTRESSED = {"AH": "ə", "ER": "əɹ"}


def said_otherwise(phonemes: str, text: str, rng: np.random.Generator) -> str:
    """Return a text's phonemes, some of its words as others read them.

    Args:
        phonemes: of the text, words separated by spaces.
        text: where its words are not as many as the phonemes' (numbers), nothing changes.
        rng: decides; it is asked for words that have other readings alone.
    """
    words, groups = text.split(), phonemes.split()
    if len(words) != len(groups):
        return phonemes
    for place, word in enumerate(words):
        group = groups[place]
        bare = group.strip(string.punctuation)
        others = other_readings(word.strip(string.punctuation).lower(), bare)
        if others and rng.random() < SHARE:
            other = others[int(rng.integers(len(others)))]
            groups[place] = group.replace(bare, other)
    return " ".join(groups)


@lru_cache(maxsize=20_000)
def other_readings(word: str, reading: str) -> tuple[str, ...]:
    """Return how else a word is read: as the CMU dictionary has it, or stressed as one likes.

    Args:
        word: in lower case. Little ones, and those whose reading depends on what they mean ("read",
            "live"), have no other.
        reading: its usual one; what sounds the same is left out.
    """
    homograph = len(pronunciation.readings().get(word, ())) > 1
    if not word.isalpha() or homograph or word in pronunciation.WEAK_FORMS:
        return ()
    if not pronunciation.pronouncer().has_word(word):
        return stressed_otherwise(reading)
    known = {split_phonemes(reading)}
    found = []
    for arpabet in pronunciation.cmu_readings().get(word, ()):
        other = _with_stress_of(reading, arpabet.split())
        if split_phonemes(other) not in known:
            known.add(split_phonemes(other))
            found.append(other)
    return tuple(found)


def stressed_otherwise(reading: str) -> tuple[str, ...]:
    """Return a word's reading with the stress on each other syllable: distinct, in order.

    The vowel that was stressed stays what it is, or becomes weak, as vowels without stress do.
    """
    bare = reading.translate(_MARKS)
    vowels = [place for place, symbol in enumerate(bare) if symbol in _VOWELS]
    stressed = vowels[_stressed_vowel(reading)] if vowels else -1
    found = []
    for place in vowels:
        if place != stressed and bare[place] not in _WEAK:
            moved = f"{bare[:place]}ˈ{bare[place:]}"
            at = stressed + (place < stressed)
            rest = moved[at + 1 :].removeprefix(LENGTH_MARK)
            found += [moved, f"{moved[:at]}ə{rest}"]
    return tuple(dict.fromkeys(found))


def _stressed_vowel(reading: str) -> int:
    """Return which of a reading's vowels has the main stress: the first where none is marked."""
    before = reading.partition("ˈ")[0] if "ˈ" in reading else ""
    return sum(symbol in _VOWELS for symbol in before)


def _with_stress_of(reading: str, arpabet: Sequence[str]) -> str:
    """Return the CMU dictionary's sounds, stressed where a reading is."""
    vowels = [place for place, name in enumerate(arpabet) if name[0] in "AEIOU"]
    number = _stressed_vowel(reading)
    if number:  # a syllable that only one of them has is rarely behind the stress
        number = max(number + len(vowels) - sum(symbol in _VOWELS for symbol in reading), 0)
    stressed = vowels[number] if number < len(vowels) else -1
    said = ""
    for place, name in enumerate(arpabet):
        by_stress = _STRESSED if place == stressed else _UNSTRESSED
        said += "ˈ" * (place == stressed) + (by_stress.get(name) or _SYMBOLS[name])
    return _FLAPPED.sub("T", said)
