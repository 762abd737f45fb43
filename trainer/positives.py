"""A phrase in, the texts in which it is said out: alone, in calls, questions and sentences.

Each text says which of its words are the phrase, so that it can be found in the recording. A pause
or an "um" in a gap still is the phrase; another word there is not, and is left to `in_between`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import pronunciation
from trainer.articulation import split_phonemes
from trainer.hearing import FILLERS, contains_phrase, phrase_readings
from trainer.sentences import Grammar, grammar, read_grammar
from trainer.wording import normalise_text

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from trainer.phrase_check import Phrase

_WAKES = Path(__file__).parent / "data" / "wakes.txt"
_SLOTS = ("phrase", "broken", "first")
_ENDS = ("", ".", "!", "?", ",", "...", "?!")
_PAUSES = ("... ", ", ", " - ")
_FILLED = tuple(
    template.format(filler) for template in (", {}, ", "... {}... ") for filler in FILLERS
)
_FILLED_SHARE = 0.3
_CAPITAL_SHARE = 0.7
_TITLE_SHARE = 0.25
_MOST_WORDS_AROUND = 8  # about three seconds; longer ones cost time and teach no more
_GREETINGS = frozenset("hey hi hello okay ok oh yo yes no please psst good".split())  # noqa: SIM905
# One turn through the kinds, so that any first N are an assortment; most wakes are the phrase
# alone, or followed at once by what is wanted.
_TURN = (
    "alone", "call", "alone", "start", "alone", "hesitant", "question", "alone", "end", "alone",
    "middle", "start",
)  # fmt: skip
_TRIES = 300  # a kind that repeats itself so often has run out


@dataclass(frozen=True)
class Positive:
    """A text with the phrase in it, once."""

    text: str
    phonemes: str
    kind: str
    words: tuple[int, int]
    """First word of the phrase and the one after its last, counted in the normalised text."""


Parts = tuple[str, str, str]
"""What is before the phrase, the phrase as it is said, what is after it."""


KINDS_AROUND = ("call", "question", "start", "middle", "end")
"""Kinds in which something else is said too."""


@cache
def _wakes() -> Grammar:
    return read_grammar(_WAKES, lists=grammar().lists, given=_SLOTS)


def _title(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _alone(phrase: Phrase, rng: random.Random) -> Iterator[Parts]:
    """The phrase in every mixture of capitals and endings, the plainest first."""
    forms = dict.fromkeys((phrase.text, _capital(phrase.text), _title(phrase.text)))
    first, *others = [("", form, end) for end in _ENDS for form in forms]
    rng.shuffle(others)
    yield from (first, *others)


def _broken(phrase: Phrase, rng: random.Random) -> str:
    """The phrase with a pause or a filler in one of its gaps."""
    marks = _FILLED if rng.random() < _FILLED_SHARE else _PAUSES
    gap = rng.randrange(1, len(phrase.words))
    return " ".join(phrase.words[:gap]) + rng.choice(marks) + " ".join(phrase.words[gap:])


def _paused(phrase: Phrase, rng: random.Random) -> Iterator[Parts]:
    """The phrase with a pause in each of its gaps in turn, before rarer hesitations."""
    gaps = list(range(1, len(phrase.words)))
    rng.shuffle(gaps)
    for gap in gaps:
        yield "", "... ".join((" ".join(phrase.words[:gap]), " ".join(phrase.words[gap:]))), ""


def frame(kind: str, rng: random.Random) -> tuple[str, str]:
    """What stands before and after the phrase in a text of a kind (a section of `wakes.txt`)."""
    templates = [t for t in _wakes().topics[kind] if "{phrase}" in t and "{first}" not in t]
    before, _, after = _wakes().fill(rng.choice(templates), rng).partition("{phrase}")
    return before.replace("?,", ","), after


def _around(kind: str, phrase: Phrase, rng: random.Random) -> Iterator[Parts]:
    """The phrase in the templates of a kind, without end."""
    one_word = len(phrase.words) == 1
    greets = phrase.words[0] in _GREETINGS
    templates = [
        template
        for template in _wakes().topics[kind]
        if not (one_word and ("{broken}" in template or "{first}" in template))
        # Nobody says "hi hey jarvis".
        and not (greets and _GREETINGS & set(normalise_text(template.partition("{")[0]).split()))
    ]
    while True:
        template = _wakes().fill(rng.choice(templates), rng).replace("?,", ",")
        slot = "{phrase}" if "{phrase}" in template else "{broken}"
        before, _, after = template.partition(slot)
        before = before.replace("{first}", phrase.words[0])
        spoken = phrase.text if slot == "{phrase}" else _broken(phrase, rng)
        if rng.random() < _TITLE_SHARE:
            spoken = _title(spoken)
        if rng.random() < _CAPITAL_SHARE:
            before, spoken = (_capital(before), spoken) if before else ("", _capital(spoken))
        if not after or after[-1].isalnum():
            after += rng.choice(("", ".", "!"))
        yield before, spoken, after


def _checked(parts: Parts, kind: str, phrase: Phrase) -> Positive | None:
    """The text, if it is read as it should be and has the phrase once."""
    text = "".join(parts)
    phonemes = pronunciation.phonemes(text)
    said = [group for group in phonemes.split() if split_phonemes(group)]
    start = len(normalise_text(parts[0]).split())
    inside = normalise_text(parts[1]).split()
    stop = start + len(inside)
    count = len(normalise_text(text).split())
    if len(said) != count or count - len(inside) > _MOST_WORDS_AROUND:
        return None
    spoken = [s for word, s in zip(inside, said[start:stop], strict=True) if word not in FILLERS]
    # Capitals and full stops can turn a word into a name or an abbreviation.
    if split_phonemes("".join(spoken)) not in phrase_readings(phrase.words):
        return None
    twice = ("".join(said[: stop - 1]), "".join(said[start + 1 :]))
    if any(contains_phrase(rest, phrase) for rest in twice):
        return None
    return Positive(text, phonemes, kind, (start, stop))


def positives(phrase: Phrase, rng: random.Random) -> Iterator[Positive]:
    """Distinct texts that have `phrase` once, kinds mixed; the first is the phrase as it stands."""
    streams: dict[str, Iterator[Parts]] = {
        "alone": _alone(phrase, rng),
        **{kind: _around(kind, phrase, rng) for kind in _wakes().topics},
    }
    streams["hesitant"] = chain(_paused(phrase, rng), streams["hesitant"])
    first = "".join(next(streams["alone"]))
    yield Positive(first, pronunciation.phonemes(first), "alone", (0, len(phrase.words)))
    seen = {first}

    def accept(parts: Parts, kind: str) -> Positive | None:
        text = "".join(parts)
        if text in seen:
            return None
        seen.add(text)
        return _checked(parts, kind, phrase)

    while streams:
        for kind in _TURN:
            if kind not in streams:
                continue
            few = islice(streams[kind], _TRIES)
            found = next(filter(None, (accept(parts, kind) for parts in few)), None)
            if found is None:
                del streams[kind]
            else:
                yield found
