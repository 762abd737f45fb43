"""Nothing in, the words of ordinary speech and how they sound out: a dictionary's and their forms.

Dictionaries list "light" and leave "lights" to a rule; here the rule is applied to common words,
which costs a look at their frequency instead of three seconds of reading them out.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import split_phonemes
from trainer.pronunciation import WEAK_FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    Sounds = tuple[str, ...]

_EVERYDAY = 1e-6
_OFTEN_INFLECTED = 1e-5  # about 4,000 words
_LETTERS = {"a": ("ə",), "i": ("I",)}  # words that the dictionary search leaves out
_HISSING = frozenset("szʃʒʧʤ")
_VOICELESS = frozenset("ptkfθsʃʧ")


def _forms(word: str, sounds: Sounds) -> Iterator[tuple[str, Sounds]]:
    """Inflect a word in every way its spelling may be; most of the results are no words."""
    last = sounds[-1]
    s = ("ɪ", "z") if last in _HISSING else ("s",) if last in _VOICELESS else ("z",)
    d = ("ɪ", "d") if last in "td" else ("t",) if last in _VOICELESS else ("d",)
    stem = word.removesuffix("e")
    for ending, added in (("es", s), ("ed", d), ("ing", ("ɪ", "ŋ"))):
        yield stem + ending, sounds + added
        yield word + word[-1] + ending, sounds + added
        if word.endswith("y"):
            yield word[:-1] + "i" + ending, sounds + added
    yield word + "s", sounds + s
    yield word + "'s", sounds + s


@cache
def everyday_words() -> dict[str, Sounds]:
    """Words that any million spoken ones have, as written → symbols as they are usually said.

    Little words sound as they do in running speech, contractions and inflections are there.
    """
    table = dict(pronunciation.common_words(_EVERYDAY))
    for word, sounds in pronunciation.common_words(_OFTEN_INFLECTED).items():
        for form, said in _forms(word, sounds):
            if form not in table and pronunciation.word_probability(form) >= _EVERYDAY:
                table[form] = said
    for written, (usual, *_) in pronunciation.readings().items():
        word = written.lower()
        if "'" in word and word not in table and pronunciation.word_probability(word) >= _EVERYDAY:
            table[word] = split_phonemes(usual)
    return (
        table | _LETTERS | {word: split_phonemes(weak) for word, (weak, *_) in WEAK_FORMS.items()}
    )
