"""English text in, phonemes out; and the words that exist, how they sound and how common they are.

Readings come from hibari's G2P (Kokoro's phoneme inventory, American or British), word frequencies
from the trigram language model that PocketSphinx bundles. Both are loaded once, when first asked.
"""

from __future__ import annotations

import gzip
import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from trainer.articulation import split_phonemes


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

    def has_word(self, word: str) -> bool:
        """Whether a dictionary lists `word`, or its reading would be a guess."""
        return bool(self._g2p.lexicon.is_known(word, "NN")) or word in _cmu_words()


@cache
def pronouncer(*, british: bool = False) -> Pronouncer:
    """The process's one pronouncer of an accent, American unless asked."""
    return Pronouncer(british=british)


def phonemes(text: str, *, british: bool = False) -> str:
    """The phonemes of `text`, words separated by spaces, punctuation kept."""
    return pronouncer(british=british).phonemes(text)


@cache
def _cmu_words() -> frozenset[str]:
    from pocketsphinx import get_model_path  # noqa: PLC0415 - loads a native library

    lines = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines()
    return frozenset(line.split(" ", 1)[0].split("(", 1)[0] for line in lines)


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


@cache
def common_words(at_least: float) -> dict[str, tuple[str, ...]]:
    """Dictionary words as likely as `at_least` → the symbols of their usual reading."""
    table: dict[str, tuple[str, ...]] = {}
    for word, (usual, *_) in readings().items():
        if len(word) > 1 and word.isalpha() and word.isascii() and word == word.lower():
            symbols = split_phonemes(usual)
            if symbols and word_probability(word) >= at_least:
                table[word] = symbols
    return table
