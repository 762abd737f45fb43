"""A network and features in, the golden vectors of a bundle out: inputs and expected logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exporters.archive import npz
from exporters.step import reference_logits
from watchword_runtime.frontend import CHANNELS, HOP_S

if TYPE_CHECKING:
    from exporters.step import Floats
    from trainer.model import TinyCRNN

GOLDEN_STEPS = 200
"""6 s at 30 ms a step: the phrase and what is around it."""
MIN_FEATURES_S = 60.0


def check_features(features: Floats) -> Floats:
    """Return float32 [frames, 40] if they do.

    Raises:
        ValueError: another shape or type, values that are not finite, or less than MIN_FEATURES_S.
    """
    if features.ndim != 2 or features.shape[1] != CHANNELS or features.dtype != np.float32:
        raise ValueError(
            "The calibration features must be float32 [frames, 40], as "
            f"watchword_runtime.frontend.features returns them, not {features.dtype} "
            f"{list(features.shape)}."
        )
    if not np.isfinite(features).all():
        raise ValueError("The calibration features hold NaN or infinity: check their audio.")
    seconds = len(features) * HOP_S
    if seconds < MIN_FEATURES_S:
        raise ValueError(
            f"The calibration features last {seconds:.1f} s and at least {MIN_FEATURES_S:.0f} s "
            "are needed: pass more of them."
        )
    return np.ascontiguousarray(features)


def golden(model: TinyCRNN, features: Floats) -> bytes:
    """Return .npz with the stretch around the highest logit, heard from silence.

    Args:
        model: the network, in eval mode.
        features: float32 [frames, 40] of speech with and without the phrase.
    """
    frames = model.config.frames_per_step
    length = GOLDEN_STEPS * frames
    peak = int(reference_logits(model, features).argmax()) * frames
    start = min(max(peak - length * 2 // 3, 0), len(features) - length)
    chosen = features[start : start + length]
    logits = reference_logits(model, chosen)
    return npz({"features": chosen.reshape(GOLDEN_STEPS, frames, -1), "logits": logits})
