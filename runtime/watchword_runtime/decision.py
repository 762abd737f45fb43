"""A row of scores in, the steps that are detections out; the same rule live and in evaluation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from watchword_runtime.frontend import Floats

_ROUNDING_STEPS = 1e-6
"""1.2 s of 30 ms steps are 40 of them, whatever the binary fractions say."""


def sigmoid(logit: float) -> float:
    """Return 1 / (1 + exp(-logit)) as float32 precision sees it, without overflow.

    Scores are kept as float32 everywhere, so that a threshold that was taken from an array of
    scores meets exactly the same values live.
    """
    small = math.exp(-abs(logit))
    return float(np.float32((1.0 if logit >= 0 else small) / (1.0 + small)))


def refractory_steps(refractory_s: float, step_s: float) -> int:
    """Return how many steps after a detection the next one may come, at least 1."""
    return max(1, math.ceil(refractory_s / step_s - _ROUNDING_STEPS))


FORGET_SCORE = 0.1
"""What reaches this may have been the phrase, whatever the threshold is. Who was not understood
says it again: it is below the thresholds that trainings choose (docs/decisions/0019)."""
FORGET_AFTER_S = 0.6
"""By then the phrase is over and its score was given."""


class Forgetting:
    """Says after which step a network forgets what it heard: a moment after what may be the phrase.

    A network that has heard the phrase waits for something else: 2.5 s later it missed nearly every
    second saying in a quiet room. The rule does not depend on the threshold, so that scores are a
    function of the sound alone.
    """

    def __init__(self, step_s: float) -> None:
        self._wait = max(1, round(FORGET_AFTER_S / step_s))
        self._left = 0

    def reset(self) -> None:
        """Start a new stream."""
        self._left = 0

    @property
    def steps_until_due(self) -> int:
        """At least so many more steps come, the last one included, before `due` can be true."""
        return self._left or self._wait

    def due(self, score: float) -> bool:
        """Take the next step's score; return whether the network forgets after this step."""
        if self._left:
            self._left -= 1
            return self._left == 0
        if score >= FORGET_SCORE:
            self._left = self._wait
        return False


class Trigger:
    """Says of each step in turn whether it is a detection."""

    def __init__(self, threshold: float, refractory: int, warmup: int, level: int = 1) -> None:
        """Take the rule in steps; `level` of them in a row must reach the threshold."""
        self._threshold = threshold
        self._refractory = refractory
        self._warmup = warmup
        self._level = level
        self.reset()

    def reset(self) -> None:
        """Start a new stream."""
        self._step = -1
        self._open_at = self._warmup
        self._in_row = 0

    def hit(self, score: float) -> bool:
        """Take the next step's score; return whether this step is a detection."""
        self._step += 1
        self._in_row = self._in_row + 1 if score >= self._threshold else 0
        if self._step < self._open_at or self._in_row < self._level:
            return False
        self._open_at = self._step + self._refractory
        return True


def detection_steps(scores: Floats, threshold: float, refractory: int, warmup: int) -> list[int]:
    """Return the steps of float32 [steps] at which a `Trigger` would fire, found much faster."""
    found: list[int] = []
    open_at = warmup
    # In float64, as `Trigger` compares: numpy would round the threshold to float32.
    for step in np.flatnonzero(scores.astype(np.float64) >= threshold).tolist():
        if step >= open_at:
            found.append(step)
            open_at = step + refractory
    return found
