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
TAIL_EVENTS = 30
"""Loudest events that a tail is fitted to."""
MAX_TAIL_SHAPE = 0.5
"""Hosking's k: 0 is exponential, 0.5 falls in a straight line to a sharp end."""


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


@dataclass(frozen=True)
class ThresholdAt:
    """A threshold for a target rate and how it was found."""

    threshold: float
    extrapolated: bool
    """The hours could not show this rate: the tail of the events was continued."""


def threshold_for(rate_per_hour: float, heights: NDArray[np.float32], hours: float) -> ThresholdAt:
    """Find the threshold that false accepts reach `rate_per_hour` times an hour.

    The loudest events are taken as the tail of a peaks-over-threshold model (generalised Pareto,
    fitted by probability-weighted moments: J. Hosking and J. Wallis, "Parameter and Quantile
    Estimation for the Generalized Pareto Distribution", 1987): steadier than single events within
    the hours, and an extrapolation beyond them. Logits of a trained network have an upper end, so
    the tail may be bounded but never heavier than exponential. Rates below the tail are read off.

    Args:
        rate_per_hour: target.
        heights: logits of events (`peaks`), loudest first; probabilities have no such tail.
        hours: of audio behind them.
    """
    expected = rate_per_hour * hours
    extrapolated = expected < 1
    count = min(TAIL_EVENTS, len(heights) - 1)
    if count < 2:
        return ThresholdAt(float(heights[0]) if len(heights) else 0.0, extrapolated)
    if expected >= count:
        return ThresholdAt(float(heights[min(int(expected), len(heights) - 1)]), extrapolated)
    base = float(heights[count])
    height = base + _tail_quantile(heights[:count] - base, expected / count)
    return ThresholdAt(height, extrapolated)


def _tail_quantile(exceedances: NDArray[np.float32], share: float) -> float:
    """Return what a `share` (below 1) of events exceeds; `exceedances`: loudest first."""
    count = len(exceedances)
    weights = (np.arange(count) + 0.35) / count  # plotting position of "is exceeded"
    mean = float(np.mean(exceedances))
    weighted = float(np.mean(weights * exceedances))
    shape = float(np.clip(mean / (mean - 2 * weighted + 1e-9) - 2, 0.0, MAX_TAIL_SHAPE))
    scale = mean * (1 + shape)
    if shape < 1e-3:
        return -scale * float(np.log(share))
    return scale / shape * (1 - share**shape)
