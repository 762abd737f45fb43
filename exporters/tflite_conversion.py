"""A checkpoint folder and schemes in, one TFLite file per scheme beside the checkpoint out.

Schemes that need ranges find features in CALIBRATION_FILE, beside the checkpoint.

`python -m exporters.tflite_conversion FOLDER SCHEME…` is what `tflite.convert_tflite` starts.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from exporters.full_int8 import quantize_full
from exporters.recipes import Scheme
from exporters.step import StreamingStep, zero_inputs
from exporters.tflite import CALIBRATION_FILE
from exporters.tflite_slim import slim
from trainer.model import TinyCRNN, load_checkpoint


def convert(model: TinyCRNN) -> bytes:
    """Return the streaming step as litert-torch's fp32 TFLite."""
    import litert_torch  # noqa: PLC0415

    edge = litert_torch.convert(StreamingStep(model), zero_inputs(model.config))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "step.tflite"
        edge.export(str(target))
        return target.read_bytes()


def quantize(content: bytes, scheme: Scheme) -> bytes:
    """Return the fp32 TFLite model with the weights of every matrix product as `scheme` says."""
    if scheme is Scheme.FLOAT32:
        return content
    from ai_edge_quantizer import qtyping, quantizer, recipe_manager  # noqa: PLC0415

    plan = recipe_manager.RecipeManager()
    products = qtyping.TFLOperationName.FULLY_CONNECTED
    by_tensor = qtyping.QuantGranularity.TENSORWISE
    float_casting = recipe_manager.AlgorithmName.FLOAT_CASTING
    additions: dict[Scheme, tuple[Any, int, dict[str, Any]]] = {
        Scheme.FLOAT16_WEIGHTS: (plan.add_weight_only_config, 16, {"algorithm_key": float_casting}),
        Scheme.INT8_WEIGHTS: (plan.add_weight_only_config, 8, {}),
        Scheme.INT8_DYNAMIC_CHANNEL: (plan.add_dynamic_config, 8, {}),
        Scheme.INT8_DYNAMIC_TENSOR: (plan.add_dynamic_config, 8, {"granularity": by_tensor}),
    }
    add, bits, settings = additions[scheme]
    add(".*", products, bits, **settings)
    done = quantizer.Quantizer(bytearray(content), plan.get_quantization_recipe()).quantize()
    return bytes(done.quantized_model)


def main(arguments: list[str]) -> int:
    """Convert once, quantise per scheme; returns the exit status."""
    folder, *schemes = arguments
    model, _ = load_checkpoint(Path(folder))
    content = convert(model)
    for scheme in map(Scheme, schemes):
        if scheme is Scheme.INT8_FULL:
            features = np.load(Path(folder) / CALIBRATION_FILE, allow_pickle=False)
            made = quantize_full(content, features)
        else:
            made = quantize(content, scheme)
        target = Path(folder) / f"{scheme}.tflite"
        aside = target.with_suffix(".part")
        aside.write_bytes(slim(made))
        aside.replace(target)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # The files are written; the converter's libraries need no slow farewell.
    os._exit(status)
