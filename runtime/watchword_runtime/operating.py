"""A manifest and bearable false accepts per hour in, its operating point for them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword_runtime.manifest import Manifest, OperatingPoint


def operating_point(manifest: Manifest, per_hour: float) -> OperatingPoint:
    """Return the operating point that hears most with at most `per_hour` false accepts.

    Raises:
        ValueError: the manifest has no such point; the message says which it has.
    """
    points = manifest.operating_points
    if not points:
        raise ValueError(
            f"{manifest.phrase!r} has no operating points in its manifest, so a sensitivity means "
            "nothing to it: set a score with --threshold, or train it again."
        )
    within = [point for point in points if point.false_accepts_per_hour <= per_hour]
    if not within:
        rates = ", ".join(f"{point.false_accepts_per_hour:g}" for point in points)
        raise ValueError(
            f"{manifest.phrase!r} was not measured at {per_hour:g} false accepts per hour or "
            f"fewer, only at {rates}: choose one of these, or set a score with --threshold."
        )
    return max(within, key=lambda point: (point.false_accepts_per_hour, -point.threshold))
