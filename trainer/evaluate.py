"""A shipped detector and recordings in, miss rate against false accepts per hour out.

Everything goes through the runtime's own Detector, as a stream: what is measured is the file that
ships, not the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.augment import add_noise
from trainer.progress import Report, Stage, silent
from trainer.rates import (
    Bounds,
    Scores,
    count_false_accepts,
    poisson_per_hour,
    threshold_allowing,
    wilson,
)
from trainer.recordings import find_recordings, read_recording
from trainer.speech import active_span
from watchword_runtime.decision import detection_steps, refractory_steps
from watchword_runtime.frontend import SAMPLE_RATE_HZ, to_int16

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from watchword_runtime import Detector

RATES_PER_HOUR = (0.1, 0.5, 1.0, 2.0)
REFRACTORY_S = 2.0
BEFORE_S = 1.5
AFTER_S = 1.0
INT16_SCALE = np.float32(32768)


@dataclass(frozen=True)
class Condition:
    """What the positives were heard through."""

    name: str
    scores: NDArray[np.float32]
    """[recordings], the highest score of each."""


@dataclass(frozen=True)
class Negatives:
    """One long stream without the phrase."""

    scores: Scores
    starts: NDArray[np.int64]
    """[files], the step at which each file begins."""
    files: tuple[str, ...]
    hours: float
    step_s: float

    def place(self, step: int) -> dict[str, Any]:
        """Return file and time of a step, so that it can be listened to."""
        number = int(np.searchsorted(self.starts, step, side="right")) - 1
        time_s = (step - int(self.starts[number])) * self.step_s
        return {"file": self.files[number], "time_s": round(time_s, 2)}


@dataclass(frozen=True)
class OperatingRow:
    """The line of the table for one rate."""

    rate_per_hour: float | None
    """The target, or None for the threshold that ships."""
    threshold: float
    false_accepts: int
    per_hour: Bounds
    supported: bool
    """Whether the hours can hold at least one event at this rate."""
    miss: dict[str, Bounds]
    """By condition."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "false_accepts_per_hour": self.rate_per_hour,
            "threshold": self.threshold,
            "false_accepts": self.false_accepts,
            "measured_per_hour": self.per_hour.to_dict(),
            "supported_by_hours": self.supported,
            "miss_rate": {name: bounds.to_dict() for name, bounds in self.miss.items()},
        }


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured."""

    phrase: str
    file: str
    engine: str
    conditions: tuple[Condition, ...]
    negatives: Negatives
    rows: tuple[OperatingRow, ...]
    shipped: OperatingRow
    """At the threshold in the manifest."""
    false_accepts: tuple[dict[str, Any], ...]
    """At the shipped threshold: file, time and score."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "phrase": self.phrase,
            "file": self.file,
            "engine": self.engine,
            "positives": len(self.conditions[0].scores),
            "negative_hours": self.negatives.hours,
            "refractory_s": REFRACTORY_S,
            "operating_points": [row.to_dict() for row in self.rows],
            "shipped_threshold": self.shipped.to_dict(),
            "false_accepts": list(self.false_accepts),
        }


