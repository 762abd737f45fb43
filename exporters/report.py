"""What verification measures and what it allows: one `Check` for each file on each engine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

LEAST_RANGE = 10.0
"""Errors are not counted against a smaller span. They come from rounding weights, most of which are
the backbone's: a network that was trained for seconds spans two logits where others span 15 to 23,
and is off by as much as they are."""
SCORE_PER_LOGIT = 0.25
"""A score, the sigmoid of a logit, moves at most a quarter of what the logit does."""
SCORE_ROUNDING = 1e-6
"""Scores are float32."""
OF_THE_MACHINE = ("step_us", "step_p99_us", "load_ms", "memory_mb")
"""Measurements that are of the machine that exported, not of the file: they differ at every export,
so they are in `ExportReport` and the job's row and never in a bundle."""


@dataclass(frozen=True)
class Bar:
    """The largest error that an export may have."""

    max_error: float
    p99_error: float
    of_range: bool
    """The errors are shares of the span of the reference logits instead of logits."""


BARS = {
    # Folding and another order of sums leave about 2e-5 on logits that span 23; ten times that
    # would be a conversion fault.
    "fp32": Bar(max_error=1e-4, p99_error=1e-4, of_range=False),
    # Half precision keeps 11 bits of each weight: 0.0003 and 0.0001 of the span, measured.
    "fp16": Bar(max_error=0.002, p99_error=0.0006, of_range=True),
    # 8 bits a weight and a scale per output: 0.007 and 0.002 of the span for most trained networks,
    # up to 0.02 and 0.015 for a very narrow one; single steps of one that three had taught were off
    # by 0.07. A wrong scale or an operator version that a runtime misreads shows as 0.3 and more.
    "int8": Bar(max_error=0.12, p99_error=0.03, of_range=True),
}
"""By precision."""


@dataclass(frozen=True)
class Check:
    """One file on one engine."""

    file: str
    format: str
    precision: str
    bytes: int
    engine: str
    max_error: float
    """Largest difference from PyTorch's logit."""
    p99_error: float
    max_bar: float
    """What `max_error` may be, in logits."""
    p99_bar: float
    score_error: float
    """Largest difference of a `Stream`'s scores, fed with sound in odd chunks, from PyTorch's."""
    score_bar: float
    flips: int
    """Steps on which the score is on the other side of the threshold."""
    changed: int
    """Detections that only one of both has."""
    drift: float
    """How far the difference from PyTorch's logit moved, at most, for the same sound from the first
    to the last time in an hour of stream."""
    offset: float
    """Mean of these moves, with its sign: what creeps."""
    drift_bar: float
    """An error may not be larger than `max_bar`, nor move further."""
    step_us: float
    """Median microseconds a step, one thread."""
    step_p99_us: float
    load_ms: float
    memory_mb: float | None
    """Resident MB of a process that only listens with this file."""

    def failures(self) -> list[str]:
        """Return what is above its bar, with the numbers; NaN is above any."""
        rows = (
            ("max", self.max_error, self.max_bar),
            ("p99", self.p99_error, self.p99_bar),
            ("score", self.score_error, self.score_bar),
            ("drift", self.drift, self.drift_bar),
        )
        return [
            f"{name} {value:.3g} (at most {bar:.3g})"
            for name, value, bar in rows
            if not value <= bar
        ]

    @property
    def passed(self) -> bool:
        """Whether every error is within its bar."""
        return not self.failures()


@dataclass(frozen=True)
class VerificationReport:
    """All files on all engines."""

    stream_s: float
    """Seconds of sound."""
    steps: int
    drift_s: float
    """Seconds of the stream at whose end drift was looked for."""
    logit_min: float
    logit_max: float
    threshold: float
    detections: int
    """PyTorch's."""
    checks: tuple[Check, ...]
    engines_not_run: dict[str, str]
    """Engine → why; nothing was shown about it."""

    def to_dict(self, *, with_times: bool = True) -> dict[str, Any]:
        """Return plain values for JSON; without times they are the same at every export."""
        values = dataclasses.asdict(self)
        if not with_times:
            for check in values["checks"]:
                for name in OF_THE_MACHINE:
                    del check[name]
        return values
