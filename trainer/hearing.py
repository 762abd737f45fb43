"""A phrase and a reading in, whether and how nearly the phrase is heard in it out.

Everything is compared on phonemes, in every accent: "I scream" has "ice cream" in it.
What stands between the words of somebody who hesitates ("smart, um, mirror") hides no phrase.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import CONSONANTS, phoneme_distance, split_phonemes, without_final_r
from trainer.other_readings import other_readings

if TYPE_CHECKING:
    from trainer.phrase_check import Phrase

Sounds = tuple[str, ...]
"""Symbols as `split_phonemes` gives them."""

FILLERS = {"um": "ˈʌm", "uh": "ˈʌ", "er": "ˈɜɹ"}
"""What a hesitating speaker says between words, as written → as read out."""
# The same in other mouths; "a" is heard as "uh".
_FILLER_SOUNDS: tuple[Sounds, ...] = tuple(
    split_phonemes(said) for said in (*FILLERS.values(), "ə", "əm", "ɜɹm")
)
_MAX_READINGS = 24
_SWALLOWED = frozenset("td")


@cache
def _readings_by_word(words: tuple[str, ...]) -> tuple[tuple[Sounds, ...], ...]:
    found = []
    for british in (False, True):
        reader = pronunciation.pronouncer(british=british)
        table = pronunciation.readings(british=british)
        in_context = reader.words(words)
        choices = [
            list(
                dict.fromkeys(
                    split_phonemes(r)
                    for r in (
                        said,
                        *table.get(word, ()),
                        *pronunciation.WEAK_FORMS.get(word, ()),
                        *(() if british else other_readings(word, said)),
                    )
                )
            )
            for word, said in zip(words, in_context, strict=True)
        ]
        for count, chosen in enumerate(product(*choices)):
            if count == _MAX_READINGS:
                break
            found.append(chosen)
    return tuple(dict.fromkeys(found))


def _joined(parts: tuple[Sounds, ...]) -> Sounds:
    return tuple(symbol for part in parts for symbol in part)


@cache
def phrase_readings(words: tuple[str, ...]) -> tuple[Sounds, ...]:
    """Every way `words` may be said: symbols, distinct, American as read in context first.

    Dictionary alternatives ("either", "read"), what `other_readings` knows and the British reading
    are included.
    """
    return tuple(dict.fromkeys(map(_joined, _readings_by_word(words))))


@cache
def _casual_readings(words: tuple[str, ...]) -> tuple[Sounds, ...]:
    """The readings as people say them in a hurry: "smar' mirror", the t before a consonant gone."""
    found = []
    for parts in _readings_by_word(words):
        said = [
            part[:-1]
            if len(part) > 2 and part[-1] in _SWALLOWED and following[0] in CONSONANTS
            else part
            for part, following in pairwise(parts)
        ]
        found.append(_joined((*said, parts[-1])))
    return tuple(dict.fromkeys((*phrase_readings(words), *found)))


@cache
def phrase_sounds(words: tuple[str, ...]) -> tuple[str, ...]:
    """Every string of symbols in which a listener hears the phrase, r-less, hesitations included.

    A text has the phrase when one of them is a part of `without_final_r(split_phonemes(text))`.
    """
    found: dict[str, None] = {}
    for parts in _readings_by_word(words):
        spoken = [_joined(parts)]
        for gap in range(1, len(parts)):
            first, last = _joined(parts[:gap]), _joined(parts[gap:])
            # "car um park": some say the r of "car" before the vowel, others do not.
            for before, filler in product((first, without_final_r(first)), _FILLER_SOUNDS):
                spoken.append((*before, *filler, *last))
        found |= dict.fromkeys("".join(without_final_r(sounds)) for sounds in spoken)
    return tuple(found)


def contains_phrase(phonemes_of_text: str, phrase: Phrase) -> bool:
    """Whether the phrase, in some accent, is heard in a text with these phonemes.

    Stress, length and the borders between words are ignored, so homophones are found too; so is
    the phrase of a speaker who says "um" or "uh" in one of its gaps.
    """
    heard = "".join(without_final_r(split_phonemes(phonemes_of_text)))
    return any(sounds in heard for sounds in phrase_sounds(phrase.words))


def distance_to_phrase(phonemes: str, phrase: Phrase) -> float:
    """Weighted edit distance from a reading to the nearest reading of `phrase`, any accent.

    What is swallowed in fast speech (the first t of "smart mirror") makes no distance.
    """
    symbols = split_phonemes(phonemes)
    plain = without_final_r(symbols)
    return min(
        min(phoneme_distance(symbols, r), phoneme_distance(plain, without_final_r(r)))
        for r in _casual_readings(phrase.words)
    )


@cache
def distance_to_filler(sounds: Sounds) -> float:
    """Weighted edit distance from a word's symbols to the nearest sound of hesitation."""
    return min(phoneme_distance(sounds, filler) for filler in _FILLER_SOUNDS)
