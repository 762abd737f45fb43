"""A phrase in, the texts of each training bucket out: what is spoken to make the clips.

All that others need is named here; how a phrase is checked is in `phrase_check`, how each bucket
is filled in `confusers`, `in_between` and `sentences`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import split_phonemes
from trainer.confusers import confusers
from trainer.hearing import contains_phrase, distance_to_phrase, phrase_sounds
from trainer.in_between import in_between_texts
from trainer.phrase_check import Phrase, parse_phrase
from trainer.positives import positives
from trainer.sentences import sentences
from trainer.wording import PhraseError, normalise_text, word_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Sentences that are drawn in vain (repeated, or with the phrase in them) before a bucket is full.
_PATIENCE = 2_000


class Bucket(StrEnum):
    """What a text is for in training."""

    POSITIVE = "positive"
    """The phrase itself."""
    CONFUSER = "confuser"
    """What sounds like the phrase, or is a part of it."""
    IN_BETWEEN = "in_between"
    """The phrase's words, in other company."""
    PLAIN = "plain"
    """Ordinary sentences and commands."""


@dataclass(frozen=True)
class PhraseText:
    """One text to be spoken."""

    text: str
    """As handed to the engine."""
    bucket: Bucket
    phonemes: str
    """The American reading, with the text's punctuation; for made-up words, the only reading."""
    spoken_as_phonemes: bool = False
    """Whether the engine must be given the phonemes: the text has made-up words."""
    kind: str = ""
    """How the text was made, as the report names it: "alone", "carrier_end", "hesitant" …"""
    words: tuple[int, int] | None = None
    """Of a positive, where the phrase is: the first of its words and the one after its last,
    counted in `normalise_text(text).split()`; an "um" in between is counted. None in negatives."""

    def word_phonemes(self) -> tuple[str, ...]:
        """The phonemes of each word; in a positive one for each of `normalise_text(text)`."""
        return tuple(group for group in self.phonemes.split() if split_phonemes(group))

    @property
    def stands_alone(self) -> bool:
        """Whether the whole of a positive is the phrase, so that its clip needs no search."""
        return self.words == (0, len(normalise_text(self.text).split()))


def _positives(phrase: Phrase, rng: random.Random) -> Iterator[PhraseText]:
    for found in positives(phrase, rng):
        yield PhraseText(
            found.text, Bucket.POSITIVE, found.phonemes, kind=found.kind, words=found.words
        )


def _confusers(phrase: Phrase, rng: random.Random) -> Iterator[PhraseText]:
    for found in confusers(phrase, rng):
        yield PhraseText(found.text, Bucket.CONFUSER, found.phonemes, found.made_up, found.kind)


def _in_between(phrase: Phrase, rng: random.Random) -> Iterator[PhraseText]:
    for found in in_between_texts(phrase, rng):
        yield PhraseText(found.text, Bucket.IN_BETWEEN, found.phonemes, kind=found.kind)


def _plain(phrase: Phrase, rng: random.Random) -> Iterator[PhraseText]:
    reader = pronunciation.pronouncer()
    british = pronunciation.pronouncer(british=True)
    seen: set[str] = set()
    in_vain = 0
    for text, kind in sentences(rng):
        plain = normalise_text(text)
        in_vain += 1
        if plain not in seen:
            seen.add(plain)
            phonemes = reader.phonemes(text)
            if not any(contains_phrase(p, phrase) for p in (phonemes, british.phonemes(text))):
                in_vain = 0
                yield PhraseText(text, Bucket.PLAIN, phonemes, kind=kind)
        if in_vain > _PATIENCE:
            return


_MAKERS: dict[Bucket, Callable[[Phrase, random.Random], Iterator[PhraseText]]] = {
    Bucket.POSITIVE: _positives,
    Bucket.CONFUSER: _confusers,
    Bucket.IN_BETWEEN: _in_between,
    Bucket.PLAIN: _plain,
}


def bucket_texts(phrase: Phrase, bucket: Bucket, count: int, seed: int) -> list[PhraseText]:
    """Up to `count` texts of a bucket, distinct as normalised but for the positives.

    The same arguments give the same texts in every process, and a smaller `count` the first of
    them. Plain texts are the same for every phrase that they do not contain, so that their clips
    serve the next phrase too. Fewer come back when there are no more, as with positives.

    Raises:
        ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"count must be 0 or more, not {count}")
    about = "" if bucket is Bucket.PLAIN else phrase.text
    rng = random.Random(f"{seed}/{bucket}/{about}")
    return list(islice(_MAKERS[bucket](phrase, rng), count))


def _marked(text: PhraseText) -> str:
    """The text, with brackets around the phrase where something else is said too."""
    if text.words is None or text.stands_alone:
        return text.text
    places = word_places(text.text)
    first, last = places[text.words[0]][0], places[text.words[1] - 1][1]
    return f"{text.text[:first]}[{text.text[first:last]}]{text.text[last:]}"


def _report_lines(texts: list[PhraseText], phrase: Phrase) -> Iterator[str]:
    """Texts by kind, in the order in which kinds are drawn; confusers with their distance."""
    kinds = dict.fromkeys(text.kind for text in texts)
    width = max((len(kind) for kind in kinds), default=0)
    for kind in kinds:
        label = kind.replace("_", " ")
        lines = []
        for text in texts:
            if text.kind != kind:
                continue
            said = f"  /{text.phonemes}/" if text.spoken_as_phonemes else ""
            far = distance_to_phrase(text.phonemes, phrase)
            number = f"{far:4.2f}  " if text.bucket is Bucket.CONFUSER else ""
            lines.append((far if number else 0.0, f"{number}{_marked(text)}{said}"))
        for _, line in sorted(lines, key=lambda pair: pair[0]):
            yield f"  {label:<{width}}  {line}"
            label = ""


def bucket_report(phrase: Phrase, count: int, seed: int) -> str:
    """The phrase, its warnings and `count` texts of each bucket, in lines for people to read."""
    spoken = f"/{' '.join(phrase.phonemes)}/"
    lines = [
        f'"{phrase.text}"  {spoken}  {phrase.syllables} syllables, {phrase.seconds:.1f} s',
        *(f"warning: {warning}" for warning in phrase.warnings),
    ]
    for bucket in Bucket:
        texts = bucket_texts(phrase, bucket, count, seed)
        lines += ["", f"{bucket.replace('_', '-')} ({len(texts)})", *_report_lines(texts, phrase)]
    return "\n".join(lines)


__all__ = [
    "Bucket", "Phrase", "PhraseError", "PhraseText", "bucket_report", "bucket_texts",
    "contains_phrase", "normalise_text", "parse_phrase", "phrase_sounds",
]  # fmt: skip
