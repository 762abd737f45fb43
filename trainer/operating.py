"""Validation scores in, the manifest's decision and operating points out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from trainer.rates import (
    COUNTED_EVENTS,
    poisson_per_hour,
    threshold_allowing,
    threshold_for_rate,
)
from trainer.validation import REFRACTORY_S, ValidationScores
from watchword_runtime.manifest import Decision, OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET_RATES = (2.0, 1.0, 0.5, 0.1)
MOST_LOST = {2.0: 0.04, 1.0: 0.055, 0.5: 0.07, 0.1: 0.2}
"""Share of the validation phrases that an extrapolated threshold may lose at each rate: logits of a
phrase have a ceiling that a fit to the negatives knows nothing of, and a detector that never fires
is of no use."""
TOO_MANY = 8
"""So many times the rate may be counted on the validation side, whose voices are louder to a
detector than people are; where a lowered threshold gives more, it may lose twice MOST_LOST."""
DEFAULT_RATE = 0.5
WARMUP_S = 0.3
"""The front end's gain control and the network's state settle before anything is believed."""
AUDIO = "synthetic speech and noise, voices held out of training"
AUDIO_WITH_PEOPLE = "people's and synthetic speech and noise, voices held out of training"
MAX_THRESHOLD = 1.0 - 1e-6


def probability(logit: float) -> float:
    """Return the score of a logit."""
    return 1.0 / (1.0 + math.exp(-logit))


def operating_points(scores: ValidationScores, heard: str = AUDIO) -> list[OperatingPoint]:
    """Return one point for each of TARGET_RATES.

    A rate that the hours hold only a few events of gets its threshold from a fit to the tail of
    the loudest events (`threshold_for_rate`), but none that loses more than MOST_LOST, or twice
    that where there would be TOO_MANY false accepts. The bound is counted on the audio that set the
    threshold, so it is on the hopeful side. A rarer rate never gets a lower threshold than a more
    frequent one.

    Args:
        scores: of `Dataset.reporting`.
        heard: what that is, for the manifest.
    """
    points: list[OperatingPoint] = []
    least = -math.inf
    for rate in TARGET_RATES:
        logit = threshold_for_rate(rate, scores.plain, scores.hours, scores.refractory_steps)
        audio = heard
        if rate * scores.hours < COUNTED_EVENTS:
            audio += "; extrapolated from the loudest events"
            ceiling = _highest(scores, rate)
            if logit > ceiling:
                logit = ceiling
                audio += (
                    ", and lowered to where the phrase is still heard: expect more false accepts"
                )
        logit = least = max(logit, least)
        points.append(
            OperatingPoint(
                false_accepts_per_hour=rate,
                upper_95=poisson_per_hour(scores.false_accepts(logit), scores.hours).high,
                threshold=min(probability(logit), MAX_THRESHOLD),
                miss_rate=float(np.mean(scores.positives < logit)),
                audio=audio,
                hours=round(scores.hours, 4),
            )
        )
    return points


def _highest(scores: ValidationScores, rate: float) -> float:
    """Return the highest logit that an extrapolated threshold may have."""
    usual, most = np.quantile(scores.positives, [MOST_LOST[rate], 2 * MOST_LOST[rate]])
    allowed = max(1, int(TOO_MANY * rate * scores.hours))
    enough = threshold_allowing(allowed, scores.plain, scores.refractory_steps)
    return float(np.clip(enough, usual, most))


def decision(points: Sequence[OperatingPoint], step_s: float, smoothing_steps: int) -> Decision:
    """Return the decision that ships: the default rate's threshold."""
    chosen = next(p for p in points if p.false_accepts_per_hour == DEFAULT_RATE)
    return Decision(
        threshold=chosen.threshold,
        smoothing_steps=smoothing_steps,
        refractory_s=REFRACTORY_S,
        warmup_steps=round(WARMUP_S / step_s),
    )
