"""A shipped detector and recordings in, miss rate against false accepts per hour out.

Everything goes through the runtime's own Detector, as a stream: what is measured is the file that
ships, not the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer.evaluation.excerpts import FalseAccept
from trainer.evaluation.groups import Group, by_group, groups_to_dict
from trainer.evaluation.operating_rows import (
    REFRACTORY_S,
    Curve,
    OperatingRow,
    refractory,
    row_at,
    row_for,
    trace_curve,
)
from trainer.evaluation.scores import (
    Condition,
    Negatives,
    padded,
    score_negatives,
    score_positives,
    with_noise,
)
from trainer.evaluation.surroundings import Surroundings, check_recordings, hear_positives
from trainer.progress import Report, Stage, silent
from watchword_runtime.decision import detection_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from watchword_runtime import Detector

__all__ = [
    "Condition",
    "Evaluation",
    "Negatives",
    "evaluate",
    "padded",
    "score_negatives",
    "score_positives",
    "with_noise",
]

FORMAT_VERSION = 1
RATES_PER_HOUR = (0.1, 0.5, 1.0, 2.0)
DEFAULT_RATE = 0.5
"""The rate that groups are compared at."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured."""

    phrase: str
    file: str
    engine: str
    conditions: tuple[Condition, ...]
    negatives: Negatives
    rows: tuple[OperatingRow, ...]
    """At the thresholds that keep RATES_PER_HOUR on these negatives."""
    shipped: OperatingRow
    """At the threshold in the manifest."""
    shipped_points: tuple[OperatingRow, ...]
    """At the manifest's thresholds for several rates, strict to lenient."""
    false_accepts: tuple[FalseAccept, ...]
    """At the shipped threshold, in the order of the stream."""
    curve: Curve
    groups: dict[str, tuple[Group, ...]] = field(default_factory=dict)
    """By column of the table of who spoke."""
    seed: int = 0

    @property
    def default_row(self) -> OperatingRow:
        """The row of DEFAULT_RATE."""
        return next(row for row in self.rows if row.rate_per_hour == DEFAULT_RATE)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "phrase": self.phrase,
            "file": self.file,
            "engine": self.engine,
            "seed": self.seed,
            "positives": len(self.conditions[0].scores),
            "conditions": [condition.to_dict() for condition in self.conditions],
            "negative_files": len(self.negatives.files),
            "negative_hours": self.negatives.hours,
            "refractory_s": REFRACTORY_S,
            "operating_points": [row.to_dict() for row in self.rows],
            "shipped_threshold": self.shipped.to_dict(),
            "shipped_operating_points": [row.to_dict() for row in self.shipped_points],
            "groups": groups_to_dict(self.groups),
            "false_accepts": [event.to_dict() for event in self.false_accepts],
            "curve": self.curve.to_dict(),
        }


def evaluate(
    detector: Detector,
    positives: Sequence[Path],
    negatives: Sequence[Path],
    *,
    surroundings: Surroundings | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    report: Report = silent,
) -> Evaluation:
    """Measure a detector on recordings.

    Args:
        detector: what ships, loaded by the runtime.
        positives: recordings of the phrase, one in each file.
        negatives: recordings without the phrase; streamed as one.
        surroundings: noise and rooms that the positives are also heard through.
        labels: by column, who spoke, [positives].
        seed: decides rooms and pieces of noise.
        report: receives the stages.

    Raises:
        RecordingError: a file cannot be read.
    """
    surroundings = surroundings or Surroundings()
    check_recordings([*positives, *negatives, *surroundings.talk])
    conditions = hear_positives(detector, positives, surroundings, seed=seed, report=report)
    stream = score_negatives(detector, negatives, Stage(report, "negatives", len(negatives)))
    rows = tuple(row_for(rate, stream, conditions) for rate in RATES_PER_HOUR)
    default = next(row for row in rows if row.rate_per_hour == DEFAULT_RATE)
    points = sorted(
        (point.false_accepts_per_hour, point.threshold)
        for point in detector.manifest.operating_points
    )
    meant_for = next((rate for rate, level in points if level == detector.threshold), None)
    shipped = row_at(detector.threshold, meant_for, stream, conditions)
    fired = detection_steps(stream.scores, shipped.threshold, refractory(stream), 0)
    return Evaluation(
        phrase=detector.manifest.phrase,
        file=detector.file,
        engine=detector.engine_name,
        conditions=conditions,
        negatives=stream,
        rows=rows,
        shipped=shipped,
        shipped_points=tuple(row_at(level, rate, stream, conditions) for rate, level in points),
        false_accepts=tuple(
            FalseAccept(**stream.place(step), score=float(stream.scores[step])) for step in fired
        ),
        curve=trace_curve(stream, conditions),
        groups={
            column: by_group(named, conditions, default, shipped)
            for column, named in (labels or {}).items()
        },
        seed=seed,
    )
