"""A phrase in, texts with its words but without the phrase out.

Words are pushed into its gaps, its order is changed, half of it is followed by something else, a
part of it stands in a sentence: what a detector that has learnt single words would fall for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import split_phonemes
from trainer.hearing import contains_phrase, distance_to_filler, distance_to_phrase
from trainer.positives import KINDS_AROUND, frame
from trainer.sentences import as_sentence, written_lines
from trainer.wording import normalise_text

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping

    from trainer.phrase_check import Phrase

_DATA = Path(__file__).parent / "data"
_INSERTED_WORD = 1e-5  # about 3,700 words
_SHORTEST_INSERTION_PHONEMES = 2
_FROM_FILLERS = 0.7  # "smart um mirror" is the phrase, and "arm" and "her" sound too much like "um"
_LARGEST_REORDER_WORDS = 5
_LEAST_STAND_INS = 2
"""Words on either side of a single word. Where fewer share half of its sounds, as of "jarvis",
those that share fewer sounds stand in."""
_NEAREST = 0.8
_ARTICLES = frozenset(("the", "a", "an", "my", "your"))
_TURN = (
    "insert", "woken", "half", "insert", "carrier", "reorder", "half", "woken", "insert", "apart",
    "carrier",
)  # fmt: skip


@dataclass(frozen=True)
class InBetween:
    """A text with words of the phrase in it."""

    text: str
    phonemes: str
    kind: str
    """insert: other words in a gap. reorder: another order. half: a part, then something else.
    carrier: a part in a sentence. woken: a part where the whole would be. apart: both parts, with
    much between."""


def _lines(name: str) -> tuple[str, ...]:
    return written_lines(_DATA / name)


@cache
def _insertions() -> tuple[list[str], list[float]]:
    """Words to push into a gap, and how readily each is drawn: common ones more often."""
    table = pronunciation.common_words(_INSERTED_WORD)
    words = sorted(
        word
        for word, symbols in table.items()
        if len(symbols) >= _SHORTEST_INSERTION_PHONEMES
        and distance_to_filler(symbols) > _FROM_FILLERS
    )
    return words, [pronunciation.word_probability(word) ** 0.5 for word in words]


def _stand_ins(phrase: Phrase) -> tuple[list[str], list[str]]:
    """First parts and last parts of the phrase; of a single word, words that begin or end alike."""
    words = phrase.words
    if len(words) > 1:
        return (
            [" ".join(words[:k]) for k in range(1, len(words))],
            [" ".join(words[k:]) for k in range(1, len(words))],
        )
    symbols = split_phonemes(phrase.phonemes[0])
    table = pronunciation.common_words(_INSERTED_WORD)
    alike = {word: other for word, other in table.items() if other != symbols}
    return (
        _sharing(alike, lambda other, many: other[:many] == symbols[:many], len(symbols)),
        _sharing(alike, lambda other, many: other[-many:] == symbols[-many:], len(symbols)),
    )


def _sharing(
    words: Mapping[str, tuple[str, ...]],
    shares: Callable[[tuple[str, ...], int], bool],
    length: int,
) -> list[str]:
    """Words that share half of a word's sounds; less, where hardly any does."""
    found: list[str] = []
    for many in range(max(2, length // 2), 0, -1):
        found = sorted(word for word, other in words.items() if shares(other, many))
        if len(found) >= _LEAST_STAND_INS:
            break
    return found


def _inserted(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    while len(phrase.words) > 1:
        gap = rng.randrange(1, len(phrase.words))
        inside = rng.choices(*_insertions(), k=rng.choice((1, 1, 2)))
        yield " ".join((*phrase.words[:gap], *inside, *phrase.words[gap:]))


def _reordered(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    words = phrase.words
    orders = []
    if 1 < len(words) <= _LARGEST_REORDER_WORDS:
        orders = [" ".join(order) for order in permutations(words) if order != words]
        orders += [f"{word} {word}" for word in words]
        orders += [f"{b} {a} {b}" for a, b in pairwise(words)]
    rng.shuffle(orders)
    yield from orders


def _opened(opening: str, last: str) -> str:
    """An opening and the last part of the phrase, with one article between them."""
    if last.split(maxsplit=1)[0] in _ARTICLES and opening.rsplit(maxsplit=1)[-1] in _ARTICLES:
        opening = " ".join(opening.split()[:-1])
    return f"{opening} {last}".strip()


def _halves(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    first, last = _stand_ins(phrase)
    while first or last:
        if first and (not last or rng.random() < 0.6):
            yield f"{rng.choice(first)} {rng.choice(_lines('continuations.txt'))}"
        else:
            yield _opened(rng.choice(_lines("openings.txt")), rng.choice(last))


def _carried(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    first, last = _stand_ins(phrase)
    parts = list(dict.fromkeys((*first, *last)))
    if len(phrase.words) > 2:
        parts += [w for w in phrase.words[1:-1] if w not in parts]
    while parts:
        carrier = rng.choice(_lines("carriers.txt"))
        yield as_sentence(carrier.replace("{words}", rng.choice(parts)))


def _woken(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    """A part of the phrase where the whole would be: "Hey mirror, turn on the lamp"."""
    first, last = _stand_ins(phrase)
    parts = list(dict.fromkeys((*first, *last)))
    while parts:
        before, after = frame(rng.choice(KINDS_AROUND), rng)
        yield as_sentence(f"{before}{rng.choice(parts)}{after}")


def _apart(phrase: Phrase, rng: random.Random) -> Iterator[str]:
    """Both halves in one utterance, with a good deal between them."""
    while len(phrase.words) > 1:
        gap = rng.randrange(1, len(phrase.words))
        first, last = " ".join(phrase.words[:gap]), " ".join(phrase.words[gap:])
        between = rng.choice(_lines("continuations.txt"))
        yield f"{first} {between}, {_opened(rng.choice(_lines('openings.txt')), last)}"


def in_between_texts(phrase: Phrase, rng: random.Random) -> Iterator[InBetween]:
    """Distinct texts with words of `phrase` in them, kinds mixed; never the phrase."""
    streams = {
        "insert": _inserted(phrase, rng),
        "reorder": _reordered(phrase, rng),
        "half": _halves(phrase, rng),
        "carrier": _carried(phrase, rng),
        "woken": _woken(phrase, rng),
        "apart": _apart(phrase, rng),
    }
    american = pronunciation.pronouncer()
    british = pronunciation.pronouncer(british=True)
    seen = set()

    def accept(text: str, kind: str) -> InBetween | None:
        plain = normalise_text(text)
        heard = (american.phonemes(text), british.phonemes(text))
        if plain in seen or pronunciation.is_offensive(plain):
            return None
        if any(contains_phrase(p, phrase) or distance_to_phrase(p, phrase) < _NEAREST
               for p in heard):  # fmt: skip
            return None
        seen.add(plain)
        return InBetween(text, heard[0], kind)

    while streams:
        for kind in _TURN:
            if kind not in streams:
                continue
            for text in _first_few(streams[kind]):
                found = accept(text, kind)
                if found is not None:
                    yield found
                    break
            else:
                del streams[kind]


def _first_few(texts: Iterator[str], tries: int = 200) -> Iterator[str]:
    """At most `tries` texts: a kind that repeats itself that often has run out."""
    for _ in range(tries):
        text = next(texts, None)
        if text is None:
            return
        yield text
