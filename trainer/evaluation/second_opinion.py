"""False accepts in; how clearly an acoustic model hears the phrase in each of them, out.

Hours of other people's speech often have the phrase somewhere, and nobody wrote down where. One
such moment is the loudest of all, and decides the threshold of a rare rate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trainer.ctc import spotted_score
from trainer.evaluation.excerpts import FalseAccept, excerpt
from trainer.progress import Report, Stage, silent
from trainer.segment import LEAST_SPOKEN_SCORE
from trainer.speech import INT16_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.ctc import AcousticModel
    from trainer.evaluation.scores import Negatives
    from trainer.phrase_check import Phrase

    Opinion = Callable[[Sequence[FalseAccept], Sequence[str]], Sequence[FalseAccept]]
    """Gives false accepts of these files their `spoken_score`."""

PERHAPS_SAID = LEAST_SPOKEN_SCORE
"""From this score on somebody should listen."""
MOST_EVENTS = 100
"""The loudest are listened to: a false accept takes 0.2 s."""


def second_opinion(
    events: Sequence[FalseAccept],
    files: Sequence[str],
    phrase: Phrase,
    model: AcousticModel,
    report: Report = silent,
) -> tuple[FalseAccept, ...]:
    """Let an acoustic model listen to the loudest of the false accepts.

    Args:
        events: what a detector accepted.
        files: of the whole stream, in order.
        phrase: what it listened for.
        model: what listens.
        report: receives the stage `second opinion`.

    Returns:
        The same events; those that were listened to have a `spoken_score`.

    Raises:
        RecordingError: a file cannot be read.
    """
    tokens = [
        token
        for word, reading in zip(phrase.words, phrase.phonemes, strict=True)
        for token in model.spell(word, reading)
    ]
    loudest = sorted(events, key=lambda event: -event.score)[:MOST_EVENTS]
    stage = Stage(report, "second opinion", len(loudest))
    heard = {}
    for number, event in enumerate(loudest if tokens else (), 1):
        waveform = excerpt(event, files).astype(np.float32) / INT16_SCALE
        score = spotted_score(model.log_probs(waveform), tokens, model.blank)
        heard[event] = replace(event, spoken_score=round(score, 2))
        stage.at(number, f"{number} of {len(loudest)} false accepts")
    return tuple(heard.get(event, event) for event in events)


def perhaps_said(event: FalseAccept) -> bool:
    """Whether somebody should listen: it may be no false accept at all."""
    return event.spoken_score is not None and event.spoken_score >= PERHAPS_SAID


def without_phrase(
    stream: Negatives, refractory_steps: int, opinion: Opinion, loudest: int = 20
) -> tuple[Negatives, int]:
    """Take moments out of negatives in which the phrase itself seems to be said.

    Args:
        stream: what a detector made of them.
        refractory_steps: of events; so much on both sides of such a moment scores 0.
        opinion: listens.
        loudest: events that are listened to.

    Returns:
        The negatives without these moments, and how many there were.
    """
    scores, left = stream.scores.copy(), stream.scores.copy()
    steps = []
    for _ in range(loudest):
        steps.append(int(left.argmax()))
        left[_around(steps[-1], refractory_steps)] = -np.inf
    events = [FalseAccept(**stream.place(step), score=float(scores[step])) for step in steps]
    said = [
        step
        for step, event in zip(steps, opinion(events, stream.files), strict=True)
        if perhaps_said(event)
    ]
    for step in said:
        scores[_around(step, refractory_steps)] = 0.0
    return replace(stream, scores=scores), len(said)


def _around(step: int, steps: int) -> slice:
    return slice(max(0, step - steps), step + steps + 1)
