"""A training and recordings in, what steeper probabilities or an eight-bit state would cost out.

`python -m exporters.micro_compare OUT.work --positives FOLDER --negatives FOLDER` is how the
numbers in `micro_artifact` and the sixteen bits of the state were chosen.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exporters.exam import Exam, missed
from exporters.exam_cli import add_recordings, read_exam
from exporters.micro import convert_micro
from exporters.micro_artifact import run_micro, threshold_logit
from exporters.micro_client import PROBABILITY_SCALE
from exporters.step import reference_logits
from exporters.training_folder import read_training
from trainer.model import CheckpointError, TinyCRNN
from watchword_runtime.errors import AudioError
from watchword_runtime.frontend import HOP_S, features

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from exporters.step import Floats
    from watchword_runtime.manifest import Decision

RATES_PER_HOUR = (0.5, 2.0)
VARIANTS = ((0.5, False), (0.25, False), (1.0, False), (0.5, True))
"""Slope of the probability, and whether the GRU's state has eight bits; the shipped one first."""
NEAR = 4.0
"""Errors are counted where the logit is this near to the threshold's: elsewhere nothing is decided,
and a probability says little about a logit."""


def rows(
    model: TinyCRNN, calibration: Floats, rule: Decision, exam: Exam, threshold: float
) -> list[list[str]]:
    """Return table rows: PyTorch's, then one for each variant."""
    heard, centre = features(exam.sound.samples), threshold_logit(threshold)
    logits = reference_logits(model, heard).astype(np.float64)
    near = np.abs(logits - centre) < NEAR
    found = [["PyTorch", "–", "–", "–", *_misses(exam, rule, logits)]]
    for slope, eight in VARIANTS:
        content = convert_micro(model, calibration, slope=slope, centre=centre, int8_state=eight)
        given = (run_micro(content, heard).astype(np.float64) * PROBABILITY_SCALE).clip(
            PROBABILITY_SCALE / 2, 1 - PROBABILITY_SCALE / 2
        )
        errors = np.abs(np.log(given / (1 - given)) / slope + centre - logits)[near]
        found.append(
            [
                f"slope {slope:g}, state int{8 if eight else 16}",
                f"{len(content):,}",
                f"{errors.max():.2f}",
                f"{np.percentile(errors, 99):.2f}",
                *_misses(exam, rule, given),
            ]
        )
    return found


def _misses(exam: Exam, rule: Decision, values: npt.NDArray[np.float64]) -> list[str]:
    window = rule.smoothing_steps
    scores = np.convolve(values - values.min(), np.full(window, 1 / window))[: len(values)]
    return [f"{missed(exam.heard(scores.astype(np.float32), rate)):.1%}" for rate in RATES_PER_HOUR]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m exporters.micro_compare", description=__doc__)
    parser.add_argument("training", type=Path, help="what a training left: OUT.work")
    add_recordings(parser)
    parser.add_argument("--threshold", type=float, default=0.5, help="becomes one half (0.5)")
    options = parser.parse_args(arguments)
    try:
        model, calibration, rule = read_training(options.training)
        exam = read_exam(options, model.config.frames_per_step * HOP_S)
    except (AudioError, CheckpointError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    heads = ["model", "bytes", "max logit error", "p99"]
    heads += [f"missed at {rate:g}/h" for rate in RATES_PER_HOUR]
    table = [heads, ["---"] * len(heads), *rows(model, calibration, rule, exam, options.threshold)]
    sys.stdout.writelines("| " + " | ".join(row) + " |\n" for row in table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
