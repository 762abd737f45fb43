"""A synthesised clip and its text in; whether the text was spoken, and where the phrase is, out."""

from __future__ import annotations

import json
import logging
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

from trainer.ctc import AcousticModelUnavailableError, acoustic_model
from trainer.phrases import Bucket, normalise_text
from trainer.segment import (
    LEAST_SPOKEN_SCORE,
    Place,
    SegmentError,
    Transcript,
    place_spans,
    spoken_score,
)
from trainer.tts.base import SynthesisError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.phrases import PhraseText

logger = logging.getLogger(__name__)

SCORE = "spoken_score"
"""Key of a clip's settings: how well it says its text, see `trainer.segment.spoken_score`."""
SPAN_S = "phrase_s"
"""Key of a clip's settings: start and end of the phrase in seconds, where the clip says more."""
BOUNDARIES_S = "boundaries_s"
"""Key of a clip's settings: where in the clip words of the phrase meet, in seconds."""
LEAST_SPAN_S = 0.2
"""A phrase cannot be shorter, whatever the alignment says."""
CHECKED = frozenset({Bucket.POSITIVE, Bucket.CONFUSER, Bucket.IN_BETWEEN})
"""A plain sentence that is mumbled is still a sentence without the phrase."""


@cache
def why_deaf() -> str:
    """Return why nothing can be listened to here, or an empty text."""
    try:
        acoustic_model()
    except AcousticModelUnavailableError as error:
        return str(error)
    if find_spec("ctc_segmentation") is None:
        return "ctc-segmentation is not installed: pip install 'watchword[ctc]'."
    return ""


def listen(waveform: NDArray[np.float32], text: PhraseText) -> dict[str, object]:
    """Check that a clip says its text.

    Args:
        waveform: float32 [samples] at 16 kHz.
        text: what should be said.

    Returns:
        What to add to the clip's settings: nothing for plain texts, or where no acoustic model is
        installed.

    Raises:
        SynthesisError: something else was said, or the phrase cannot be found in a longer text.
    """
    if text.bucket not in CHECKED or why_deaf():
        return {}
    try:
        score = spoken_score(waveform, text.phonemes)
        if score < LEAST_SPOKEN_SCORE:
            raise SynthesisError(
                f"{text.text!r} was not spoken: the score is {score:.1f}, "
                f"{LEAST_SPOKEN_SCORE} is asked."
            )
        if text.words is None:
            return {SCORE: round(score, 2)}
        words = tuple(normalise_text(text.text).split())
        transcript = Transcript(words, text.word_phonemes())
        places = [Place(*text.words), *(Place(n, n + 1) for n in range(*text.words))]
        span, *each = place_spans(waveform, transcript, places)
    except SegmentError as error:
        raise SynthesisError(f"{text.text!r}: {error}") from error
    boundaries = [round((word.end_s + after.start_s) / 2, 3) for word, after in pairwise(each)]
    heard = {SCORE: round(score, 2), BOUNDARIES_S: boundaries}
    if text.stands_alone:
        return heard
    if span.score < LEAST_SPOKEN_SCORE or span.end_s - span.start_s < LEAST_SPAN_S:
        raise SynthesisError(
            f"The phrase was not found in {text.text!r}: the score is {span.score:.1f}."
        )
    return {**heard, SPAN_S: [round(span.start_s, 3), round(span.end_s, 3)]}


def boundaries_of(settings: str) -> tuple[float, ...]:
    """Return where words of the phrase meet, in seconds, from a clip's settings; () if unknown."""
    return tuple(float(moment) for moment in json.loads(settings).get(BOUNDARIES_S, ()))
