"""A phrase as somebody typed it in, its words as they are spoken out; or a reason why not."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 100

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
# Marks that say how to read a phrase and add nothing to it.
_PUNCTUATION = frozenset(".,!?;:-–—…()\"“”„«»/'")
_READ_OUT = {"&": " and ", "%": " percent ", "+": " plus ", "@": " at "}
# Latin letters that Unicode does not take apart into a letter and an accent.
_PLAIN_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_PIECES = re.compile(r"[a-z]+(?:'[a-z]+)*|\d+(?:st|nd|rd|th)\b|\d+\.\d+|\d+")
_LONGEST_NUMBER_DIGITS = 6


class PhraseError(ValueError):
    """The phrase cannot become a detector; the message says why and what to do."""


def normalise_text(text: str) -> str:
    """`text` in lower case, words and apostrophes only, single spaces."""
    return " ".join(_WORD.findall(text.translate(_APOSTROPHES).lower()))


def word_places(text: str) -> list[tuple[int, int]]:
    """Where each word of `normalise_text(text).split()` starts and ends in `text`."""
    return [found.span() for found in _WORD.finditer(text.translate(_APOSTROPHES).lower())]


def _refuse_character(character: str) -> None:
    """Raise if `character` has no place in a phrase."""
    category = unicodedata.category(character)
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    if character.isspace() or character in _PUNCTUATION or character in _READ_OUT:
        return
    if category in {"Cc", "Cf", "Co", "Cs", "Cn"}:
        raise PhraseError(
            f"The phrase contains an invisible or control character (U+{ord(character):04X}); "
            "type it again by hand."
        )
    if category.startswith("L") and not name.startswith("latin"):
        raise PhraseError(
            f"{character!r} is a letter of another script ({name}); only English in Latin letters "
            "is supported."
        )
    if category.startswith(("L", "M")) or character in "0123456789":
        return
    raise PhraseError(
        f"{character!r} ({name}) cannot be read out; write the phrase in words, "
        "without symbols, markup or emoji."
    )


def _year_or_count(digits: str) -> str:
    """A run of digits in words: years in pairs, long runs and leading zeros digit by digit."""
    from hibari.g2p.numbers import cardinal  # noqa: PLC0415 - loads the reader's package

    if len(digits) > _LONGEST_NUMBER_DIGITS or (len(digits) > 1 and digits[0] == "0"):
        return " ".join("oh" if d == "0" else cardinal(int(d)) for d in digits)
    number = int(digits)
    century, rest = divmod(number, 100)
    if 11 <= century <= 20 and len(digits) == 4 and century % 10:
        if rest == 0:
            return f"{cardinal(century)} hundred"
        return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"
    return str(cardinal(number))


def digits_to_words(piece: str) -> str:
    """How a number, an ordinal ("2nd") or a decimal is said: "66" → "sixty six"."""
    from hibari.g2p.numbers import cardinal, ordinal  # noqa: PLC0415 - loads the reader's package

    if not piece[-1].isdigit():
        said = str(ordinal(int(re.sub(r"\D", "", piece))))
    elif "." in piece:
        whole, decimals = piece.split(".")
        said = f"{_year_or_count(whole)} point {' '.join(cardinal(int(d)) for d in decimals)}"
    else:
        said = _year_or_count(piece)
    return normalise_text(said.replace("-", " "))


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_PLAIN_LETTERS))
    return "".join(c for c in apart if not unicodedata.combining(c))


def spoken_words(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of `text`, lower case and spelled out, and notes on what was read differently.

    Raises:
        PhraseError: there is nothing to say, or something that cannot be said.
    """
    written = text.strip().translate(_APOSTROPHES)
    if not written:
        raise PhraseError("The phrase is empty; type the words that should wake the device.")
    if len(written) > MAX_CHARACTERS:
        raise PhraseError(
            f"The phrase has {len(written)} characters; at most {MAX_CHARACTERS} can be used. "
            "Two to four words work best."
        )
    for character in written:
        _refuse_character(character)
    for symbol, word in _READ_OUT.items():
        written = written.replace(symbol, word)
    plain = _without_accents(written.lower())
    pieces = _PIECES.findall(re.sub(r"(?<=\d),(?=\d{3})", "", plain))
    if not pieces:
        raise PhraseError(
            "The phrase has only punctuation; type the words that should wake the device."
        )
    words: list[str] = []
    notes: list[str] = []
    if plain != written.lower():
        notes.append(f'Accents are dropped: "{normalise_text(plain)}".')
    for piece in pieces:
        if not piece[0].isdigit():
            words.append(piece)
            continue
        said = digits_to_words(piece)
        words.extend(said.split())
        notes.append(f'"{piece}" is spoken as "{said}"; write it in words if you say it otherwise.')
    return tuple(words), tuple(notes)
