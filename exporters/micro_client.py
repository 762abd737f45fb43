"""Features in, the int8 steps that microWakeWord's clients feed a model out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from exporters.step import Floats

FEATURE_SCALE, FEATURE_ZERO = 26 / 255, -128
"""How clients store features: 0…26 over all of int8. ESPHome does it in integers, see its
`generate_features_`; pymicro-wakeword reads it from the model."""
PROBABILITY_SCALE = 1 / 256


def quantised_steps(features: Floats, frames: int) -> npt.NDArray[np.int8]:
    """Return int8 [steps, 1, frames, 40] as clients feed it, without an unfinished last step."""
    usable = len(features) // frames * frames
    stored = np.round(features[:usable] / np.float32(FEATURE_SCALE) + FEATURE_ZERO)
    return np.clip(stored, -128, 127).astype(np.int8).reshape(-1, 1, frames, features.shape[1])
