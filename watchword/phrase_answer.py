"""A phrase in, what is known of it before anything is made out, as JSON values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TextIO


def phrase_answer(text: str, language: str) -> dict[str, Any]:
    """Return `ok` with what was found, or `ok` false with the reason why it cannot work."""
    from trainer.phrases import PhraseError, parse_phrase
    from trainer.strength import phrase_strength

    try:
        phrase = parse_phrase(text, language)
    except PhraseError as error:
        return {"ok": False, "reason": str(error)}
    return {
        "ok": True,
        "phrase": phrase.text,
        "phonemes": list(phrase.phonemes),
        "syllables": phrase.syllables,
        "seconds": phrase.seconds,
        "warnings": list(phrase.warnings),
        "strength": phrase_strength(phrase).to_dict(),
    }


def answer_lines(questions: TextIO, answers: TextIO, language: str) -> None:
    """Answer each line, a JSON string, with one line until the input ends.

    A page that asks while somebody types pays for the imports and the dictionary once.
    """
    for line in questions:
        print(json.dumps(phrase_answer(json.loads(line), language)), file=answers, flush=True)
