"""A phrase and a database of recordings in; the phrase, cut out of their sentences, out."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import soxr

from db.clips import ClipFilter, ClipStore, NewClip
from db.recordings import CUT, RECORDING, cuts_of
from trainer.ctc import HamaModel
from trainer.hearing import phrase_sounds
from trainer.progress import Report, Stage
from trainer.segment import (
    LEAST_SPOKEN_SCORE,
    Place,
    SegmentError,
    Span,
    Transcript,
    place_spans,
    read_transcript,
)
from watchword_runtime.frontend import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from trainer.ctc import AcousticModel
    from trainer.phrase_check import Phrase

BATCH = 64
"""Recordings whose cuts are stored together: what a crash can cost."""
OF = "of"
"""Key of a cut's settings: the hash of the recording that it is from."""
MARGIN_S = "margin_s"
"""Key of a cut's settings: seconds before and after what was cut out."""
LEAST_MARGIN_S = 0.1
"""Kept around the phrase even where the neighbours begin at once, because boundaries are
uncertain (docs/segmentation.md): a lost first sound costs more than a neighbour's last one."""
MOST_MARGIN_S = 0.2
FADE_S = 0.005
"""At both ends, so that a cut through a vowel does not click."""
LONGEST_TIMES = 3.0
"""Of the phrase's usual length: what is longer was aligned with a pause or with other words."""
SHORTEST_TIMES = 0.35

ALONE = "the recording is the phrase, nothing to cut"
NOT_AS_WORDS = "the phrase is only a part of other words"
NOT_HEARD = "the score says that the phrase was not said"
WRONG_LENGTH = "too short or too long for the phrase"


@dataclass(frozen=True)
class Piece:
    """What to cut out of a recording."""

    place: Place
    """Which words of its transcript."""
    text: str
    """Normalised."""
    phonemes: str
    length_s: tuple[float, float]
    """What is shorter or longer is not it."""
    least_margin_s: float = LEAST_MARGIN_S


@dataclass(frozen=True)
class CutReport:
    """What became of the recordings whose transcript has the phrase."""

    found: int
    """Recordings whose transcript has the phrase."""
    known: int
    """Were cut before."""
    cuts: int
    """New clips."""
    seconds: float
    """Of the new clips."""
    speakers: int
    """Of the new clips."""
    refused: dict[str, int]
    """Recordings or places in them that gave no clip, by reason, the commonest first."""


def cut_phrase(
    phrase: Phrase,
    connection: sqlite3.Connection,
    store: ClipStore,
    *,
    report: Report,
    make_model: Callable[[], AcousticModel] = HamaModel,
    least_score: float = LEAST_SPOKEN_SCORE,
    limit: int | None = None,
    workers: int | None = None,
) -> CutReport:
    """Cut a phrase out of all recordings whose transcript has it, and store the cuts as clips.

    SQL finds the transcripts by sound (`ClipStore.containing`), CTC segmentation where the phrase
    is. Batches are stored as they come, each in one transaction; a recording that was cut for this
    phrase before is not opened again.

    Args:
        phrase: what is cut out.
        connection: the database of `store`.
        store: where recordings are and cuts go.
        report: receives the stage `cut`; may raise to stop between two batches.
        make_model: makes an acoustic model, one for each thread (`trainer.ctc.ACOUSTIC_MODELS`).
        least_score: cuts that score lower are not kept; see `trainer.segment.spoken_score`.
        limit: look at no more than so many recordings that were not cut before.
        workers: threads; one for each core by default.

    Raises:
        AcousticModelUnavailableError: the model or ctc-segmentation is not installed.
        ClipMissingError, ClipReadError: a recording's file is gone or damaged.
        ClipWriteError: nothing can be stored; what was stored before is kept.
    """
    make_model()  # says what is missing before any work
    found = recordings_with(phrase, store)
    known = cuts_of(connection, phrase.text, found["sha256"])
    rows = list(found[~found["sha256"].isin(known)].itertuples())[:limit]
    refused: Counter[str] = Counter()
    speakers: set[str] = set()
    cuts, seconds = 0, 0.0
    stage = Stage(report, "cut", len(rows))

    def cut(
        row: Any, samples: NDArray[np.float32], model: AcousticModel
    ) -> tuple[list[NewClip], list[str]]:
        return cut_recording(row, samples, phrase, model, least_score)

    for done, clips, faults in cut_and_store(rows, cut, store, make_model, workers):
        refused.update(faults)
        cuts += len(clips)
        seconds += sum(len(clip.waveform) / clip.rate_hz for clip in clips)
        speakers |= {clip.speaker for clip in clips}
        stage.at(done, f"{cuts} cuts, {refused.total()} refused")
    return CutReport(
        len(found), len(known), cuts, seconds, len(speakers), dict(refused.most_common())
    )


