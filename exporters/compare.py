"""A checkpoint and features in, a table of every candidate recipe on every engine out.

`python -m exporters.compare CHECKPOINT FEATURES.npy` is how the shipped recipes were chosen.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exporters.onnx import convert_onnx, embed_onnx
from exporters.quantize import quantize_onnx
from exporters.recipes import CANDIDATES, Recipe
from exporters.step import step_spec
from exporters.tflite import convert_tflite, embed_tflite
from exporters.verify import VerificationReport, compare
from trainer.model import TinyCRNN, load_checkpoint
from watchword_runtime.manifest import EMBED_KEY, MEMBER, Decision, Manifest

if TYPE_CHECKING:
    from exporters.step import Floats

RULE = Decision(threshold=0.5)


def compare_recipes(model: TinyCRNN, features: Floats) -> VerificationReport:
    """Make and measure every candidate; features are float32 [frames, 40], at least 60 s."""
    manifest = Manifest("comparison", "en", step_spec(model.config), RULE)
    text = json.dumps(manifest.to_dict())
    proto = convert_onnx(model)
    schemes = [recipe.scheme for recipe in CANDIDATES.values() if recipe.format == "tflite"]
    models = convert_tflite(model, schemes)
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
        return compare(files, model, features, RULE)


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit status."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m exporters.compare CHECKPOINT FEATURES.npy\n")
        return 2
    model, _ = load_checkpoint(Path(arguments[0]))
    report = compare_recipes(model, np.load(arguments[1], allow_pickle=False))
    out = sys.stdout
    out.write(
        f"{report.stream_s:.0f} s, logits {report.logit_min:.1f} to {report.logit_max:.1f}\n"
        "| recipe | engine | bytes | max error | p99 error | decisions that differ | µs a step |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    for check in report.checks:
        out.write(
            f"| {check.file} | {check.engine} | {check.bytes} | {check.max_error:.2g} "
            f"| {check.p99_error:.2g} | {check.flips} | {check.step_us:.0f} |\n"
        )
    for engine, reason in report.engines_not_run.items():
        out.write(f"Not run on {engine}: {reason}.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
