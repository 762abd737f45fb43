"""Recordings with and without the phrase and a row of scores in, what is heard at a rate out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exporters.sound import Sound
from watchword_runtime.decision import detection_steps, refractory_steps
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.manifest import Decision

if TYPE_CHECKING:
    from exporters.step import Floats

RULE = Decision(threshold=0.5, smoothing_steps=6, refractory_s=2.0, warmup_steps=10)
"""Refractory and warm-up as in every manifest. The threshold is moved to each rate; the smoothing
is the training's own (`exporters.training_folder`)."""
PAUSE_S = 10.0
"""Before each recording of the phrase: nobody says it again and again without a pause."""


@dataclass(frozen=True)
class Exam:
    """Recordings without the phrase and then with it, as one stream."""

    sound: Sound
    negative_files: int
    """So many recordings come first and hold no phrase."""
    step_s: float

    @property
    def negative_steps(self) -> int:
        """Steps that belong to recordings without the phrase."""
        return self._step(self.sound.spans[self.negative_files - 1][1])

    @property
    def hours(self) -> float:
        """Hours without the phrase."""
        return self.negative_steps * self.step_s / 3600

    def _step(self, sample: int) -> int:
        return int(sample / SAMPLE_RATE_HZ / self.step_s)

    def heard(self, scores: Floats, rate_per_hour: float) -> tuple[bool, ...]:
        """Return which phrases are heard at the lowest threshold that keeps the rate.

        Args:
            scores: float32 [steps] of the whole stream.
            rate_per_hour: false accepts; at least one event is allowed, for the threshold that
                allows none is up to a single step.
        """
        allowed = max(1, int(rate_per_hour * self.hours))
        return self.at(scores, self._threshold(scores[: self.negative_steps], allowed))

    def at(self, scores: Floats, threshold: float) -> tuple[bool, ...]:
        """Return which phrases are heard at a threshold."""
        spans = self.sound.spans[self.negative_files :]
        return tuple(
            bool((scores[self._step(first) : self._step(last)] >= threshold).any())
            for first, last in spans
        )

    def _threshold(self, scores: Floats, allowed: int) -> float:
        """Return the lowest threshold with at most `allowed` detections, by halving.

        It is just above a score that is reached too often. For a broken file that always says 1 it
        is above 1: that hears nothing, not everything.
        """
        waiting = refractory_steps(RULE.refractory_s, self.step_s)
        levels = np.unique(scores)
        low, high = 0, len(levels)
        while low < high:
            middle = (low + high) // 2
            found = detection_steps(scores, float(levels[middle]), waiting, RULE.warmup_steps)
            low, high = (middle + 1, high) if len(found) > allowed else (low, middle)
        return float(np.nextafter(levels[low - 1], np.float32(2))) if low else 0.0


def join(negatives: Sound, positives: Sound, step_s: float) -> Exam:
    """Return both as one stream, as a device hears it; steps last `step_s` seconds."""
    behind = len(negatives.samples)
    spans = tuple((first + behind, last + behind) for first, last in positives.spans)
    samples = np.concatenate([negatives.samples, positives.samples])
    return Exam(Sound(samples, negatives.spans + spans), len(negatives.spans), step_s)


def missed(heard: tuple[bool, ...]) -> float:
    """Return the miss rate."""
    return 1.0 - sum(heard) / len(heard)