def cut_and_store(
    rows: Sequence[Any],
    cut: Callable[[Any, NDArray[np.float32], AcousticModel], tuple[list[NewClip], list[str]]],
    store: ClipStore,
    make_model: Callable[[], AcousticModel] = HamaModel,
    workers: int | None = None,
) -> Iterator[tuple[int, list[NewClip], list[str]]]:
    """Cut clips out of recordings in threads and store them, each batch in one transaction.

    Args:
        rows: of the table `clip`, as `itertuples` gives them.
        cut: from a row, its samples (float32 at 16 kHz) and an acoustic model to its clips, and the
            reasons for those that were not made.
        store: where recordings are and cuts go.
        make_model: makes an acoustic model, one for each thread.
        workers: threads; one for each core by default.

    Yields:
        After each batch: how many rows are done, its clips, and its reasons.
    """
    own = threading.local()

    def one(row: Any) -> tuple[list[NewClip], list[str]]:
        if not hasattr(own, "model"):  # a session is no place for two threads
            own.model = make_model()
        waveform, rate_hz = store.read(row)
        samples = waveform.astype(np.float32) / 32768.0
        if rate_hz != SAMPLE_RATE_HZ:
            samples = np.asarray(soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ), np.float32)
        return cut(row, samples, own.model)

    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        for begin in range(0, len(rows), BATCH):
            batch = rows[begin : begin + BATCH]
            clips: list[NewClip] = []
            faults: list[str] = []
            for made, why_not in pool.map(one, batch):
                clips.extend(made)
                faults.extend(why_not)
            store.add_many(clips)
            yield begin + len(batch), clips, faults


def recordings_with(phrase: Phrase, store: ClipStore) -> pd.DataFrame:
    """Return the recordings whose transcript has the phrase: heard in it, or written in it.

    Both are asked because a reading depends on the neighbours: "to" before a consonant is another
    sound than the phrase's own reading may have.
    """
    heard = store.containing(phrase_sounds(phrase.words), engines=[RECORDING])
    written = store.select(ClipFilter(with_words=phrase.text, engines=[RECORDING]))
    fresh = written[~written["id"].isin(heard["id"])]
    return heard if fresh.empty else pd.concat([heard, fresh], ignore_index=True)


def cut_recording(
    row: Any,
    samples: NDArray[np.float32],
    phrase: Phrase,
    model: AcousticModel,
    least_score: float,
) -> tuple[list[NewClip], list[str]]:
    """Cut a phrase out of one recording.

    Args:
        row: of the table `clip`, as `itertuples` gives it.
        samples: float32 [samples] in [-1, 1] at 16 kHz, all of the recording.
        phrase: what is cut out.
        model: of this thread.
        least_score: cuts that score lower are not made.

    Returns:
        The clips, and the reasons for those that were not made.
    """
    transcript = _transcript_of(row)
    places = transcript.places_of(phrase)
    if not places:
        return [], [NOT_AS_WORDS]
    if [place.stop - place.first for place in places] == [len(transcript.words)]:
        return [], [ALONE]
    length_s = (SHORTEST_TIMES * phrase.seconds, LONGEST_TIMES * phrase.seconds)
    phonemes = " ".join(phrase.phonemes)
    pieces = [Piece(place, phrase.text, phonemes, length_s) for place in places]
    return cut_pieces(row, samples, pieces, model, least_score)


def cut_pieces(
    row: Any,
    samples: NDArray[np.float32],
    pieces: Sequence[Piece],
    model: AcousticModel,
    least_score: float,
) -> tuple[list[NewClip], list[str]]:
    """Cut pieces out of one recording; the rest is as for `cut_recording`."""
    try:
        spans = place_spans(samples, _transcript_of(row), [piece.place for piece in pieces], model)
    except SegmentError as error:
        return [], [str(error)]
    clips, faults = [], []
    for piece, span in zip(pieces, spans, strict=True):
        shortest_s, longest_s = piece.length_s
        if span.score < least_score:
            faults.append(NOT_HEARD)
        elif not shortest_s <= span.end_s - span.start_s <= longest_s:
            faults.append(WRONG_LENGTH)
        else:
            clips.append(_clip(row, samples, span, piece))
    return clips, faults


def _transcript_of(row: Any) -> Transcript:
    """The words of a row with the readings by which SQL found it, where they can be paired."""
    words = tuple(str(row.text_normalised).split())
    readings = tuple(str(row.phonemes).split())
    if len(words) == len(readings):
        return Transcript(words, readings)
    return read_transcript(str(row.text_normalised))


def margins_s(span: Span, least_s: float = LEAST_MARGIN_S) -> tuple[float, float]:
    """How much is kept before and after a span: what the neighbours leave, within limits."""
    before, after = (
        min(max(free_s, least_s), MOST_MARGIN_S)
        for free_s in (span.free_before_s, span.free_after_s)
    )
    return min(before, span.start_s), after


def _clip(row: Any, samples: NDArray[np.float32], span: Span, piece: Piece) -> NewClip:
    before_s, after_s = margins_s(span, piece.least_margin_s)
    begin = round((span.start_s - before_s) * SAMPLE_RATE_HZ)
    end = min(round((span.end_s + after_s) * SAMPLE_RATE_HZ), len(samples))
    cut = samples[begin:end].copy()
    fade_samples = round(FADE_S * SAMPLE_RATE_HZ)
    fade = np.linspace(0.0, 1.0, fade_samples, dtype=np.float32)
    cut[:fade_samples] *= fade
    cut[-fade_samples:] *= fade[::-1]
    return NewClip(
        cut, SAMPLE_RATE_HZ, piece.text, piece.text, piece.phonemes,
        CUT, row.voice, row.speaker, row.source, row.licence,
        {
            OF: row.sha256,
            "start_s": round(span.start_s, 3),
            "end_s": round(span.end_s, 3),
            "score": round(span.score, 3),
            MARGIN_S: [round(before_s, 3), round(end / SAMPLE_RATE_HZ - span.end_s, 3)],
        },
    )  # fmt: skip
