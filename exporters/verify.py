"""Model files and the network they came from in; what each engine makes of each file out.

Files run through the runtime's own engines, from their bytes on disk, as on a device.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exporters.engine_choice import runners
from exporters.errors import ExportError
from exporters.step import reference_logits
from watchword_runtime.engines import ENGINES
from watchword_runtime.errors import BundleError
from watchword_runtime.frontend import HOP_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from exporters.engine_choice import Runner
    from exporters.measure import Floats, Measured
    from exporters.recipes import Recipe
    from trainer.model import TinyCRNN
    from watchword_runtime.manifest import Decision

logger = logging.getLogger(__name__)

MIN_STREAM_S = 60.0
MAX_STREAM_S = 600.0
"""More features than this make the report no truer; the first ten minutes are used."""
LEAST_RANGE = 1.0
"""Logits that span less than this decide nothing, and errors are not counted against less."""


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
    # 8 bits a weight and a scale per output: 0.007 and 0.002 of the span for a trained network,
    # up to 0.02 and 0.015 for a very narrow one. A wrong scale or an operator version that a
    # runtime misreads shows as 0.3 and more.
    "int8": Bar(max_error=0.06, p99_error=0.03, of_range=True),
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
    flips: int
    """Steps on which the decision at the threshold differs."""
    step_us: float
    """Median microseconds a step, one thread. Of the machine that exported, not of the file."""
    load_ms: float

    @property
    def passed(self) -> bool:
        """Whether both errors are within their bars; NaN is not."""
        return self.max_error <= self.max_bar and self.p99_error <= self.p99_bar


@dataclass(frozen=True)
class VerificationReport:
    """All files on all engines."""

    stream_s: float
    steps: int
    logit_min: float
    logit_max: float
    threshold: float
    checks: tuple[Check, ...]
    engines_not_run: dict[str, str]
    """Engine → why; nothing was shown about it."""

    def to_dict(self, *, with_times: bool = True) -> dict[str, Any]:
        """Return plain values for JSON; without times they are the same at every export."""
        values = dataclasses.asdict(self)
        if not with_times:
            for check in values["checks"]:
                del check["step_us"], check["load_ms"]
        return values


def check_stream(features: Floats) -> Floats:
    """Return the part of float32 [frames, 40] that verification uses.

    Raises:
        ValueError: another shape or type, values that are not finite, or less than 60 s.
    """
    if features.ndim != 2 or features.shape[1] != 40 or features.dtype != np.float32:
        raise ValueError(
            "The calibration features must be float32 [frames, 40], as "
            f"watchword_runtime.frontend.features returns them, not {features.dtype} "
            f"{list(features.shape)}."
        )
    if not np.isfinite(features).all():
        raise ValueError("The calibration features hold NaN or infinity: check their audio.")
    seconds = len(features) * HOP_S
    if seconds < MIN_STREAM_S:
        raise ValueError(
            f"The calibration features last {seconds:.1f} s and an export is verified over at "
            f"least {MIN_STREAM_S:.0f} s: pass more of them."
        )
    return np.ascontiguousarray(features[: round(MAX_STREAM_S / HOP_S)])


def verify(
    files: Mapping[Path, Recipe],
    model: TinyCRNN,
    features: Floats,
    decision: Decision,
    progress: Callable[[float, str], None] | None = None,
) -> VerificationReport:
    """Run each file on each engine that takes it, and compare with the original network.

    Args:
        files: model files with their manifest inside, and what each should be.
        model: the network they were made from, in eval mode.
        features: float32 [frames, 40], at least 60 s; the first ten minutes are used.
        decision: where decisions flip.
        progress: called with a share from 0 to 1 and a line of text.

    Raises:
        ExportError: a file missed its bar, was refused by an engine, or ran on no engine; the
            message gives the numbers.
        ValueError: the features do not do.
    """
    report = compare(files, model, features, decision, progress)
    _demand(report)
    return report


def compare(
    files: Mapping[Path, Recipe],
    model: TinyCRNN,
    features: Floats,
    decision: Decision,
    progress: Callable[[float, str], None] | None = None,
) -> VerificationReport:
    """Do what `verify` does and report errors of any size: for choosing among recipes."""
    stream = check_stream(features)
    reference = reference_logits(model, stream)
    ways, not_run = runners()
    work = [
        (file, recipe, engine)
        for file, recipe in files.items()
        for engine in ways
        if recipe.format in ENGINES[engine].formats
    ]
    for file, recipe in files.items():
        if not any(engine for other, _, engine in work if other == file):
            reasons = "; ".join(
                f"{name}: {why}"
                for name, why in not_run.items()
                if recipe.format in ENGINES[name].formats
            )
            raise ExportError(f"{file.name} could not be verified: no engine runs it. {reasons}.")
    checks = []
    for index, (file, recipe, engine) in enumerate(work):
        if progress is not None:
            progress(index / len(work), f"Verifying {file.name} on {engine}")
        checks.append(
            _check(
                file,
                recipe,
                engine,
                way=ways[engine],
                stream=stream,
                reference=reference,
                decision=decision,
            )
        )
    return VerificationReport(
        stream_s=round(len(stream) * HOP_S, 2),
        steps=len(reference),
        logit_min=float(reference.min()),
        logit_max=float(reference.max()),
        threshold=decision.threshold,
        checks=tuple(checks),
        engines_not_run=not_run,
    )


def _check(
    file: Path,
    recipe: Recipe,
    engine: str,
    *,
    way: Runner,
    stream: Floats,
    reference: Floats,
    decision: Decision,
) -> Check:
    try:
        measured: Measured = way(file, stream)
    except BundleError as error:
        raise ExportError(f"{file.name} does not run on {engine}: {error}") from error
    errors = np.abs(measured.logits.astype(np.float64) - reference)
    bar = BARS[recipe.precision]
    span = max(float(np.ptp(reference)), LEAST_RANGE) if bar.of_range else 1.0
    differ = decisions(measured.logits, decision) != decisions(reference, decision)
    check = Check(
        file=file.name,
        format=recipe.format,
        precision=recipe.precision,
        bytes=file.stat().st_size,
        engine=engine,
        max_error=float(errors.max()),
        p99_error=float(np.percentile(errors, 99)),
        max_bar=bar.max_error * span,
        p99_bar=bar.p99_error * span,
        flips=int(differ.sum()),
        step_us=measured.step_us,
        load_ms=measured.load_ms,
    )
    logger.info("%s", check)
    return check


def decisions(logits: Floats, decision: Decision) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return bool [steps]: whether the smoothed logit reaches the threshold.

    Warm-up and refractory time are left out: they would hide differences.
    """
    steps = decision.smoothing_steps
    sums = np.cumsum(np.concatenate([np.zeros(steps), logits]), dtype=np.float64)
    counts = np.minimum(np.arange(1, len(logits) + 1), steps)
    smoothed = (sums[steps:] - sums[:-steps]) / counts
    return smoothed >= _logit(decision.threshold)


def _logit(score: float) -> float:
    if score <= 0.0:
        return -math.inf
    if score >= 1.0:
        return math.inf
    return math.log(score / (1.0 - score))


def _demand(report: VerificationReport) -> None:
    failed = [check for check in report.checks if not check.passed]
    if not failed:
        return
    numbers = "; ".join(
        f"{c.file} on {c.engine}: max {c.max_error:.3g} (at most {c.max_bar:.3g}), "
        f"p99 {c.p99_error:.3g} (at most {c.p99_bar:.3g})"
        for c in failed
    )
    raise ExportError(
        f"Logits differ from PyTorch's by more than allowed over {report.stream_s:.0f} s. "
        f"{numbers}. Nothing was written; leave the format out, or report this with the checkpoint."
    )
