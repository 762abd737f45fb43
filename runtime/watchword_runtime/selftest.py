"""A detector with golden vectors in, how far its logits are from the trained model's out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watchword_runtime.errors import BundleNotFoundError

if TYPE_CHECKING:
    from watchword_runtime.detector import Detector

FP32_TOLERANCE = 1e-3
"""Ten times the 1e-4 that an export allows: other processors round sums differently."""
FP16_TOLERANCE = 0.05
"""Weights of 11 bits move logits by some 0.002; a wrong kernel moves them by whole units."""
INT8_TOLERANCE = 1.0
"""Full int8 moves single logits by 0.7; a library that misreads the file, by about 10."""

TOLERANCES = {"fp32": FP32_TOLERANCE, "fp16": FP16_TOLERANCE, "int8": INT8_TOLERANCE}


@dataclass(frozen=True)
class SelfTest:
    """What `run_self_test` measured."""

    file: str
    engine: str
    steps: int
    worst: float
    """Largest absolute difference of a logit from the trained model's."""
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether every logit is within the tolerance of the file's precision."""
        return self.worst <= self.tolerance


def run_self_test(detector: Detector) -> SelfTest:
    """Run the bundle's golden features through the detector's engine.

    Raises:
        BundleNotFoundError: there are no golden vectors: one model file alone carries none.
        DamagedBundleError: they cannot be read.
    """
    features, logits = detector.bundle.golden()
    precisions = {entry.file: entry.precision for entry in detector.manifest.files}
    if detector.file not in precisions:
        raise BundleNotFoundError(
            f"{detector.file} alone cannot be tested: pass the bundle's folder or zip."
        )
    session = detector.session()
    ours = [session.step(step[np.newaxis]) for step in features]
    worst = float(np.abs(np.array(ours) - logits).max())
    return SelfTest(
        detector.file,
        detector.engine_name,
        len(logits),
        worst,
        TOLERANCES[precisions[detector.file]],
    )
