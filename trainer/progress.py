"""How long work tells its caller where it is: stage, fraction, time left, live figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class CancelledError(RuntimeError):
    """The caller wants the work to stop; a report function raises it, nothing catches it."""


@dataclass(frozen=True)
class Progress:
    """One report."""

    stage: str
    """What is being done: `speech`, `features`, `training`, …"""
    fraction: float
    """Done of this stage, 0 to 1."""
    eta_s: float | None
    """Estimated seconds to the end of this stage, or None while nothing is known."""
    detail: str = ""
    """For a person: "312 of 900 clips"."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Live figures of the training: step, loss, miss rate."""


Report = Callable[[Progress], None]
"""Receives progress; may raise `CancelledError` to stop the work between two steps."""


def silent(_progress: Progress) -> None:
    """Report to nobody."""


class Stage:
    """Turns done/total into reports with an ETA from the pace so far."""

    def __init__(self, report: Report, name: str, total: int) -> None:
        self._report = report
        self._name = name
        self._total = max(total, 1)
        self._started_s = time.monotonic()

    def at(self, done: int, detail: str = "", metrics: Mapping[str, float] | None = None) -> None:
        """Report that `done` of the total are done."""
        fraction = min(done / self._total, 1.0)
        elapsed_s = time.monotonic() - self._started_s
        eta_s = elapsed_s * (1 - fraction) / fraction if fraction > 0 else None
        self._report(Progress(self._name, fraction, eta_s, detail, metrics or {}))
