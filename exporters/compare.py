"""A training and recordings in, a table of every candidate recipe on every engine out.

`python -m exporters.compare OUT.work --positives FOLDER --negatives FOLDER` is how the shipped
recipes were chosen: by what they miss when they accept as much by mistake as fp32, not by errors
alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.exam import Exam, missed
from exporters.exam_cli import add_recordings, read_exam
from exporters.onnx import convert_onnx, embed_onnx
from exporters.quantize import quantize_onnx
from exporters.recipes import CANDIDATES, Recipe
from exporters.step import step_spec
from exporters.tflite import convert_tflite, embed_tflite
from exporters.training_folder import read_training
from exporters.verify import Reference, compare
from trainer.model import CheckpointError, TinyCRNN
from watchword_runtime.errors import AudioError
from watchword_runtime.frontend import HOP_S
from watchword_runtime.manifest import EMBED_KEY, MEMBER, Manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.measure import Measured
    from exporters.report import Check
    from exporters.step import Floats
    from watchword_runtime.manifest import Decision

RATES_PER_HOUR = (0.5, 2.0)
MOST_MISSED_MORE = 0.01
"""An int8 file may miss a point more than fp32 where both accept as much by mistake."""
HEADS = (
    *("recipe", "engine", "bytes", "max error", "p99 error", "missed", "phrases swapped"),
    *(f"within {MOST_MISSED_MORE:.0%}", "µs a step", "MB"),
)


@dataclass(frozen=True)
class Row:
    """One candidate on one engine."""

    check: Check
    missed: tuple[float, ...]
    """Miss rate at each of RATES_PER_HOUR."""
    swapped: int
    """Phrases that only one of it and PyTorch hears, at the last of the rates."""


@dataclass(frozen=True)
class Comparison:
    """All candidates."""

    exam: Exam
    base: tuple[float, ...]
    """PyTorch's miss rates."""
    rows: tuple[Row, ...]
    logits: tuple[float, float]
    not_run: dict[str, str]

    def holds(self, row: Row) -> bool:
        """Whether the row misses at most MOST_MISSED_MORE more than PyTorch at every rate."""
        return all(
            ours <= base + MOST_MISSED_MORE
            for ours, base in zip(row.missed, self.base, strict=True)
        )


def compare_recipes(model: TinyCRNN, calibration: Floats, rule: Decision, exam: Exam) -> Comparison:
    """Make and measure every candidate.

    Args:
        model: the network, in eval mode.
        calibration: float32 [frames, 40], for candidates that need ranges.
        rule: how logits are averaged.
        exam: recordings without the phrase, and then with it, in steps of the network.
    """
    reference = Reference.hear(model, exam.sound.samples, rule)
    manifest = Manifest("comparison", "en", step_spec(model.config), rule)
    text = json.dumps(manifest.to_dict())
    proto = convert_onnx(model)
    schemes = [recipe.scheme for recipe in CANDIDATES.values() if recipe.format == "tflite"]
    models = convert_tflite(model, schemes, calibration)
    with tempfile.TemporaryDirectory() as folder:
        files: dict[Path, Recipe] = {}
        for name, recipe in CANDIDATES.items():
            target = Path(folder) / name
            if recipe.format == "onnx":
                content = embed_onnx(quantize_onnx(proto, recipe.scheme), EMBED_KEY, text)
            else:
                content = embed_tflite(models[recipe.scheme], MEMBER, text)
            target.write_bytes(content)
            files[target] = recipe
        measured: dict[tuple[str, str], Measured] = {}
        report = compare(files, reference, results=measured)
    heard = [exam.heard(reference.scores, rate) for rate in RATES_PER_HOUR]
    rows = []
    for check in report.checks:
        scores = measured[check.file, check.engine].scores
        ours = [exam.heard(scores, rate) for rate in RATES_PER_HOUR]
        swapped = sum(a != b for a, b in zip(ours[-1], heard[-1], strict=True))
        rows.append(Row(check, tuple(map(missed, ours)), swapped))
    return Comparison(
        exam,
        tuple(map(missed, heard)),
        tuple(rows),
        (report.logit_min, report.logit_max),
        report.engines_not_run,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m exporters.compare", description=__doc__)
    parser.add_argument("training", type=Path, help="what a training left: OUT.work")
    add_recordings(parser)
    options = parser.parse_args(arguments)
    try:
        model, calibration, rule = read_training(options.training)
        exam = read_exam(options, model.config.frames_per_step * HOP_S)
    except (AudioError, CheckpointError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(table(compare_recipes(model, calibration, rule, exam)))
    return 0


def table(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    exam = comparison.exam
    count = len(exam.sound.spans) - exam.negative_files
    rates = " and ".join(f"{rate:g}" for rate in RATES_PER_HOUR)
    base = " / ".join(f"{share:.1%}" for share in comparison.base)
    about = (
        f"{exam.hours:.2f} h without the phrase, {count} recordings of it; logits "
        f"{comparison.logits[0]:.1f} to {comparison.logits[1]:.1f}. "
        f"Missed at {rates} false accepts an hour: PyTorch {base}."
    )
    lines = [about, "", "| " + " | ".join(HEADS) + " |", "| --- " * len(HEADS) + "|"]
    for row in comparison.rows:
        check = row.check
        memory = "–" if check.memory_mb is None else f"{check.memory_mb:.0f}"
        misses = " / ".join(f"{share:.1%}" for share in row.missed)
        lines.append(
            f"| {check.file} | {check.engine} | {check.bytes} | {check.max_error:.2g} "
            f"| {check.p99_error:.2g} | {misses} | {row.swapped} "
            f"| {'yes' if comparison.holds(row) else 'no'} | {check.step_us:.0f} | {memory} |"
        )
    lines += [f"Not run on {name}: {why}." for name, why in comparison.not_run.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
