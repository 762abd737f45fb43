"""A trained network and its bundle's manifest in, `<phrase>_micro.tflite` and `.json` out.

Clients of microWakeWord average the last probabilities and compare with one cutoff; the runtime
averages logits. Both decide alike where the probability is nearly straight in the logit, so the
model's probability is flat and has one half at the bundle's threshold.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exporters.errors import ExportError
from exporters.micro_client import PROBABILITY_SCALE, quantised_steps
from exporters.recipes import slug
from exporters.step import reference_logits

if TYPE_CHECKING:
    from exporters.step import Floats
    from trainer.model import TinyCRNN, TinyCRNNConfig
    from watchword_runtime.manifest import Manifest

Bytes = npt.NDArray[np.uint8]

MICRO = "micro"
"""Ends the names of both files, before their endings."""
AUTHOR = "Watchword"
SLOPE = 0.5
"""Of the probability against the logit. At 1 quiet steps saturate and pull an average down; at 0.25
a step of the eight-bit probability is 0.06 of a logit and more. docs/esp32.md has the numbers."""
CUTOFF = 0.502
"""One half, as both clients round it: ESPHome compares eight-bit sums with int(255 × cutoff) = 128
times the window, pymicro-wakeword compares the average with 128.5 / 256."""
FARTHEST_LOGIT = 12.0
"""A threshold of 0 or 1 is no finite logit; no score of a network reaches this one."""
STEP_MS = 10
OLDEST_ESPHOME = "2024.7.0"
"""The first that reads manifests of version 2 and feeds several frames at once."""
ARENA_BYTES, ARENA_BYTES_PER_CHANNEL = 16 * 1024, 8
"""For the operators and tensors, which are always as many, and for their widths. TFLite Micro on a
64-bit machine needs 14.5 to 15.1 KB; an ESP32's pointers are half as long."""

MAX_ERROR, P99_ERROR = 0.08, 0.04
"""Of the probability, of 1. Trained networks measure 0.015 and 0.008, networks of random weights up
to 0.03 at p99; a wrong scale or another network shows as several times the bar."""


@dataclass(frozen=True)
class MicroCheck:
    """How far the model's probabilities are from those of the original network."""

    steps: int
    max_error: float
    p99_error: float
    flips: int
    """Steps on which a client decides otherwise than the runtime."""


@dataclass(frozen=True)
class MicroArtifact:
    """What goes into a bundle for microWakeWord's clients."""

    name: str
    """File name without its ending."""
    model: bytes
    manifest: dict[str, Any]
    """Of microWakeWord, version 2."""
    check: MicroCheck

    def to_dict(self) -> dict[str, Any]:
        """Return what `verification.json` says of it."""
        return {
            "file": self.manifest["model"],
            "bytes": len(self.model),
            "sha256": hashlib.sha256(self.model).hexdigest(),
            **dataclasses.asdict(self.check),
        }

    def files(self) -> dict[str, bytes]:
        """Return file name → content."""
        text = json.dumps(self.manifest, ensure_ascii=False, indent=2) + "\n"
        return {f"{self.name}.tflite": self.model, f"{self.name}.json": text.encode()}


def micro_artifact(model: TinyCRNN, manifest: Manifest, features: Floats) -> MicroArtifact:
    """Make the model and its manifest, and check it against the original network.

    Args:
        model: the network, in eval mode.
        manifest: the bundle's: phrase, language and decision are used.
        features: float32 [frames, 40], speech with and without the phrase, that sets the ranges of
            activations and on which the model is checked.

    Raises:
        ExportError: the model missed its bar; the message gives the numbers.
    """
    from exporters.micro import convert_micro  # noqa: PLC0415 - needs the extra tflite

    content = convert_micro(
        model, features, slope=SLOPE, centre=threshold_logit(manifest.decision.threshold)
    )
    check = check_micro(content, model, manifest, features)
    if not (check.max_error <= MAX_ERROR and check.p99_error <= P99_ERROR):
        raise ExportError(
            f"The microWakeWord model's probabilities differ from PyTorch's by up to "
            f"{check.max_error:.3f} (at most {MAX_ERROR}), p99 {check.p99_error:.3f} (at most "
            f"{P99_ERROR}), over {check.steps:,} steps."
        )
    name = f"{slug(manifest.phrase)}_{MICRO}"
    return MicroArtifact(name, content, _manifest(name, manifest, model.config), check)


def threshold_logit(threshold: float) -> float:
    """Return the logit of a threshold, within ±12."""
    if not 0.0 < threshold < 1.0:
        return math.copysign(FARTHEST_LOGIT, threshold - 0.5)
    logit = math.log(threshold / (1.0 - threshold))
    return min(max(logit, -FARTHEST_LOGIT), FARTHEST_LOGIT)


def cutoff_for(threshold: float, decision_threshold: float) -> float:
    """Return the `probability_cutoff` that stands for another of the bundle's thresholds."""
    distance = threshold_logit(threshold) - threshold_logit(decision_threshold)
    return 1.0 / (1.0 + math.exp(-SLOPE * distance)) + CUTOFF - 0.5


def check_micro(
    content: bytes, model: TinyCRNN, manifest: Manifest, features: Floats
) -> MicroCheck:
    """Compare a model with the network that it was made from, as one stream."""
    decision = manifest.decision
    logits = reference_logits(model, features).astype(np.float64)
    centre = threshold_logit(decision.threshold)
    wanted = 1.0 / (1.0 + np.exp(-SLOPE * (logits - centre)))
    given = run_micro(content, features).astype(np.float64)
    errors = np.abs(given * PROBABILITY_SCALE - wanted)
    window = decision.smoothing_steps
    ours = _average(logits, window) >= centre
    theirs = _average(given, window) > int(255 * CUTOFF)
    return MicroCheck(
        steps=len(errors),
        max_error=round(float(errors.max()), 5),
        p99_error=round(float(np.percentile(errors, 99)), 5),
        flips=int((ours != theirs).sum()),
    )


def run_micro(content: bytes, features: Floats) -> Bytes:
    """Return uint8 [steps], the probabilities × 256 of raw features, with TFLite's own kernels."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415

    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    window, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    chunks = quantised_steps(features, window["shape"][1])
    given = np.empty(len(chunks), np.uint8)
    for index, chunk in enumerate(chunks):
        interpreter.set_tensor(window["index"], chunk)
        interpreter.invoke()
        given[index] = interpreter.get_tensor(result["index"])[0, 0]
    return given


def _average(values: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    """Return the mean of the last `window` values, of zeros before the first ones."""
    return np.convolve(values, np.full(window, 1 / window))[: len(values)]


def _manifest(name: str, manifest: Manifest, config: TinyCRNNConfig) -> dict[str, Any]:
    widths = config.conv_channels + config.hidden
    return {
        "type": "micro",
        "wake_word": manifest.phrase,
        "author": AUTHOR,
        "model": f"{name}.tflite",
        "trained_languages": [manifest.language],
        "version": 2,
        "micro": {
            "probability_cutoff": CUTOFF,
            "feature_step_size": STEP_MS,
            "sliding_window_size": manifest.decision.smoothing_steps,
            "tensor_arena_size": ARENA_BYTES + ARENA_BYTES_PER_CHANNEL * widths,
            "minimum_esphome_version": OLDEST_ESPHOME,
        },
    }
