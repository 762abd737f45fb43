"""An fp32 TFLite step and features in, the same step computed in int8 throughout out.

Inputs and outputs stay float32, so that a device's program does not change: the model rounds them
itself. Ranges are true minima and maxima over a whole stream with the states carried, as on a
device. The quantiser's own calibration keeps moving averages and sees single steps; on this step
that gave a logit that could not become positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from exporters.step import Floats

BITS = 8
Ranges = dict[str, dict[str, Any]]
"""Tensor name → {"min", "max"}, as ai-edge-quantizer takes them."""


def quantize_full(content: bytes, features: Floats) -> bytes:
    """Return the model with int8 weights, activations and states.

    Args:
        content: fp32 TFLite of a `StreamingStep`.
        features: float32 [frames, channels], a stream that reaches what devices will hear.
    """
    from ai_edge_quantizer import qtyping, quantizer, recipe_manager  # noqa: PLC0415

    plan = recipe_manager.RecipeManager()
    plan.add_static_config(".*", qtyping.TFLOperationName.ALL_SUPPORTED, BITS, BITS)
    for edge in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        plan.add_quantization_config(
            ".*", edge, algorithm_key=recipe_manager.AlgorithmName.NO_QUANTIZE
        )
    work = quantizer.Quantizer(bytearray(content), plan.get_quantization_recipe())
    done = work.quantize(tensor_ranges(content, features), enable_progress_report=False)
    return bytes(done.quantized_model)


def tensor_ranges(content: bytes, features: Floats) -> Ranges:
    """Return the least and the largest value of every float tensor over the stream.

    A state's input and output get one range: a value that is rounded to another grid at every step
    would creep.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415

    # Without the delegate, which fuses operators and leaves inner tensors empty.
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    into, out = _signature(interpreter)
    frames = int(into[0]["shape"][1])
    tensors = [d for d in interpreter.get_tensor_details() if d["dtype"] == np.float32]
    least = {d["index"]: np.inf for d in tensors}
    most = {d["index"]: -np.inf for d in tensors}
    states = [np.zeros(detail["shape"], np.float32) for detail in into[1:]]
    for step in range(len(features) // frames):
        window = features[np.newaxis, step * frames : (step + 1) * frames]
        for detail, value in zip(into, [window, *states], strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        states = [interpreter.get_tensor(after["index"]) for after in out[1:]]
        for detail in tensors:
            index = detail["index"]
            values = interpreter.get_tensor(index)
            least[index] = min(least[index], float(values.min()))
            most[index] = max(most[index], float(values.max()))
    for before, after in zip(into[1:], out[1:], strict=True):
        pair = (before["index"], after["index"])
        for index in pair:
            least[index] = min(least[other] for other in pair)
            most[index] = max(most[other] for other in pair)
    return {
        d["name"]: {
            "min": np.full([1] * len(d["shape"]), least[d["index"]], np.float32),
            "max": np.full([1] * len(d["shape"]), most[d["index"]], np.float32),
        }
        for d in tensors
    }


def _signature(interpreter: Any) -> tuple[list[Any], list[Any]]:
    """Return the details of inputs and outputs: features or logit, then the states."""
    runner = interpreter.get_signature_runner()  # while it lives, the interpreter will not run
    given, made = runner.get_input_details(), runner.get_output_details()
    return (
        [given[name] for name in sorted(given, key=_place)],
        [made[name] for name in sorted(made, key=_place)],
    )


def _place(name: str) -> int:
    """Return 2 for "args_2" or "output_2": the converter's names in their order."""
    return int(name.rsplit("_", 1)[1])
