"""A detector, an exam and recordings in, its figures out: one flat row for one training.

The detector is what ships, run by the runtime, or another project's behind the same four names
(`trainer.benchmark.rivals`): step scores of a stream are all that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.evaluate import score_negatives, score_positives
from trainer.evaluation.second_opinion import without_phrase
from trainer.evaluation.surroundings import AFTER_TALK, SAID_AGAIN, hear_behind_speech
from trainer.phrases import Bucket
from trainer.progress import Report, Stage
from trainer.rates import count_false_accepts, threshold_allowing
from trainer.recordings import find_recordings, read_recording
from trainer.speech import INT16_SCALE
from trainer.validation import REFRACTORY_S
from watchword_runtime.decision import refractory_steps

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.benchmark.exam import Exam
    from trainer.evaluation.second_opinion import Opinion
    from watchword_runtime import Detector

RATES_PER_HOUR = {"05": 0.5, "2": 2.0}
"""Name in a figure → false accepts per hour."""
SHIPPED = "shipped"
SNR_DB = 10.0

Figures = dict[str, float | None]
"""Name → share, rate or count; None where there was nothing to measure it on."""


@dataclass(frozen=True)
class Field:
    """Recordings of people and noise, the same for every phrase."""

    negatives: tuple[Path, ...]
    """Files without any phrase of the list."""
    recordings: Path | None
    """Folder with a folder for each phrase that people were recorded saying."""
    noise: NDArray[np.float32] | None
    """[samples] in [-1, 1], to mix under positives at SNR_DB."""

    def positives(self, folder_name: str) -> list[Path]:
        """Return the recordings of a phrase, none where it has no folder."""
        for folder in (folder_name, f"positives/{folder_name}"):
            if self.recordings is not None and (self.recordings / folder).is_dir():
                return find_recordings(self.recordings / folder)
        return []


def open_field(negatives: Path, recordings: Path | None, noise: Path | None) -> Field:
    """List the negatives and read the noise.

    Raises:
        RecordingError: a folder holds no audio, or a file cannot be read.
    """
    mix = None
    if noise is not None:
        files = [read_recording(path) for path in find_recordings(noise)]
        mix = np.concatenate(files).astype(np.float32) / INT16_SCALE
    return Field(tuple(find_recordings(negatives)), recordings, mix)


def measure(
    detector: Detector,
    exam: Exam,
    field: Field,
    recorded: list[Path],
    *,
    report: Report,
    opinion: Opinion | None = None,
) -> Figures:
    """Measure one detector.

    Args:
        detector: loaded by the runtime, or a rival.
        exam: what held-out voices say.
        field: negatives and noise.
        recorded: recordings of people saying the phrase; may be empty.
        report: receives the stages.
        opinion: says whether the phrase itself is said where the detector fires in the negatives;
            such a moment is no false accept. `phrase_in_negatives` counts them.

    Returns:
        Miss rates `real_miss_05`, `real_miss_10db_05`, `heldout_miss`, `heldout_miss_10db` …: at
        0.5 false accepts per hour on the field's negatives, at 2 (`_2`), and at the threshold that
        ships (`_shipped`). What has no suffix for the rate is at 0.5 per hour. `real_miss_talk_05`
        is a second after somebody else has spoken, `real_miss_again_05` said 2.5 s after itself.
    """
    stream = score_negatives(
        detector, field.negatives, Stage(report, "negatives", len(field.negatives))
    )
    refractory = refractory_steps(REFRACTORY_S, stream.step_s)
    said = 0
    if opinion:
        stream, said = without_phrase(stream, refractory, opinion)
    thresholds = {
        name: threshold_allowing(int(rate * stream.hours), [stream.scores], refractory)
        for name, rate in RATES_PER_HOUR.items()
    } | {SHIPPED: detector.threshold}
    shipped = count_false_accepts([stream.scores], detector.threshold, refractory)
    figures: Figures = {
        "negative_hours": stream.hours,
        "phrase_in_negatives": said if opinion else None,
        "false_accepts_shipped": shipped,
        "false_accepts_per_hour_shipped": shipped / stream.hours,
    }
    figures |= {f"threshold_{name}": value for name, value in thresholds.items()}

    spoken = {"real": recorded, "heldout": exam.paths(Bucket.POSITIVE)}
    noises = {"": None} if field.noise is None else {"": None, "_10db": field.noise}
    for who, files in spoken.items():
        figures[f"{who}_clips"] = len(files)
        for condition, noise in noises.items():
            stage = Stage(report, f"{who}{condition}", len(files))
            scores = score_positives(detector, files, stage, noise=noise, snr_db=SNR_DB)
            for name, threshold in thresholds.items():
                missed = float(np.mean(scores < threshold)) if files else None
                figures[_named(who, condition, name)] = missed
    behind = hear_behind_speech(detector, recorded, field.negatives, report)
    for condition, said_when in (("_talk", AFTER_TALK), ("_again", SAID_AGAIN)):
        for name, threshold in thresholds.items():
            missed = float(np.mean(behind[said_when] < threshold)) if recorded else None
            figures[_named("real", condition, name)] = missed
    files = exam.paths(Bucket.CONFUSER)
    scores = score_positives(detector, files, Stage(report, "near-misses", len(files)))
    for name, threshold in thresholds.items():
        suffix = "" if name == "05" else f"_{name}"
        figures[f"near_accept{suffix}"] = _share(scores >= threshold)
    figures["near_clips"] = len(files)
    return figures


def _named(who: str, condition: str, rate: str) -> str:
    """Name a miss rate: `real` always says its rate, `heldout` only another than 0.5 per hour."""
    suffix = "" if who == "heldout" and rate == "05" else f"_{rate}"
    return f"{who}_miss{condition}{suffix}"


def _share(hits: NDArray[np.bool_]) -> float | None:
    return float(np.mean(hits)) if len(hits) else None
