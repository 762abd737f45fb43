"""A phrase as typed in, a phrase that a detector can be made for out; or a reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from trainer import pronunciation
from trainer.articulation import count_syllables, split_phonemes
from trainer.other_readings import other_readings
from trainer.wording import PhraseError, normalise_text, spoken_words

LANGUAGES = {"en": "English"}
MAX_SECONDS = 4.0
# Least squares over 17 phrases of 1–10 words spoken by hibari's voice, silence cut away:
# 0.064 s a phoneme + 0.17 s. People take a little longer.
_SECONDS_PER_PHONEME = 0.07
_SECONDS_AROUND = 0.17
_WORDS_PER_HOUR = 9_000  # conversation: 150 words a minute
_OFTEN_PER_HOUR = 0.2
_EVERYDAY_WORD = 1e-6
_RARE_WORD = 1e-5
_MAX_INITIALS = 3
_VOWEL_LETTERS = frozenset("aeiouy")

# Frequent words of other languages that are not English words of the same spelling.
_FOREIGN = {
    "German": "guten morgen tag abend danke bitte ich und ist nicht das der wie geht dir mein "
    "meine hallo spiegel schalte licht auf wiedersehen",
    "French": "bonjour bonsoir merci je suis est les des une mon vous nous oui salut allume "
    "lumiere maison miroir avec dis",
    "Spanish": "hola buenos buenas dias noches gracias por favor el los las mi una que como esta "
    "enciende luz casa espejo oye",
    "Italian": "ciao buongiorno buonasera grazie il gli che sono mio mia una accendi luce casa "
    "specchio ehi",
    "Portuguese": "ola bom boa dia noite obrigado obrigada meu minha voce uma luz casa espelho",
    "Dutch": "goedemorgen goedenavond dank je het een mijn jij hoi licht aan spiegel niet",
}
_FOREIGN_WORDS = {language: frozenset(words.split()) for language, words in _FOREIGN.items()}


@dataclass(frozen=True)
class Phrase:
    """A phrase that a detector can be made for."""

    text: str
    """The words as they are spoken, lower case, digits written out, single spaces."""
    language: str
    words: tuple[str, ...]
    phonemes: tuple[str, ...]
    """The American reading of each word, as it sounds within the phrase."""
    syllables: int
    seconds: float
    """How long it takes to say, estimated."""
    warnings: tuple[str, ...]
    """What will be harder than usual with this phrase, and what to do, in sentences."""


def _refuse_words(words: tuple[str, ...]) -> None:
    """Raise when words are no English or cannot be pronounced."""
    reader = pronunciation.pronouncer()
    unknown = [word for word in words if not reader.has_word(word)]
    for language, markers in _FOREIGN_WORDS.items():
        found = [
            word
            for word in words
            if word in markers and pronunciation.word_probability(word) < _RARE_WORD
        ]
        if len(found) >= 2 and 2 * len(found) >= len(words):
            raise PhraseError(
                f'"{" ".join(found)}" looks like {language}; only English is supported.'
            )
    for word in unknown:
        initials = reader.is_spelled_out(word)
        if (initials and len(word) > _MAX_INITIALS) or not (initials or _VOWEL_LETTERS & set(word)):
            raise PhraseError(
                f'"{word}" cannot be pronounced as a word. Write it as it sounds, or its letters '
                f'apart: "{" ".join(word)}".'
            )


def _guess_warnings(words: tuple[str, ...]) -> list[str]:
    reader = pronunciation.pronouncer()
    warnings = []
    for word in dict.fromkeys(words):
        if len(word) > 1 and reader.is_spelled_out(word):
            warnings.append(f'"{word}" is read letter by letter: "{" ".join(word.upper())}".')
        elif not reader.has_word(word):
            warnings.append(
                f'"{word}" is in no dictionary; it is read /{reader.phonemes(word)}/, as in '
                f"{pronunciation.respell(reader.phonemes(word))}. If that is wrong, write it as "
                "it sounds."
            )
        elif pronunciation.word_probability(word) < _RARE_WORD:
            for language, markers in _FOREIGN_WORDS.items():
                if word in markers:
                    warnings.append(
                        f'"{word}" looks like {language}; it is read as English, '
                        f"{pronunciation.respell(reader.phonemes(word))}."
                    )
                    break
        if others := _told_apart(word):
            warnings.append(
                f'"{word}" is said {pronunciation.respell(reader.phonemes(word))}, and also '
                f"{' and '.join(map(pronunciation.respell, others))}: the detector learns each."
            )
    return warnings


def _told_apart(word: str) -> list[str]:
    """Return how a dictionary reads a word that was guessed, if by more than a weak vowel."""
    reader = pronunciation.pronouncer()
    if not (reader.guesses(word) and reader.has_word(word)):
        return []
    said = reader.phonemes(word)
    return [other for other in other_readings(word, said) if _strong(other) != _strong(said)]


def _strong(phonemes: str) -> list[str]:
    """Return the sounds without the vowels that nobody tells apart where they are weak."""
    return [symbol for symbol in split_phonemes(phonemes) if symbol not in "əɪ"]


def _capitals_warnings(text: str) -> list[str]:
    """Initials that will not be spelled: everything is read in lower case."""
    reader = pronunciation.pronouncer()
    return [
        f'"{word}" is read as one word, {pronunciation.respell(reader.phonemes(word.lower()))}; '
        "to have it spelled, write how its letters sound."
        for word in dict.fromkeys(text.split())
        if 1 < len(word) <= _MAX_INITIALS
        and word.isascii()
        and word.isalpha()
        and word.isupper()
        and word.lower() not in pronunciation.readings()
        and not reader.is_spelled_out(word.lower())
    ]


def _same_sounding(symbols: tuple[str, ...]) -> list[str]:
    everyday = pronunciation.common_words(_EVERYDAY_WORD)
    return [word for word, other in everyday.items() if other == symbols]


def _per_hour(words: tuple[str, ...], symbols: tuple[str, ...]) -> float:
    """How often an hour of conversation contains the words, or one that sounds the same."""
    spoken = {words} | ({(word,) for word in _same_sounding(symbols)} if len(words) == 1 else set())
    return _WORDS_PER_HOUR * sum(pronunciation.sequence_probability(w) for w in sorted(spoken))


def _weakness_warnings(
    words: tuple[str, ...], symbols: tuple[str, ...], syllables: int
) -> list[str]:
    warnings = []
    if syllables == 1:
        warnings.append(
            "The phrase has one syllable: expect many false wakes and misses in noise. A word "
            'before it ("hey …") or a longer phrase works better.'
        )
    elif len(symbols) <= 4:
        warnings.append(
            f"The phrase is very short ({len(symbols)} sounds): expect more false wakes than "
            "with a longer one."
        )
    if (often := _per_hour(words, symbols)) >= _OFTEN_PER_HOUR:
        warnings.append(
            f"People say this about {often:.1f} times in an hour of conversation, and each time "
            "will wake the device. Choose rarer words."
        )
    joined = "".join(symbols)
    everyday = pronunciation.common_words(_EVERYDAY_WORD)
    inside = sorted(
        (word for word, other in everyday.items() if other != symbols and joined in "".join(other)),
        key=lambda word: (-pronunciation.word_probability(word), word),
    )
    if inside:
        heard = ", ".join(f'"{word}"' for word in inside[:4])
        warnings.append(
            f"The phrase is heard inside everyday words ({heard}): those can wake the device too."
        )
    return warnings


@lru_cache(maxsize=1024)
def parse_phrase(text: str, language: str = "en") -> Phrase:
    """Check `text` and work out how it is said.

    Raises:
        PhraseError: empty, not pronounceable, longer than about 4 s of speech, another language;
            the message says which and what to do.
    """
    if language not in LANGUAGES:
        raise PhraseError(
            f"The language {language!r} is not supported; only {', '.join(LANGUAGES.values())} "
            f"({', '.join(map(repr, LANGUAGES))}) is."
        )
    words, notes = spoken_words(text)
    _refuse_words(words)
    phonemes = pronunciation.pronouncer().words(words)
    symbols = split_phonemes("".join(phonemes))
    syllables = count_syllables("".join(phonemes))
    if syllables == 0:
        raise PhraseError("The phrase has no vowel, so there is nothing to hear; add a word.")
    seconds = round(_SECONDS_AROUND + _SECONDS_PER_PHONEME * len(symbols), 2)
    if seconds > MAX_SECONDS:
        raise PhraseError(
            f"The phrase takes about {seconds:.2f} s to say; at most {MAX_SECONDS:.0f} s can be "
            "heard as one. Two to four words work best."
        )
    warnings = (
        *dict.fromkeys(notes),
        *_capitals_warnings(text),
        *_guess_warnings(words),
        *_weakness_warnings(words, symbols, syllables),
    )
    return Phrase(" ".join(words), language, words, phonemes, syllables, seconds, warnings)


__all__ = [
    "LANGUAGES", "MAX_SECONDS", "Phrase", "PhraseError", "normalise_text", "parse_phrase",
]  # fmt: skip
