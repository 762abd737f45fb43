"""English text in, phonemes out; and the words that exist, how they sound and how common they are.

Readings come from hibari's G2P (Kokoro's phoneme inventory, American or British), word frequencies
from the trigram language model that PocketSphinx bundles. Both are loaded once, when first asked.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.articulation import VOWELS, split_phonemes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Little words as they sound in running speech, where a dictionary has them by themselves.
WEAK_FORMS = {
    "to": ("tə", "tʊ"), "the": ("ðə", "ði"), "a": ("ə",), "an": ("ən",), "and": ("ənd", "ən"),
    "of": ("əv", "ə"), "for": ("fəɹ",), "at": ("ət",), "your": ("jəɹ",), "you": ("jə",),
    "can": ("kən",), "from": ("fɹəm",), "as": ("əz",), "than": ("ðən",), "that": ("ðət",),
    "or": ("əɹ",), "are": ("əɹ",), "was": ("wəz",), "them": ("ðəm",), "must": ("məst",),
}  # fmt: skip


class Pronouncer:
    """Reads English text as phonemes, in one accent."""

    def __init__(self, *, british: bool = False) -> None:
        """Load the dictionaries (about a second); prefer `pronouncer()`, which keeps them."""
        from hibari.g2p import G2P  # noqa: PLC0415 - loads onnxruntime

        self.british = british
        self._g2p = G2P(british=british)

    @lru_cache(maxsize=100_000)  # noqa: B019 - pronouncers live as long as the process
    def phonemes(self, text: str) -> str:
        """The phonemes of `text`, words separated by spaces, punctuation kept."""
        return str(self._g2p(text))

    def words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """The phonemes of each word as it sounds among the others ("the" before a vowel)."""
        groups = self.phonemes(" ".join(words)).split()
        if len(groups) == len(words):
            return tuple(groups)
        # The reader took words together (abbreviations, dates): read them one at a time.
        return tuple(self.phonemes(word) for word in words)

    def is_spelled_out(self, word: str) -> bool:
        """Whether `word` is read as the names of its letters, as initials are."""
        letters = self._g2p.lexicon.get_NNP(word)[0]
        return letters is not None and split_phonemes(letters) == split_phonemes(
            self.phonemes(word)
        )

    def has_word(self, word: str) -> bool:
        """Whether any dictionary lists `word`."""
        return not self.guesses(word) or word in cmu_readings()

    def guesses(self, word: str) -> bool:
        """Whether the reading of `word` is a guess: the CMU dictionary may know better."""
        return not self._g2p.lexicon.is_known(word, "NN")


@cache
def pronouncer(*, british: bool = False) -> Pronouncer:
    """The process's one pronouncer of an accent, American unless asked."""
    return Pronouncer(british=british)


def phonemes(text: str, *, british: bool = False) -> str:
    """The phonemes of `text`, words separated by spaces, punctuation kept."""
    return pronouncer(british=british).phonemes(text)


@cache
def cmu_readings() -> Mapping[str, tuple[str, ...]]:
    """The CMU dictionary: word in lower case → its readings in ARPAbet without stress."""
    from pocketsphinx import get_model_path  # noqa: PLC0415 - loads a native library

    found: dict[str, tuple[str, ...]] = {}
    for line in Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines():
        entry, _, arpabet = line.partition(" ")
        word = entry.partition("(")[0]  # "data(2)"
        found[word] = (*found.get(word, ()), arpabet)
    return found


@cache
def readings(*, british: bool = False) -> dict[str, tuple[str, ...]]:
    """The checked dictionary: word as written → its distinct readings, the usual one first."""
    import hibari.g2p  # noqa: PLC0415 - loads onnxruntime

    name = "lexicon_gb_gold.json.gz" if british else "lexicon_us_gold.json.gz"
    with gzip.open(Path(hibari.g2p.ASSETS) / name, "rt", encoding="utf-8") as file:
        entries: dict[str, Any] = json.load(file)
    table: dict[str, tuple[str, ...]] = {}
    for word, entry in entries.items():
        if isinstance(entry, str):
            table[word] = (entry,)
        else:
            ordered = [entry.get("DEFAULT"), *entry.values()]
            table[word] = tuple(dict.fromkeys(r for r in ordered if r))
    return table


