"""A detector comes in; what it does at each strictness, as numbers and in words, goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from page.detector_files import Detector

NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
HOURS_A_DAY = 24
LONGEST_IN_HOURS = 36


@dataclass(frozen=True)
class Point:
    """What one threshold gives."""

    threshold: float
    per_hour: float
    """False wakes, counted or extrapolated."""
    per_hour_high: float
    """At most so many, with 95 % confidence."""
    per_hour_low: float
    extrapolated: bool
    missed: float | None
    """Share of the phrases that it does not hear."""
    missed_low: float | None = None
    missed_high: float | None = None
    near_accepted: int | None = None
    rate: float | None = None
    """The operating point's, where it is one of the manifest."""
    shipped: bool = False

    def words(self) -> str:
        """Return "About one false wake in two hours, hears 97 of 100"."""
        heard = "" if self.missed is None else f", hears {of_hundred(self.missed)} of 100"
        return f"About {false_wakes(self.per_hour)}{heard}."


@dataclass(frozen=True)
class Curve:
    """All thresholds, lenient to strict."""

    points: tuple[Point, ...]
    audio: str
    """What it was measured on."""
    hours: float
    """Of sound without the phrase."""
    report: dict[str, Any] | None
    """The training's; None where only the manifest's few points are known."""

    @property
    def shipped(self) -> int:
        """Number of the point that is in the manifest."""
        return next((n for n, point in enumerate(self.points) if point.shipped), 0)

    def nearest(self, threshold: float) -> int:
        """Return the number of the point whose threshold is nearest."""
        return min(range(len(self.points)), key=lambda n: abs(self.points[n].threshold - threshold))


def read_curve(detector: Detector) -> Curve | None:
    """Return the curve of a detector; None where nothing was measured.

    The training's report has many thresholds; a detector of an earlier version has its manifest's.
    """
    if detector.report is not None:
        try:
            return _from_report(detector, detector.report)
        except (KeyError, TypeError, IndexError, ValueError):
            pass  # another program's file of that name: the manifest still says something
    points = sorted(
        (
            Point(
                threshold=point.threshold,
                per_hour=point.false_accepts_per_hour,
                per_hour_low=0.0,
                per_hour_high=point.upper_95,
                extrapolated="extrapolated" in point.audio,
                missed=point.miss_rate,
                rate=point.false_accepts_per_hour,
                shipped=point.threshold == detector.manifest.decision.threshold,
            )
            for point in detector.manifest.operating_points
        ),
        key=lambda point: (point.threshold, -point.per_hour),
    )
    if not points:
        return None
    first = detector.manifest.operating_points[0]
    return Curve(tuple(points), first.audio.partition(";")[0], first.hours, None)


def _from_report(detector: Detector, report: dict[str, Any]) -> Curve:
    thresholds = [float(value) for value in report["thresholds"]]
    missed = report["missed"]
    # Several rates may share one threshold; the most frequent says what it is for.
    rates = {
        nearest(thresholds, point.threshold): point.false_accepts_per_hour
        for point in sorted(
            detector.manifest.operating_points, key=lambda point: point.false_accepts_per_hour
        )
    }
    shipped = nearest(thresholds, detector.manifest.decision.threshold)
    points = tuple(
        Point(
            threshold=(
                detector.manifest.decision.threshold if number == shipped else thresholds[number]
            ),
            per_hour=float(found["per_hour"]),
            per_hour_low=float(found["low_95"]),
            per_hour_high=float(found["high_95"]),
            extrapolated=bool(found["extrapolated"]),
            missed=missed["missed"][number] / missed["of"],
            missed_low=float(missed["low_95"][number]),
            missed_high=float(missed["high_95"][number]),
            near_accepted=int(report["near_accepted"][number]),
            rate=rates.get(number),
            shipped=number == shipped,
        )
        for number, found in enumerate(report["false_accepts"])
    )
    return Curve(points, str(report["audio"]), float(report["negative_hours"]), report)


def nearest(values: list[float], wanted: float) -> int:
    """Return the place of the nearest value."""
    return min(range(len(values)), key=lambda number: abs(values[number] - wanted))


def false_wakes(per_hour: float) -> str:
    """Return a rate as a person says it: "one false wake in two days"."""
    if per_hour >= 0.95:
        count = round(per_hour)
        return f"{_number(count)} false wake{'' if count == 1 else 's'} an hour"
    if per_hour <= 0:
        return "no false wake"
    hours = 1 / per_hour
    if round(hours) < 2:
        return f"one false wake in {round(6 * hours) * 10} minutes"
    if hours <= LONGEST_IN_HOURS:
        return f"one false wake in {_number(round(hours))} hours"
    return f"one false wake in {_number(round(hours / HOURS_A_DAY))} days"


def of_hundred(missed: float) -> int:
    """Return how many of a hundred phrases are heard; all only where none was missed."""
    heard = round(100 * (1 - missed))
    return 99 if heard == 100 and missed > 0 else heard


def rate(per_hour: float) -> str:
    """Return a rate as a short label: "0.5/h"."""
    return f"{per_hour:.2g}/h"


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
