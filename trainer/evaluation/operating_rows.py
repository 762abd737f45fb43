"""Scores in, miss rates against false accepts per hour out: points, bounds and the whole curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.rates import (
    Bounds,
    count_false_accepts,
    peaks,
    poisson_per_hour,
    threshold_allowing,
    wilson,
)
from watchword_runtime.decision import refractory_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.evaluation.scores import Condition, Negatives

REFRACTORY_S = 2.0
CURVE_POINTS = 200
"""Thresholds of a curve, at most."""
CURVE_PER_HOUR = 100.0
"""Where a curve ends: nobody would live with more."""


@dataclass(frozen=True)
class MissRate:
    """How many of some recordings stayed below a threshold."""

    missed: int
    of: int
    exact: bool = True
    """False where the hours cannot tell the threshold of the rate that was asked for: it lies
    higher than this one, so that at least so many are missed."""

    @property
    def value(self) -> float:
        """The share that was missed."""
        return self.missed / self.of

    @property
    def bounds(self) -> Bounds:
        """The share and its bounds, Wilson's; nothing bounds an inexact one from above."""
        found = wilson(self.missed, self.of)
        return found if self.exact else Bounds(found.value, found.low, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an inexact rate has bounds and no value."""
        bounds = self.bounds.to_dict()
        return {**bounds, "value": self.value if self.exact else None, "missed": self.missed}


def miss_rate(scores: NDArray[np.float32], threshold: float, *, exact: bool = True) -> MissRate:
    """Count the recordings [n] whose highest score stays below a threshold."""
    return MissRate(int(np.sum(scores < threshold)), len(scores), exact)


@dataclass(frozen=True)
class OperatingRow:
    """What one threshold gives."""

    rate_per_hour: float | None
    """What the threshold is meant for; None where nobody says."""
    threshold: float
    false_accepts: int
    per_hour: Bounds
    supported: bool
    """Whether the hours can hold at least one event at this rate. A threshold that ships is given,
    so that all hours support it."""
    miss: dict[str, MissRate]
    """By condition."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; a rate of no events has bounds and no value."""
        per_hour = self.per_hour.to_dict()
        return {
            "false_accepts_per_hour": self.rate_per_hour,
            "threshold": self.threshold,
            "false_accepts": self.false_accepts,
            "measured_per_hour": {
                **per_hour,
                "value": self.per_hour.value if self.false_accepts else None,
            },
            "supported_by_hours": self.supported,
            "miss_rate": {name: miss.to_dict() for name, miss in self.miss.items()},
        }


def row_at(
    threshold: float,
    rate_per_hour: float | None,
    negatives: Negatives,
    conditions: Sequence[Condition],
    *,
    supported: bool = True,
) -> OperatingRow:
    """Return what a threshold gives on recordings."""
    events = count_false_accepts([negatives.scores], threshold, refractory(negatives))
    return OperatingRow(
        rate_per_hour,
        threshold,
        events,
        poisson_per_hour(events, negatives.hours),
        supported,
        {c.name: miss_rate(c.scores, threshold, exact=supported) for c in conditions},
    )


def row_for(rate: float, negatives: Negatives, conditions: Sequence[Condition]) -> OperatingRow:
    """Return what the lowest threshold gives that keeps a rate on these very negatives."""
    allowed = rate * negatives.hours
    threshold = threshold_allowing(int(allowed), [negatives.scores], refractory(negatives))
    return row_at(threshold, rate, negatives, conditions, supported=allowed >= 1)


def refractory(negatives: Negatives) -> int:
    """Return the steps within which events are one."""
    return refractory_steps(REFRACTORY_S, negatives.step_s)


@dataclass(frozen=True)
class Curve:
    """Miss rates over false accepts per hour, from strict to lenient."""

    thresholds: NDArray[np.float64]
    """[points], falling."""
    false_accepts: NDArray[np.int64]
    """[points], rising; the first point may have none."""
    per_hour: NDArray[np.float64]
    """[points]."""
    missed: dict[str, NDArray[np.int64]]
    """[points] recordings, by condition."""
    positives: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "threshold": self.thresholds.tolist(),
            "false_accepts": self.false_accepts.tolist(),
            "false_accepts_per_hour": self.per_hour.tolist(),
            "miss_rate": {n: (m / self.positives).tolist() for n, m in self.missed.items()},
        }


def trace_curve(negatives: Negatives, conditions: Sequence[Condition]) -> Curve:
    """Follow all conditions from no false accept up to CURVE_PER_HOUR.

    The thresholds lie just above events, and lie closer where events are few.
    """
    steps = refractory(negatives)
    heights = peaks([negatives.scores], steps)
    most = min(len(heights), int(CURVE_PER_HOUR * negatives.hours) + 1)
    ranks = np.unique(np.round(np.geomspace(1, max(most, 1), CURVE_POINTS)).astype(int)) - 1
    thresholds: list[float] = []
    events: list[int] = []
    for rank in ranks[: len(heights)]:
        threshold = float(np.nextafter(heights[rank], np.float32(np.inf)))
        found = count_false_accepts([negatives.scores], threshold, steps)
        if not events or found > events[-1]:  # equal heights are one point
            thresholds.append(threshold)
            events.append(found)
    return Curve(
        np.array(thresholds),
        np.array(events, np.int64),
        np.array(events) / negatives.hours,
        {
            c.name: np.array([np.sum(c.scores < t) for t in thresholds], np.int64)
            for c in conditions
        },
        len(conditions[0].scores),
    )