def padded(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Put silence around a recording: time to start hearing and time to answer."""
    before = np.zeros(int(BEFORE_S * SAMPLE_RATE_HZ), np.int16)
    return np.concatenate([before, pcm, np.zeros(int(AFTER_S * SAMPLE_RATE_HZ), np.int16)])


def with_noise(
    pcm: NDArray[np.int16], noise: NDArray[np.float32], snr_db: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Mix a piece of noise under a padded recording; the level refers to its active part."""
    speech = pcm.astype(np.float32) / INT16_SCALE
    start = int(rng.integers(len(noise)))
    piece = np.resize(np.roll(noise, -start), len(speech)).astype(np.float32)
    first, last = active_span(speech)
    rms = float(np.sqrt(np.mean(np.square(speech[first:last])) + 1e-12))
    mixed = add_noise(speech, piece, snr_db, rms)
    return to_int16(mixed / max(1.0, float(np.abs(mixed).max())))


def score_positives(
    detector: Detector,
    files: Sequence[Path],
    stage: Stage,
    *,
    noise: NDArray[np.float32] | None = None,
    snr_db: float = 10.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Return the highest score [files] of each recording in a stream of its own."""
    warmup = detector.manifest.decision.warmup_steps
    stream = detector.stream()
    out = np.zeros(len(files), np.float32)
    for number, path in enumerate(files):
        pcm = padded(read_recording(path))
        if noise is not None:
            pcm = with_noise(pcm, noise, snr_db, np.random.default_rng([seed, number]))
        stream.reset()
        scores = stream.scores(pcm)[warmup:]
        out[number] = scores.max() if len(scores) else 0.0
        stage.at(number + 1, f"{number + 1} of {len(files)} recordings")
    return out


def score_negatives(detector: Detector, files: Sequence[Path], stage: Stage) -> Negatives:
    """Stream all files one after the other through one stream."""
    stream = detector.stream()
    parts: list[Scores] = []
    starts, steps, samples = [], 0, 0
    for number, path in enumerate(files):
        pcm = read_recording(path)
        starts.append(steps)
        parts.append(stream.scores(pcm))
        steps += len(parts[-1])
        samples += len(pcm)
        stage.at(number + 1, f"{number + 1} of {len(files)} files")
    scores = np.concatenate(parts)
    scores[: detector.manifest.decision.warmup_steps] = 0.0
    return Negatives(
        scores,
        np.array(starts, np.int64),
        tuple(str(path) for path in files),
        samples / SAMPLE_RATE_HZ / 3600,
        detector.step_s,
    )


def _row(
    rate: float | None, threshold: float, negatives: Negatives, conditions: Sequence[Condition]
) -> OperatingRow:
    refractory = refractory_steps(REFRACTORY_S, negatives.step_s)
    events = count_false_accepts([negatives.scores], threshold, refractory)
    misses = {c.name: int(np.sum(c.scores < threshold)) for c in conditions}
    return OperatingRow(
        rate_per_hour=rate,
        threshold=threshold,
        false_accepts=events,
        per_hour=poisson_per_hour(events, negatives.hours),
        supported=rate is None or rate * negatives.hours >= 1,
        miss={c.name: wilson(misses[c.name], len(c.scores)) for c in conditions},
    )


def evaluate(
    detector: Detector,
    positives: Path,
    negatives: Path,
    *,
    noise: Path | None = None,
    snr_db: float = 10.0,
    report: Report = silent,
) -> Evaluation:
    """Measure a detector on recordings.

    Args:
        detector: what ships, loaded by the runtime.
        positives: folder of recordings of the phrase, one in each file.
        negatives: folder of recordings without the phrase; streamed as one.
        noise: folder of noise; the positives are then also heard at `snr_db`.
        snr_db: speech over noise.
        report: receives the stages.

    Raises:
        RecordingError: a folder holds no audio, or a file cannot be read.
    """
    positive_files = find_recordings(positives)
    negative_files = find_recordings(negatives)
    noise_files = find_recordings(noise) if noise else []
    count = len(positive_files)
    conditions = [
        Condition(
            "clean",
            score_positives(detector, positive_files, Stage(report, "positives, clean", count)),
        )
    ]
    if noise_files:
        mix = np.concatenate([read_recording(path) for path in noise_files]).astype(np.float32)
        name = f"{snr_db:g} dB noise"
        stage = Stage(report, f"positives, {name}", count)
        conditions.append(
            Condition(
                name,
                score_positives(
                    detector, positive_files, stage, noise=mix / INT16_SCALE, snr_db=snr_db
                ),
            )
        )
    stream = score_negatives(
        detector, negative_files, Stage(report, "negatives", len(negative_files))
    )
    refractory = refractory_steps(REFRACTORY_S, stream.step_s)
    rows = tuple(
        _row(
            rate,
            threshold_allowing(int(rate * stream.hours), [stream.scores], refractory),
            stream,
            conditions,
        )
        for rate in RATES_PER_HOUR
    )
    shipped = detector.threshold
    fired = detection_steps(stream.scores, shipped, refractory, 0)
    return Evaluation(
        phrase=detector.manifest.phrase,
        file=detector.file,
        engine=detector.engine_name,
        conditions=tuple(conditions),
        negatives=stream,
        rows=rows,
        shipped=_row(None, shipped, stream, conditions),
        false_accepts=tuple(
            {**stream.place(step), "score": float(stream.scores[step])} for step in fired
        ),
    )