@cache
def _language_model() -> tuple[Any, Any]:
    from pocketsphinx import Config, LogMath, NGramModel, get_model_path  # noqa: PLC0415

    logs = LogMath()
    return NGramModel(Config(), logs, get_model_path("en-us/en-us.lm.bin")), logs


@lru_cache(maxsize=200_000)
def word_probability(word: str) -> float:
    """How likely any one spoken word is to be `word` (lower case); 0 where the model lacks it."""
    model, logs = _language_model()
    return float(logs.exp(model.prob([word])))


def sequence_probability(words: Sequence[str]) -> float:
    """How likely, at any one place of spoken English, these words (lower case) follow."""
    model, logs = _language_model()
    total = 1.0
    for i, word in enumerate(words):
        history = [words[j] for j in range(i - 1, max(-1, i - 3), -1)]
        total *= float(logs.exp(model.prob([word, *history])))
    return total


_RESPELLINGS = {
    "əɹ": "er", "ɜɹ": "ur", "ɑɹ": "ar", "ɔɹ": "or", "ɪɹ": "eer", "ɛɹ": "air",
    "i": "ee", "ɪ": "i", "ɛ": "e", "æ": "a", "ɑ": "ah", "ɔ": "aw", "ʊ": "uu", "u": "oo",
    "ʌ": "u", "ɜ": "ur", "ə": "uh", "A": "ay", "I": "igh", "O": "oh", "Y": "oy", "W": "ow",
    "ʧ": "ch", "ʤ": "j", "θ": "th", "ð": "dh", "ʃ": "sh", "ʒ": "zh", "ŋ": "ng", "j": "y",
    "ɡ": "g", "ɹ": "r",
}  # fmt: skip


def respell(phonemes: str, *, between: str = "-") -> str:
    """Phonemes in everyday letters, for somebody who reads no phonetic script ("smart mi-rer").

    Args:
        phonemes: one word or more, separated by spaces.
        between: what stands between syllables.
    """
    return " ".join(_respell_word(word, between) for word in phonemes.split())


def _respell_word(phonemes: str, between: str) -> str:
    symbols = split_phonemes(phonemes)
    syllables: list[str] = []
    onset = ""
    i = 0
    while i < len(symbols):
        coloured = "".join(symbols[i : i + 2])
        closed = i + 2 >= len(symbols) or symbols[i + 2] not in VOWELS
        sound = coloured if coloured in _RESPELLINGS and closed else symbols[i]
        onset += _RESPELLINGS.get(sound, sound)
        if symbols[i] in VOWELS:
            syllables.append(onset)
            onset = ""
        i += len(sound)
    return between.join(syllables) + onset


# Stems of words that nobody should meet in a list of texts or hear from a loudspeaker.
_OFFENSIVE = re.compile(
    r"fuck|dumbass|jackass|badass|shit|cunt|nigg|fag|whore|slut|\bcock|bitch|\bcum|rape|rapist|pussy|\bdick\b|dyke|"
    r"\btit|retard|bastard|\bass\b|asshole|\bcrap|\bpiss|\bsex|porn|penis|vagina|molest|"
    r"\bdamn|\bwank|\bturd|\bfart|\bslave|\bnazi|\bspic\b|\bchink|\bgook"
)


def is_offensive(text: str) -> bool:
    """Whether `text` (lower case) has a word that does not belong in a list people read."""
    return bool(_OFFENSIVE.search(text))


@cache
def common_words(at_least: float) -> dict[str, tuple[str, ...]]:
    """Dictionary words as likely as `at_least` → the symbols of their usual reading."""
    table: dict[str, tuple[str, ...]] = {}
    for written, (usual, *_) in sorted(readings().items(), key=lambda item: item[0].istitle()):
        word = written.lower()  # names too: "Travis" is what "jarvis" is mistaken for
        plain = len(word) > 1 and word.isalpha() and word.isascii() and not written.isupper()
        if plain and word not in table and word_probability(word) >= at_least:
            symbols = split_phonemes(usual)
            if symbols:
                table[word] = symbols
    return table
