"""WordNet's data files in, `data/examples.txt` out: sentences that people wrote, fit to be spoken.

Run once, by hand, when the list is to be made anew:

    python -m trainer.example_sentences FOLDER_WITH_data.verb

The examples are WordNet's (Princeton University); its licence lies beside the list.
"""

from __future__ import annotations

import re
import sys
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import pronunciation

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parent / "data" / "examples.txt"
_HEAD = (
    "# Sentences from the examples of WordNet 3.1, Copyright 2011 by Princeton University, chosen",
    "# by `python -m trainer.example_sentences`. Licence: WORDNET-LICENSE.txt, beside this.",
)


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_MIN_WORDS, _MAX_WORDS = 4, 12
_SPOKEN_WORD = 1e-6
_PARTS_OF_SPEECH = ("verb", "adj", "adv", "noun")
_QUOTED = re.compile(r'"([^"]+)"(\s*-)?')  # with "- Somebody" behind, it is a quotation
_FIT = re.compile(r"^[A-Za-z][A-Za-z' ,;]*[a-z][.?!]?$")
# Examples of nouns and adjectives are mostly phrases: in a sentence somebody does something.
_DOERS = _words(
    "i you he she we they everybody somebody someone everyone nobody who don't please let's never"
)
_STARTS = _words(
    "it this that these those there the a an my your his her our their what where when why how "
    "do does did is are was were can could would will shall have has"
)
_ASKING = _words("do does did is are was were can could would will shall have has")
_FINITE = _words(
    "is are was were am has had do does did will would can could should must may "
    "might shall isn't aren't wasn't don't doesn't didn't won't can't couldn't wouldn't"
)
_ASKED = _words("i you he she it we they this that the your his her their there")
_RELATIVE = _words("that who whom whose which")
# What nobody should meet in a list of texts or hear from a loudspeaker.
_GRIM = re.compile(
    r"kill|murder|rape|suicid|corpse|dead\b|death|\bdie\b|died|dying|blood|stab|shot\b|gun\b|bomb|"
    r"terror|tortur|hang(ed|ing)\b|execut|negro|black|white|jew|muslim|christ|god\b|nazi|communis|"
    r"gay\b|homosex|lesbian|sex|naked|nude|breast|drunk|drug|cocaine|heroin|whore|prostitut|slave|"
    r"cancer|tumou?r|disease|vomit|urin|excre|bowel|genit|abort|pregnan|fuck|shit|hell\b|damn|"
    r"savage|primitive|retard|idiot|stupid|fat\b|ugly|crippl|lynch|hitler|enemy|war\b|soldier|"
    r"troops|prison|victim|crime|criminal|beat(en)? (him|her|his)|hit (him|her)|slap|whip|seduc|"
    r"lust|mistress|virgin|bastard|devil|satan|curse|iraq|israel|palestin|president|congress|"
    r"\bacid\b|good head|a strip|evil|divorc|mugged|martini|god|hard on|bust\b|starv|drown|arrest|"
    r"custody|guilty"
)


def _quoted(folder: Path) -> Iterator[str]:
    for part in _PARTS_OF_SPEECH:
        for line in (folder / f"data.{part}").read_text("utf-8").splitlines():
            if not line.startswith("  "):
                gloss = line.partition(" | ")[2]
                yield from (text for text, by in _QUOTED.findall(gloss) if not by)


def _is_sentence(words: list[str]) -> bool:
    if words[0] in _DOERS:
        return True
    if words[0] in _ASKING and words[1] not in _ASKED:
        return False  # "did a clumsy job"
    clause = list(takewhile(lambda word: word not in _RELATIVE, words[1:]))
    return words[0] in _STARTS and bool(_FINITE & {words[0], *clause}) and clause[:1] != ["to"]


def _is_spoken(words: list[str]) -> bool:
    return all(pronunciation.word_probability(word) >= _SPOKEN_WORD for word in words)


def examples(folder: Path) -> list[str]:
    """Every fit example of WordNet, sorted, with a capital and its punctuation."""
    found = set()
    for quoted in _quoted(folder):
        text = " ".join(quoted.split()).strip(" ;,").replace(";", ",")
        words = re.findall(r"[a-z']+", text.lower())
        if not (_FIT.match(text) and _MIN_WORDS <= len(words) <= _MAX_WORDS):
            continue
        if _GRIM.search(text.lower()) or pronunciation.is_offensive(text.lower()):
            continue
        if _is_sentence(words) and _is_spoken(words):
            text = text[0].upper() + text[1:]
            found.add(text if text[-1] in ".?!" else f"{text}.")
    return sorted(found)


def main(arguments: list[str]) -> int:
    """Write the list anew."""
    if len(arguments) != 1 or not (folder := Path(arguments[0])).joinpath("data.verb").is_file():
        sys.stderr.write("usage: python -m trainer.example_sentences FOLDER_WITH_data.verb\n")
        return 2
    found = examples(folder)
    aside = EXAMPLES.with_suffix(".new")
    aside.write_text("\n".join((*_HEAD, *found)) + "\n", encoding="utf-8")
    aside.replace(EXAMPLES)
    sys.stdout.write(f"{len(found)} sentences\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
