"""What a training left in, the network, its calibration features and its decision rule out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exporters.exam import RULE
from trainer.model import TinyCRNN, load_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from exporters.step import Floats
    from watchword_runtime.manifest import Decision


def read_training(work: Path) -> tuple[TinyCRNN, Floats, Decision]:
    """Return the network, float32 [frames, 40] and how the detector averages its logits.

    Raises:
        CheckpointError: there is no checkpoint that can be read.
        FileNotFoundError: there are no calibration features.
    """
    model, meta = load_checkpoint(work / "checkpoint")
    with np.load(work / "calibration.npz", allow_pickle=False) as stored:
        calibration = stored["features"].astype(np.float32)
    return model, calibration, replace(RULE, smoothing_steps=int(meta["smoothing_steps"]))
