"""Scores in, rates with confidence bounds out: false accepts per hour and miss rate.

Scores are logits or probabilities, whichever: only their order matters. A detection opens a
refractory time in which nothing else counts, as in the runtime's detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from watchword_runtime.decision import detection_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

Scores = NDArray[np.float32]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Bounds:
    """A rate and its two-sided 95 % bounds."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return plain values for JSON."""
        return {"value": self.value, "low_95": self.low, "high_95": self.high}


def wilson(hits: int, total: int) -> Bounds:
    """Bound a share `hits / total` (E. B. Wilson, 1927); total 0 gives 0 to 1."""
    if total == 0:
        return Bounds(float("nan"), 0.0, 1.0)
    interval = stats.binomtest(hits, total).proportion_ci(CONFIDENCE, method="wilson")
    return Bounds(hits / total, float(interval.low), float(interval.high))


def poisson_per_hour(events: int, hours: float) -> Bounds:
    """Bound a rate of `events` in `hours` exactly (chi-squared method, F. Garwood, 1936).

    No event in T hours proves no more than about 3.7/T (two-sided).
    """
    if hours <= 0:
        return Bounds(float("nan"), 0.0, float("inf"))
    tail = (1 - CONFIDENCE) / 2
    low = stats.chi2.ppf(tail, 2 * events) / 2 if events else 0.0
    high = stats.chi2.ppf(1 - tail, 2 * events + 2) / 2
    return Bounds(events / hours, float(low) / hours, float(high) / hours)


def count_false_accepts(streams: Sequence[Scores], threshold: float, refractory_steps: int) -> int:
    """Count detections in streams that hold no phrase."""
    return sum(len(detection_steps(s, threshold, refractory_steps, 0)) for s in streams)


def peaks(streams: Sequence[Scores], refractory_steps: int) -> NDArray[np.float32]:
    """Return the height of each separate event, loudest first.

    Greedy: the highest step is an event, its neighbours within the refractory time belong to it,
    and so on; as many events as blocks of the refractory time at most.
    """
    heights: list[float] = []
    for scores in streams:
        free = np.ones(len(scores), bool)
        for step in np.argsort(scores)[::-1]:
            if free[step]:
                heights.append(float(scores[step]))
                free[max(0, step - refractory_steps) : step + refractory_steps] = False
    return np.sort(np.array(heights, np.float32))[::-1]


def threshold_allowing(allowed: int, streams: Sequence[Scores], refractory_steps: int) -> float:
    """Return the lowest threshold at which streams give at most `allowed` detections.

    With none allowed it is just above the loudest step: the highest threshold that the audio can
    support. What rate that stands for is the business of `poisson_per_hour`.
    """
    heights = peaks(streams, refractory_steps)
    if not len(heights):
        return 0.0
    for height in heights[min(allowed, len(heights) - 1) :: -1]:
        threshold = float(np.nextafter(height, np.float32(np.inf)))
        if count_false_accepts(streams, threshold, refractory_steps) <= allowed:
            return threshold
    return float(np.nextafter(heights[0], np.float32(np.inf)))


TAIL_EVENTS = 40
"""Loudest events that say how fast the rates fall as the threshold rises."""
COUNTED_EVENTS = 5
"""With so many events within a rate's hours the threshold is read off, not fitted."""


@dataclass(frozen=True)
class Tail:
    """How fast events become rarer as the threshold rises.

    The heights of the loudest events above the next fall off exponentially, so their mean excess
    says where a rate is reached (peaks over threshold, J. Pickands, 1975, with an exponential
    tail).
    """

    events: int
    """That lie above `base`."""
    base: float
    excess: float
    """Mean height above `base`."""

    def threshold(self, events: float) -> float:
        """Return the threshold that so many events, of the same hours, are above."""
        return self.base + self.excess * float(np.log(self.events / events))

    def events_above(self, threshold: float) -> float:
        """Return how many events, of the same hours, are above a threshold."""
        return self.events * float(np.exp((self.base - threshold) / self.excess))


def fit_tail(heights: Scores) -> Tail | None:
    """Fit the tail of events [n], loudest first; None where they are too few or all alike."""
    tail = min(TAIL_EVENTS, len(heights) // 4)
    if tail == 0:
        return None
    base = float(heights[tail])
    excess = float(np.mean(heights[:tail] - base))
    return Tail(tail, base, excess) if excess > 0 else None


def threshold_for_rate(
    rate_per_hour: float, streams: Sequence[Scores], hours: float, refractory_steps: int
) -> float:
    """Return the threshold at which streams like these give `rate_per_hour` false accepts.

    Where the hours hold enough events of that rate it is the lowest threshold that allows no more.
    Where they don't, the loudest event alone would decide: one shout more or less in twenty
    minutes. There the tail of the loudest events says where the rate is reached.

    Args:
        rate_per_hour: false accepts per hour.
        streams: logits of audio without the phrase.
        hours: of these streams.
        refractory_steps: as the detector's.
    """
    allowed = rate_per_hour * hours
    if allowed >= COUNTED_EVENTS:
        return threshold_allowing(int(allowed), streams, refractory_steps)
    tail = fit_tail(peaks(streams, refractory_steps))
    if tail is None or tail.events <= allowed:
        return threshold_allowing(int(allowed), streams, refractory_steps)
    return tail.threshold(allowed)
