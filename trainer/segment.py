"""A waveform and what is said in it in; where a phrase is, and whether it was said at all, out.

    model = acoustic_model()                                     # once a process
    transcript = read_transcript("turn on the smart mirror")     # or Transcript(words, phonemes)
    [place] = transcript.places_of(parse_phrase("smart mirror"))
    span = phrase_span(waveform, transcript, place, model)       # Span(start_s, end_s, score, …)
    spoken_score(waveform, "smˈɑɹt mˈɪɹəɹ", model)               # −0.5 said well … −8 not said

The alignment is ctc-segmentation's (Kürzinger et al. 2020, arXiv 2007.09127).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from db.sounds import heard
from trainer import pronunciation
from trainer.ctc import AcousticModelUnavailableError, acoustic_model, forward_score
from trainer.hearing import phrase_sounds
from trainer.wording import normalise_text
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.ctc import AcousticModel
    from trainer.phrase_check import Phrase

LEAST_SPOKEN_SCORE = -3.5
"""What scores lower was not said; `python -m trainer.spoken_report` prints how many clips it wrongs
and which (docs/segmentation.md)."""
_LONGEST_DRAWL_S = 0.4
_DRAWL_BELOW = 0.1
"""A last vowel that is drawn out goes on while it is louder than this share of the words' loudest
10 ms (-20 dB): CTC writes it at its beginning and says nothing of its length."""
_LEVEL_SAMPLES = SAMPLE_RATE_HZ // 100
_WINDOW_FRAMES = 8_000
"""The table of the alignment: 160 s of audio, then it moves along."""


class SegmentError(ValueError):
    """The audio and the text cannot be brought together; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where words stand in a transcript: the words `first` to `stop` − 1, counted from 0."""

    first: int
    stop: int


@dataclass(frozen=True)
class Span:
    """Where words sound in a waveform."""

    start_s: float
    end_s: float
    score: float
    """CTC forward score of the words' tokens within the span, per token: see `spoken_score`."""
    free_before_s: float
    """Between the end of the word before (or of the waveform) and `start_s`, 0 or more."""
    free_after_s: float
    """Between `end_s` and the start of the word after (or of the waveform's end), 0 or more."""


