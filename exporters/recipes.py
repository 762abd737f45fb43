"""What can be made of a checkpoint: one recipe per artifact, in a device's order of preference.

How a recipe is carried out is the business of `onnx`, `quantize` and `tflite`; why these schemes
were taken is in docs/decisions/0007-weight-only-int8.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Scheme(StrEnum):
    """How weights are stored and what the products are computed in."""

    FLOAT32 = "float32"
    FLOAT16_WEIGHTS = "float16_weights"
    """Weights stored as float16, unpacked at load; products in float32."""
    INT8_WEIGHTS = "int8_weights"
    """Weights stored as int8 with one scale per output, unpacked at load; products in float32."""
    INT8_DYNAMIC_CHANNEL = "int8_dynamic_channel"
    """Activations quantised at every step, one weight scale per output. Measured, not shipped."""
    INT8_DYNAMIC_TENSOR = "int8_dynamic_tensor"
    """Activations quantised at every step, one weight scale per layer. Measured, not shipped."""
    INT8_FULL = "int8_full"
    """Weights, activations and states in int8, ranges from calibration. Measured, not shipped."""


@dataclass(frozen=True)
class Recipe:
    """One artifact of a bundle."""

    format: str
    """"onnx" or "tflite"."""
    precision: str
    """"fp32", "fp16" or "int8", as the manifest calls it."""
    scheme: Scheme

    @property
    def suffix(self) -> str:
        """File name after the phrase, also the recipe's name: "int8.tflite", "onnx"."""
        return self.format if self.precision == "fp32" else f"{self.precision}.{self.format}"


SHIPPED: dict[str, Recipe] = {
    recipe.suffix: recipe
    for recipe in (
        Recipe("tflite", "int8", Scheme.INT8_WEIGHTS),
        Recipe("onnx", "int8", Scheme.INT8_WEIGHTS),
        Recipe("tflite", "fp16", Scheme.FLOAT16_WEIGHTS),
        Recipe("tflite", "fp32", Scheme.FLOAT32),
        Recipe("onnx", "fp32", Scheme.FLOAT32),
    )
}
"""By name, smallest first: int8 costs nothing in speed and decides the same."""

CANDIDATES: dict[str, Recipe] = {
    f"{recipe.format}.{recipe.scheme}": recipe
    for recipe in (
        *SHIPPED.values(),
        Recipe("tflite", "int8", Scheme.INT8_DYNAMIC_CHANNEL),
        Recipe("tflite", "int8", Scheme.INT8_DYNAMIC_TENSOR),
        Recipe("tflite", "int8", Scheme.INT8_FULL),
        Recipe("onnx", "int8", Scheme.INT8_DYNAMIC_CHANNEL),
        Recipe("onnx", "int8", Scheme.INT8_DYNAMIC_TENSOR),
    )
}
"""What `python -m exporters.compare` measures: what is shipped, and what it was taken over."""

INT8_BUDGET_BYTES = 64 * 1024
"""What an int8 artifact of the default network may weigh, its manifest included."""


def slug(phrase: str) -> str:
    """Return the phrase as a file name: lower case, other than letters and digits as "_"."""
    return re.sub(r"[\W_]+", "_", phrase.lower()).strip("_") or "detector"
