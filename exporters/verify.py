"""Model files, the network they came from and sound in; what each engine makes of each file out.

Files run through the runtime's own engines and streams, from their bytes on disk, in processes of
their own, as on a device.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exporters.engine_choice import runners
from exporters.errors import ExportError
from exporters.report import (
    BARS,
    LEAST_RANGE,
    SCORE_PER_LOGIT,
    SCORE_ROUNDING,
    Check,
    VerificationReport,
)
from exporters.step import reference_logits
from watchword_runtime.decision import detection_steps, refractory_steps
from watchword_runtime.engines import ENGINES
from watchword_runtime.frontend import HOP_S, SAMPLE_RATE_HZ, FrontEnd, check_pcm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from exporters.engine_choice import Runner
    from exporters.measure import Floats, Measured, Pcm
    from exporters.recipes import Recipe
    from trainer.model import TinyCRNN
    from watchword_runtime.manifest import Decision

    Progress = Callable[[float, str], None]

logger = logging.getLogger(__name__)

MIN_SOUND_S = 60.0
"""Less sound than this says too little, however often it is heard."""
SOUND_S = 600.0
"""So much is heard: shorter sound again from its start, of longer sound the first part."""
DRIFT_S = 3600.0
"""The stream at whose end drift is looked for: the sound again and again, states carried."""
SAME_DETECTION_S = 0.3
"""Two detections this close are one; the refractory time is longer."""


@dataclass(frozen=True)
class Reference:
    """What PyTorch makes of the sound."""

    sound: Pcm
    features: Floats
    """float32 [frames, 40] of the silence that a stream settles on, then of the sound."""
    rounds: Floats
    """float32 [rounds, steps]: logits of the features again and again, as one stream."""
    scores: Floats
    """float32 [steps of the sound] in the first round, smoothed as the runtime does."""
    fired: list[int]
    """Steps that are detections."""
    decision: Decision
    step_s: float

    @property
    def logits(self) -> Floats:
        """float32 [steps] of the first round."""
        return self.rounds[0]

    @classmethod
    def hear(cls, model: TinyCRNN, sound: Pcm, decision: Decision, rounds: int = 1) -> Reference:
        """Run the front end over int16 [samples] and the network over its features, `rounds` times.

        A network may remember for minutes, so that the same sound gives other logits the second
        time: an hour is compared with its own hour.
        """
        frames = model.config.frames_per_step
        front_end = FrontEnd()
        silent = front_end.settle()
        settled = len(silent) // frames
        heard = np.concatenate([silent[len(silent) % frames :], front_end.process(sound)])
        heard = heard[: len(heard) // frames * frames]
        logits = reference_logits(model, np.tile(heard, (rounds, 1))).reshape(rounds, -1)
        scores = smoothed_scores(logits[0], decision)[settled:]
        fired = detections(scores, decision, frames * HOP_S)
        return cls(sound, heard, logits, scores, fired, decision, frames * HOP_S)


def verification_sound(sound: Pcm) -> Pcm:
    """Return the int16 [samples] that verification hears: SOUND_S of them.

    Raises:
        TypeError: it is not one-dimensional int16.
        ValueError: less than MIN_SOUND_S.
    """
    seconds = len(check_pcm(sound)) / SAMPLE_RATE_HZ
    if seconds < MIN_SOUND_S:
        raise ValueError(
            f"The sound to verify with lasts {seconds:.1f} s and at least {MIN_SOUND_S:.0f} s are "
            "needed: pass more of it, with and without the phrase."
        )
    return np.resize(sound, round(SOUND_S * SAMPLE_RATE_HZ))


def verify(
    files: Mapping[Path, Recipe],
    model: TinyCRNN,
    sound: Pcm,
    decision: Decision,
    progress: Progress | None = None,
) -> VerificationReport:
    """Run each file on each engine that takes it, and compare with the original network.

    Args:
        files: model files with their manifest inside, and what each should be.
        model: the network they were made from, in eval mode.
        sound: int16 [samples] at 16 kHz, at least MIN_SOUND_S, with and without the phrase.
        decision: where decisions differ.
        progress: called with a share from 0 to 1 and a line of text.

    Raises:
        ExportError: a file missed its bar, was refused by an engine, or ran on no engine; the
            message gives the numbers.
        ValueError: the sound does not do.
    """
    rounds = max(2, math.ceil(DRIFT_S / SOUND_S))
    reference = Reference.hear(model, verification_sound(sound), decision, rounds)
    report = compare(files, reference, progress)
    _demand(report)
    return report


def compare(
    files: Mapping[Path, Recipe],
    reference: Reference,
    progress: Progress | None = None,
    results: dict[tuple[str, str], Measured] | None = None,
) -> VerificationReport:
    """Do what `verify` does and report errors of any size: for choosing among recipes.

    Args:
        files: as for `verify`.
        reference: what PyTorch made of the sound; files hear it as often.
        progress: as for `verify`.
        results: receives (file name, engine) → what was measured.
    """
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
        measured = _run(ways[engine], file, reference)
        if results is not None:
            results[file.name, engine] = measured
        checks.append(_check(file, recipe, engine, measured, reference))
    return VerificationReport(
        stream_s=round(len(reference.sound) / SAMPLE_RATE_HZ, 2),
        steps=len(reference.scores),
        drift_s=round(reference.rounds.size * reference.step_s, 2),
        logit_min=float(reference.logits.min()),
        logit_max=float(reference.logits.max()),
        threshold=reference.decision.threshold,
        detections=len(reference.fired),
        checks=tuple(checks),
        engines_not_run=not_run,
    )


def _run(way: Runner, file: Path, reference: Reference) -> Measured:
    return way(file, reference.sound, reference.features, len(reference.rounds))


def _check(
    file: Path, recipe: Recipe, engine: str, measured: Measured, reference: Reference
) -> Check:
    errors = measured.logits.astype(np.float64) - reference.rounds
    at_first = np.abs(errors[0])
    moved = errors[-1] - errors[0]
    bar = BARS[recipe.precision]
    span = max(float(np.ptp(reference.logits)), LEAST_RANGE) if bar.of_range else 1.0
    rule = reference.decision
    differ = (measured.scores >= rule.threshold) != (reference.scores >= rule.threshold)
    fired = detections(measured.scores, rule, reference.step_s)
    check = Check(
        file=file.name,
        format=recipe.format,
        precision=recipe.precision,
        bytes=file.stat().st_size,
        engine=engine,
        max_error=float(at_first.max()),
        p99_error=float(np.percentile(at_first, 99)),
        max_bar=bar.max_error * span,
        p99_bar=bar.p99_error * span,
        score_error=float(np.abs(measured.scores - reference.scores).max()),
        score_bar=bar.max_error * span * SCORE_PER_LOGIT + SCORE_ROUNDING,
        flips=int(differ.sum()),
        changed=changed_detections(fired, reference.fired, reference.step_s),
        drift=float(np.abs(moved).max()),
        offset=float(moved.mean()),
        drift_bar=bar.max_error * span,
        step_us=measured.step_us,
        step_p99_us=measured.step_p99_us,
        load_ms=measured.load_ms,
        memory_mb=measured.memory_mb,
    )
    logger.info("%s", check)
    return check


def smoothed_scores(logits: Floats, decision: Decision) -> Floats:
    """Return float32 [steps]: the runtime's score of each step, for a whole stream at once."""
    steps = decision.smoothing_steps
    sums = np.cumsum(np.concatenate([np.zeros(steps), logits]), dtype=np.float64)
    counts = np.minimum(np.arange(1, len(logits) + 1), steps)
    means = (sums[steps:] - sums[:-steps]) / counts
    small = np.exp(-np.abs(means))
    scores: Floats = (np.where(means >= 0, 1.0, small) / (1.0 + small)).astype(np.float32)
    return scores


def detections(scores: npt.NDArray[np.float32], decision: Decision, step_s: float) -> list[int]:
    """Return the steps of float32 [steps] that are detections."""
    waiting = refractory_steps(decision.refractory_s, step_s)
    return detection_steps(scores, decision.threshold, waiting, decision.warmup_steps)


def changed_detections(ours: list[int], theirs: list[int], step_s: float) -> int:
    """Return how many detections of either list have none of the other within SAME_DETECTION_S."""
    near = SAME_DETECTION_S / step_s

    def alone(some: list[int], others: list[int]) -> int:
        return sum(all(abs(step - other) > near for other in others) for step in some)

    return alone(ours, theirs) + alone(theirs, ours)


def _demand(report: VerificationReport) -> None:
    failed = [
        f"{check.file} on {check.engine}: {', '.join(check.failures())}"
        for check in report.checks
        if not check.passed
    ]
    if failed:
        raise ExportError(
            f"Artifacts differ from the trained network by more than allowed, over "
            f"{report.stream_s:.0f} s of sound and {report.drift_s:.0f} s of stream. "
            f"{'; '.join(failed)}. Nothing was written; leave the format out, or report this with "
            "the checkpoint."
        )