class _Word(NamedTuple):
    """One word's tokens, at least one, and where it is written and sounds."""

    tokens: tuple[int, ...]
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What is said in a recording, word by word."""

    words: tuple[str, ...]
    """As written, lower case."""
    phonemes: tuple[str, ...]
    """The reading of each word."""

    def __post_init__(self) -> None:
        if len(self.words) != len(self.phonemes):
            raise SegmentError(
                f"{len(self.words)} words and {len(self.phonemes)} readings: give one for each."
            )

    def places_of(self, phrase: Phrase) -> list[Place]:
        """Where whole words sound like the phrase, homophones included, not overlapping."""
        wanted = set(phrase_sounds(phrase.words))
        longest = max(map(len, wanted))
        places: list[Place] = []
        first = 0
        while first < len(self.words):
            found = None
            for stop in range(first + 1, len(self.words) + 1):
                said = heard("".join(self.phonemes[first:stop]))
                if said in wanted or self.words[first:stop] == phrase.words:
                    found = Place(first, stop)
                    break
                if len(said) > longest:
                    break
            if found is not None:
                places.append(found)
            first = found.stop if found is not None else first + 1
        return places


def read_transcript(text: str) -> Transcript:
    """Read a text as American English, word by word.

    Raises:
        SegmentError: there are no words in it.
    """
    words = tuple(normalise_text(text).split())
    if not words:
        raise SegmentError("The transcript is empty: there is nothing to find in the recording.")
    return Transcript(words, pronunciation.pronouncer().words(words))


def phrase_span(
    waveform: NDArray[np.float32],
    transcript: Transcript,
    place: Place,
    model: AcousticModel | None = None,
) -> Span:
    """Find where some words of a transcript sound.

    Costs the acoustic model's time (0.07 of the audio's on one core) and about 1 ms a second of
    audio; one thread; safe in worker processes.

    Args:
        waveform: float32 [samples] in [-1, 1] at 16 kHz: the whole of what the transcript says.
        transcript: what is said, all of it.
        place: which words are looked for.
        model: the process's `acoustic_model()` unless given.

    Raises:
        SegmentError: the place lies outside the transcript, its words have no sound, or the audio
            is too short for the text.
        AcousticModelUnavailableError: hama or ctc-segmentation is not installed.
    """
    return place_spans(waveform, transcript, [place], model)[0]


def place_spans(
    waveform: NDArray[np.float32],
    transcript: Transcript,
    places: list[Place],
    model: AcousticModel | None = None,
) -> list[Span]:
    """As `phrase_span`, for several places of one recording, which is then read only once."""
    for place in places:
        if not 0 <= place.first < place.stop <= len(transcript.words):
            raise SegmentError(
                f"Words {place.first} to {place.stop} are no words of a transcript of "
                f"{len(transcript.words)}."
            )
    model = model or acoustic_model()
    spelled = [
        model.spell(word, phonemes)
        for word, phonemes in zip(transcript.words, transcript.phonemes, strict=True)
    ]
    log_probs = model.log_probs(waveform)
    words = _word_times(log_probs, spelled, model)
    return [_span(place, words, log_probs, waveform, model) for place in places]


def _drawl_s(waveform: NDArray[np.float32], start_s: float, end_s: float, limit_s: float) -> float:
    """How long a sound goes on after `end_s`, at most to `limit_s`, in seconds."""
    first, end, limit = (round(t * SAMPLE_RATE_HZ) for t in (start_s, end_s, limit_s))
    levels = np.square(waveform[first:limit], dtype=np.float64)
    levels = levels[: len(levels) // _LEVEL_SAMPLES * _LEVEL_SAMPLES]
    levels = np.sqrt(levels.reshape(-1, _LEVEL_SAMPLES).mean(axis=1))
    inside = (end - first) // _LEVEL_SAMPLES
    if not inside or inside >= len(levels):
        return 0.0
    quiet = np.flatnonzero(levels[inside:] <= _DRAWL_BELOW * levels[:inside].max())
    count = int(quiet[0]) if len(quiet) else len(levels) - inside
    return count * _LEVEL_SAMPLES / SAMPLE_RATE_HZ


def spoken_score(
    waveform: NDArray[np.float32], phonemes: str, model: AcousticModel | None = None
) -> float:
    """How well the whole waveform says the phonemes, and nothing else: about 0 (sure) down to −23.

    The natural log of the CTC forward probability, per token. What was said as asked has −0.2 to
    −3, other words have less than −4; see `LEAST_SPOKEN_SCORE`.

    Args:
        waveform: float32 [samples] in [-1, 1] at 16 kHz.
        phonemes: what should be said, in Kokoro's alphabet; spaces, stress and punctuation are
            skipped. Only for models of sounds, not of letters.
        model: the process's `acoustic_model()` unless given.

    Raises:
        SegmentError: there is no sound in `phonemes`.
        AcousticModelUnavailableError: hama is not installed.
    """
    model = model or acoustic_model()
    tokens = [token for word in phonemes.split() for token in model.spell("", word)]
    if not tokens:
        raise SegmentError(f"There is no sound in the phonemes {phonemes!r}.")
    return forward_score(model.log_probs(waveform), tokens, model.blank)


def _word_times(
    log_probs: NDArray[np.float32], spelled: list[tuple[int, ...]], model: AcousticModel
) -> list[_Word | None]:
    """Where each word is; None for a word without tokens."""
    try:
        from ctc_segmentation import (  # noqa: PLC0415 - an optional extra
            CtcSegmentationParameters,
            ctc_segmentation,
        )
    except ImportError as error:
        raise AcousticModelUnavailableError(
            "ctc-segmentation is not installed: pip install 'watchword[ctc]'."
        ) from error
    # It says a line for each alignment.
    logging.getLogger("ctc_segmentation").setLevel(logging.WARNING)
    # The package wants a start mark, and blanks around the utterance so that it may begin late.
    # It leaves out CTC's rule of a blank between two equal tokens ("need do"): put there here.
    truth = [-1, model.blank]
    written_at: list[list[int]] = []
    for tokens in spelled:
        written_at.append([])
        for token in tokens:
            if truth[-1] == token:
                truth.append(model.blank)
            written_at[-1].append(len(truth))
            truth.append(token)
    truth.append(model.blank)
    if len(truth) > len(log_probs):
        raise SegmentError(
            f"{len(log_probs) * model.frame_s:.2f} s of audio are too short for {len(truth)} "
            "sounds: the transcript is of another recording, or the audio is cut."
        )
    parameters = CtcSegmentationParameters(
        index_duration=model.frame_s,
        blank=model.blank,
        char_list=list(model.tokens),
        min_window_size=_WINDOW_FRAMES,
    )
    written_s, _, _ = ctc_segmentation(
        parameters, log_probs, np.array(truth, dtype=np.int64).reshape(-1, 1)
    )
    words: list[_Word | None] = []
    for places, tokens in zip(written_at, spelled, strict=True):
        if not tokens:
            words.append(None)
            continue
        begin_s, end_s = float(written_s[places[0]]), float(written_s[places[-1]])
        words.append(
            _Word(
                tokens,
                round(begin_s / model.frame_s),
                round(end_s / model.frame_s),
                begin_s - model.lead_s,
                end_s + model.tail_s,
            )
        )
    return words


def _span(
    place: Place,
    words: list[_Word | None],
    log_probs: NDArray[np.float32],
    waveform: NDArray[np.float32],
    model: AcousticModel,
) -> Span:
    before = [word for word in words[: place.first] if word]
    inside = [word for word in words[place.first : place.stop] if word]
    after = [word for word in words[place.stop :] if word]
    if not inside:
        raise SegmentError("The words that are looked for have no sound that the model knows.")
    length_s = len(waveform) / SAMPLE_RATE_HZ
    start_s = min(max(0.0, inside[0].start_s), length_s)
    end_s = min(max(start_s, inside[-1].end_s), length_s)
    # From where the first token is written, so that the rest of the word before does not count.
    last = min(
        round(end_s / model.frame_s), after[0].first_frame - 1 if after else len(log_probs) - 1
    )
    tokens = [token for word in inside for token in word.tokens]
    next_s = min(length_s, after[0].start_s) if after else length_s
    end_s += _drawl_s(waveform, start_s, end_s, min(next_s, end_s + _LONGEST_DRAWL_S))
    return Span(
        start_s=start_s,
        end_s=end_s,
        score=forward_score(log_probs[inside[0].first_frame : last + 1], tokens, model.blank),
        free_before_s=max(0.0, start_s - (before[-1].end_s if before else 0.0)),
        free_after_s=max(0.0, next_s - end_s),
    )
